"""What happened, told as values; metrics and logs listen."""
