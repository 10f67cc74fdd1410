"""A chat request as a generateContent request."""
