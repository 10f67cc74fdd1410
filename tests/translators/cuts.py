"""A stream of a test, read in every way its bytes may come: byte by byte, split at random points,
ended anywhere, with other line ends.
"""

import random
import zlib
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any, Final

from translators.chat.chunks import Chunk, singly
from translators.dialect import StreamTranslator

RANDOM_SPLITS: Final = 1_000

Opened = Callable[[], StreamTranslator]
Said = tuple[list[Any], Any, bool, str, str]

_checked: set[tuple[bytes, Any]] = set()


def every_way(data: bytes, opened: Opened, key: object) -> None:
    """Hold that `data` says the same however it is cut, and never looks whole while it is not.

    `key` tells apart streams that `opened` opens differently: each is checked once with the same
    bytes.
    """
    if (data, key) in _checked:
        return
    _checked.add((data, key))
    whole = _said(opened(), [data])
    assert _said(opened(), _bytes(data)) == whole, "byte by byte"
    draw = random.Random(zlib.crc32(data))
    for _ in range(RANDOM_SPLITS if len(data) > 1 else 0):
        cuts = sorted(draw.sample(range(1, len(data)), min(draw.randint(1, 12), len(data) - 1)))
        assert _said(opened(), _pieces(data, cuts)) == whole, f"cut at {cuts}"
    for offset in range(1, len(data)):
        _check_ended_early(_said(opened(), [data[:offset]]), whole, f"ended at {offset}")
    lines = data.replace(b"\r\n", b"\n")
    for ending in (b"\n", b"\r\n", b"\r"):
        told = lines.replace(b"\n", ending)
        for pieces in ([told], _bytes(told)):
            assert _said(opened(), pieces)[:3] == whole[:3], f"lines that end with {ending!r}"


def _check_ended_early(said: Said, whole: Said, where: str) -> None:
    """A stream that ends early is a failure, or every choice had its reason; what it showed is how
    the whole one begins.
    """
    chunks, failure, finished = said[:3]
    reasons = any(chunk["finish_reason"] for chunk in chunks)
    assert finished == (failure is None), where
    assert reasons or not finished, where
    if not finished:
        assert not reasons, where
        assert chunks == whole[0][: len(chunks)], where


def _said(stream: StreamTranslator, pieces: Iterable[bytes]) -> Said:
    chunks = [chunk for piece in pieces for chunk in stream.receive(piece)] + stream.receive_eof()
    shown = [{name: getattr(chunk, name) for name in Chunk.__slots__} for chunk in singly(chunks)]
    return shown, stream.failure, stream.finished, stream.id, stream.model


def _bytes(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


def _pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    return [data[a:b] for a, b in pairwise([0, *cuts, len(data)])]
