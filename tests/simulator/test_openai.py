"""The simulator's Chat Completions, asked by the official SDK."""

import json
from collections.abc import AsyncIterable
from typing import Any

import openai as sdk
import pytest
from openai import AsyncOpenAI
from pydantic import BaseModel

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


PIXEL = "data:image/png;base64,iVBORw0KGgo="


class Person(BaseModel):
    name: str
    age: int
    tags: list[str]


def user(text: str) -> Any:
    return [{"role": "user", "content": text}]


async def collect(stream: AsyncIterable[object], chunks: list[object]) -> None:
    async for chunk in stream:
        chunks.append(chunk)


async def test_an_answer_names_what_was_said(openai: AsyncOpenAI) -> None:
    answer = await openai.chat.completions.create(
        model="gpt-any",
        messages=[{"role": "system", "content": "secret"}, *user("Grüße \u2028 an 😀")],
    )
    assert answer.choices[0].message.content == "You said: Grüße \u2028 an 😀"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == "gpt-any"
    assert answer.usage is not None
    assert (
        answer.usage.prompt_tokens,
        answer.usage.completion_tokens,
        answer.usage.total_tokens,
    ) == (4, 5, 9)


async def test_the_same_request_gets_the_same_id_and_answer(openai: AsyncOpenAI) -> None:
    first, second = [
        await openai.chat.completions.create(model="m", messages=user("hi")) for _ in range(2)
    ]
    assert (first.id, first.choices) == (second.id, second.choices)


async def test_images_are_counted_with_their_types(openai: AsyncOpenAI) -> None:
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": PIXEL}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {
            "type": "file",
            "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="},
        },
    ]
    answer = await openai.chat.completions.create(
        model="m", messages=[{"role": "user", "content": content}]
    )  # type: ignore[misc, list-item]
    assert (
        answer.choices[0].message.content
        == "You said: What is this?\nImages: 2 (image/png, image/*)\nFiles: 1 (application/pdf)"
    )


async def test_a_stream_comes_in_words_and_counts_at_its_end(openai: AsyncOpenAI) -> None:
    stream = await openai.chat.completions.create(
        model="m",
        messages=user("[[sim: words 5]]"),
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]
    assert [c.choices[0].delta.content for c in chunks[:-1]] == [
        "",
        "the",
        " quick",
        " brown",
        " fox",
        " jumps",
        None,
    ]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [c.choices[0].finish_reason for c in chunks[:-1]] == [None] * 6 + ["stop"]
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert {c.usage for c in chunks[:-1]} == {None}


async def test_a_stream_without_include_usage_tells_none(openai: AsyncOpenAI) -> None:
    stream = await openai.chat.completions.create(model="m", messages=user("hi"), stream=True)
    assert [chunk.usage async for chunk in stream if chunk.usage] == []


async def test_choices_are_as_many_as_asked_for(openai: AsyncOpenAI) -> None:
    answer = await openai.chat.completions.create(model="m", messages=user("hi"), n=3)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]


ASK = 'Weather? [[sim: call get_weather {"city": "Århus [1]", "rows": [[1]]}]] [[sim: call now]]'


async def test_two_calls_in_parallel(openai: AsyncOpenAI) -> None:
    answer = await openai.chat.completions.create(model="m", messages=user(ASK), tools=TOOLS)
    choice = answer.choices[0]
    calls: Any = choice.message.tool_calls
    assert [(c.function.name, json.loads(c.function.arguments)) for c in calls] == [
        ("get_weather", {"city": "Århus [1]", "rows": [[1]]}),
        ("now", {}),
    ]
    assert len({c.id for c in calls}) == 2
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", None)


async def test_two_calls_in_a_stream(openai: AsyncOpenAI) -> None:
    async with openai.chat.completions.stream(model="m", messages=user(ASK), tools=TOOLS) as stream:
        final = await stream.get_final_completion()
    calls: Any = final.choices[0].message.tool_calls
    assert [c.function.name for c in calls] == ["get_weather", "now"]
    assert json.loads(calls[0].function.arguments) == {"city": "Århus [1]", "rows": [[1]]}


async def test_no_parallel_calls_where_they_are_not_wanted(openai: AsyncOpenAI) -> None:
    answer = await openai.chat.completions.create(
        model="m", messages=user(ASK), tools=TOOLS, parallel_tool_calls=False
    )
    assert len(answer.choices[0].message.tool_calls or []) == 1


async def test_a_required_call_fits_the_schema(openai: AsyncOpenAI) -> None:
    answer = await openai.chat.completions.create(
        model="m", messages=user("hi"), tools=TOOLS, tool_choice="required"
    )
    call: Any = (answer.choices[0].message.tool_calls or [])[0]
    assert (call.function.name, json.loads(call.function.arguments)) == (
        "get_weather",
        {"city": "example", "days": 1},
    )


async def test_the_named_tool_is_called(openai: AsyncOpenAI) -> None:
    choice: Any = {"type": "function", "function": {"name": "now"}}
    answer = await openai.chat.completions.create(
        model="m", messages=user("hi"), tools=TOOLS, tool_choice=choice
    )
    call: Any = (answer.choices[0].message.tool_calls or [])[0]
    assert call.function.name == "now"


async def test_none_is_called_where_none_is_wanted(openai: AsyncOpenAI) -> None:
    answer = await openai.chat.completions.create(
        model="m", messages=user(ASK), tools=TOOLS, tool_choice="none"
    )
    assert answer.choices[0].message.tool_calls is None


async def test_a_custom_tool_gets_a_text(openai: AsyncOpenAI) -> None:
    tool: Any = {"type": "custom", "custom": {"name": "shell"}}
    answer = await openai.chat.completions.create(
        model="m", messages=user('[[sim: call shell "ls -l"]]'), tools=[tool]
    )
    call: Any = (answer.choices[0].message.tool_calls or [])[0]
    assert (call.type, call.custom.name, call.custom.input) == ("custom", "shell", "ls -l")


async def test_a_json_schema_is_kept(openai: AsyncOpenAI) -> None:
    answer = await openai.chat.completions.parse(
        model="m", messages=user("hi"), response_format=Person
    )
    assert answer.choices[0].message.parsed == Person(name="example", age=1, tags=["example"])


async def test_json_without_a_schema(openai: AsyncOpenAI) -> None:
    answer = await openai.chat.completions.create(
        model="m", messages=user("in json"), response_format={"type": "json_object"}
    )
    assert json.loads(answer.choices[0].message.content or "") == {"answer": "You said: in json"}


async def test_thinking_is_counted(openai: AsyncOpenAI) -> None:
    answer = await openai.chat.completions.create(model="m", messages=user("[[sim: think]]"))
    assert answer.usage is not None
    assert answer.usage.completion_tokens_details is not None
    assert answer.usage.completion_tokens_details.reasoning_tokens == 15


async def test_usage_as_told(openai: AsyncOpenAI) -> None:
    answer = await openai.chat.completions.create(
        model="m", messages=user("[[sim: usage 1000 200 300]]")
    )
    assert answer.usage is not None
    assert answer.usage.prompt_tokens_details is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (1000, 200)
    assert answer.usage.prompt_tokens_details.cached_tokens == 300


async def test_a_refusal(openai: AsyncOpenAI) -> None:
    message = (
        (await openai.chat.completions.create(model="m", messages=user("[[sim: refuse]]")))
        .choices[0]
        .message
    )
    assert (message.content, message.refusal) == (None, "I can't help with that.")


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("[[sim: words 4]] [[sim: length]]", {}, ("the quick", "length")),
        ("[[sim: words 9]]", {"max_completion_tokens": 2}, ("the quic", "length")),
        ("[[sim: words 9]]", {"stop": " brown"}, ("the quick", "stop")),
        ("[[sim: words 9]]", {"stop": ["fox", "brown"]}, ("the quick ", "stop")),
    ],
)
async def test_where_an_answer_ends(
    openai: AsyncOpenAI, text: str, options: Any, expected: tuple[str, str]
) -> None:
    choice = (
        await openai.chat.completions.create(model="m", messages=user(text), **options)
    ).choices[0]
    assert (choice.message.content, choice.finish_reason) == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, sdk.BadRequestError),
        (401, sdk.AuthenticationError),
        (404, sdk.NotFoundError),
        (429, sdk.RateLimitError),
        (500, sdk.InternalServerError),
        (529, sdk.InternalServerError),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_errors(
    openai: AsyncOpenAI, status: int, expected: type[Exception], stream: bool
) -> None:
    with pytest.raises(expected):
        await openai.chat.completions.create(
            model="m", messages=user(f"[[sim: error {status}]]"), stream=stream
        )


async def test_retry_after_is_a_header(openai: AsyncOpenAI) -> None:
    with pytest.raises(sdk.RateLimitError) as raised:
        await openai.chat.completions.create(
            model="m", messages=user("[[sim: error 429 retry-after 7]]")
        )
    assert raised.value.response.headers["retry-after"] == "7"
    assert raised.value.code == "rate_limit_exceeded"


@pytest.mark.parametrize(("directive", "before"), [("stream-error", 3), ("stream-error first", 0)])
async def test_an_error_in_the_stream(openai: AsyncOpenAI, directive: str, before: int) -> None:
    stream = await openai.chat.completions.create(
        model="m", messages=user(f"[[sim: words 9]] [[sim: {directive}]]"), stream=True
    )
    chunks: list[object] = []
    with pytest.raises(sdk.APIError):
        await collect(stream, chunks)
    assert len(chunks) == before
