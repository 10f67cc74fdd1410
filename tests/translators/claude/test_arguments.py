"""Arguments read into objects, and cut ones closed."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translators.claude.arguments import close, read_arguments

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=4), inner, max_size=3
        )
    ),
    max_leaves=8,
)
OBJECTS = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4), VALUES, max_size=4
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": "x', {"a": "x"}),
        ('{"a": "x\\', {"a": "x"}),
        ('{"a": "x\\\\', {"a": "x\\"}),
        ('{"a": "x\\u12', {"a": "x"}),
        ('{"a": 1,', {"a": 1}),
        ('{"a": 1, "b', {"a": 1, "b": None}),
        ('{"a": 1, "b":', {"a": 1, "b": None}),
        ('{"a": tr', {"a": None}),
        ('{"a": [1, 2', {"a": [1, 2]}),
        ('{"a": [1, fal', {"a": [1]}),
        ("{", {}),
        ('{"a', {"a": None}),
    ],
)
def test_cut_arguments(text: str, value: Any) -> None:
    assert close(text) == value


@pytest.mark.parametrize("text", ["", "[1", "nonsense", '"x', "{]", "}", "{'a': 1}"])
def test_what_began_no_object(text: str) -> None:
    assert close(text) is None


@given(OBJECTS)
def test_whole_arguments_come_through(value: dict[str, Any]) -> None:
    assert read_arguments(json.dumps(value)) == (value, None)


@given(OBJECTS, st.data())
def test_any_beginning_of_an_object_is_read(value: dict[str, Any], data: st.DataObject) -> None:
    """Wherever the text is cut, an object comes of it, with no key that was not written whole or in
    part.
    """
    text = json.dumps(value, ensure_ascii=data.draw(st.booleans()))
    cut = text[: data.draw(st.integers(1, len(text)))]
    arguments, _ = read_arguments(cut)
    known = set(value) | {"_raw_arguments"}
    assert all(key in known or any(name.startswith(key) for name in value) for key in arguments)
