"""A code fence around an answer that should be bare JSON, taken off while the answer comes in."""

import re
from typing import Final

MAX_OPENING: Final = 16
"""Characters held back while they could still become an opening fence."""
MAX_CLOSING: Final = 64
"""Characters held back while they could be a closing fence with the white space around it."""

_OPENING: Final = re.compile(r"\s*```[A-Za-z]*[ \t]*\r?\n")
_COULD_OPEN: Final = re.compile(r"\s*(`{0,2}|```[A-Za-z]*[ \t]*\r?)")
_CLOSING: Final = re.compile(r"\s*```\s*\Z")


class Unfenced:
    """Text in, text out, later by at most what could be a fence."""

    def __init__(self) -> None:
        self._held = ""
        self._begun = False
        self._fenced = False

    def receive(self, text: str) -> str:
        text = self._held + text
        self._held = ""
        if not self._begun:
            if len(text) <= MAX_OPENING and _COULD_OPEN.fullmatch(text):
                self._held = text
                return ""
            self._begun = True
            opening = _OPENING.match(text)
            if opening is not None:
                self._fenced = True
                text = text[opening.end() :]
        if not self._fenced:
            return text
        end = _before_fence(text)
        if len(text) - end > MAX_CLOSING:
            return text
        self._held = text[end:]
        return text[:end]

    def finish(self) -> str:
        """What is left at the end."""
        rest, self._held = self._held, ""
        return _CLOSING.sub("", rest) if self._fenced else rest


def _before_fence(text: str) -> int:
    """Where white space, up to three backticks and white space begin that end `text`."""
    end = len(text.rstrip())
    ticks = 0
    while ticks < 3 and text[end - ticks - 1 : end - ticks] == "`":
        ticks += 1
    return len(text[: end - ticks].rstrip())


def unfenced(text: str) -> str:
    """`text` without a code fence around it."""
    reader = Unfenced()
    return reader.receive(text) + reader.finish()
