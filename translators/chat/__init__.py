"""The hub: OpenAI Chat Completions, the language every dialect is translated to and from."""
