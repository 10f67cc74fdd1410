"""The simulator's Messages API, asked by the official SDK."""

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
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
ASK = 'Weather? [[sim: call get_weather {"city": "Århus"}]] [[sim: call now]]'


def user(text: str) -> Any:
    return [{"role": "user", "content": text}]


async def ask(client: AsyncAnthropic, text: str, **options: Any) -> Any:
    return await client.messages.create(
        **{"model": "claude-any", "max_tokens": 500, "messages": user(text), **options}
    )


async def test_an_answer_names_what_was_said(claude: AsyncAnthropic) -> None:
    answer = await ask(claude, "hello", system="secret")
    assert [(b.type, b.text) for b in answer.content] == [("text", "You said: hello")]
    assert (
        answer.stop_reason,
        answer.model,
        answer.usage.input_tokens,
        answer.usage.output_tokens,
    ) == ("end_turn", "claude-any", 2, 3)


async def test_images_are_counted_with_their_types(claude: AsyncAnthropic) -> None:
    linked = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    answer = await ask(
        claude,
        "",
        messages=[{"role": "user", "content": [PIXEL, linked, {"type": "text", "text": "What?"}]}],
    )
    assert answer.content[0].text == "You said: What?\nImages: 2 (image/png, image/*)"


async def test_a_stream_has_the_events_of_the_api(claude: AsyncAnthropic) -> None:
    raw = await claude.messages.with_raw_response.create(
        model="m", max_tokens=9, messages=user("[[sim: words 2]]"), stream=True
    )
    lines = [line async for line in raw.http_response.aiter_lines() if line.startswith("event: ")]
    assert [line[7:] for line in lines] == [
        "message_start",
        "ping",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


async def test_a_stream_and_a_whole_answer_say_the_same(claude: AsyncAnthropic) -> None:
    text = f"{ASK} [[sim: think]] [[sim: words 9]]"
    whole = await ask(claude, text, tools=TOOLS)
    async with claude.messages.stream(
        model="claude-any", max_tokens=500, messages=user(text), tools=TOOLS
    ) as stream:
        final = await stream.get_final_message()
    seen = [
        [(b.type, getattr(b, "text", None), getattr(b, "input", None)) for b in m.content]
        for m in (whole, final)
    ]
    assert seen[0] == seen[1]
    assert (whole.stop_reason, whole.usage) == (final.stop_reason, final.usage)


async def test_two_calls_in_parallel(claude: AsyncAnthropic) -> None:
    answer = await ask(claude, ASK, tools=TOOLS)
    assert [(b.name, b.input) for b in answer.content] == [
        ("get_weather", {"city": "Århus"}),
        ("now", {}),
    ]
    assert answer.stop_reason == "tool_use"


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"type": "any"}, ["get_weather"]),
        ({"type": "tool", "name": "now"}, ["now"]),
        ({"type": "none"}, []),
        ({"type": "auto", "disable_parallel_tool_use": True}, []),
    ],
)
async def test_tool_choice(claude: AsyncAnthropic, choice: Any, expected: list[str]) -> None:
    answer = await ask(claude, "hi", tools=TOOLS, tool_choice=choice)
    assert [b.name for b in answer.content if b.type == "tool_use"] == expected


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


async def test_a_json_schema_is_kept(claude: AsyncAnthropic) -> None:
    answer = await ask(
        claude, "hi", output_config={"format": {"type": "json_schema", "schema": PERSON}}
    )
    assert answer.content[0].text == '{"name":"example","age":1}'


@pytest.mark.parametrize(
    ("thinking", "expected"),
    [
        ({"type": "adaptive"}, "The user wrote a message, so I think about it and then answer."),
        ({"type": "adaptive", "display": "omitted"}, ""),
        ({"type": "disabled"}, None),
    ],
)
async def test_thinking(claude: AsyncAnthropic, thinking: Any, expected: str | None) -> None:
    answer = await ask(claude, "[[sim: think]]", thinking=thinking)
    assert next((b.thinking for b in answer.content if b.type == "thinking"), None) == expected


async def test_usage_as_told(claude: AsyncAnthropic) -> None:
    usage = (await ask(claude, "[[sim: usage 1000 200 300]]")).usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (
        700,
        300,
        200,
    )


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("[[sim: refuse]]", {}, "refusal"),
        ("[[sim: length]]", {}, "max_tokens"),
        ("[[sim: words 9]]", {"max_tokens": 1}, "max_tokens"),
        ("[[sim: words 9]]", {"stop_sequences": ["fox"]}, "stop_sequence"),
    ],
)
async def test_why_an_answer_ends(
    claude: AsyncAnthropic, text: str, options: Any, expected: str
) -> None:
    assert (await ask(claude, text, **options)).stop_reason == expected


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (404, "not_found_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (503, "api_error"),
        (529, "overloaded_error"),
    ],
)
async def test_errors(claude: AsyncAnthropic, status: int, kind: str) -> None:
    with pytest.raises(sdk.APIStatusError) as raised:
        await ask(claude, f"[[sim: error {status} retry-after 7]]")
    assert (raised.value.status_code, raised.value.type) == (status, kind)
    assert raised.value.response.headers["retry-after"] == "7"


@pytest.mark.parametrize("directive", ["stream-error", "stream-error first"])
async def test_an_error_in_the_stream(claude: AsyncAnthropic, directive: str) -> None:
    stream = await ask(claude, f"[[sim: words 9]] [[sim: {directive}]]", stream=True)
    with pytest.raises(sdk.APIStatusError) as raised:
        async for _ in stream:
            pass
    assert raised.value.type == "overloaded_error"


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


async def test_a_system_message_between_turns_is_no_turn(claude: AsyncAnthropic) -> None:
    answer = await ask(
        claude, "", messages=[*user("hi"), {"role": "system", "content": "Be brief."}]
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
