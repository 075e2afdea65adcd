"""What the two want to reach: SMART goals and their progress."""
