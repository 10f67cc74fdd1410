"""Google's generateContent API (Gemini, Gemma), spoken on generativelanguage and decoded from
Vertex too.
"""

from typing import Final

from translators.dialect import Endings
from translators.gemini.answer.errors import parse_error
from translators.gemini.answer.stream import GeminiStream as open_stream
from translators.gemini.answer.stream import parse_answer as parse_response
from translators.gemini.request.build import build_request, key_headers
from translators.gemini.request.fields import FIELDS

ENDINGS: Final = Endings(silent="STOP")

__all__ = [
    "ENDINGS",
    "FIELDS",
    "build_request",
    "key_headers",
    "open_stream",
    "parse_error",
    "parse_response",
]
