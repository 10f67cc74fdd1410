"""A caller that speaks Google's API."""
