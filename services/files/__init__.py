"""What the two hand each other: files, whose bytes go straight to the object store."""
