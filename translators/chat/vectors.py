"""Vectors of embeddings: as JSON lists or as base64 of little-endian float32, cut and normalised.

A list that nothing was computed with keeps its digits. What is computed is computed in float64 and
kept as float32.
"""

import binascii
import math
import re
import sys
from array import array
from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Final, NamedTuple

from translators.json_codec import loads

_BYTES: Final = 4
_PRECISIONS: Final = ("%.6g", "%.7g", "%.8g", "%.9g")
"""Six digits are the most that every float32 keeps, nine the most that one needs."""
_NUMBERS: Final = re.compile(rb"[-+0-9.eE, \t\r\n]*").fullmatch


class Vector(NamedTuple):
    """One vector in the form it came in: exactly one of `text` and `packed` is there."""

    dimensions: int
    text: bytes | None = None
    """A JSON list of numbers."""
    packed: bytes | None = None
    """Little-endian float32, finite."""


def read_list(text: bytes) -> Vector:
    """A JSON list of finite numbers. Raises ValueError for anything else."""
    if _NUMBERS(text[1:-1]) is None:
        raise ValueError("a vector holds something that is no number")
    values = loads(text)
    try:
        finite = bool(values) and all(map(math.isfinite, values))
    except OverflowError:  # an integer larger than any float
        finite = False
    if not finite:
        raise ValueError("a vector is empty, or holds a number that is not finite")
    return Vector(len(values), text)


def read_base64(text: bytes | str) -> Vector:
    """Base64 of little-endian float32. Raises ValueError for anything else."""
    try:
        packed = b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("a vector is no base64") from None
    if not packed or len(packed) % _BYTES:
        raise ValueError("a vector is no whole number of float32")
    if not all(map(math.isfinite, _unpacked(packed))):
        raise ValueError("a vector holds a number that is not finite")
    return Vector(len(packed) // _BYTES, None, packed)


def pack(values: Iterable[float]) -> Vector:
    """Numbers as float32. Raises ValueError for one that is none."""
    single = array("f", values)
    if not all(map(math.isfinite, single)):
        raise ValueError("a vector holds a number that is no float32")
    if sys.byteorder == "big":
        single.byteswap()
    packed = single.tobytes()
    return Vector(len(packed) // _BYTES, None, packed)


def values_of(vector: Vector) -> list[float]:
    """The vector's numbers."""
    if vector.packed is not None:
        return _unpacked(vector.packed).tolist()
    assert vector.text is not None
    return [float(value) for value in loads(vector.text)]


def shaped(vector: Vector, dimensions: int, normalise: bool) -> Vector:
    """The first `dimensions` of it, with length 1 if `normalise`; a vector of zeros stays."""
    values = values_of(vector)[:dimensions]
    length = math.sqrt(math.fsum(value * value for value in values)) if normalise else 0.0
    return pack([value / length for value in values] if length else values)


def packed_form(vector: Vector) -> Vector:
    """The vector as float32. Raises ValueError for a number that is none."""
    return vector if vector.packed is not None else pack(values_of(vector))


def list_text(vector: Vector) -> bytes:
    """As a JSON list: as it came, or the shortest decimals of its float32."""
    if vector.text is not None:
        return vector.text
    assert vector.packed is not None
    single = _unpacked(vector.packed).tolist()
    texts = [""] * len(single)
    left = list(range(len(single)))
    for precision in _PRECISIONS:
        written = ((precision + ",") * len(left) % tuple([single[i] for i in left]))[:-1]
        read = array("f", loads(f"[{written}]"))
        inexact: list[int] = []
        for i, text, value in zip(left, written.split(","), read, strict=True):
            if value == single[i]:
                texts[i] = text
            else:
                inexact.append(i)
        if not (left := inexact):
            break
    return f"[{','.join(texts)}]".encode()


def base64_text(vector: Vector) -> bytes:
    """As a JSON string of base64. Raises ValueError for a list with a number that is no float32."""
    packed = packed_form(vector).packed
    assert packed is not None
    return b'"' + b64encode(packed) + b'"'


def _unpacked(packed: bytes) -> "array[float]":
    single = array("f", packed)
    if sys.byteorder == "big":
        single.byteswap()
    return single
