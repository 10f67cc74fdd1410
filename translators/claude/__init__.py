"""Claude Messages: a chat request in Claude's words, and Claude's answers, streams and errors in
the hub's.
"""

from typing import Final

from translators.claude.answer.errors import parse_error
from translators.claude.answer.stream import ClaudeStream as open_stream
from translators.claude.answer.stream import parse_answer as parse_response
from translators.claude.request.build import build_request, key_headers
from translators.dialect import Endings

ENDINGS: Final = Endings(paused="pause_turn")

__all__ = [
    "ENDINGS",
    "build_request",
    "key_headers",
    "open_stream",
    "parse_error",
    "parse_response",
]
