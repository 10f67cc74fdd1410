"""Every field, block and tool of the newest SDK has a verdict, and every verdict is borne out."""

import typing
from typing import Any

import pytest
from anthropic.types import (
    content_block_param,
    message_count_tokens_params,
    message_create_params,
    tool_union_param,
)
from anthropic.types.beta import beta_content_block_param, beta_tool_union_param
from anthropic.types.beta import message_create_params as beta_params

from translators.chat.parameters import PARAMETERS
from translators.claude.inbound.fields import BLOCKS, FIELDS, HUB_FIELDS, TOOL_TYPES
from translators.claude.inbound.request import read

PARAMS = (
    message_create_params.MessageCreateParamsStreaming,
    beta_params.MessageCreateParamsStreaming,
    message_count_tokens_params.MessageCountTokensParams,
)
NOT_OF_MESSAGES = {
    "advisor_",
    "computer_",
    "code_execution_",
    "web_fetch_",
    "mcp_toolset",
    "browser_toolset",
    "computer_toolset",
}
"""Types of tools that run at Claude, or that only its models know: they need it."""
VALUES: dict[str, Any] = {
    "context_management": {"edits": [{"type": "compact_20260112"}]},
    "mcp_servers": [{"type": "url", "name": "m", "url": "https://m.example"}],
    "service_tier": "auto",
    "speed": "fast",
    "temperature": 0.5,
    "top_p": 0.5,
    "top_k": 5,
    "thinking": {"type": "adaptive"},
    "output_config": {"effort": "low"},
    "output_format": {"type": "json_schema", "schema": {"type": "object"}},
    "system": "x",
    "stop_sequences": ["x"],
    "stream": True,
    "metadata": {"user_id": "u"},
    "tools": [{"name": "t", "input_schema": {"type": "object"}}],
    "tool_choice": {"type": "any"},
    "max_tokens": 5,
    "model": "asked",
    "messages": [{"role": "user", "content": "x"}],
}


def types_of(union: Any) -> set[str]:
    """The values of `type` of everything in a union."""
    inner = typing.get_args(union)
    if not inner:
        models = getattr(union, "model_fields", None)
        hint = (
            typing.get_type_hints(union).get("type")
            if models is None
            else models["type"].annotation
        )
        return (
            {value for value in _literals(hint) if value is not None} if hint is not None else set()
        )
    if typing.get_origin(union) is typing.Annotated:
        return types_of(inner[0])
    return set().union(*(types_of(each) for each in inner))


def _literals(hint: Any) -> set[Any]:
    if typing.get_origin(hint) is typing.Literal:
        return set(typing.get_args(hint))
    return set().union(*(_literals(each) for each in typing.get_args(hint)))


@pytest.mark.parametrize("params", PARAMS, ids=lambda params: params.__module__)
def test_every_parameter_of_the_sdk_has_a_verdict(params: Any) -> None:
    assert set(typing.get_type_hints(params, include_extras=True)) - set(FIELDS) == set()


@pytest.mark.parametrize(
    "union",
    [content_block_param.ContentBlockParam, beta_content_block_param.BetaContentBlockParam],
    ids=["plain", "beta"],
)
def test_every_block_of_the_sdk_has_a_verdict(union: Any) -> None:
    found = {kind for kind in types_of(union) if isinstance(kind, str)}
    assert "text" in found
    assert found - set(BLOCKS) == set()


@pytest.mark.parametrize(
    "union",
    [tool_union_param.ToolUnionParam, beta_tool_union_param.BetaToolUnionParam],
    ids=["plain", "beta"],
)
def test_every_tool_of_the_sdk_has_a_verdict(union: Any) -> None:
    found = {kind for kind in types_of(union) if isinstance(kind, str)}
    assert "custom" in found
    known = tuple(TOOL_TYPES) + tuple(NOT_OF_MESSAGES)
    assert {kind for kind in found if not kind.startswith(known)} == set()


@pytest.mark.parametrize("name", FIELDS)
def test_a_verdict_is_borne_out(name: str) -> None:
    document = {"model": "asked", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}]}
    before = read(document, {}, 0).request.body
    document |= {"tools": VALUES["tools"]} if name == "tool_choice" else {}
    found = read({**document, name: VALUES.get(name, {"a": 1})}, {}, 0)
    kinds = {note.kind for note in found.notes}
    match FIELDS[name].kind:
        case "rejected":
            assert found.natives == (name,)
        case "dropped":
            assert [name] == [note.param for note in found.notes if note.kind == "dropped"]
        case "ignored":
            assert (found.request.body, kinds, found.natives) == (before, set(), ())
        case "mapped":
            assert "dropped" not in kinds
            assert found.natives == ()
            assert found.request.body != before or name in (
                "model",
                "max_tokens",
                "messages",
                "metadata",
                "stream",
            )


def test_fields_of_the_hub_are_its_own() -> None:
    assert set(HUB_FIELDS.values()) <= set(PARAMETERS)
    assert set(HUB_FIELDS) <= set(FIELDS)
