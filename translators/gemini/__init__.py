"""Google's generateContent API (Gemini, Gemma), spoken on generativelanguage and decoded from
Vertex too.
"""

from functools import partial
from typing import Final

from translators.dialect import Endings
from translators.dialect.streamed_answer import whole_or_streamed
from translators.gemini.answer import response
from translators.gemini.answer.errors import parse_error
from translators.gemini.answer.stream import GeminiStream as open_stream
from translators.gemini.request.build import build_request, key_headers
from translators.gemini.request.fields import FIELDS

ENDINGS: Final = Endings(silent="STOP")
parse_response: Final = partial(
    whole_or_streamed, parse=response.parse_response, open_stream=open_stream
)

__all__ = [
    "ENDINGS",
    "FIELDS",
    "build_request",
    "key_headers",
    "open_stream",
    "parse_error",
    "parse_response",
]
