"""`usage_so_far`: what an answer has cost at any moment, in every dialect."""

from typing import Any

import pytest

from translators.dialect import Envelope
from translators.json_codec import dumps
from translators.registry import DIALECTS

STREAMS: dict[str, list[tuple[dict[str, Any], int | None]]] = {
    "claude": [
        (
            {
                "type": "message_start",
                "message": {"id": "m", "usage": {"input_tokens": 3, "output_tokens": 1}},
            },
            4,
        ),
        (
            {
                "type": "content_block_start",
                "index": 0,
                "content_block": {"type": "text", "text": "a"},
            },
            4,
        ),
        ({"type": "message_delta", "delta": {}, "usage": {"output_tokens": 5}}, 8),
        ({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}, 8),
    ],
    "gemini": [
        ({"candidates": [{"content": {"parts": [{"text": "a"}]}}]}, None),
        (
            {
                "candidates": [{"content": {"parts": [{"text": "b"}]}}],
                "usageMetadata": {"promptTokenCount": 3},
            },
            3,
        ),
        ({"usageMetadata": {"candidatesTokenCount": 2}}, 5),
        ({"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}, 5),
    ],
    "openai": [
        ({"choices": [{"index": 0, "delta": {"content": "a"}}]}, None),
        ({"choices": [{"index": 0, "delta": {"content": "b"}}], "usage": {"total_tokens": 4}}, 4),
        ({"choices": [], "usage": {"total_tokens": 5}}, 5),
        ({"error": {"message": "busy"}}, 5),
    ],
    "responses": [
        ({"type": "response.created", "response": {"id": "r", "usage": None}}, None),
        (
            {
                "type": "response.output_text.delta",
                "output_index": 0,
                "content_index": 0,
                "delta": "a",
            },
            None,
        ),
        (
            {
                "type": "response.failed",
                "response": {
                    "error": {"code": "server_error"},
                    "usage": {"input_tokens": 3, "output_tokens": 2},
                },
            },
            5,
        ),
    ],
}
"""Events of answers that fail, each with the total known after it."""


@pytest.mark.parametrize("dialect", STREAMS)
def test_it_is_known_after_every_event_and_kept_by_a_failure(dialect: str) -> None:
    stream = DIALECTS[dialect].open_stream(Envelope(id="i", created=1, model="m"))
    totals: list[int | None] = []
    for event, _ in STREAMS[dialect]:
        stream.receive(b"data: " + dumps(event) + b"\n\n")
        totals.append(None if stream.usage_so_far is None else stream.usage_so_far["total_tokens"])
    assert totals == [total for _, total in STREAMS[dialect]]
    assert stream.failure is not None
