"""Long decode (Gemini 4): an answer longer than one request may give comes in hops, each asked for
with the token of the one before.
"""

from dataclasses import replace
from typing import Any, Final

from translators.capabilities import ModelRecord
from translators.dialect import UpstreamRequest
from translators.json_codec import dumps, loads

MOST_STREAMED: Final = 65_536
MOST_WHOLE: Final = 32_768
"""Tokens that one request gives at most: as a stream, and as one JSON answer."""
MOST_HOPS: Final = 32
"""Twice what the longest answer takes (1,048,576 tokens)."""


def is_long(limit: Any, record: ModelRecord, *, stream: bool) -> bool:
    """Whether the caller allows an answer (`maxOutputTokens`) that one request does not give."""
    if record.max_output_tokens <= MOST_STREAMED or limit.__class__ is not int:
        return False
    return bool(limit > (MOST_STREAMED if stream else MOST_WHOLE))


def next_hop(request: UpstreamRequest, token: str) -> UpstreamRequest:
    """The same body with the token: what was said so far must not be in it."""
    return replace(request, body=dumps({**loads(request.body), "continuationToken": token}))
