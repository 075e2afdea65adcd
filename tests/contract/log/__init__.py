"""What every event log keeps to, whatever it stores its events in."""
