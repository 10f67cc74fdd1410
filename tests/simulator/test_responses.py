"""The simulator's Responses API, asked by the official SDK."""

import json
from collections.abc import AsyncIterable
from typing import Any

import openai as sdk
import pytest
from aiohttp import ClientSession
from openai import AsyncOpenAI
from pydantic import BaseModel

from gateway.simulator import Simulator

WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city"],
    },
    "strict": False,
}


TOOLS: Any = [WEATHER, {"type": "function", "name": "now", "parameters": None, "strict": False}]


PIXEL = "data:image/png;base64,iVBORw0KGgo="


ASK = 'Weather? [[sim: call get_weather {"city": "Århus [1]", "rows": [[1]]}]] [[sim: call now]]'


THOUGHT = "The user wrote a message, so I think about it and then answer."


class Person(BaseModel):
    name: str
    age: int
    tags: list[str]


async def events_of(client: AsyncOpenAI, text: str, **options: Any) -> list[Any]:
    return [
        event
        async for event in await client.responses.create(
            model="m", input=text, stream=True, **options
        )
    ]


async def collect(stream: AsyncIterable[object], events: list[Any]) -> None:
    async for event in stream:
        events.append(event)


async def test_an_answer_names_what_was_said(openai: AsyncOpenAI) -> None:
    answer = await openai.responses.create(
        model="gpt-any", instructions="secret", input="Grüße \u2028 an 😀", metadata={"a": "b"}
    )
    assert answer.output_text == "You said: Grüße \u2028 an 😀"
    assert (answer.status, answer.model, answer.metadata, answer.instructions) == (
        "completed",
        "gpt-any",
        {"a": "b"},
        "secret",
    )
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.total_tokens) == (
        4,
        5,
        9,
    )


async def test_the_same_request_gets_the_same_answer(openai: AsyncOpenAI) -> None:
    first, second = [await openai.responses.create(model="m", input="hi") for _ in range(2)]
    assert (first.id, first.output) == (second.id, second.output)


async def test_images_and_files_are_counted_with_their_types(openai: AsyncOpenAI) -> None:
    content = [
        {"type": "input_text", "text": "What is this?"},
        {"type": "input_image", "image_url": PIXEL, "detail": "auto"},
        {"type": "input_image", "image_url": "https://example.com/a.png", "detail": "auto"},
        {
            "type": "input_file",
            "filename": "a.pdf",
            "file_data": "data:application/pdf;base64,JVBERi0=",
        },
    ]
    answer = await openai.responses.create(model="m", input=[{"role": "user", "content": content}])  # type: ignore[misc, list-item]
    assert (
        answer.output_text
        == "You said: What is this?\nImages: 2 (image/png, image/*)\nFiles: 1 (application/pdf)"
    )


async def test_the_events_of_a_text(openai: AsyncOpenAI) -> None:
    events = await events_of(openai, "[[sim: words 2]]")
    assert [event.type for event in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event.sequence_number for event in events] == list(range(10))
    assert [event.delta for event in events[4:6]] == ["the", " quick"]
    assert (events[0].response.status, events[0].response.output, events[0].response.usage) == (
        "in_progress",
        [],
        None,
    )
    assert (events[2].item.status, events[2].item.content) == ("in_progress", [])
    assert events[-1].response.output == [events[-2].item]
    assert events[-1].response.output_text == "the quick"


async def test_the_stream_is_the_whole_answer(openai: AsyncOpenAI) -> None:
    async with openai.responses.stream(
        model="m", input=f"[[sim: think]] {ASK}", tools=TOOLS, reasoning={"summary": "auto"}
    ) as stream:
        final = await stream.get_final_response()
    assert [item.type for item in final.output] == ["reasoning", "function_call", "function_call"]


async def test_each_event_is_named(sim: Simulator) -> None:
    body = {"model": "m", "input": "hi", "stream": True}
    url, headers = f"{sim.base_urls['openai']}/responses", {"authorization": "Bearer key"}
    async with ClientSession() as http, http.post(url, json=body, headers=headers) as answer:
        events = (await answer.text()).strip().split("\n\n")
    for event in events:
        name, _, data = event.partition("\n")
        assert name == f"event: {json.loads(data.removeprefix('data: '))['type']}"


@pytest.mark.parametrize(
    ("options", "expected"), [({}, 13), ({"stream_options": {"include_obfuscation": False}}, None)]
)
async def test_deltas_are_padded_unless_that_is_not_wanted(
    openai: AsyncOpenAI, options: Any, expected: int | None
) -> None:
    events = await events_of(openai, "[[sim: words 1]]", **options)
    (delta,) = [event for event in events if event.type == "response.output_text.delta"]
    padding = getattr(delta, "obfuscation", None)
    assert (padding and len(padding)) == expected


async def test_two_calls_in_parallel(openai: AsyncOpenAI) -> None:
    answer = await openai.responses.create(model="m", input=ASK, tools=TOOLS)
    calls: Any = answer.output
    assert [(c.type, c.name, json.loads(c.arguments)) for c in calls] == [
        ("function_call", "get_weather", {"city": "Århus [1]", "rows": [[1]]}),
        ("function_call", "now", {}),
    ]
    assert len({c.call_id for c in calls}) == 2


async def test_the_events_of_two_calls(openai: AsyncOpenAI) -> None:
    events = await events_of(openai, "[[sim: call now]] [[sim: call now]]", tools=TOOLS)
    one = [
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
    ]
    assert [event.type.removeprefix("response.") for event in events[2:-1]] == one * 2
    assert [event.output_index for event in events[2:-1]] == [0] * 4 + [1] * 4
    assert (events[2].item.arguments, events[4].arguments, events[5].item.arguments) == (
        "",
        "{}",
        "{}",
    )


async def test_no_parallel_calls_where_they_are_not_wanted(openai: AsyncOpenAI) -> None:
    answer = await openai.responses.create(
        model="m", input=ASK, tools=TOOLS, parallel_tool_calls=False
    )
    assert len(answer.output) == 1


NOW: Any = {"type": "function", "name": "now"}


HOSTED: Any = {"type": "web_search"}


@pytest.mark.parametrize(
    ("choice", "tools", "expected"),
    [
        ("required", TOOLS, ("get_weather", {"city": "example", "days": 1})),
        (NOW, TOOLS, ("now", {})),
        ({"type": "allowed_tools", "mode": "required", "tools": [NOW]}, TOOLS, ("now", {})),
        ("none", TOOLS, None),
        ("auto", TOOLS, None),
        ("required", [HOSTED], None),
        (HOSTED, [HOSTED, *TOOLS], None),
        ({"type": "allowed_tools", "mode": "auto", "tools": [HOSTED]}, [HOSTED, *TOOLS], None),
        ("auto", [], None),
    ],
)
async def test_what_is_called_by_choice(
    openai: AsyncOpenAI, choice: Any, tools: Any, expected: tuple[str, Any] | None
) -> None:
    item: Any = (
        await openai.responses.create(model="m", input="hi", tools=tools, tool_choice=choice)
    ).output[0]
    assert (None if item.type == "message" else (item.name, json.loads(item.arguments))) == expected


async def test_a_json_schema_is_kept(openai: AsyncOpenAI) -> None:
    answer = await openai.responses.parse(model="m", input="hi", text_format=Person)
    assert answer.output_parsed == Person(name="example", age=1, tags=["example"])


async def test_json_without_a_schema(openai: AsyncOpenAI) -> None:
    answer = await openai.responses.create(
        model="m", input="in json", text={"format": {"type": "json_object"}}
    )
    assert json.loads(answer.output_text) == {"answer": "You said: in json"}


@pytest.mark.parametrize(
    ("reasoning", "include", "summary", "sealed"),
    [
        (None, None, [], False),
        ({"effort": "low"}, ["reasoning.encrypted_content"], [], True),
        ({"effort": "low", "summary": "auto"}, ["reasoning.encrypted_content"], [THOUGHT], True),
    ],
)
async def test_what_is_told_of_reasoning(
    openai: AsyncOpenAI, reasoning: Any, include: Any, summary: list[str], sealed: bool
) -> None:
    answer = await openai.responses.create(
        model="m", input="[[sim: think]] hi", reasoning=reasoning, include=include
    )
    item: Any = answer.output[0]
    assert (
        item.type,
        [part.text for part in item.summary],
        item.encrypted_content is not None,
    ) == ("reasoning", summary, sealed)
    assert answer.usage is not None
    assert answer.usage.output_tokens_details.reasoning_tokens == 15


async def test_no_reasoning_where_none_is_wanted(openai: AsyncOpenAI) -> None:
    answer = await openai.responses.create(
        model="m", input="[[sim: think]] hi", reasoning={"effort": "none"}
    )
    assert [item.type for item in answer.output] == ["message"]


async def test_the_events_of_reasoning(openai: AsyncOpenAI) -> None:
    options: Any = {"reasoning": {"summary": "auto"}, "include": ["reasoning.encrypted_content"]}
    events = await events_of(openai, "[[sim: think]] [[sim: words 1]]", **options)
    own = [event for event in events if getattr(event, "output_index", None) == 0]
    assert list(dict.fromkeys(event.type.removeprefix("response.") for event in own)) == [
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
    ]
    assert "".join(event.delta for event in own[2:-3]) == own[-3].text == THOUGHT
    assert (
        own[0].item.summary,
        own[0].item.encrypted_content,
        own[-1].item.encrypted_content is None,
    ) == ([], None, False)


async def test_usage_as_told(openai: AsyncOpenAI) -> None:
    usage = (await openai.responses.create(model="m", input="[[sim: usage 1000 200 300]]")).usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens, usage.input_tokens_details.cached_tokens) == (
        1000,
        200,
        300,
    )


@pytest.mark.parametrize("stream", [False, True])
async def test_a_refusal(openai: AsyncOpenAI, stream: bool) -> None:
    if stream:
        events = await events_of(openai, "[[sim: refuse]]")
        assert (
            "".join(event.delta for event in events if event.type == "response.refusal.delta")
            == "I can't help with that."
        )
        answer = events[-1].response
    else:
        answer = await openai.responses.create(model="m", input="[[sim: refuse]]")
    assert [(part.type, part.refusal) for part in answer.output[0].content] == [
        ("refusal", "I can't help with that.")
    ]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("[[sim: words 4]] [[sim: length]]", {}, "the quick"),
        (
            "[[sim: words 20]]",
            {"max_output_tokens": 16},
            "the quick brown fox jumps over the lazy dog and runs home the qu",
        ),
    ],
)
async def test_an_answer_cut_by_the_limit(
    openai: AsyncOpenAI, text: str, options: Any, expected: str, stream: bool
) -> None:
    if stream:
        events = await events_of(openai, text, **options)
        assert events[-1].type == "response.incomplete"
        answer = events[-1].response
    else:
        answer = await openai.responses.create(model="m", input=text, **options)
    assert (answer.output_text, answer.status, answer.incomplete_details.reason) == (
        expected,
        "incomplete",
        "max_output_tokens",
    )
    assert [item.status for item in answer.output] == ["incomplete"]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, sdk.BadRequestError),
        (401, sdk.AuthenticationError),
        (404, sdk.NotFoundError),
        (500, sdk.InternalServerError),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_errors(
    openai: AsyncOpenAI, status: int, expected: type[Exception], stream: bool
) -> None:
    with pytest.raises(expected):
        await openai.responses.create(model="m", input=f"[[sim: error {status}]]", stream=stream)


async def test_retry_after_is_a_header(openai: AsyncOpenAI) -> None:
    with pytest.raises(sdk.RateLimitError) as raised:
        await openai.responses.create(model="m", input="[[sim: error 429 retry-after 7]]")
    assert (raised.value.response.headers["retry-after"], raised.value.code) == (
        "7",
        "rate_limit_exceeded",
    )


async def test_a_response_that_fails_in_the_stream(openai: AsyncOpenAI) -> None:
    events = await events_of(openai, "[[sim: words 9]] [[sim: stream-error]]")
    assert [event.delta for event in events if event.type == "response.output_text.delta"] == [
        "the",
        " quick",
    ]
    failed = events[-1]
    assert (failed.type, failed.sequence_number, failed.response.status) == (
        "response.failed",
        len(events) - 1,
        "failed",
    )
    assert failed.response.error.code == "server_error"


async def test_an_error_before_the_response(openai: AsyncOpenAI) -> None:
    (event,) = await events_of(openai, "[[sim: stream-error first]]")
    assert (event.type, event.sequence_number, event.code) == ("error", 0, "server_error")


async def test_a_cut_stream_breaks_off(openai: AsyncOpenAI) -> None:
    stream = await openai.responses.create(
        model="m", input="[[sim: words 9]] [[sim: cut 3]]", stream=True
    )
    events: list[Any] = []
    with pytest.raises(sdk.APIConnectionError):
        await collect(stream, events)
    assert [event.delta for event in events if event.type == "response.output_text.delta"] == [
        "the",
        " quick",
        " brown",
    ]


async def test_a_truncated_stream_ends_without_its_last_event(openai: AsyncOpenAI) -> None:
    events = await events_of(openai, "[[sim: words 9]] [[sim: truncate 3]]")
    assert events[-1].delta == " brown"


async def test_directives_and_records_know_it_as_openai(
    sim: Simulator, openai: AsyncOpenAI
) -> None:
    await openai.responses.create(model="m", input="[[sim: fail claude]]")
    with pytest.raises(sdk.InternalServerError):
        await openai.responses.create(model="m", input="[[sim: fail openai]]")
    assert [(arrival.dialect, arrival.path) for arrival in sim.requests] == [
        ("openai", "/openai/v1/responses")
    ] * 2
