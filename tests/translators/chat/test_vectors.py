"""Vectors: base64 and lists are the same numbers, digits are kept, and what is computed has length
1."""

import math
import struct
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translators.chat.vectors import (
    base64_text,
    list_text,
    pack,
    read_base64,
    read_list,
    shaped,
    values_of,
)
from translators.json_codec import dumps, loads

SINGLES = st.lists(
    st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=40
)


def packed(values: list[float]) -> bytes:
    return b64encode(struct.pack(f"<{len(values)}f", *values))


@given(SINGLES)
def test_base64_read_and_written_as_a_list_is_the_same_float32(values: list[float]) -> None:
    read = loads(list_text(read_base64(packed(values))))
    assert values == list(struct.unpack(f"<{len(values)}f", struct.pack(f"<{len(values)}f", *read)))


@given(SINGLES)
def test_a_list_written_as_base64_is_little_endian_float32_without_line_breaks(
    values: list[float],
) -> None:
    assert loads(base64_text(read_list(dumps(values)))) == packed(values).decode()


@given(SINGLES)
def test_there_and_back_is_the_same(values: list[float]) -> None:
    there = loads(base64_text(read_list(dumps(values))))
    assert values_of(read_base64(there)) == values


def test_a_list_keeps_the_digits_it_came_with() -> None:
    text = b"[0.50, -1e-3, 0.1000000000000000055511151231257827]"
    assert list_text(read_list(text)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, b"[0.1]"),
        (0.35355338, b"[0.35355338]"),
        (1 / 3, b"[0.33333334]"),
        (0.0, b"[0]"),
        (-2.5, b"[-2.5]"),
    ],
)
def test_what_came_packed_is_written_with_the_fewest_digits(value: float, text: bytes) -> None:
    assert list_text(pack([value])) == text


def test_a_cut_vector_has_length_one() -> None:
    assert values_of(shaped(read_list(b"[3,4,12]"), 2, normalise=True)) == pytest.approx([0.6, 0.8])


@given(SINGLES, st.integers(1, 40))
def test_a_normalised_vector_has_length_one_unless_it_is_zero(
    values: list[float], dimensions: int
) -> None:
    made = values_of(shaped(read_list(dumps(values)), dimensions, normalise=True))
    assert len(made) == min(dimensions, len(values))
    length = math.sqrt(math.fsum(value * value for value in made))
    assert length == pytest.approx(1.0, abs=1e-5) or not any(
        value * value for value in values[:dimensions]
    )


def test_a_vector_of_zeros_stays() -> None:
    assert values_of(shaped(read_list(b"[0,0,0]"), 2, normalise=True)) == [0.0, 0.0]


@pytest.mark.parametrize(
    "text",
    [
        b"[]",
        b"[NaN]",
        b"[null]",
        b'["1"]',
        b"[1.2.3]",
        b"[1e999]",
        b"[true]",
        b"[1%b]" % (b"0" * 400),
    ],
)
def test_a_list_of_anything_but_finite_numbers_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"number|empty|JSON|expected"):
        read_list(text)


def test_a_number_that_is_no_float32_cannot_be_packed() -> None:
    with pytest.raises(ValueError, match="no float32"):
        base64_text(read_list(b"[1e39]"))


@pytest.mark.parametrize("text", ["", "AAA", "AAAA", "AADAfw==", "!!!!", "AACAfw=="])
def test_base64_of_anything_but_finite_float32_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a vector"):
        read_base64(text)
