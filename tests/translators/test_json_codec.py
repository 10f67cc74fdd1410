"""translators.json_codec: what is read, what is refused, what a valid text hides."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translators.json_codec import (
    dumps,
    first_flaw,
    holds_more_than,
    loads,
    loads_repaired,
    repaired_surrogates,
)


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":"\\ud800"}',
        b'"\xff"',
        b"{} x",
        b"",
        b"[" * 210 + b"]" * 210,
        b'{"a":1,}',
    ],
    ids=["nan", "infinity", "surrogate", "utf-8", "trailing", "empty", "deep", "comma"],
)
def test_refuses(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        loads(text)


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":1.0}',
        b"123456789012345678901234567890",
        b'{"b":1,"a":[null,true]}',
        '"\u2028é😀"'.encode(),
    ],
)
def test_what_is_read_is_written_back_the_same(text: bytes) -> None:
    assert dumps(loads(text)) == text


def test_a_number_that_was_too_large_is_written_as_null() -> None:
    assert dumps(loads(b'{"a":1e400,"b":[-1e400]}')) == b'{"a":null,"b":[null]}'


def test_refuses_to_write_what_json_cannot_say() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        dumps("\ud800")


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        (b'{"a":1,"a":2}', "the key 'a' appears twice in one object"),
        (b'{"m":[{"x":{"k":1, "k" : 2}}]}', "the key 'k' appears twice in one object"),
        (b'{"a":1,"\\u0061":2}', "the key 'a' appears twice in one object"),
        (b'{"a":1,"a":2,"b":"\\u0022\\u0022"}', "the key 'a' appears twice in one object"),
        (b'{"a":"\\u0022","b":"\\\\u0022","c\\\\":"\\"\\\\"}', None),
        (b'{"a" : 1, "b" :{"a":"\\"a\\":"}}', None),
        (b'{"a\\\\":1,"b":"x\\\\\\":"}', None),
        (b'[{"a":1},{"a":2}]', None),
        (b'{"a":"b","c":["d",true]}', None),
        (b"[1e400]", "a number is too large"),
        (b'{"a":{"b":-1e999}}', "a number is too large"),
        (b"1", None),
        (b'"a\\" : b"', None),
        (b'["\\" : "]', None),
        (b'{"x":"\\" : ","y\\"":1,"y\\"":2}', "the key 'y\"' appears twice in one object"),
    ],
)
def test_first_flaw(text: bytes, flaw: str | None) -> None:
    assert first_flaw(text, loads(text)) == flaw


@pytest.mark.parametrize("distance", range(-4, 5))
@pytest.mark.parametrize("colon", [b":", b"   :"])
@pytest.mark.parametrize("repeated", [False, True])
def test_a_big_document_is_scanned_in_slices_that_hide_nothing(
    distance: int, colon: bytes, repeated: bool
) -> None:
    """A key, an escaped quote or the space before a colon may stand across the border of two
    slices.
    """
    filler = b"x" * (1024 * 1024 - 15 + distance)
    text = b'{"a":"%s\\":","b"%s1,"%s"%s2}' % (filler, colon, b"b" if repeated else b"c", colon)
    assert first_flaw(text, loads(text)) == (
        "the key 'b' appears twice in one object" if repeated else None
    )


def test_a_string_of_escapes_is_scanned_once() -> None:
    """Twice as long is twice as dear: the far end of the string is not looked for from every
    escape.
    """
    text = b'{"a" :"%s"}' % (b"\\n" * 4_000_000)
    assert first_flaw(text, loads(text)) is None


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        (b'[{"a":"b"},{"a":"b","a":"c"}]', "the key 'a' appears twice in one object"),
        (b'[{"a":"b"},"\\"",{"a":"b","a":"c"}]', "the key 'a' appears twice in one object"),
        (b'[{"a":"b"},"\\"",{"a":"b","c":"d"}]', None),
        (b'[{"a":"b"},"\\u0022",{"a":"b","c":"d"}]', None),
        (b'[{"a":"b"},{"a":1,"a":1e999}]', "a number is too large"),
        (b'[{"a":"b"},{"a":2,"a":2},"x","y","z",1e999]', "a number is too large"),
        (b'[{"a":"b"},{"a":"b"},"Infinity"]', None),
    ],
)
@pytest.mark.parametrize("times", [1, 400, 40_000])
def test_many_short_texts_hide_nothing(text: bytes, flaw: str | None, times: int) -> None:
    """Where quotes are many they are counted in another way: what a repeated key lost, an infinite
    number must not make up for.
    """
    text = b'[{"a":"b","c":"d"},%s%s]' % (b'"x",' * 10 * times, text)
    assert first_flaw(text, loads(text)) == flaw


@pytest.mark.parametrize("size", [8000, 9000, 2_500_000])
@pytest.mark.parametrize("repeated", [False, True])
def test_long_texts_hide_nothing(size: int, repeated: bool) -> None:
    text = b'{"a":"%s","b":"\\"","%s":1}' % (b"x" * size, b"b" if repeated else b"c")
    assert first_flaw(text, loads(text)) == (
        "the key 'b' appears twice in one object" if repeated else None
    )


def test_a_byte_order_mark_before_an_answer_is_forgiven_once() -> None:
    mark = b"\xef\xbb\xbf"
    assert loads_repaired(mark + b'{"a": 1}') == {"a": 1}
    assert loads_repaired(mark + b'{"a": "\\ud83d"}') == {"a": "\ufffd"}
    for text in (mark * 2 + b"{}", mark, b"{" + mark):
        with pytest.raises(ValueError, match="line 1"):
            loads_repaired(text)


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        (rb'"\ud83d"', rb'"\ufffd"'),
        (rb'"\uDE00"', rb'"\ufffd"'),
        (rb'"see \ud83D, then \uDBFF."', rb'"see \ufffd, then \ufffd."'),
        (rb'"\ude00\ud83d"', rb'"\ufffd\ufffd"'),
        (rb'"\ud83d\ud83d\ude00"', rb'"\ufffd\ud83d\ude00"'),
        (rb'"\ud83d\ude00\ude00"', rb'"\ud83d\ude00\ufffd"'),
        (rb'"\ud83d\n\ude00"', rb'"\ufffd\n\ufffd"'),
        (rb'"\ud83d\\ude00"', rb'"\ufffd\\ude00"'),
        (rb'"\\ud83d\\\ud83d"', rb'"\\ud83d\\\ufffd"'),
        (rb'{"\udfff":["\ud800"]}', rb'{"\ufffd":["\ufffd"]}'),
        (rb'"\ud83d\ude00 \\ud83d \u00e9 \ud7ff \ue000"', None),
        (b'"' + "😀".encode() + b'"', None),
        (b"", None),
    ],
)
def test_half_a_surrogate_pair_is_repaired(text: bytes, repaired: bytes | None) -> None:
    assert repaired_surrogates(text) == repaired


@pytest.mark.parametrize("distance", range(-14, 15))
@pytest.mark.parametrize(
    ("inside", "repaired"),
    [
        (rb"\ud83d\ude00", rb"\ud83d\ude00"),
        (rb"\\\ud83d.", rb"\\\ufffd."),
        (rb"\\ud83d", rb"\\ud83d"),
        (rb"\ude00\ud83d", rb"\ufffd\ufffd"),
    ],
)
def test_pairs_are_told_from_halves_across_slices(
    distance: int, inside: bytes, repaired: bytes
) -> None:
    filler = b"x" * (1024 * 1024 - 1 + distance)
    assert repaired_surrogates(b'"%s%s","\\udc00"' % (filler, inside)) == b'"%s%s","\\ufffd"' % (
        filler,
        repaired,
    )


@given(
    st.text(st.characters(categories=["Cs", "Lu", "So"]) | st.sampled_from('\\"ud83'), max_size=20)
)
def test_what_was_repaired_is_read(text: str) -> None:
    """Also text that only looks like an escape: it comes out as it was."""
    written = json.dumps(text).encode()
    paired = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert loads(repaired_surrogates(written) or written) == paired


def test_a_text_of_nothing_but_backslashes_is_looked_at_once() -> None:
    text = b'"' + b"\\" * 4_000_000 + rb'\ud83d"'
    assert repaired_surrogates(text) == text[:-7] + rb'\ufffd"'


COUNTED: dict[str, tuple[Any, int, int]] = {
    "lists": ([[]] * 100, 200, 0),
    "objects": ([{"a": 1, "b": [2, 3]}] * 50, 250, 100),
    "marks in strings": ([',[{:"' * 1000, "\\", '\\"', "\\\\,"] * 30, 120, 0),
    "long strings": (["x" * 200_000, '"' * 70_000, "\\" * 131_073, ",:[{" * 40_000], 4, 0),
    "long numbers": ([10**400, 10**200, "9" * 400] * 5, 5_015, 0),
    "keys with marks": ({f'{i},:"\\': i for i in range(200)}, 200, 200),
}
"""Values, and the commas and openings around them; keys."""


@pytest.mark.parametrize(("value", "values", "keys"), COUNTED.values(), ids=COUNTED)
@pytest.mark.parametrize("shift", range(4))
def test_values_and_keys_are_counted_without_being_made(
    value: Any, values: int, keys: int, shift: int
) -> None:
    """Where a piece begins makes no difference."""
    text = b" " * shift + dumps(value)
    assert not holds_more_than(text, values, keys)
    assert holds_more_than(text, values - 1, keys)
    assert holds_more_than(text, values, keys - 1)


_KEYS = st.sampled_from(["a", "b", 'q"', "\\", "é", "c:"])
_WRITTEN = st.sampled_from([
    b"1", b"1e400", b"-1e999", b"1.50", b"null", b'"x"', b'"\\"a\\" :"', b'"\\u0022"', b'"\\\\"',
    b'"\xc3\xa9\\n"',
    b'"Infinity"', b'"\\u00e9"', b'"' + b"long " * 40 + b'"', b'"\\ud83d\\ude00"',
])  # fmt: skip


@st.composite
def _texts(draw: st.DrawFn, depth: int = 0) -> bytes:
    """JSON as people write it: with spaces or without, keys that may stand twice."""
    kind = draw(st.sampled_from(["value", "object", "array"])) if depth < 3 else "value"
    if kind == "value":
        return draw(_WRITTEN)
    space = draw(st.sampled_from([b"", b"", b" "]))
    parts = draw(st.lists(_texts(depth + 1), max_size=4))
    if kind == "array":
        return b"[" + (b"," + space).join(parts) + b"]"
    keys = [json.dumps(key, ensure_ascii=draw(st.booleans())).encode() for key in draw(
        st.lists(_KEYS, min_size=len(parts), max_size=len(parts))
    )]  # fmt: skip
    members = [key + space + b":" + part for key, part in zip(keys, parts, strict=True)]
    return b"{" + (b"," + space).join(members) + b"}"


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise KeyError
    return dict(pairs)


def _number(text: str) -> float:
    if math.isinf(float(text)):
        raise OverflowError
    return float(text)


@given(_texts(), st.sampled_from([1, 30]))
def test_a_flaw_is_told_of_what_a_plain_parser_would_trip_over_and_of_nothing_else(
    text: bytes, times: int
) -> None:
    text = b"[" + b",".join([text] * times) + b"]"
    try:
        json.loads(text, object_pairs_hook=_pairs, parse_float=_number)
        sound = True
    except (KeyError, OverflowError):
        sound = False
    assert sound == (first_flaw(text, loads(text)) is None)
