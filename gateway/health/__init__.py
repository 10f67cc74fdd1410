"""What is known of targets and keys. Pure state: every method is told the time."""
