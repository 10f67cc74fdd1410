"""A whole answer as a stream says all that the answer says."""

from typing import Any

import pytest

from translators.chat.chunks import ChunkWriter, Collector
from translators.chat.whole_chunks import chunks_of

CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


def completion(*messages: dict[str, Any], **more: Any) -> Any:
    choices = [
        {
            "index": index,
            "message": {"role": "assistant", "content": None, "refusal": None, **message},
            "logprobs": message.pop("logprobs", None),
            "finish_reason": "tool_calls" if "tool_calls" in message else "stop",
        }
        for index, message in enumerate(messages)
    ]
    head = {"id": "i", "object": "chat.completion", "created": 1, "model": "m"}
    return {**head, "choices": choices, **more}


ANSWERS = [
    completion({"content": "a\u2028"}, usage=USAGE),
    completion({"content": "a", "reasoning_content": "so"}, {"content": "b"}, usage=USAGE),
    completion({"tool_calls": [CALL, {**CALL, "id": "d"}]}),
    completion({"content": "x", "annotations": [{"type": "url_citation"}]}, service_tier="flex"),
    completion({"content": "x", "logprobs": {"content": [{"token": "x"}], "refusal": None}}),
    completion({"refusal": "no"}, system_fingerprint="fp"),
]


@pytest.mark.parametrize("answer", ANSWERS, ids=range(len(ANSWERS)))
def test_the_chunks_add_up_to_the_answer(answer: Any) -> None:
    collector = Collector("i", 1, "m")
    for chunk in chunks_of(answer):
        collector.add(chunk)
    assert collector.completion() == answer


def test_the_role_comes_first_and_the_usage_last() -> None:
    chunks = list(chunks_of(ANSWERS[1]))
    assert [chunk.index for chunk in chunks if chunk.delta == {"role": "assistant"}] == [0, 1]
    assert chunks[-1].usage == USAGE
    written = ChunkWriter("i", 1, "m", True).write(chunks)
    assert written.count(b'"finish_reason":"stop"') == 2
