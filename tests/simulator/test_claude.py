"""The simulator's Messages API, asked by the official SDK."""

from typing import Any

import anthropic as sdk
import pytest
from anthropic import AsyncAnthropic

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


async def test_a_system_message_between_turns_is_no_turn(claude: AsyncAnthropic) -> None:
    answer = await ask(
        claude, "", messages=[*user("hi"), {"role": "system", "content": "Be brief."}]
    )
    assert answer.content[0].text == "You said: hi"
