"""Stop sequences for models that lack them: the text is cut where the first one begins, and the
answer says that it stopped.

The provider goes on to its own end, so the usage is what it really was; what comes behind the cut
is not shown.
"""

from typing import Any, Final

from translators.chat.chunks import Chunk
from translators.chat.wire import Completion, Delta

_OF_THE_WHOLE: Final = ("tool_calls", "annotations", "provider_content")
"""What of a message belongs to its end, or says the whole text again."""


class OwnSequences(list[str]):
    """`stop` of a caller whose own API takes more sequences than Chat Completions: no dialect
    refuses it for its length. JSON gives none, so no other caller can send one.
    """


def as_sequences(stop: Any) -> tuple[str, ...]:
    """The `stop` parameter as its non-empty sequences."""
    return tuple(filter(None, [stop] if stop.__class__ is str else stop or ()))


def _first(text: str, sequences: tuple[str, ...]) -> int:
    """Where the sequence begins that is complete first (a model would stop there), or -1."""
    ends = ((at + len(sequence), at) for sequence in sequences if (at := text.find(sequence)) >= 0)
    return min(ends, default=(0, -1))[1]


def cut_completion(completion: Completion, sequences: tuple[str, ...]) -> None:
    """Cut every choice of a whole answer."""
    for choice in completion["choices"]:
        message: Any = choice.get("message") or {}
        content = message.get("content")
        if content and (at := _first(content, sequences)) >= 0:
            message["content"] = content[:at]
            for name in _OF_THE_WHOLE:
                message.pop(name, None)
            choice["finish_reason"] = "stop"


class StopCutter:
    """Cuts a streamed answer: holds back as much text of each choice as could be the beginning of a
    sequence.
    """

    def __init__(self, sequences: tuple[str, ...]) -> None:
        self._sequences = sequences
        self._longest = max(map(len, sequences))
        self._held: dict[int, str] = {}
        self._cut: set[int] = set()

    def receive(self, chunks: list[Chunk]) -> list[Chunk]:
        shown: list[Chunk] = []
        for chunk in chunks:
            if chunk.delta is None:
                shown.append(chunk)
            elif chunk.index in self._cut:
                if chunk.finish_reason is not None:
                    shown.append(Chunk({}, "stop", chunk.index, choice=chunk.choice, top=chunk.top))
            else:
                self._read(chunk, chunk.delta, shown)
        return shown

    def _read(self, chunk: Chunk, delta: Delta, shown: list[Chunk]) -> None:
        index = chunk.index
        text = self._held.pop(index, "") + (delta.get("content") or "")
        at = _first(text, self._sequences)
        if at >= 0:
            self._cut.add(index)
            kept, held = text[:at], ""
        elif chunk.finish_reason is not None or delta.get("tool_calls"):
            kept, held = text, ""
        else:
            kept, held = self._split(text)
        if held:
            self._held[index] = held
        rest: Any = {
            name: value
            for name, value in delta.items()
            if name != "content" and not (at >= 0 and name == "tool_calls")
        }
        if kept or ("content" in delta and not text):
            rest = {**rest, "content": kept}
        if rest or chunk.finish_reason is not None:
            reason = "stop" if at >= 0 and chunk.finish_reason is not None else chunk.finish_reason
            shown.append(Chunk(rest, reason, index, choice=chunk.choice, top=chunk.top))

    def _split(self, text: str) -> tuple[str, str]:
        """`text` as what may be shown and what could be the beginning of a sequence."""
        for start in range(max(0, len(text) - self._longest + 1), len(text)):
            if any(sequence.startswith(text[start:]) for sequence in self._sequences):
                return text[:start], text[start:]
        return text, ""
