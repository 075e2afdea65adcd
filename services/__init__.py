"""The e-mentoring platform: five services that decide, and a gateway that asks them."""
