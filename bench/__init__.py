"""How fast the platform is, each number beside its peer's, measured in the same run on the same servers."""
