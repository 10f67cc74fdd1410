"""OpenAI Responses: a chat request as input items, and Responses' answers, streams and errors in the hub's words."""

from translators.responses.errors import parse_error
from translators.responses.request import build_request, key_headers
from translators.responses.response import parse_response
from translators.responses.stream import ResponsesStream as open_stream

__all__ = ["build_request", "key_headers", "open_stream", "parse_error", "parse_response"]
