"""Who people are, in which programme they take part, and how they sign in."""
