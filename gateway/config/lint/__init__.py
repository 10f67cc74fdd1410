"""What a configuration that reads well may still have wrong: complaints, which are errors, and advice."""
