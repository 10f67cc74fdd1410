"""Servers that speak the hub's own language: OpenAI itself and everything compatible with it. A relay that keeps unknown fields."""

from translators.openai.errors import parse_error
from translators.openai.request import build_request, key_headers
from translators.openai.response import parse_response
from translators.openai.stream import OpenAIStream as open_stream

__all__ = ["build_request", "key_headers", "open_stream", "parse_error", "parse_response"]
