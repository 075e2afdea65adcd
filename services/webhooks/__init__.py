"""Webhooks: each programme's events, sent to whom its coordinator has named, in order and until they are taken."""
