"""Half of a surrogate pair in an answer, in every dialect: it becomes U+FFFD, and the answer goes
on.
"""

from typing import Any

import pytest

from translators import claude, gemini, openai, responses
from translators.chat.chunks import Collector
from translators.dialect import Envelope
from translators.json_codec import dumps

ENVELOPE = Envelope(id="chatcmpl-ours", created=1, model="asked", call_id="call_u")
HALF = rb"\ud83d"

CLAUDE = {
    "id": "m",
    "type": "message",
    "role": "assistant",
    "model": "c",
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 1, "output_tokens": 1},
}
CLAUDE_EVENTS: list[dict[str, Any]] = [
    {"type": "message_start", "message": {**CLAUDE, "content": [], "stop_reason": None}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a#"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "#b"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
    {"type": "message_stop"},
]
GEMINI = {"candidates": [{"content": {"role": "model", "parts": [{"text": "a#"}]}, "index": 0}]}
GEMINI_END = {
    "candidates": [
        {
            "content": {"role": "model", "parts": [{"text": "#b"}]},
            "finishReason": "STOP",
            "index": 0,
        }
    ]
}
OPENAI = {"id": "o", "object": "chat.completion", "created": 1, "model": "o"}
SPOKEN = {
    "id": "i",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "a##b"}],
}
RESPONSE = {
    "id": "r",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": "r",
    "output": [SPOKEN],
}


def written(document: Any) -> bytes:
    return dumps(document).replace(b"#", HALF)


@pytest.mark.parametrize(
    ("dialect", "document"),
    [
        (claude, {**CLAUDE, "content": [{"type": "text", "text": "a##b"}]}),
        (
            gemini,
            {
                "candidates": [
                    {
                        "content": {"role": "model", "parts": [{"text": "a##b"}]},
                        "finishReason": "STOP",
                        "index": 0,
                    }
                ]
            },
        ),
        (
            openai,
            {
                **OPENAI,
                "choices": [
                    {
                        "index": 0,
                        "message": {"role": "assistant", "content": "a##b"},
                        "finish_reason": "stop",
                    }
                ],
            },
        ),
        (responses, RESPONSE),
    ],
    ids=["claude", "gemini", "openai", "responses"],
)
def test_in_a_whole_answer(dialect: Any, document: Any) -> None:
    answer = dialect.parse_response(written(document), ENVELOPE)
    assert answer["choices"][0]["message"]["content"] == "a\ufffd\ufffdb"


@pytest.mark.parametrize(
    ("dialect", "events"),
    [
        (
            claude,
            [
                b"event: %s\ndata: %s\n\n" % (event["type"].encode(), written(event))
                for event in CLAUDE_EVENTS
            ],
        ),
        (gemini, [b"data: %s\r\n\r\n" % written(event) for event in (GEMINI, GEMINI_END)]),
    ],
    ids=["claude", "gemini"],
)
def test_in_a_stream(dialect: Any, events: list[bytes]) -> None:
    stream = dialect.open_stream(ENVELOPE)
    chunks = [chunk for event in events for chunk in stream.receive(event)] + stream.receive_eof()
    assert (stream.failure, stream.finished) == (None, True)
    collector = Collector("x", 1, "m")
    for chunk in chunks:
        collector.add(chunk)
    assert collector.completion()["choices"][0]["message"]["content"] == "a\ufffd\ufffdb"
