"""Servers that speak the hub's own language: OpenAI itself and everything compatible with it. A relay that keeps unknown fields."""

from translators.openai.answer.errors import parse_error
from translators.openai.answer.response import parse_response
from translators.openai.answer.stream import OpenAIStream as open_stream
from translators.openai.request.build import build_request, key_headers

__all__ = ["build_request", "key_headers", "open_stream", "parse_error", "parse_response"]
