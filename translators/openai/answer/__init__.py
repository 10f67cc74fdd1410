"""What such a server answers, made whole: completions, chunks and failures."""
