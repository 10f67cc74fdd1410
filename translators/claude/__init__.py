"""Claude Messages: a chat request in Claude's words, and Claude's answers, streams and errors in the hub's."""

from translators.claude.errors import parse_error
from translators.claude.request import build_request, key_headers
from translators.claude.response import parse_response
from translators.claude.stream import ClaudeStream as open_stream

__all__ = ["build_request", "key_headers", "open_stream", "parse_error", "parse_response"]
