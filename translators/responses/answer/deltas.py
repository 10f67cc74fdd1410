"""What of a streamed answer the caller has been shown, and the chunks that show the rest of it."""

from typing import Any

from translators.chat.chunks import Chunk
from translators.dialect import Envelope
from translators.responses.answer.message import call_kind, image, spoken, tool_call, written
from translators.responses.answer.response_fields import logprobs
from translators.responses.items import CALLS, is_call, parts_of, text_of
from translators.responses.wire import Item

Key = tuple[int, str, int]
"""The item's place in the output, whose text it is (`text`, `refusal`, `summary`, `thought`,
`call`), and the number of its part."""


class Shown:
    """Every text is shown once and whole, whether it came in deltas, at the end of its part, or
    only in the finished item.
    """

    def __init__(self, envelope: Envelope) -> None:
        self.opened = False
        self.calls = 0
        """How many calls have begun."""
        self._envelope = envelope
        self._texts: dict[Key, list[str]] = {}
        self._open_calls: dict[int, tuple[int, str, str]] = {}
        """By place in the output: the number among the calls, what Chat calls its kind, and its
        text."""
        self._thought = False
        self._images = 0

    def open(self, chunks: list[Chunk], content: str | None = None) -> None:
        """The chunk with the role, once; `content` is "" where text follows."""
        if not self.opened:
            self.opened = True
            chunks.append(Chunk({"role": "assistant", "content": content}))

    def say(self, key: Key, text: str, tokens: Any, chunks: list[Chunk]) -> None:
        """Show the next piece of a text. Text of a call that has not begun waits for the whole
        item, which names it.
        """
        place, kind, _ = key
        if not text or (kind == "call" and place not in self._open_calls):
            return
        self.open(chunks, "" if kind == "text" else None)
        said = self._texts.get(key)
        if said is None:
            said = self._texts[key] = []
            if kind in ("summary", "thought"):
                self._part_thoughts(chunks)
        said.append(text)
        if kind == "text":
            chunks.append(
                Chunk({"content": text}, choice={"logprobs": logprobs(tokens)} if tokens else None)
            )
        elif kind == "refusal":
            chunks.append(Chunk({"refusal": text}))
        elif kind == "call":
            self._say_call(place, text, chunks)
        else:
            chunks.append(Chunk({"reasoning_content": text}))

    def said(self, place: int) -> str:
        """All that was shown of the item at `place`."""
        return "".join(
            piece for key, pieces in self._texts.items() if key[0] == place for piece in pieces
        )

    def _part_thoughts(self, chunks: list[Chunk]) -> None:
        """A blank line between two parts of the reasoning."""
        if self._thought:
            chunks.append(Chunk({"reasoning_content": "\n\n"}))
        self._thought = True

    def complete(self, key: Key, text: str, tokens: Any, chunks: list[Chunk]) -> None:
        """Show what is missing of a text now that all of it is known."""
        said = "".join(self._texts.get(key, ()))
        if text.startswith(said):
            self.say(key, text[len(said) :], None if said else tokens, chunks)

    def begin_call(self, place: int, item: Item, chunks: list[Chunk]) -> None:
        """Name a call, and show what its start already holds of its text."""
        if place in self._open_calls:
            return
        self.open(chunks)
        number, shape = self.calls, self._envelope.shape
        self.calls += 1
        kind, text = call_kind(item)
        self._open_calls[place] = (number, kind, text)
        call = tool_call({**item, CALLS[item["type"]]: ""}, number, self._envelope)
        named: Any = call
        named[kind][text] = ""
        if shape.legacy_functions:
            if number == 0:
                chunks.append(Chunk({"function_call": named[kind]}))
        elif number == 0 or not shape.one_tool_call:
            chunks.append(Chunk({"tool_calls": [{"index": number, **call}]}))
        self.say((place, "call", 0), text_of(item, text), None, chunks)

    def _say_call(self, place: int, text: str, chunks: list[Chunk]) -> None:
        number, kind, name = self._open_calls[place]
        shape = self._envelope.shape
        if number and shape.one_tool_call:
            return
        if shape.legacy_functions:
            said: Any = {name: text}
            chunks.append(Chunk({"function_call": said}))
        else:
            piece: Any = {"index": number, kind: {name: text}}
            chunks.append(Chunk({"tool_calls": [piece]}))

    def complete_item(self, place: int, item: Item, chunks: list[Chunk]) -> None:
        """Show what is missing of an item now that all of it is known."""
        kind = item.get("type")
        if is_call(item):
            self.begin_call(place, item, chunks)
            self.complete((place, "call", 0), written(item), None, chunks)
        elif kind == "message":
            for number, part in enumerate(spoken(item)):
                self.complete(
                    (place, "text", number), text_of(part, "text"), part.get("logprobs"), chunks
                )
                self.complete((place, "refusal", number), text_of(part, "refusal"), None, chunks)
        elif kind == "reasoning":
            for name, field in (("summary", "summary"), ("thought", "content")):
                for number, part in enumerate(parts_of(item, field)):
                    self.complete((place, name, number), text_of(part, "text"), None, chunks)
        elif kind == "image_generation_call" and text_of(item, "result"):
            self.open(chunks)
            chunks.append(Chunk({"images": [image(item, self._images)]}))
            self._images += 1
