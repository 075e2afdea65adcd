"""What identity keeps beside the log, and its secrets."""
