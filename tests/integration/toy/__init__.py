"""A service with next to no rules, for tests of how services are hosted: it counts."""
