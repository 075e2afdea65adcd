"""Where the two talk: rooms, messages and meetings."""
