"""Claude Messages: a chat request in Claude's words, and Claude's answers, streams and errors in
the hub's.
"""

from functools import partial
from typing import Final

from translators.claude.answer import response
from translators.claude.answer.errors import parse_error
from translators.claude.answer.stream import ClaudeStream as open_stream
from translators.claude.request.build import build_request, key_headers
from translators.dialect import Endings
from translators.dialect.streamed_answer import whole_or_streamed

ENDINGS: Final = Endings(paused="pause_turn")
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
