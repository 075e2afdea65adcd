"""What the platform is measured beside: the same work, done as people do it without the platform."""
