"""Checks of a configuration that reads well: complaints, which are errors, and advice."""
