"""What a configuration that reads well may still have wrong."""
