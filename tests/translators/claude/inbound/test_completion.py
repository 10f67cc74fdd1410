"""An answer that is one text is written in few words, which are those of a longer way."""

from random import Random
from typing import Any

import pytest

from translators.claude.inbound import completion as module
from translators.claude.inbound.answer_context import AnswerContext
from translators.claude.inbound.completion import message_of
from translators.dialect.inbound import AnswerFacts
from translators.json_codec import dumps

_FACTS = AnswerFacts("chatcmpl-1", 1_795_000_000, "served", "p/m", lambda: 100)
_MESSAGES: list[dict[str, Any]] = [
    {"role": "assistant", "content": "said", "refusal": None},
    {"role": "assistant", "content": "said END said"},
    {"role": "assistant", "content": "said", "annotations": [], "tool_calls": []},
    {"role": "assistant", "content": ""},
    {"role": "assistant", "content": None, "refusal": "no"},
    {"role": "assistant", "content": "said", "reasoning_content": "thought"},
    {"role": "assistant", "content": "said",
     "annotations": [{"type": "url_citation", "url_citation": {"url": "u"}}]},
]  # fmt: skip
_REASONS: list[Any] = ["stop", "length", "content_filter", "tool_calls", "stop"]
_USAGES: list[Any] = [
    None,
    {},
    {"prompt_tokens": 7, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 3},
     "completion_tokens_details": {"reasoning_tokens": 1}},
]  # fmt: skip
_CONTEXTS = [AnswerContext("m"), AnswerContext("m", stops=("END",)), AnswerContext("m", asked=True)]


def _completion(random: Random) -> Any:
    choice: dict[str, Any] = {"index": 0, "message": dict(random.choice(_MESSAGES))}
    choice["finish_reason"] = random.choice(_REASONS)
    if random.random() < 0.2:
        choice["provider_specific"] = {"stop_reason": random.choice(["pause_turn", "end_turn"])}
    answer = {"id": "x", "created": 1, "model": "m", "choices": [choice]}
    if (usage := random.choice(_USAGES)) is not None:
        answer["usage"] = usage
    return answer


def _written(completion: Any, context: AnswerContext) -> bytes:
    return dumps(message_of(completion, _FACTS, context))


def test_few_words_say_what_many_do(monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(14)
    cases = [(_completion(random), random.choice(_CONTEXTS)) for _ in range(400)]
    shortly = [_written(*case) for case in cases]
    monkeypatch.setattr(module, "only_text", lambda completion: None)
    assert shortly == [_written(*case) for case in cases]
