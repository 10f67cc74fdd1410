"""translators.chat.schema_validation: what it judges, what it leaves alone, and that no schema
keeps it busy.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translators.chat import schema_validation
from translators.chat.schema_validation import MAX_STEPS, is_valid

TREE = {
    "$ref": "#/$defs/tree",
    "$defs": {"tree": {"type": "array", "items": {"$ref": "#/$defs/tree"}}},
}
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name"],
    "additionalProperties": False,
}

VALID: list[tuple[Any, Any]] = [
    (1, {}),
    (1, True),
    ({"name": "Ada", "age": 36}, PERSON),
    ({"name": "Ada"}, PERSON),
    (3, {"type": "integer"}),
    (3.0, {"type": "integer"}),
    (3.5, {"type": "number"}),
    (None, {"type": ["string", "null"]}),
    (None, {"type": "string", "nullable": True}),
    ("a", {"enum": ["a", "b"]}),
    (1.0, {"const": 1}),
    ({"a": [1]}, {"const": {"a": [1]}}),
    ({"x": 1}, {"additionalProperties": {"type": "integer"}}),
    ({"x-1": "?"}, {"patternProperties": {"^x-": {}}, "additionalProperties": False}),
    ([1, "a", "b"], {"prefixItems": [{"type": "integer"}], "items": {"type": "string"}}),
    ([1, "a"], {"items": [{"type": "integer"}, {"type": "string"}]}),
    ([], {"items": False}),
    ([[], [[]]], TREE),
    (1, {"anyOf": [{"type": "string"}, {"type": "integer"}]}),
    (1, {"oneOf": [{"type": "string"}, {"type": "integer"}]}),
    (5, {"allOf": [{"minimum": 1}, {"maximum": 9}]}),
    ("é", {"maxLength": 1}),
    (7, {"maxLength": 1, "minItems": 5, "maxProperties": 0}),
    (2, {"exclusiveMinimum": 1, "exclusiveMaximum": 3}),
    (
        {"a/b": 1},
        {"properties": {"a/b": {"$ref": "#/$defs/a~1b"}}, "$defs": {"a/b": {"type": "integer"}}},
    ),
]
INVALID: list[tuple[Any, Any]] = [
    (1, False),
    ({"age": 36}, PERSON),
    ({"name": 1}, PERSON),
    ({"name": "Ada", "age": -1}, PERSON),
    ({"name": "Ada", "born": 1815}, PERSON),
    ([], PERSON),
    (3.5, {"type": "integer"}),
    (True, {"type": "integer"}),
    (True, {"type": "number"}),
    (1, {"type": ["string", "null"]}),
    ("c", {"enum": ["a", "b"]}),
    (True, {"const": 1}),
    (0, {"enum": [False]}),
    ({"x": "1"}, {"additionalProperties": {"type": "integer"}}),
    (["a", "b"], {"prefixItems": [{"type": "integer"}], "items": {"type": "string"}}),
    ([1, 2], {"prefixItems": [{"type": "integer"}], "items": {"type": "string"}}),
    ([1, 2], {"items": [{"type": "integer"}, {"type": "string"}]}),
    ([[], [1]], TREE),
    (1.5, {"anyOf": [{"type": "string"}, {"type": "integer"}]}),
    (1, {"oneOf": [{"type": "number"}, {"type": "integer"}]}),
    (10, {"allOf": [{"minimum": 1}, {"maximum": 9}]}),
    ("", {"minLength": 1}),
    ("abc", {"maxLength": 2}),
    ([1], {"minItems": 2}),
    ([1, 2], {"maxItems": 1}),
    ({}, {"minProperties": 1}),
    ({"a": 1, "b": 2}, {"maxProperties": 1}),
    (1, {"exclusiveMinimum": 1}),
    (3, {"exclusiveMaximum": 3}),
]
UNJUDGED: list[tuple[Any, Any]] = [
    ("x", {"pattern": "^(a+)+$"}),
    ("x", {"format": "date"}),
    ("x", {"$ref": "https://example.com/schema.json"}),
    ("x", {"$ref": "#/$defs/nowhere"}),
    ("x", {"$ref": 5}),
    ("x", {"type": "unheard-of"}),
    ("x", {"type": 7}),
    ("x", {"enum": "x"}),
    ("x", {"anyOf": [], "oneOf": [], "allOf": {}}),
    (1, {"minimum": True, "exclusiveMinimum": True, "maximum": "9"}),
    ({"a": 1}, {"required": "a", "properties": ["a"]}),
    ([1], {"items": 5, "prefixItems": {"a": 1}}),
    ("x", []),
]


@pytest.mark.parametrize(("value", "schema"), VALID)
def test_what_is_valid(value: Any, schema: Any) -> None:
    assert is_valid(value, schema) is True


@pytest.mark.parametrize(("value", "schema"), INVALID)
def test_what_is_not(value: Any, schema: Any) -> None:
    assert is_valid(value, schema) is False


@pytest.mark.parametrize(("value", "schema"), UNJUDGED)
def test_what_is_not_judged_counts_as_valid(value: Any, schema: Any) -> None:
    assert is_valid(value, schema) is True


def alternatives(depth: int) -> Any:
    schema: Any = {"type": "integer"}
    for _ in range(depth):
        schema = {"anyOf": [schema, schema]}
    return schema


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


HOSTILE: dict[str, tuple[Any, Any]] = {
    "a reference to itself": (1, {"$ref": "#"}),
    "references in a circle": (
        1,
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
    ),
    "alternatives of alternatives": ("x", alternatives(40)),
    "a long list for each of many": (["x"] * 1000, {"items": {"enum": ["x"] * 1000}}),
    "many that are required of many": ([{}] * 1000, {"items": {"required": [1] * 1000}}),
    "a deep value": (nested(190), TREE),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_schema_keeps_it_busy(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the budget is spent, what is left counts as valid; a step looks at a bounded number of
    things.
    """
    steps = 0
    accepts = schema_validation._Judge.accepts

    def counted(*given: Any) -> bool:
        nonlocal steps
        steps += 1
        return accepts(*given)

    monkeypatch.setattr(schema_validation._Judge, "accepts", counted)
    assert is_valid(*HOSTILE[name]) is True
    assert steps <= MAX_STEPS + 1


def test_what_was_seen_before_the_budget_was_spent_counts() -> None:
    assert is_valid([1, *["x"] * (MAX_STEPS * 2)], {"items": {"type": "string"}}) is False


values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-3, 3) | st.text(max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2)
    ),
    max_leaves=6,
)
keywords = st.sampled_from([*schema_validation._CHECKS, "nullable", "$defs", "pattern"])


@given(
    values,
    st.dictionaries(
        keywords, values | st.sampled_from(["#", "#/$defs/a", "object", "string"]), max_size=4
    ),
)
def test_it_never_raises(value: Any, schema: dict[str, Any]) -> None:
    assert is_valid(value, schema) in (True, False)


@given(values)
def test_a_value_is_valid_against_what_names_it(value: Any) -> None:
    assert is_valid(value, {"const": value})
    assert is_valid(value, {"enum": [1.25, value]})
    assert is_valid(value, {"not known": False})
