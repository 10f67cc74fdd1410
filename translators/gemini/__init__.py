"""Google's generateContent API (Gemini, Gemma), spoken on generativelanguage and decoded from Vertex too."""

from translators.gemini.errors import parse_error
from translators.gemini.fields import FIELDS
from translators.gemini.request import build_request, key_headers
from translators.gemini.response import parse_response
from translators.gemini.stream import GeminiStream as open_stream

__all__ = ["FIELDS", "build_request", "key_headers", "open_stream", "parse_error", "parse_response"]
