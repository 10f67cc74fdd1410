"""How much references may add to the schemas of one request to Gemini, which is counted while they
are followed.
"""

from typing import Any

import pytest

from tests.translators.gemini.golden import build
from translators.dialect import MAX_GROWTH
from translators.errors import GrownTooLarge
from translators.gemini.request.schema_growth import MAX_BYTES

Schema = dict[str, Any]
NEW, OLD = "gemini-3.5-flash", "gemma-4-31b-it"
"""A model that reads JSON Schema, and one whose schemas know no references."""


def tree(levels: int) -> Schema:
    """Two branches at each level, each a reference that cannot stay one."""
    below = {
        f"b{i}": {
            "type": "object",
            "properties": {side: branch(i + 1, side) for side in ("left", "right")},
        }
        for i in range(levels)
    }
    return {
        "type": "object",
        "properties": {"root": branch(0, "root")},
        "$defs": {**below, f"b{levels}": {"type": "integer"}},
    }


def branch(level: int, why: str) -> Schema:
    return {"$ref": f"#/$defs/b{level}", "description": why}


def composed(levels: int) -> Schema:
    """The same by `allOf`, whose references are always followed."""
    below = {
        f"b{i}": {"allOf": [{"$ref": f"#/$defs/b{i + 1}"}, {"$ref": f"#/$defs/b{i + 1}"}]}
        for i in range(levels)
    }
    return {
        "allOf": [{"$ref": "#/$defs/b0"}],
        "$defs": {**below, f"b{levels}": {"type": "object", "properties": {"leaf": {}}}},
    }


def wide(uses: int, characters: int) -> Schema:
    """Few nodes that hold much text."""
    properties = {f"p{i}": {"$ref": "#/$defs/choice", "minLength": 1} for i in range(uses)}
    return {
        "type": "object",
        "properties": properties,
        "$defs": {"choice": {"type": "string", "enum": ["c" * characters, "none"]}},
    }


def with_tools(*schemas: Schema, model: str = NEW) -> dict[str, Any]:
    tools = [
        {"type": "function", "function": {"name": f"tool_{i}", "parameters": schema}}
        for i, schema in enumerate(schemas)
    ]
    return {
        "model": model,
        "request": {"messages": [{"role": "user", "content": "go"}], "tools": tools},
    }


def with_answer(schema: Schema) -> dict[str, Any]:
    form = {"type": "json_schema", "json_schema": {"name": "form", "schema": schema}}
    return {
        "model": NEW,
        "request": {"messages": [{"role": "user", "content": "go"}], "response_format": form},
    }


TOO_MUCH = {
    "one tool": (with_tools(tree(20)), "tools[0].function.parameters"),
    "one tool of an older model": (with_tools(tree(20), model=OLD), "tools[0].function.parameters"),
    "allOf": (with_tools(composed(20)), "tools[0].function.parameters"),
    "the answer": (with_answer(tree(20)), "response_format.json_schema.schema"),
    "several tools together": (with_tools(*[tree(8)] * 20), "tools[6].function.parameters"),
    "text": (with_tools(wide(60, MAX_BYTES // 50)), "tools[0].function.parameters"),
}


@pytest.mark.parametrize(("case", "param"), TOO_MUCH.values(), ids=TOO_MUCH)
def test_references_that_add_too_much_are_refused(case: dict[str, Any], param: str) -> None:
    with pytest.raises(
        GrownTooLarge, match=f"may add {MAX_GROWTH} nodes and {MAX_BYTES} bytes"
    ) as refused:
        build(case)
    assert (refused.value.param, refused.value.code) == (param, "invalid_function_parameters")


@pytest.mark.parametrize("model", [NEW, OLD])
def test_references_that_add_little_are_followed(model: str) -> None:
    assert build(with_tools(*[tree(5)] * 20, model=model)).body.count(b"left") >= 20 * (2**5 - 1)


def test_what_is_written_out_counts_as_nothing_added() -> None:
    written = {"type": "object", "properties": {f"p{i}": {"type": "string"} for i in range(19_000)}}
    assert (
        build(with_tools(written)).body.count(b"STRING")
        + build(with_tools(written)).body.count(b"string")
        == 19_000
    )


def test_names_that_many_parts_of_all_of_require() -> None:
    """Ten thousand names in each of two parts: each stands once, in the order in which they
    came."""
    names = [f"n{i}" for i in range(10_000)]
    parts = [
        {"type": "object", "properties": {name: {} for name in names}, "required": part}
        for part in (names, names[::-1])
    ]
    case = with_tools(
        {
            "allOf": [
                {key: value for key, value in part.items() if key != "properties" or i}
                for i, part in enumerate(parts)
            ]
        }
    )
    assert b'"required":["n0","n1",' in build(case).body
