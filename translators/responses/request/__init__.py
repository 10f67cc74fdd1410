"""A chat request as a request of OpenAI's Responses API."""
