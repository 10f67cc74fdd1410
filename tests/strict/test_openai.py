"""What is refused as Chat Completions refuse it, and what is not."""

from typing import Any

import openai as sdk
import pytest
from aiohttp import ClientSession
from openai import AsyncOpenAI

from gateway.simulator import Simulator

TOOLS: Any = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
                "required": ["city"],
            },
        },
    },
    {"type": "function", "function": {"name": "now"}},
]


def user(text: str) -> Any:
    return [{"role": "user", "content": text}]


ASK = 'Weather? [[sim: call get_weather {"city": "Århus [1]", "rows": [[1]]}]] [[sim: call now]]'


async def test_results_are_quoted_and_not_asked_for_again(openai: AsyncOpenAI) -> None:
    first = await openai.chat.completions.create(model="m", messages=user(ASK), tools=TOOLS)
    message = first.choices[0].message
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": text}
        for call, text in zip(message.tool_calls or [], ["sunny", "noon"], strict=True)
    ]
    history: Any = [*user(ASK), message, *results]
    answer = await openai.chat.completions.create(model="m", messages=history, tools=TOOLS)
    assert answer.choices[0].message.content == "get_weather returned: sunny\nnow returned: noon"
    assert answer.choices[0].finish_reason == "stop"


@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Bearer "}, {"authorization": "Basic key"}]
)
async def test_a_key_is_needed(sim: Simulator, headers: dict[str, str]) -> None:
    async with (
        ClientSession() as http,
        http.post(f"{sim.base_urls['openai']}/chat/completions", headers=headers) as answer,
    ):
        assert (answer.status, (await answer.json())["error"]["code"]) == (401, "invalid_api_key")


CALLING: Any = {
    "role": "assistant",
    "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "now", "arguments": "{}"}}
    ],
}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "robot", "content": "hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages.[0].content"),
        (
            {"messages": [{"role": "user", "content": [{"type": "hologram"}]}]},
            "messages[0].content[0]",
        ),
        ({"messages": [*user("hi"), CALLING]}, "messages"),
        ({"messages": [*user("hi"), CALLING, *user("again")]}, "messages"),
        (
            {"messages": [*user("hi"), {"role": "tool", "tool_call_id": "c1", "content": "x"}]},
            "messages.[1].role",
        ),
        ({"temperature": 3}, "temperature"),
        ({"n": True}, "n"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"tools": []}, "tools"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name"),
        ({"tools": [{"type": "telepathy"}]}, "tools[0].type"),
        ({"tool_choice": "auto"}, "tool_choice"),
        (
            {"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "other"}}},
            "tool_choice",
        ),
        ({"response_format": {"type": "json_object"}}, "messages"),
        ({"foo": 1}, None),
        ({"tools": 7}, "tools"),
        ({"response_format": 7}, None),
        ({"messages": user("[[sim: dance]]")}, None),
    ],
)
async def test_what_the_api_refuses(
    openai: AsyncOpenAI, body: dict[str, Any], param: str | None
) -> None:
    with pytest.raises(sdk.BadRequestError) as raised:
        await openai.post(
            "/chat/completions", cast_to=object, body={"model": "m", "messages": user("hi"), **body}
        )
    assert (raised.value.type, raised.value.param) == ("invalid_request_error", param)


@pytest.mark.parametrize(
    ("model", "effort", "taken"),
    [
        ("gpt-5.4-mini", "low", False),
        ("gpt-5.4", "none", True),
        ("gpt-5.4", None, True),
        ("gpt-5.5", None, False),
        ("gpt-5.6-luna", "high", False),
        ("gpt-6", None, False),
        ("gpt-6", "none", True),
        ("gpt-5", "high", True),
    ],
)
async def test_some_models_do_not_call_functions_while_they_reason(
    openai: AsyncOpenAI, model: str, effort: str | None, taken: bool
) -> None:
    body = {
        "model": model,
        "messages": user("hi"),
        "tools": TOOLS,
        **({} if effort is None else {"reasoning_effort": effort}),
    }
    if taken:
        await openai.post("/chat/completions", cast_to=object, body=body)
        return
    with pytest.raises(sdk.BadRequestError) as raised:
        await openai.post("/chat/completions", cast_to=object, body=body)
    assert raised.value.param == "reasoning_effort"
    assert (
        f"Function tools with reasoning_effort are not supported for {model} in"
        " /v1/chat/completions." in raised.value.message
    )


async def test_such_models_reason_without_functions_and_call_custom_tools(
    openai: AsyncOpenAI,
) -> None:
    await openai.chat.completions.create(
        model="gpt-6", messages=user("hi"), reasoning_effort="high"
    )
    custom: Any = {"type": "custom", "custom": {"name": "shell"}}
    await openai.chat.completions.create(model="gpt-6", messages=user("hi"), tools=[custom])
