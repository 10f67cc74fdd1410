"""Tool arguments: the text that OpenAI gives them as, read into the object that Claude takes them
as.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from translators.json_codec import JsonObject, loads

RAW: Final = "_raw_arguments"
"""The key under which arguments travel that are no JSON object and cannot be made one."""

_HALF_ESCAPE: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\(?:u[0-9a-fA-F]{0,3})?\Z")
_OPENING: Final = {"{": "}", "[": "]"}


def read_arguments(arguments: Any) -> tuple[JsonObject, str | None]:
    """The arguments as an object, and what had to be done to them (None if nothing was)."""
    if arguments.__class__ is dict:
        return arguments, None
    text = arguments or ""
    if not text.strip():
        return {}, None
    try:
        value = loads(text)
    except ValueError:
        closed = close(text)
        return (
            ({RAW: text}, "the arguments are not JSON")
            if closed is None
            else (closed, "the arguments were cut off and have been closed")
        )
    if value is None:
        return {}, None
    return (
        (value, None)
        if value.__class__ is dict
        else ({RAW: text}, "the arguments are not a JSON object")
    )


def close(text: str) -> JsonObject | None:
    """The object that a cut-off JSON text began, or None if it began none."""
    stack: list[str] = []
    in_string = escaped = False
    for letter in text:
        if in_string:
            in_string = escaped or letter != '"'
            escaped = letter == "\\" and not escaped
        elif letter == '"':
            in_string = True
        elif letter in _OPENING:
            stack.append(_OPENING[letter])
        elif letter in "}]" and stack:
            stack.pop()
    if in_string:
        text = _HALF_ESCAPE.sub(r"\1", text) + '"'
    ending = "".join(reversed(stack))
    for whole in _completions(text.rstrip()):
        try:
            value = loads(whole + ending)
        except ValueError:
            continue
        return value if value.__class__ is dict else None
    return None


def _completions(text: str) -> Iterator[str]:
    """Ways to end `text` inside its innermost object or list: as it is, after a colon, a comma, a
    key, or a half-written word.
    """
    yield text
    yield text + "null"
    yield text.removesuffix(",")
    yield text + ":null"
    yield text.rpartition(",")[0]
    yield text.rpartition(":")[0] + ":null"
