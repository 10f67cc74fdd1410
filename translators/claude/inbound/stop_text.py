"""Stop sequences, cut out of a text that comes in pieces."""

from collections.abc import Sequence


class StopText:
    """Holds back as much of the end of a text as could be the beginning of a sequence."""

    __slots__ = ("_held", "_longest", "_sequences", "found")

    def __init__(self, sequences: Sequence[str]) -> None:
        """`sequences`: not empty, and none in them."""
        self._sequences = sequences
        self._longest = max(map(len, sequences))
        self._held = ""
        self.found: str | None = None
        """The sequence at which the text ended."""

    def receive(self, text: str) -> str:
        """What may be shown of the text so far."""
        text = self._held + text
        at, sequence = min(
            ((text.find(each), each) for each in self._sequences if each in text),
            default=(-1, ""),
        )
        if at >= 0:
            self.found, self._held = sequence, ""
            return text[:at]
        for start in range(max(0, len(text) - self._longest + 1), len(text)):
            if any(each.startswith(text[start:]) for each in self._sequences):
                self._held = text[start:]
                return text[:start]
        self._held = ""
        return text

    def rest(self) -> str:
        """What was held back, once something else than text follows."""
        held, self._held = self._held, ""
        return held
