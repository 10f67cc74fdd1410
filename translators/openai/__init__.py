"""Servers that speak the hub's own language: OpenAI itself and everything compatible with it. A
relay that keeps unknown fields.
"""

from typing import Final

from translators.dialect import Endings
from translators.openai.answer.errors import parse_error
from translators.openai.answer.response import parse_response
from translators.openai.answer.stream import OpenAIStream as open_stream
from translators.openai.request.build import build_request, key_headers

ENDINGS: Final = Endings(silent="STOP")
"""OpenRouter tells Gemini's own reason."""

__all__ = [
    "ENDINGS",
    "build_request",
    "key_headers",
    "open_stream",
    "parse_error",
    "parse_response",
]
