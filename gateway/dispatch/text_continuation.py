"""A text that broke off, continued by another target: what is asked of it, and how the two are
joined. Pure.

Only plain text: a tool call, JSON or reasoning cannot be continued by another model.
"""

from collections.abc import Sequence
from typing import Any, Final, cast

from translators.chat.chunks import Chunk
from translators.chat.request import ChatRequest
from translators.chat.wire import Delta
from translators.json_codec import JsonObject

INSTRUCTION: Final = (
    "Your answer above was cut off by a broken connection. Continue it from exactly where it"
    " stopped: begin with the very next character, repeat nothing, do not comment on the"
    " interruption."
)
MOST_CHARACTERS: Final = 200_000
"""Of an answer so far: a longer one is not continued."""
LOOKED_AT: Final = 400
"""Characters of a continuation that are awaited before it is shown."""
SHORTEST_OVERLAP: Final = 12
"""Characters that must be the same for them to be a repetition and not a coincidence."""
LONGEST_OVERLAP: Final = 20_000
"""Characters up to which a repetition is recognized."""
_UNCONTINUABLE: Final = ("tools", "functions", "audio", "logprobs", "web_search_options")
_REASONING: Final = ("reasoning_content", "thinking_blocks")
_UNTEXTUAL: Final = (*_REASONING, "tool_calls", "function_call", "refusal", "images", "audio")
_NOT_AGAIN: Final = frozenset({"role", "content", *_REASONING, "provider_content", "extra_content"})
"""What a continuation gives up: the answer has a role, its text is joined, thoughts in the middle
of a text are no part of it, and what was signed was signed for another text and another target."""


def may_resume(request: ChatRequest) -> bool:
    """Whether the answer to `request` is plain text."""
    body = request.body
    if any(body.get(name) for name in _UNCONTINUABLE) or (body.get("n") or 1) > 1:
        return False
    shape = body.get("response_format")
    if shape is not None and shape.get("type") != "text":
        return False
    return not (body.get("thinking") or body.get("reasoning")) and body.get("reasoning_effort") in (
        None,
        "none",
    )


class StreamedText:
    """What the caller has of an answer."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self.length = 0
        self.plain = True
        """Nothing but text so far."""
        self.finished = False

    def see(self, chunks: Sequence[Chunk]) -> None:
        for chunk in chunks:
            delta = chunk.delta
            if chunk.finish_reason is not None:
                self.finished = True
            if not delta:
                continue
            if any(delta.get(name) for name in _UNTEXTUAL):
                self.plain = False
            if text := delta.get("content"):
                self._texts.append(text)
                self.length += len(text)

    @property
    def text(self) -> str:
        self._texts = ["".join(self._texts)]
        return self._texts[0]

    @property
    def continuable(self) -> bool:
        return self.plain and not self.finished and 0 < self.length <= MOST_CHARACTERS


def continuation(request: ChatRequest, said: str, prefill: bool) -> ChatRequest:
    """The request for the rest of an answer: the model goes on with its own last message, or is
    told to.
    """
    if not said.strip():
        return request
    text = said.rstrip() if prefill else said
    message: dict[str, Any] = {"role": "assistant", "content": text}
    more = [message] if prefill else [message, {"role": "user", "content": INSTRUCTION}]
    body = {**request.body, "messages": [*request.messages, *more]}
    limit = request.max_tokens
    if limit is not None:
        # At most as many tokens as the text has bytes were spent; four bytes are about one.
        left = max(1, limit - len(said.encode("utf-8", "surrogatepass")) // 4)
        body[
            (
                "max_completion_tokens"
                if body.get("max_completion_tokens") is not None
                else "max_tokens"
            )
        ] = left
    return ChatRequest(body, request.size + len(said) + 200, request.usual_schemas)


class ContinuationJoiner:
    """Joins the chunks of a continuation to what was said: no second role, no repetition, in the
    words of the first answer's stream.
    """

    def __init__(self, said: str) -> None:
        self._said = said
        self._held = ""
        self._found = 0
        """Where in what was said the held text stands, or may stand at the earliest."""
        self._joined = False

    def join(self, chunks: Sequence[Chunk]) -> list[Chunk]:
        """The chunks to show. Text is held back until it is known whether it repeats something."""
        joined: list[Chunk] = []
        for chunk in chunks:
            if chunk.raw == b"":  # private: what the model signed
                continue
            if chunk.delta is None:
                joined.append(Chunk(usage=chunk.usage, top=chunk.top))
                continue
            text = chunk.delta.get("content")
            rest: JsonObject = {
                name: value for name, value in chunk.delta.items() if name not in _NOT_AGAIN
            }
            shown = self._text(text or "", chunk.finish_reason is not None)
            if shown:
                rest["content"] = shown
            if rest or chunk.finish_reason is not None:
                joined.append(
                    Chunk(
                        cast(Delta, rest),
                        chunk.finish_reason,
                        chunk.index,
                        choice=chunk.choice,
                        usage=chunk.usage,
                        top=chunk.top,
                    )
                )
        return joined

    def _text(self, text: str, last: bool) -> str:
        if self._joined:
            return text
        self._held += text
        if not last and (len(self._held) < LOOKED_AT or self._still_repeats()):
            return ""
        self._joined = True
        return self._held[overlap(self._said, self._held) :]

    def _still_repeats(self) -> bool:
        """All that is held was said before, and more was said after it: how far the repetition goes
        is not known yet.
        """
        said, held = self._said, self._held
        if len(held) > LONGEST_OVERLAP:
            return False
        if not said.startswith(held, self._found):
            self._found = said.find(held, self._found)
        return 0 <= self._found < len(said) - len(held)


def overlap(said: str, following: str) -> int:
    """Characters at the beginning of `following` that only repeat the end of `said`.

    White space that both have counts from one character on, other text from twelve.
    """
    beginning = following[:SHORTEST_OVERLAP]
    at = len(said) - min(len(following), LONGEST_OVERLAP)
    while len(beginning) == SHORTEST_OVERLAP and (at := said.find(beginning, max(at, 0))) >= 0:
        if following.startswith(said[at:]):
            return len(said) - at
        at += 1
    ending = len(said) - len(said.rstrip())
    blank = len(following) - len(following.lstrip())
    return next((n for n in range(min(ending, blank), 0, -1) if said.endswith(following[:n])), 0)
