"""JSON with texts of megabytes, read in pieces: what reads one in one go lets no other thread run
meanwhile.

The texts are taken out, a mark stands for each, and what is left is small. Every piece of a text is
JSON by itself.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

from translators.json_codec import loads
from translators.long_json import boundary
from translators.pieces import PIECE

_TEXT: Final = 256 * 1024
"""Bytes of a text from which on it is taken out."""
_MARKS: Final = ("~text~", "~text-taken-out~", "~here-stood-a-long-text~")
"""The first that a document has nowhere else is taken."""


class Apart:
    """A JSON text without its long texts."""

    def __init__(self, skeleton: bytes, mark: str, texts: list[list[str]]) -> None:
        """`texts`: the pieces of each, joined once all of what stands around them is known: joining
        32 MB can take 170 ms.
        """
        self.skeleton = skeleton
        self._mark = mark
        self._texts = iter(texts)

    def put_together(self, document: Any) -> Any:
        """What `skeleton` says, with the texts in their places; once.

        Raises ValueError if one stands in a key, or if what was not taken out says the mark, too,
        in escapes.
        """
        match document:
            case str() if self._mark in document:
                first, *others = document.split(self._mark)
                return "".join(
                    [first, *(part for other in others for part in (*self._next(), other))]
                )
            case dict():
                for key, value in document.items():
                    if self._mark in key:
                        raise ValueError("a key is too long")
                    document[key] = self.put_together(value)
            case list():
                document[:] = map(self.put_together, document)
        return document

    def _next(self) -> list[str]:
        for text in self._texts:
            return text
        raise ValueError("there are more marks than texts")


def taken_apart(text: bytes) -> Apart | None:
    """None if there is no long text in it. Raises ValueError for a text that is not valid."""
    cuts = [*_insides(text)]
    if not cuts:
        return None
    ends = [(0, 0), *((cut[0][0], cut[-1][1]) for cut in cuts), (len(text), len(text))]
    kept = [text[before[1] : after[0]] for before, after in pairwise(ends)]
    for mark in _MARKS:
        skeleton = mark.encode().join(kept)
        if (
            skeleton.split(mark.encode()) == kept
        ):  # also where what stands before one ends as it begins
            return Apart(
                skeleton,
                mark,
                [[loads(b'"%b"' % text[start:end]) for start, end in cut] for cut in cuts],
            )
    return None


def _insides(text: bytes) -> Iterator[list[tuple[int, int]]]:
    """Where long texts are, without their first and last piece: the pieces of each that hold
    nothing but a part of it.
    """
    inside = False
    run: list[tuple[int, int]] = []
    for start, end in _pieces(text):
        piece = text[start:end]
        quotes = (
            piece.replace(b"\\\\", b"").replace(b'\\"', b"").count(b'"') if b'"' in piece else 0
        )
        if inside and not quotes:
            run.append((start, end))
            continue
        if run and run[-1][1] - run[0][0] >= _TEXT:
            yield run
        run = []
        inside ^= quotes % 2 == 1


def _pieces(text: bytes) -> Iterator[tuple[int, int]]:
    """All of `text`, cut where neither a character nor an escape is cut, nor a pair of escapes."""
    start = 0
    while start < len(text):
        end = boundary(text, start, start + PIECE)
        yield start, end
        start = end
