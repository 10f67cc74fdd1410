"""The code fence that a model puts around JSON it was asked for in words: taken off while the text
streams by.
"""

import re
from typing import Final

_OPENING: Final = re.compile(r"\s*```(?:json)?\s*(?=[{\[])", re.I)
_UNDECIDED: Final = re.compile(r"\s*(?:`{0,2}|```(?:j|js|jso|json)?\s*)", re.I).fullmatch
_CLOSING: Final = re.compile(r"\s*```\s*\Z")


class Unfenced:
    """Give it the text in pieces; it gives it back without one fence around the whole. What may be
    a fence is held back.
    """

    def __init__(self) -> None:
        self._held = ""
        self._begun = False
        self._fenced = False

    def receive(self, text: str) -> str:
        self._held += text
        if not self._begun and not self._begin():
            return ""
        if not self._fenced:
            held, self._held = self._held, ""
            return held
        # The last fence, with the white space around it, may be the closing one.
        end = len(self._held.rstrip().rstrip("`").rstrip())
        ready, self._held = self._held[:end], self._held[end:]
        return ready

    def finish(self) -> str:
        """What is left at the end of the text."""
        if self._fenced:
            return _CLOSING.sub("", self._held)
        return self._held

    def _begin(self) -> bool:
        """Whether it is known by now if a fence opens the text."""
        if _UNDECIDED(self._held):
            return False
        self._begun = True
        match = _OPENING.match(self._held)
        if match is not None:
            self._fenced = True
            self._held = self._held[match.end() :]
        return True


def unfenced(text: str) -> str:
    """`text` without a code fence around it."""
    reader = Unfenced()
    return reader.receive(text) + reader.finish()
