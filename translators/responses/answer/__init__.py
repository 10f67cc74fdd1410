"""What the Responses API answers, as chat completions, chunks and failures."""
