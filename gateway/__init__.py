"""LLM Router: an OpenAI-compatible gateway whose model field names a persona."""
