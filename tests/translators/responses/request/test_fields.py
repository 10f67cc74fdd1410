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
from translators.responses.request.fields import FIELDS


def _kinds(prefix: str, union: Any, name: str) -> list[str]:
    return [f"{prefix}.{get_args(get_type_hints(member)[name])[0]}" for member in get_args(union)]


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


def test_no_ops_are_of_known_parameters() -> None:
    assert set(NO_OPS) <= set(FIELDS)
