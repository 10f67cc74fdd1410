"""A tool call while it is streamed: fragments of Claude's JSON input, as fragments of what the
caller's tool takes.
"""

import re
from typing import Any, Final

from translators.claude.answer.blocks import arguments, custom_input
from translators.claude.property_keys import NO_KEYS, renamed_text
from translators.dialect import AnswerShape
from translators.json_codec import dumps_str, loads

MAX_OPENING: Final = 64
"""Characters in which `{"input": "` must have come."""
_OPENING: Final = re.compile(r'\s*\{\s*"input"\s*:\s*"')
_SPECIAL: Final = re.compile(r'["\\]')
_HIGH_SURROGATE: Final = re.compile(r"\\u[dD][89abAB]")
_SIMPLE_ESCAPES: Final = {
    '"': '"',
    "\\": "\\",
    "/": "/",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
}


class PlainInput:
    """The usual case: the fragments are the arguments."""

    def receive(self, fragment: str) -> str:
        return fragment

    def finish(self, raw: str, cut: bool) -> str:
        """What is still missing when the block has ended: an object, where the model wrote
        nothing."""
        return "" if raw or cut else "{}"


class WholeInput:
    """Arguments that travel inside {"value": …} or under other keys: shown when they are whole."""

    def __init__(self, name: str, shape: AnswerShape) -> None:
        self._name = name
        self._shape = shape

    def receive(self, fragment: str) -> str:
        return ""

    def finish(self, raw: str, cut: bool) -> str:
        if not raw:
            return "" if cut else "{}"
        try:
            return arguments(self._name, loads(raw), self._shape)
        except ValueError:
            return renamed_text(raw, self._shape.tool_keys.get(self._name, NO_KEYS))


class TextInput:
    """The text of a custom tool, which travels as {"input": "…"}: unescaped while it comes."""

    def __init__(self) -> None:
        self._ahead = ""
        self._inside = False
        self._over = False

    def receive(self, fragment: str) -> str:
        if self._over:
            return ""
        self._ahead += fragment
        if not self._inside and not self._enter():
            return ""
        return self._take()

    def finish(self, raw: str, cut: bool) -> str:
        """The whole text, if the model wrote something other than expected and nothing could be
        shown.
        """
        if self._inside or cut:
            return ""
        try:
            return custom_input(loads(raw or "{}"))
        except ValueError:
            return raw

    def _enter(self) -> bool:
        """Pass over `{"input": "`, which may hold white space; give up where something else
        stands."""
        opening = _OPENING.match(self._ahead)
        if opening is not None:
            self._ahead = self._ahead[opening.end() :]
            self._inside = True
        elif len(self._ahead) > MAX_OPENING:
            self._over = True
        return self._inside

    def _take(self) -> str:
        """The characters of the string that are complete."""
        pieces: list[str] = []
        text, i = self._ahead, 0
        while (found := _SPECIAL.search(text, i)) is not None:
            stop = found.start()
            pieces.append(text[i:stop])
            i = stop
            if text[i] == '"':
                self._over = True
                return "".join(pieces)
            length = _escape_length(text, i)
            if length == 0:
                break
            pieces.append(_unescaped(text[i : i + length]))
            i += length
        else:
            pieces.append(text[i:])
            i = len(text)
        self._ahead = text[i:]
        return "".join(pieces)


def _escape_length(text: str, i: int) -> int:
    """Characters of the escape that begins at `i`, both halves of a surrogate pair together; 0
    while it is not complete.
    """
    left = len(text) - i
    if left < 2:
        return 0
    if text[i + 1] != "u":
        return 2
    if left < 6:
        return 0
    if _HIGH_SURROGATE.match(text, i) is None:
        return 6
    if not "\\u".startswith(text[i + 6 : i + 8]):
        return 6
    return 12 if left >= 12 else 0


def _unescaped(escape: str) -> str:
    if len(escape) == 2:
        return _SIMPLE_ESCAPES.get(escape[1], escape[1])
    try:
        text = loads(f'"{escape}"')
    except ValueError:
        return "�"
    return str(text)


def start_input(value: Any) -> str:
    """The JSON text of an input that came whole with the block's start; "" if it comes in
    fragments.
    """
    return dumps_str(value) if value else ""


CallReader = PlainInput | WholeInput | TextInput


def reader(name: str, shape: AnswerShape) -> CallReader:
    """How the input of the caller's tool `name` is read."""
    if name in shape.custom_tools:
        return TextInput()
    return (
        WholeInput(name, shape)
        if name in shape.wrapped_tools or name in shape.tool_keys
        else PlainInput()
    )
