"""The table of fields against the official SDK: everything a chat request can hold has a
verdict."""

from typing import Any, get_args, get_type_hints

import openai.types.chat as chat
import pytest
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)

from translators.chat.parameters import NO_OPS
from translators.claude.request.fields import FIELDS


def _literal(part: Any, name: str) -> str:
    """The one value of a Literal field of a TypedDict."""
    hint = get_type_hints(part)[name]
    value: str = get_args(hint)[0]
    return value


def _kinds(prefix: str, union: Any, name: str) -> list[str]:
    return [f"{prefix}.{_literal(member, name)}" for member in get_args(union)]


EXPECTED = [
    *{
        **get_type_hints(CompletionCreateParamsNonStreaming),
        **get_type_hints(CompletionCreateParamsStreaming),
    },
    *_kinds("role", chat.ChatCompletionMessageParam, "role"),
    *_kinds("content", chat.ChatCompletionContentPartParam, "type"),
    "content.refusal",
    *_kinds("tool", chat.ChatCompletionToolUnionParam, "type"),
    *(f"stream_options.{name}" for name in get_type_hints(chat.ChatCompletionStreamOptionsParam)),
]


@pytest.mark.parametrize("field", EXPECTED)
def test_every_field_of_the_sdk_has_a_verdict(field: str) -> None:
    assert field in FIELDS


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_a_verdict_is_one_sentence(field: str) -> None:
    assert FIELDS[field].how.endswith(".")


def test_values_that_ask_for_nothing_are_of_parameters_with_a_verdict() -> None:
    assert set(NO_OPS) <= set(FIELDS)
