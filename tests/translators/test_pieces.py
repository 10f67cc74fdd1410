"""translators.pieces: bytes and texts of megabytes in pieces."""

from translators import pieces
from translators.pieces import PIECE, characters_of, grown, joined, pieces_of

LONG_TEXT = ("é😀x" * PIECE).encode()


def test_pieces_are_all_of_it_and_none_is_long() -> None:
    cut = [bytes(piece) for piece in pieces_of(LONG_TEXT)]
    assert b"".join(cut) == LONG_TEXT
    assert max(map(len, cut)) == PIECE


def test_characters_stay_whole() -> None:
    cut = [*characters_of(LONG_TEXT)]
    assert b"".join(cut) == LONG_TEXT
    assert "".join(piece.decode() for piece in cut).encode() == LONG_TEXT
    assert max(map(len, cut)) <= PIECE + 3


def test_joined_as_by_join() -> None:
    assert joined([]) == b""
    assert joined([b"a", LONG_TEXT, b"", b"b"]) == b"a" + LONG_TEXT + b"b"
    assert grown(["a", "é" * pieces.LONG, "😀"]) == "a" + "é" * pieces.LONG + "😀"
