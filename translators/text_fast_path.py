"""Streams are mostly one text after another, in events that differ in nothing else: those are
recognised, not parsed.

The first event that is only a text is a model for those that follow: the bytes before and after its
text must be the same. The text may be whatever a JSON string may hold (of escapes all but
surrogates, which the parser judges). What is not like the model is parsed.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile
from typing import Any, Final

from translators.chat.chunks import Chunk, Texts, strings
from translators.json_codec import dumps, loads
from translators.sse import Decoder

STRING: Final = (
    rb'[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u(?![dD][89a-fA-F])[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+'
)
"""What a JSON string may hold, of escapes all but surrogates."""
_STRING: Final = re.compile(STRING).match
_LINES: Final = re.compile(rb"%s(?:\n%s)*+" % (STRING, STRING))
_STRINGS: Final = _LINES.fullmatch
_CONTROLS: Final = bytes(range(0x20))
"""What may not stand in JSON."""
_OTHER_ESCAPE: Final = re.compile(rb"\\[/u]").search
"""What our own JSON does not write, or not always."""
_OBFUSCATION: Final = re.compile(rb'("obfuscation":")[0-9A-Za-z]*(")')
"""OpenAI pads its chunks with a field of random length."""
_COUNTS: Final = re.compile(rb'"usageMetadata": ?\{(?:[^{}]++|\{[^{}]*+\})*+\}').search
"""Gemini counts its tokens in every event."""
_COUNT: Final = re.compile(rb"(?<=[: ])[0-9]++(?=[,} ])")
_MODELS: Final = 4
"""Models that are tried in one stream: answers to several choices may take turns."""
_BORDER: Final = 8
"""Bytes of a line's end and what follows it at which events are cut apart: a longer separator costs
more to prepare than to find."""
_PARSED: Final = 8
"""Events that are parsed one by one before the rest of what has arrived is parsed at once."""


_SHORT: Final = 1024
"""Bytes behind a text up to which it is kept what they look like."""


Event = Callable[[bytes, bytes], bool]
Match = Callable[[bytes, int], re.Match[bytes] | None]


class Run:
    """Texts that came one right after the other."""

    __slots__ = ("_model", "events", "known", "text", "written")

    def __init__(self, text: str, written: list[bytes], events: bytes, model: "Model") -> None:
        self.text = text
        """All of them together."""
        self.written = written
        """Each as its event has it: the inside of a JSON string."""
        self.events = events
        self.known = model.known
        """What the reader wanted to know of such events."""
        self._model = model

    @property
    def texts(self) -> list[str]:
        return strings(self.written)

    @property
    def last(self) -> bytes:
        """The data of the last event."""
        ending = self._model.ending
        return self.events[: -len(ending)].rpartition(ending)[2][self._model.skipped :]

    def relayed(self, index: int) -> Chunk:
        """The events as they came, in a stream of our own dialect."""
        model, events = self._model, self.events
        skipped, ending = model.skipped, model.ending
        if len(self.written) == 1:
            return Chunk({"content": self.text}, None, index, raw=events[skipped : model.end])
        if model.bare:
            return Texts(self.text, index, self.written, events)
        bare = [b"data: %s\n\n" % event[skipped:] for event in events.split(ending)[:-1]]
        return Texts(self.text, index, self.written, b"".join(bare))

    def shown(self, index: int) -> Chunk:
        """The texts in events of ours. An empty one says nothing."""
        if len(self.written) == 1:
            return Chunk({"content": self.text}, None, index)
        written = [text for text in self.written if text]
        if self.events.find(b"\\") >= 0 and _OTHER_ESCAPE(self.events) is not None:
            written = [
                dumps(loads(b'"%s"' % text))[1:-1] if text.find(b"\\") >= 0 else text
                for text in written
            ]
        return Texts(self.text, index, written)


class TextReader:
    """Reads the events of one stream. `key` finds the text.

    Who receives says what is to be done with them: `event` is given the name and data of each that
    is parsed, and returns whether to go on; it sets `plain` to the text, and what else it wants to
    know of such events, if the event was nothing but a text. `texts` is given those that were
    recognised. (They are not kept: a reader and the stream that it belongs to would hold each
    other.)
    """

    def __init__(self, key: re.Pattern[bytes]) -> None:
        self.decoder = Decoder()
        self.plain: tuple[str, Any] | None = None
        self._key = key
        self._model: Model | None = None
        self.between: Model | None = None
        """The same while no event is half read: what it knows `alone` need not be received."""
        self._models = 0

    def receive(self, data: bytes, event: Event, texts: Callable[[Run], None]) -> None:
        """Raises EventTooLarge."""
        at = self._singly(data, event, texts)
        if at < len(data):
            for name, text in self.decoder.receive(data[at:] if at else data):
                if not event(name, text):
                    return
        self.between = self._model if self.decoder.idle else None

    def receive_eof(self, event: Event) -> None:
        for name, text in self.decoder.receive_eof():
            if not event(name, text):
                return

    def _singly(self, data: bytes, event: Event, texts: Callable[[Run], None]) -> int:
        """Read the first events one by one, and all texts before, between and after them. Returns
        up to where.
        """
        at, parsed, decoder = 0, 0, self.decoder
        while at < len(data) and parsed < _PARSED:
            idle = decoder.idle
            if idle and self._model is not None:
                at = recognised(data, at, self._model, texts)
                if at == len(data):
                    break
            line_end = data.find(b"\n", at)
            ending = b"\r\n\r\n" if data[line_end - 1 : line_end] == b"\r" else b"\n\n"
            end = data.find(ending, at) + len(ending)
            if end < len(ending) or self._key.search(data, at) is None:
                break
            block, self.plain = data[at:end], None
            if block.count(b"\r") != (block.count(b"\n") if ending == b"\r\n\r\n" else 0):
                break
            at = end
            parsed += 1
            for name, text in decoder.receive(block):
                if not event(name, text):
                    return len(data)
                if self.plain is not None and idle and self._models < _MODELS:
                    model = learned(block, ending, text, self._key, *self.plain)
                    if model is not None:
                        self._models += 1
                        self._model = model
        return at


def learned(
    block: bytes, ending: bytes, data: bytes, key: re.Pattern[bytes], text: str, known: Any
) -> "Model | None":
    """What others may be like of an event that was only a text; None if none can be recognised by
    it. `block`: the event with its ending, `data`: its data; `key` finds the text."""
    skipped = len(block) - len(data) - len(ending)
    if (
        block[0] in b"\r\n" or block[skipped : -len(ending)] != data
    ):  # in several lines, or with other fields behind it
        return None
    keys = list(key.finditer(data))
    if len(keys) != 1:
        return None
    start = keys[0].end()
    string = _STRING(data, start)
    if (
        string is None
        or data[string.end() : string.end() + 1] != b'"'
        or loads(b'"%s"' % string[0]) != text
    ):
        return None
    closing = data[string.end() :] + ending
    short = len(closing) <= _SHORT
    match, tail = _matching(closing) if short else _matching.__wrapped__(closing)
    bare = skipped == 6 and block.startswith(b"data: ") and ending == b"\n\n"
    opening = block[: skipped + start]
    border = (ending + opening)[:_BORDER]
    cut = len(border) - len(ending)
    return Model(
        opening,
        closing,
        closing + opening,
        match,
        tail,
        border,
        cut,
        len(opening) - cut,
        len(ending) - len(closing),
        skipped,
        ending,
        -len(ending),
        bare,
        known,
        len(opening),
        len(closing),
    )


def recognised(
    data: bytes, at: int, model: "Model", texts: Callable[[Run], None], carefully: bool = False
) -> int:
    """Read the texts of events like `model` that follow each other from `at` on. Returns up to
    where."""
    begin = at
    written: list[bytes] = []
    opening, closing, match, tail = model.opening, model.closing, model.match, model.tail
    alike = not carefully
    while data.startswith(opening, at):
        if alike and (end := _alike(data, at, model, written)) > at:
            at = end
            continue
        start = at + model.start
        end = data.find(b'"', start)
        if end < 0:
            break
        if data.startswith(closing, end):
            text, following = data[start:end], end + model.behind
        else:  # a quote in the text, or something a little different behind it
            found = match(data, start)
            if found is None or not data.startswith(tail, found.end()):
                break
            text, following = found[1], found.end() + len(tail)
            alike = not carefully and data.startswith(closing, found.end(1))
        if carefully and _together([text]) is None:
            break
        at = following
        written.append(text)
    if not written:
        return begin
    together = _together(written)
    if together is None:  # one is broken, and the parser's to judge: those before it are not
        return recognised(data, begin, model, texts, carefully=True)
    texts(Run(together, written, data[begin:at], model))
    return at


def _alike(data: bytes, at: int, model: "Model", written: list[bytes]) -> int:
    """Add the texts of events to `written` that are the model but for their text, if there are two
    at least. Returns up to where.
    """
    between, start = model.between, at + model.start
    end = data.find(b'"', start)
    if end < 0 or data[end : end + len(between)] != between:
        return at
    events = data[at + model.cut :].split(model.border)
    events.pop()
    texts = [event[model.first : model.last] for event in events]
    head, foot = model.opening[model.cut :], model.closing[: -model.last]
    while texts and head + texts[-1] + foot != events[len(texts) - 1]:
        texts.pop()  # what ends the answer
    if not data.startswith(between.join(texts) + model.closing, start):  # others are among them
        both = zip(texts, events, strict=False)
        texts = [text for text, _ in takewhile(lambda each: head + each[0] + foot == each[1], both)]
    together = b"".join(texts)
    if together.find(b'"') >= 0:  # escaped, or an event has more behind its text
        whole = _LINES.match(b"\n".join([*texts, b""]))
        assert whole is not None  # it matches nothing, too
        del texts[whole[0].count(b"\n") :]
        together = b"".join(texts)
    written += texts
    return at + len(together) + len(texts) * len(between)


def _together(written: list[bytes]) -> str | None:
    """The whole text. None if one is not the inside of a JSON string, or has surrogates: the parser
    says so.
    """
    together = b"".join(written) if len(written) > 1 else written[0]
    escapes = together.find(b"\\") >= 0
    if escapes and _STRINGS(b"\n".join(written)) is None:
        return None
    if len(together.translate(None, _CONTROLS)) < len(together):
        return None
    try:
        if len(written) > 1 and not together.isascii():
            for text in written:
                text.decode()  # halves of a character in two of them would make a whole one
        whole = together.decode()
    except ValueError:
        return None
    return str(loads(f'"{whole}"')) if escapes else whole


@lru_cache(maxsize=64)
def _matching(closing: bytes) -> tuple[Match, bytes]:
    """What matches a text and what may stand behind it for `closing`, but for the tail; the tail.

    Most streams of a server close their events alike: to say it anew in each takes 20 µs.
    """
    counts = _COUNTS(closing)
    # What stands behind the counts is the same in one stream and another in the next: compiling
    # a pattern of it takes 100 µs.
    like, tail = (
        (_like(closing), b"")
        if counts is None
        else (_like(closing[: counts.end()], counts.start()), closing[counts.end() :])
    )
    return re.compile(rb"(%s)%s" % (STRING, like)).match, tail


def _like(closing: bytes, counts: int | None = None) -> bytes:
    """A pattern of what may stand for `closing`. The numbers behind `counts` may be others."""
    like = re.escape(closing[:counts])
    if counts is not None:
        like += b"(?:0|[1-9][0-9]{0,15}+)".join(map(re.escape, _COUNT.split(closing[counts:])))
    like = like.replace(rb"\}", rb"\ *+\}")  # Claude pads with spaces
    return _OBFUSCATION.sub(rb"\1[0-9A-Za-z]*+\2", like)


@dataclass(slots=True)
class Model:
    """What an event was like that was only a text."""

    opening: bytes
    """Everything before the text."""
    closing: bytes
    """Everything behind it."""
    between: bytes
    """Everything between two texts of such events."""
    match: Match
    """Matches the text of others, its first group, and what may come behind it up to the tail."""
    tail: bytes
    border: bytes
    """The ending of such an event, and how the next begins."""
    cut: int
    """Bytes of the opening in it."""
    first: int
    """Where the text begins between two borders, and where it ends, counted from the end."""
    last: int
    skipped: int
    """Bytes before the data."""
    ending: bytes
    end: int
    """Where the data ends, counted from the event's end."""
    bare: bool
    """There is nothing but the data in it."""
    known: Any
    start: int
    """Bytes before the text, and behind it: to ask for them each time costs as much as to cut the
    text out."""
    behind: int

    def alone(self, data: bytes) -> str | None:
        """The text of `data` if it is one such event: each chunk that comes alone. Else None.

        A chunk that comes alone finds the caches cold. What `bytes` has methods for parses their
        arguments: an eighth of a chunk's instructions, were it `startswith`, `endswith` and `find`.
        """
        start = self.start
        written = data[start : -self.behind]
        if self.opening + written + self.closing == data:
            if 0x22 not in written and 0x5C not in written:  # neither quotes nor backslashes
                try:
                    text = written.decode()
                except UnicodeDecodeError:  # the parser says so
                    return None
                if text.isprintable():  # among what is not is what may not stand in JSON
                    return text
        elif data[:start] != self.opening:
            return None
        found = self.match(data, start)
        if found is None or data[found.end() :] != self.tail:
            return None
        return _together([found[1]])
