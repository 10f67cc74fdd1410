"""What the Messages API answers, as chat completions, chunks and failures."""
