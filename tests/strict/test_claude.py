"""What is refused as Anthropic's Messages API refuses it, and what is not."""

from typing import Any

import anthropic as sdk
import pytest
from aiohttp import ClientSession
from anthropic import AsyncAnthropic

from gateway.simulator import Simulator

TOOLS: Any = [
    {
        "name": "get_weather",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
    {"name": "now", "input_schema": {"type": "object"}},
]


PIXEL: Any = {
    "type": "image",
    "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="},
}


ASK = 'Weather? [[sim: call get_weather {"city": "Århus"}]] [[sim: call now]]'


def user(text: str) -> Any:
    return [{"role": "user", "content": text}]


async def ask(client: AsyncAnthropic, text: str, **options: Any) -> Any:
    return await client.messages.create(
        **{"model": "claude-any", "max_tokens": 500, "messages": user(text), **options}
    )


async def test_results_are_quoted_and_thinking_comes_back_as_it_was(claude: AsyncAnthropic) -> None:
    text = f"{ASK} [[sim: think]]"
    first = await ask(claude, text, tools=TOOLS)
    calls = [b for b in first.content if b.type == "tool_use"]
    results = [
        {"type": "tool_result", "tool_use_id": c.id, "content": t}
        for c, t in zip(calls, ["sunny", "noon"], strict=True)
    ]
    history = [
        *user(text),
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": results},
    ]
    answer = await ask(claude, "", messages=history, tools=TOOLS)
    assert answer.content[-1].text == "get_weather returned: sunny\nnow returned: noon"


@pytest.mark.parametrize(
    ("header", "value", "expected"),
    [
        ("x-api-key", "key", 200),
        ("authorization", "Bearer key", 200),
        ("x-api-key", " ", 401),
        ("x-other", "key", 401),
    ],
)
async def test_either_header_carries_the_key(
    sim: Simulator, header: str, value: str, expected: int
) -> None:
    body = {"model": "m", "max_tokens": 9, "messages": user("hi")}
    headers = {header: value, "anthropic-version": "2026-10-21"}
    async with (
        ClientSession() as http,
        http.post(f"{sim.base_urls['claude']}/v1/messages", json=body, headers=headers) as answer,
    ):
        assert answer.status == expected


async def test_the_version_is_needed(sim: Simulator) -> None:
    async with (
        ClientSession() as http,
        http.post(f"{sim.base_urls['claude']}/v1/messages", headers={"x-api-key": "key"}) as answer,
    ):
        assert (answer.status, (await answer.json())["error"]["message"]) == (
            400,
            "anthropic-version: header is required",
        )


async def test_sampling_belongs_to_the_older_version(claude: AsyncAnthropic) -> None:
    with pytest.raises(sdk.BadRequestError):
        await ask(claude, "hi", extra_body={"temperature": 1})
    answer = await ask(
        claude,
        "hi",
        extra_body={"temperature": 1},
        extra_headers={"anthropic-version": "2023-06-01"},
    )
    assert answer.content[0].text == "You said: hi"


def turn(role: str, *blocks: Any) -> Any:
    return {"role": role, "content": list(blocks)}


TEXT = {"type": "text", "text": "hi"}


CALL = {"type": "tool_use", "id": "t1", "name": "now", "input": {}}


RESULT = {"type": "tool_result", "tool_use_id": "t1", "content": "noon"}


SCHEMA: Any = {"type": "object"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"messages": []}, "at least one message"),
        ({"messages": [turn("assistant", TEXT), *user("hi")]}, "first message must use"),
        ({"messages": [turn("system", TEXT), *user("hi")]}, "first message must use"),
        ({"messages": [*user("hi"), turn("system", TEXT), *user("hi")]}, "role 'system'"),
        ({"messages": [turn("robot", TEXT)]}, "messages.0.role"),
        ({"messages": user("")}, "non-empty content"),
        ({"messages": [turn("user", {"type": "text", "text": ""})]}, "must be non-empty"),
        (
            {"messages": [{"role": "user", "content": "hi", "name": "Bo"}]},
            "messages.0.name: Extra inputs",
        ),
        (
            {"messages": [turn("user", TEXT | {"foo": 1})]},
            "messages.0.content.0.text.foo: Extra inputs",
        ),
        (
            {"messages": [*user("hi"), turn("assistant", {"type": "text", "text": "so "})]},
            "trailing whitespace",
        ),
        (
            {"messages": [*user("hi"), turn("assistant", CALL), *user("hi")], "tools": TOOLS},
            "without `tool_result` blocks",
        ),
        (
            {"messages": [*user("hi"), turn("assistant", CALL)], "tools": TOOLS},
            "without `tool_result` blocks",
        ),
        ({"messages": [turn("user", RESULT)], "tools": TOOLS}, "unexpected `tool_use_id`"),
        (
            {
                "messages": [*user("hi"), turn("assistant", CALL), turn("user", RESULT, RESULT)],
                "tools": TOOLS,
            },
            "single result",
        ),
        (
            {
                "messages": [*user("hi"), turn("assistant", CALL, CALL), turn("user", RESULT)],
                "tools": TOOLS,
            },
            "must be unique",
        ),
        (
            {
                "messages": [*user("hi"), turn("assistant", CALL), turn("user", TEXT, RESULT)],
                "tools": TOOLS,
            },
            "before other content",
        ),
        (
            {"messages": [*user("hi"), turn("assistant", CALL), turn("user", RESULT)]},
            "must define tools",
        ),
        (
            {
                "messages": [
                    *user("hi"),
                    turn("assistant", CALL | {"id": "a.b"}),
                    turn("user", RESULT),
                ],
                "tools": TOOLS,
            },
            "should match",
        ),
        ({"messages": [turn("user", CALL)]}, "not allowed in user messages"),
        (
            {
                "messages": [
                    *user("hi"),
                    turn("assistant", {"type": "thinking", "thinking": "a", "signature": "b"}),
                ]
            },
            "Invalid `signature`",
        ),
        (
            {
                "messages": [
                    turn("user", PIXEL | {"source": PIXEL["source"] | {"media_type": "image/bmp"}})
                ]
            },
            "media_type",
        ),
        (
            {"messages": [turn("user", PIXEL | {"source": PIXEL["source"] | {"data": "%%%"}})]},
            "Invalid base64",
        ),
        ({"system": [{"type": "text", "text": ""}]}, "system: text content blocks"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"foo": 1}, "foo: Extra inputs"),
        ({"temperature": 1.5}, "temperature"),
        ({"temperature": 1, "top_p": 1}, "cannot both be specified"),
        ({"stop_sequences": [" "]}, "stop_sequences"),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 1024},
            "budget_tokens",
        ),
        ({"tools": [{"name": "a b", "input_schema": SCHEMA}]}, "tools.0.custom.name"),
        ({"tools": [{"name": "a", "input_schema": SCHEMA}] * 2}, "must be unique"),
        ({"tools": [{"name": "a", "input_schema": {"type": "string"}}]}, "input_schema.type"),
        ({"tools": [{"name": "a", "input_schema": SCHEMA | {"anyOf": []}}]}, "at the top level"),
        ({"tools": [{"name": "a", "input_schema": SCHEMA, "foo": 1}]}, "tools.0.custom.foo"),
        ({"tool_choice": {"type": "any"}}, "tool_choice"),
        ({"tools": TOOLS, "tool_choice": {"type": "tool", "name": "other"}}, "tool_choice"),
        (
            {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
            "additionalProperties",
        ),
        ({"output_config": {"format": {"type": "json"}}}, "output_config.format"),
        ({"thinking": 7}, "wrong type"),
    ],
)
async def test_what_the_api_refuses(
    claude: AsyncAnthropic, body: dict[str, Any], words: str
) -> None:
    full = {"model": "m", "max_tokens": 500, "messages": user("hi"), **body}
    with pytest.raises(sdk.BadRequestError) as raised:
        await claude.post(
            "/v1/messages",
            cast_to=object,
            body=full,
            options={"headers": {"anthropic-version": "2023-06-01"}},
        )
    assert raised.value.type == "invalid_request_error"
    assert words in (raised.value.api_message or "")
