"""OpenAI Responses: a chat request as input items, and Responses' answers, streams and errors in
the hub's words.
"""

from functools import partial
from typing import Final

from translators.dialect import Endings
from translators.dialect.streamed_answer import whole_or_streamed
from translators.responses.answer import response
from translators.responses.answer.errors import parse_error
from translators.responses.answer.stream import ResponsesStream as open_stream
from translators.responses.request.build import build_request, key_headers

ENDINGS: Final = Endings()
parse_response: Final = partial(
    whole_or_streamed, parse=response.parse_response, open_stream=open_stream
)

__all__ = [
    "ENDINGS",
    "build_request",
    "key_headers",
    "open_stream",
    "parse_error",
    "parse_response",
]
