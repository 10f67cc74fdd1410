"""The parameter matrix, held against the types of OpenAI's own package."""

from typing import Any, get_args, get_type_hints

import pytest
from openai.types import chat
from openai.types.chat import completion_create_params as params

from translators.capabilities import ModelRecord
from translators.gemini.request.fields import FIELDS, supported
from translators.notes import Report

RECORD = ModelRecord(context_window=1, max_output_tokens=1)


def literal(member: Any, name: str) -> str:
    """The word that a TypedDict's discriminating field allows."""
    (word,) = get_args(get_type_hints(member)[name])
    return str(word)


def members(union: Any) -> tuple[Any, ...]:
    return get_args(union)


@pytest.mark.parametrize("name", sorted(get_type_hints(params.CompletionCreateParamsStreaming)))
def test_every_parameter_has_a_verdict(name: str) -> None:
    assert name in FIELDS


@pytest.mark.parametrize(("prefix", "typed_dict"), [
    ("stream_options", chat.ChatCompletionStreamOptionsParam),
    ("web_search_options", params.WebSearchOptions),
])  # fmt: skip
def test_every_option_has_a_verdict(prefix: str, typed_dict: Any) -> None:
    assert not [name for name in get_type_hints(typed_dict) if f"{prefix}.{name}" not in FIELDS]


@pytest.mark.parametrize(("prefix", "field", "union"), [
    ("role", "role", chat.ChatCompletionMessageParam),
    ("content", "type", (*members(chat.ChatCompletionContentPartParam),
     chat.ChatCompletionContentPartRefusalParam)),
    ("tool", "type", chat.ChatCompletionToolUnionParam),
    ("tool_choice", "type",
     [c for c in members(chat.ChatCompletionToolChoiceOptionParam) if isinstance(c, type)]),
    ("response_format", "type", params.ResponseFormat),
])  # fmt: skip
def test_every_kind_has_a_verdict(prefix: str, field: str, union: Any) -> None:
    kinds = [
        literal(member, field)
        for member in (union if isinstance(union, list | tuple) else members(union))
    ]
    assert kinds
    assert not [kind for kind in kinds if f"{prefix}.{kind}" not in FIELDS]


def test_every_verdict_says_how() -> None:
    assert not [name for name, verdict in FIELDS.items() if not verdict.how]


@pytest.mark.parametrize(
    "name",
    [name for name, verdict in FIELDS.items() if verdict.kind == "dropped" and "." not in name],
)
def test_what_is_dropped_is_reported(name: str) -> None:
    report = Report()
    assert supported({name: "low" if name == "verbosity" else {"x": 1}}, RECORD, report) == {}
    assert [(note.kind, note.param) for note in report.notes] == [("dropped", name)]


@pytest.mark.parametrize(
    "name",
    [name for name, verdict in FIELDS.items() if verdict.kind == "ignored" and "." not in name],
)
def test_what_is_ignored_is_not(name: str) -> None:
    report = Report()
    assert supported({name: "x"}, RECORD, report) == {}
    assert report.notes == []
