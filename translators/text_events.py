"""Streams are mostly one text after another, in events that differ in nothing else: those are recognised, not parsed.

The first event that is only a text is a model for those that follow: the bytes before and after its text must be the same. The text
may be whatever a JSON string may hold (of escapes all but surrogates, which the parser judges). What is not like the model is parsed.
"""

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from translators.jsontext import loads
from translators.sse import Decoder

_TEXT: Final = rb'[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u(?![dD][89a-fA-F])[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+'
_STRING: Final = re.compile(_TEXT).match
_OBFUSCATION: Final = re.compile(rb'("obfuscation":")[0-9A-Za-z]*(")')
"""OpenAI pads its chunks with a field of random length."""
_MODELS: Final = 4
"""Models that are tried in one stream: answers to several choices may take turns."""
_PARSED: Final = 8
"""Events that are parsed one by one before the rest of what has arrived is parsed at once."""


class TextReader:
    """Reads the events of one stream.

    `event` is given the name and data of each that is parsed, and returns whether to go on; it sets `plain` to the text, and what else it
    wants to know of such events, if the event was nothing but a text. `text` is given the text of each that was recognised, its data and
    what it wanted to know.
    """

    def __init__(self, key: bytes, event: Callable[[bytes, bytes], bool], text: Callable[[str, bytes, Any], None]) -> None:
        self.decoder = Decoder()
        self.plain: tuple[str, Any] | None = None
        self._key = key
        self._event = event
        self._text = text
        self._model: _Model | None = None
        self._models = 0

    def receive(self, data: bytes) -> None:
        """Raises EventTooLarge."""
        at = self._singly(data)
        if at < len(data):
            for name, text in self.decoder.receive(data[at:] if at else data):
                if not self._event(name, text):
                    return

    def receive_eof(self) -> None:
        for name, text in self.decoder.receive_eof():
            if not self._event(name, text):
                return

    def _singly(self, data: bytes) -> int:
        """Read the first events one by one, and all texts before, between and after them. Returns up to where."""
        at, parsed, decoder = 0, 0, self.decoder
        while at < len(data) and parsed < _PARSED:
            idle = decoder.idle
            if idle and self._model is not None:
                at = self._recognised(data, at, self._model)
                if at == len(data):
                    break
            end = data.find(b"\n\n", at) + 2
            if end < 2 or data.find(self._key, at) < 0 or data.find(b"\r", at, end) >= 0:
                break
            block, self.plain = data[at:end], None
            at = end
            parsed += 1
            for name, text in decoder.receive(block):
                if not self._event(name, text):
                    return len(data)
                if self.plain is not None and idle and self._models < _MODELS:
                    self._learn(block, text, *self.plain)
        return at

    def _recognised(self, data: bytes, at: int, model: "_Model") -> int:
        show, (opening, closing, close, skipped, known) = self._text, model
        while data.startswith(opening, at):
            start = at + len(opening)
            end = data.find(b'"', start)
            if end < 0:
                break
            written = data[start:end]
            try:
                if b"\\" in written:
                    string = _STRING(data, start)
                    assert string is not None  # it matches nothing, too
                    end = string.end()
                    text = str(loads(b'"%s"' % string[0]))
                else:
                    text = written.decode()
                    if not text.isprintable():  # among what is not is what may not stand in JSON
                        break
            except ValueError:  # not UTF-8, or a surrogate: the parser says so
                break
            if data.startswith(closing, end):
                following = end + len(closing)
            elif (closed := close(data, end)) is not None:
                following = closed.end()
            else:
                break
            show(text, data[at + skipped : following - 2], known)
            at = following
        return at

    def _learn(self, block: bytes, data: bytes, text: str, known: Any) -> None:
        skipped = len(block) - len(data) - 2
        if block[skipped:-2] != data:  # in several lines, or with other fields behind it
            return
        start = data.find(self._key) + len(self._key)
        string = _STRING(data, start)
        if data.count(self._key) != 1 or string is None or data[string.end() : string.end() + 1] != b'"':
            return
        if loads(b'"%s"' % string[0]) != text:
            return
        self._models += 1
        closing = data[string.end() :] + b"\n\n"
        like = re.escape(closing).replace(rb"\}", rb"\ *+\}")  # Claude pads with spaces
        like = _OBFUSCATION.sub(rb"\1[0-9A-Za-z]*+\2", like)
        self._model = _Model(block[: skipped + start], closing, re.compile(like).match, skipped, known)


class _Model(NamedTuple):
    """What an event was like that was only a text."""

    opening: bytes
    """Everything before the text."""
    closing: bytes
    """Everything behind it."""
    close: Callable[[bytes, int], re.Match[bytes] | None]
    """Matches what may come behind it in others."""
    skipped: int
    """Bytes before the data."""
    known: Any
