"""What the Gemini API answers, as chat completions, chunks and failures."""
