"""The official OpenAI SDK against a whole gateway and the simulator, for each provider: what an
application does, it must be able to do.
"""

import base64
import json
import struct
import zlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletion
from pydantic import BaseModel

from gateway.app import running_gateway
from gateway.server.listener import listening
from gateway.simulator import Simulator
from tests.serving import POLICY, Running, files_of
from tests.strict import server as strict

PROVIDERS = ["openai", "claude", "gemini"]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
NOW: Any = {"type": "function", "function": {"name": "now"}}


def png(width: int = 8, height: int = 8) -> str:
    """A real image, as a data URL."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = b"".join(b"\x00" + b"\xff\x00\x00" * width for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    image = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    return "data:image/png;base64," + base64.b64encode(image).decode()


class Stack:
    """The simulator, the gateway in front of it, and a client of the gateway."""

    def __init__(self, sim: Simulator, running: Running, client: AsyncOpenAI) -> None:
        self.sim = sim
        self.running = running
        self.client = client


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    with files_of(POLICY, {}) as real:
        async with strict.running() as sim:
            files = replace(real, simulator=sim.base_urls)
            events: list[Any] = []
            async with (
                running_gateway(
                    files.load(), files, simulated=True, listeners=[events.append]
                ) as gateway,
                listening(gateway, "127.0.0.1", 0) as server,
            ):
                running = Running(f"http://127.0.0.1:{server.port}", gateway, server, events, files)
                async with AsyncOpenAI(
                    base_url=f"{running.url}/v1", api_key="unused", max_retries=0
                ) as client:
                    yield Stack(sim, running, client)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_plain(stack: Stack, provider: str) -> None:
    raw = await stack.client.chat.completions.with_raw_response.create(
        model=f"on_{provider}",
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Grüße \u2028 an 😀"},
        ],
        max_tokens=200,
    )
    answer = raw.parse()
    assert "Grüße \u2028 an 😀" in (answer.choices[0].message.content or "")
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert (
        answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    )
    assert raw.headers["x-llm-router-provider"] == provider
    assert raw.headers["x-llm-router-simulated"] == "true"
    assert raw.headers["x-llm-router-model"] == answer.model
    assert raw.request_id is not None


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_streamed(stack: Stack, provider: str) -> None:
    """Chunks add up to the plain answer; usage comes last, once, because it was asked for."""
    messages: Any = [{"role": "user", "content": "Say something longer. [[sim: words 30]]"}]
    plain = await stack.client.chat.completions.create(model=f"on_{provider}", messages=messages)
    stream = await stack.client.chat.completions.create(
        model=f"on_{provider}",
        messages=messages,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == plain.choices[0].message.content
    assert len({chunk.id for chunk in chunks}) == 1
    assert [c.delta.role for chunk in chunks for c in chunk.choices if c.delta.role] == [
        "assistant"
    ]
    assert [c.finish_reason for chunk in chunks for c in chunk.choices if c.finish_reason] == [
        "stop"
    ]
    assert [chunk.usage is not None for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert plain.usage is not None
    assert chunks[-1].usage.total_tokens == plain.usage.total_tokens
    assert len(chunks) > 10


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_no_usage_chunk_unless_asked(stack: Stack, provider: str) -> None:
    stream = await stack.client.chat.completions.create(
        model=f"on_{provider}", messages=[{"role": "user", "content": "hi"}], stream=True
    )
    assert all(chunk.choices and chunk.usage is None for chunk in [c async for c in stream])


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_two_parallel_tool_calls_streamed_and_a_second_turn(
    stack: Stack, provider: str
) -> None:
    """The SDK's own accumulator gets two calls; their results go back out of order; the model sees
    both.
    """
    ask = 'Weather and time? [[sim: call get_weather {"city": "Åre"}]] [[sim: call now]]'
    messages: Any = [{"role": "user", "content": ask}]
    async with stack.client.chat.completions.stream(
        model=f"on_{provider}", messages=messages, tools=[WEATHER, NOW]
    ) as stream:
        async for _ in stream:
            pass
        first = await stream.get_final_completion()
    message = first.choices[0].message
    assert first.choices[0].finish_reason == "tool_calls"
    assert [
        (c.function.name, json.loads(c.function.arguments)) for c in message.tool_calls or []
    ] == [
        ("get_weather", {"city": "Åre"}),
        ("now", {}),
    ]
    ids = [c.id for c in message.tool_calls or []]
    assert len(set(ids)) == 2
    history = [
        *messages,
        {
            "role": "assistant",
            "content": message.content,
            "tool_calls": [
                {
                    "id": c.id,
                    "type": "function",
                    "function": {"name": c.function.name, "arguments": c.function.arguments},
                }
                for c in message.tool_calls or []
            ],
        },
        {"role": "tool", "tool_call_id": ids[1], "content": "12:30"},
        {"role": "tool", "tool_call_id": ids[0], "content": "snow"},
    ]
    second = await stack.client.chat.completions.create(
        model=f"on_{provider}", messages=history, tools=[WEATHER, NOW]
    )
    assert second.choices[0].finish_reason == "stop"
    assert "12:30" in (second.choices[0].message.content or "")
    assert "snow" in (second.choices[0].message.content or "")


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_forced_tool(stack: Stack, provider: str) -> None:
    answer = await stack.client.chat.completions.create(
        model=f"on_{provider}",
        messages=[{"role": "user", "content": "hi"}],
        tools=[WEATHER, NOW],
        tool_choice={"type": "function", "function": {"name": "get_weather"}},
    )
    (call,) = answer.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert call.function.name == "get_weather"
    assert isinstance(json.loads(call.function.arguments)["city"], str)


class Step(BaseModel):
    explanation: str
    output: float


class Solution(BaseModel):
    steps: list[Step]
    answer: str
    note: str | None


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_parse_into_a_model(stack: Stack, provider: str) -> None:
    answer = await stack.client.chat.completions.parse(
        model=f"on_{provider}",
        messages=[{"role": "user", "content": "Solve 8x + 7 = -23"}],
        response_format=Solution,
    )
    assert isinstance(answer.choices[0].message.parsed, Solution)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_image(stack: Stack, provider: str) -> None:
    answer = await stack.client.chat.completions.create(
        model=f"on_{provider}",
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": png()}},
                ],
            }
        ],
    )
    assert "image/png" in (answer.choices[0].message.content or "")


ERRORS: list[tuple[int, type[openai.APIStatusError]]] = [
    (400, openai.BadRequestError),
    (404, openai.NotFoundError),
    (429, openai.RateLimitError),
    (500, openai.InternalServerError),
    (503, openai.InternalServerError),
]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(("status", "raised"), ERRORS)
@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
async def test_error_classes(
    stack: Stack, provider: str, status: int, raised: type[openai.APIStatusError], stream: bool
) -> None:
    with pytest.raises(raised) as caught:
        await stack.client.chat.completions.create(
            model=f"on_{provider}",
            messages=[{"role": "user", "content": f"[[sim: error {status}]]"}],
            stream=stream,
        )
    assert isinstance(caught.value.body, dict)
    assert set(caught.value.body) >= {"message", "type", "param", "code"}
    assert caught.value.request_id is not None


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_our_own_key_refused_is_never_the_callers_401(stack: Stack, provider: str) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        await stack.client.chat.completions.create(
            model=f"on_{provider}", messages=[{"role": "user", "content": "[[sim: error 401]]"}]
        )
    assert (caught.value.status_code, caught.value.code) == (502, "provider_auth_failed")


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_retry_after_reaches_the_caller(stack: Stack, provider: str) -> None:
    with pytest.raises(openai.RateLimitError) as caught:
        await stack.client.chat.completions.create(
            model=f"on_{provider}",
            messages=[{"role": "user", "content": "[[sim: error 429 retry-after 7]]"}],
        )
    assert caught.value.response.headers["retry-after"] == "7"


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("fault", ["stream-error", "cut 3", "truncate 3", "garbage"])
async def test_a_broken_stream_raises(stack: Stack, provider: str, fault: str) -> None:
    """The caller has part of the text and an error, never a silent end."""
    stream = await stack.client.chat.completions.create(
        model=f"on_{provider}",
        messages=[{"role": "user", "content": f"[[sim: words 30]] [[sim: {fault}]]"}],
        stream=True,
    )
    seen: list[Any] = []

    async def read() -> None:
        async for chunk in stream:
            seen.append(chunk)

    with pytest.raises(openai.APIError):
        await read()
    assert seen
    assert all(choice.finish_reason is None for chunk in seen for choice in chunk.choices)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_fallback_to_the_next_provider(stack: Stack, provider: str) -> None:
    """`all` has three targets: whichever fails, another answers."""
    answer = await stack.client.chat.completions.create(
        model="all", messages=[{"role": "user", "content": f"hi [[sim: fail {provider}]]"}]
    )
    assert "hi" in (answer.choices[0].message.content or "")


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_refusal_and_length(stack: Stack, provider: str) -> None:
    async def ask(text: str) -> ChatCompletion:
        return await stack.client.chat.completions.create(
            model=f"on_{provider}", messages=[{"role": "user", "content": text}]
        )

    assert (await ask("[[sim: length]] [[sim: words 20]]")).choices[0].finish_reason == "length"
    refused = (await ask("[[sim: refuse]]")).choices[0]
    assert refused.finish_reason == "content_filter" or refused.message.refusal


async def test_dropped_parameters_are_named_and_strict_mode_refuses(stack: Stack) -> None:
    messages: Any = [{"role": "user", "content": "hi"}]
    raw = await stack.client.chat.completions.with_raw_response.create(
        model="on_claude", messages=messages, seed=7
    )
    assert "seed" in raw.headers["x-llm-router-dropped-params"]
    with pytest.raises(openai.BadRequestError) as caught:
        await stack.client.chat.completions.create(
            model="on_claude",
            messages=messages,
            seed=7,
            extra_headers={"x-llm-router-strict": "true"},
        )
    assert (caught.value.param, caught.value.code) == ("seed", "unsupported_parameter")
    quiet = await stack.client.chat.completions.with_raw_response.create(
        model="on_claude", messages=messages, seed=7, extra_headers={"x-llm-router-params": "quiet"}
    )
    assert "x-llm-router-dropped-params" not in quiet.headers


async def test_models(stack: Stack) -> None:
    names = [model.id async for model in stack.client.models.list()]
    assert {"on_openai", "all", "openai/gpt-4.1"} <= set(names)
    assert (await stack.client.models.retrieve("openai/gpt-4.1")).owned_by == "openai"
    with pytest.raises(openai.NotFoundError):
        await stack.client.models.retrieve("nobody")


async def test_unknown_model_lists_the_personas(stack: Stack) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        await stack.client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": "hi"}]
        )
    assert caught.value.code == "model_not_found"
    assert "on_claude" in caught.value.message


async def tool_loop(stack: Stack, model: str, second_model: str, stream: bool) -> Any:
    """A plain tool loop: the client sends back only what OpenAI's SDK keeps. Gives the second
    request as the provider got it.
    """
    messages: Any = [
        {"role": "user", "content": '[[sim: think]] [[sim: call get_weather {"city": "Oslo"}]]'}
    ]
    request: Any = {
        "model": model,
        "messages": messages,
        "tools": [WEATHER],
        "reasoning_effort": "low",
    }
    if stream:
        async with stack.client.chat.completions.stream(**request) as events:
            async for _ in events:
                pass
            message = (await events.get_final_completion()).choices[0].message
    else:
        message = (await stack.client.chat.completions.create(**request)).choices[0].message
    calls = [
        {
            "id": c.id,
            "type": "function",
            "function": {"name": c.function.name, "arguments": c.function.arguments},
        }  # type: ignore[union-attr]
        for c in message.tool_calls or []
    ]
    history = [*messages, {"role": "assistant", "content": message.content, "tool_calls": calls}]
    history += [{"role": "tool", "tool_call_id": call["id"], "content": "snow"} for call in calls]
    answer = await stack.client.chat.completions.create(
        **{**request, "model": second_model, "messages": history}
    )
    assert "snow" in (answer.choices[0].message.content or "")
    return stack.sim.requests[-1].body


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
async def test_claudes_thinking_survives_a_plain_tool_loop(stack: Stack, stream: bool) -> None:
    body = await tool_loop(stack, "on_claude", "on_claude", stream)
    (turn,) = [m for m in body["messages"] if m["role"] == "assistant"]
    assert [block["type"] for block in turn["content"]] == ["thinking", "tool_use"]
    assert turn["content"][0]["signature"]


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
async def test_geminis_signature_survives_a_plain_tool_loop(stack: Stack, stream: bool) -> None:
    body = await tool_loop(stack, "on_gemini", "on_gemini", stream)
    (part,) = [p for content in body["contents"] for p in content["parts"] if "functionCall" in p]
    assert part["thoughtSignature"] != "skip_thought_signature_validator"


async def test_signed_reasoning_stays_with_its_model(stack: Stack) -> None:
    """The loop goes on at another provider, without what only the first could read."""
    body = await tool_loop(stack, "on_claude", "on_gemini", stream=True)
    assert "thinking" not in str(body["contents"])
    body = await tool_loop(stack, "on_gemini", "on_claude", stream=False)
    assert "thoughtSignature" not in str(body["messages"])
    body = await tool_loop(stack, "on_claude", "on_openai", stream=False)
    assert [set(m) for m in body["messages"] if m["role"] == "assistant"] == [
        {"role", "content", "tool_calls"}
    ]
