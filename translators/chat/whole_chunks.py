"""A whole answer as the chunks of a stream: for callers that ask for a stream of what is there."""

from collections.abc import Iterator
from typing import Any

from translators.chat.chunks import Chunk
from translators.chat.wire import Completion

_KNOWN = frozenset({"id", "object", "created", "model", "choices", "usage"})
_OF_CHOICE = frozenset({"index", "message", "finish_reason"})


def chunks_of(completion: Completion) -> Iterator[Chunk]:
    """What a stream of the same answer would have told: each choice in its order, its role first,
    then what was thought, said and called, and its end; the usage last.
    """
    answer: Any = completion
    top = {name: value for name, value in answer.items() if name not in _KNOWN}
    for place, choice in enumerate(answer["choices"]):
        index = choice.get("index", place)
        message = {**(choice.get("message") or {})}
        role, calls = message.pop("role", None), message.pop("tool_calls", None)
        yield Chunk({"role": role or "assistant"}, None, index)
        if reasoning := message.pop("reasoning_content", None):
            yield Chunk({"reasoning_content": reasoning}, None, index)
        more = {name: value for name, value in choice.items() if name not in _OF_CHOICE}
        said: Any = {name: value for name, value in message.items() if value is not None}
        if said or any(value is not None for value in more.values()):
            yield Chunk(said, None, index, choice=more or None)
        if calls:
            parts: Any = [{"index": i, **call} for i, call in enumerate(calls)]
            yield Chunk({"tool_calls": parts}, None, index)
        yield Chunk({}, choice.get("finish_reason") or "stop", index, top=top or None)
    if answer.get("usage") is not None:
        yield Chunk(usage=answer["usage"])
