"""A chat request as a server takes it that speaks Chat Completions."""
