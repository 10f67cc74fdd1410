"""An answer that is one text, as most are, has a short way: it leads where the long one does."""

from itertools import product
from typing import Any

import pytest

from translators import claude
from translators.dialect import AnswerShape, Envelope
from translators.errors import UpstreamError
from translators.json_codec import dumps

TOLD: list[dict[str, Any]] = [
    {}, {"stop_reason": "refusal"}, {"stop_reason": "refusal",
     "stop_details": {"explanation": "no"}}, {"stop_reason": "pause_turn"},
    {"stop_reason": "tool_use"}, {"stop_reason": "stop_sequence", "stop_sequence": "x"},
    {"stop_reason": 1},
    {"stop_reason": "end_turn", "id": "msg_1", "model": "served", "usage": {"output_tokens": 2,
     "service_tier": "priority"}},
    {"stop_reason": "end_turn", "usage": {"cache_read_input_tokens": 3, "service_tier": ["?"],
     "inference_geo": "us"}},
]  # fmt: skip


def told(block: Any, more: dict[str, Any], shape: AnswerShape) -> Any:
    envelope = Envelope("chatcmpl-1", 1795000000, "asked", "call_u", shape)
    try:
        return dumps(
            claude.parse_response(dumps({"type": "message", "content": [block], **more}), envelope)
        )
    except UpstreamError as error:
        return error.failure


@pytest.mark.parametrize(
    "shape", [AnswerShape(), AnswerShape(strip_json_fence=True)], ids=["plain", "fenced"]
)
def test_one_text_is_told_as_when_blocks_are_read(shape: AnswerShape) -> None:
    """A text with a list of citations, be it empty, is read as blocks are."""
    for text, more in product(["4", "", "```json\n{}\n```", 4, None], TOLD):
        block = {"type": "text", "text": text}
        assert told(block, more, shape) == told({**block, "citations": []}, more, shape), (
            text,
            more,
        )
