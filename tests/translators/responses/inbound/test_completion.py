"""An answer that is one text is written in few words, which are those of a longer way."""

from random import Random
from typing import Any

import pytest

from translators.dialect.inbound import AnswerFacts, Call
from translators.json_codec import loads
from translators.responses.inbound import dialect

_FACTS = AnswerFacts("chatcmpl-1", 1_795_000_000, "served", "p/m", lambda: 100)
_MESSAGES: list[dict[str, Any]] = [
    {"role": "assistant", "content": "said", "refusal": None},
    {"role": "assistant", "content": "sa\u2028id"},
    {"role": "assistant", "content": "said", "annotations": [], "tool_calls": []},
    {"role": "assistant", "content": ""},
    {"role": "assistant", "content": None, "refusal": "no"},
    {"role": "assistant", "content": "said", "reasoning_content": "thought"},
    {"role": "assistant", "content": "said", "thinking_blocks": [{"type": "thinking"}]},
]
_REASONS: list[Any] = ["stop", "length", "content_filter", "tool_calls", None]
_USAGES: list[Any] = [
    None,
    {},
    {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9,
     "prompt_tokens_details": {"cached_tokens": 3}},
]  # fmt: skip


def _completion(random: Random) -> Any:
    choice: dict[str, Any] = {"index": 0, "message": dict(random.choice(_MESSAGES))}
    choice["finish_reason"] = random.choice(_REASONS)
    if random.random() < 0.2:
        choice["logprobs"] = random.choice([None, {"content": []}, {"content": [{"token": "a"}]}])
    answer = {"id": "x", "created": 1, "model": "m", "choices": [choice]}
    if (usage := random.choice(_USAGES)) is not None:
        answer["usage"] = usage
    if random.random() < 0.3:
        answer["service_tier"] = random.choice([None, "flex"])
    if random.random() < 0.2:
        answer["moderation"] = {"input": {"results": [{"flagged": False}]}}
    return answer


def _written(completion: Any, kept: bool) -> object:
    read = dialect.read_kept({"model": "m", "input": "hi"}, Call(), kept)
    return loads(read.write_completion(completion, _FACTS)), read.response, read.hidden


def test_few_words_say_what_many_do(monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(14)
    cases = [(_completion(random), random.random() < 0.5) for _ in range(400)]
    shortly = [_written(*case) for case in cases]
    monkeypatch.setattr(dialect, "only_text", lambda completion: None)
    assert shortly == [_written(*case) for case in cases]
