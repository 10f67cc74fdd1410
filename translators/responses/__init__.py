"""OpenAI Responses: a chat request as input items, and Responses' answers, streams and errors in
the hub's words.
"""

from typing import Final

from translators.dialect import Endings
from translators.responses.answer.errors import parse_error
from translators.responses.answer.stream import ResponsesStream as open_stream
from translators.responses.answer.stream import parse_answer as parse_response
from translators.responses.request.build import build_request, key_headers

ENDINGS: Final = Endings()

__all__ = [
    "ENDINGS",
    "build_request",
    "key_headers",
    "open_stream",
    "parse_error",
    "parse_response",
]
