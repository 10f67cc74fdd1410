"""The simulator's generateContent, asked by the official SDK."""

from typing import Any

import pytest
from aiohttp import ClientSession
from google import genai
from google.genai import errors, types
from pydantic import BaseModel

from gateway.simulator import Simulator
from translators import json_codec

WEATHER = {
    "name": "get_weather",
    "parametersJsonSchema": {"type": "object", "properties": {"city": {"type": "string"}}},
}


TOOLS: Any = [{"functionDeclarations": [WEATHER, {"name": "now"}]}]


ASK = 'Weather? [[sim: call get_weather {"city": "Århus"}]] [[sim: call now]]'


class Person(BaseModel):
    name: str
    age: int


async def ask(
    client: genai.Client, contents: Any, model: str = "gemini-3.5-flash", **config: Any
) -> types.GenerateContentResponse:
    options = types.GenerateContentConfig(
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True), **config
    )
    return await client.aio.models.generate_content(model=model, contents=contents, config=options)


async def stream(client: genai.Client, contents: Any) -> list[types.GenerateContentResponse]:
    return [
        chunk
        async for chunk in await client.aio.models.generate_content_stream(
            model="gemini-3.5-flash", contents=contents
        )
    ]


def parts(answer: types.GenerateContentResponse) -> list[types.Part]:
    assert answer.candidates
    assert answer.candidates[0].content
    return answer.candidates[0].content.parts or []


def finish(answer: types.GenerateContentResponse) -> str | None:
    assert answer.candidates
    return answer.candidates[0].finish_reason


async def test_an_answer_names_what_was_said(gemini: genai.Client) -> None:
    answer = await ask(gemini, "hello", system_instruction="secret")
    assert (answer.text, finish(answer), answer.model_version) == (
        "You said: hello",
        "STOP",
        "gemini-3.5-flash",
    )
    usage = answer.usage_metadata
    assert usage is not None
    assert (usage.prompt_token_count, usage.candidates_token_count, usage.total_token_count) == (
        2,
        3,
        5,
    )


async def test_images_are_counted_with_their_types(gemini: genai.Client) -> None:
    image = types.Part.from_bytes(data=b"\x89PNG\r\n\x1a\n", mime_type="image/png")
    linked = types.Part.from_uri(file_uri="https://example.com/a.pdf", mime_type="application/pdf")
    assert (
        await ask(gemini, ["What?", image, linked])
    ).text == "You said: What?\nImages: 1 (image/png)\nFiles: 1 (application/pdf)"


async def test_a_stream_comes_in_words_and_ends_with_its_reason(gemini: genai.Client) -> None:
    chunks = await stream(gemini, "[[sim: words 3]]")
    assert [chunk.text for chunk in chunks] == ["the", " quick", " brown"]
    assert [finish(chunk) for chunk in chunks] == [None, None, "STOP"]
    assert all(chunk.usage_metadata for chunk in chunks)


async def test_without_sse_the_stream_is_one_json_array(sim: Simulator) -> None:
    body = {"contents": [{"parts": [{"text": "[[sim: words 3]]"}]}]}
    url = f"{sim.base_urls['gemini']}/v1beta/models/gemini-3.5-flash:streamGenerateContent"
    async with (
        ClientSession() as http,
        http.post(url, json=body, headers={"x-goog-api-key": "key"}) as answer,
    ):
        frames = json_codec.loads(await answer.read())
    texts = [
        part["text"] for frame in frames for part in frame["candidates"][0]["content"]["parts"]
    ]
    assert "".join(texts) == "the quick brown"


async def test_each_candidate_ends_with_its_reason(sim: Simulator) -> None:
    config = {"candidateCount": 2}
    body = {"contents": [{"parts": [{"text": "[[sim: words 2]]"}]}], "generationConfig": config}
    url = f"{sim.base_urls['gemini']}/v1beta/models/gemini-3.5-flash:streamGenerateContent"
    async with ClientSession() as http, http.post(url, json=body) as answer:
        frames = json_codec.loads(await answer.read())
    candidates = [frame["candidates"][0] for frame in frames]
    assert [(each["index"], each.get("finishReason")) for each in candidates] == [
        (0, None),
        (0, "STOP"),
        (1, None),
        (1, "STOP"),
    ]


async def test_two_calls_in_parallel_of_which_the_first_is_signed(gemini: genai.Client) -> None:
    answer = await ask(gemini, ASK, tools=TOOLS)
    assert [(c.name, c.args or {}) for c in answer.function_calls or []] == [
        ("get_weather", {"city": "Århus"}),
        ("now", {}),
    ]
    assert [part.thought_signature is not None for part in parts(answer)] == [True, False]
    assert finish(answer) == "STOP"


async def test_the_second_generation_has_no_call_ids(gemini: genai.Client) -> None:
    answer = await ask(gemini, ASK, model="gemini-2.5-flash", tools=TOOLS)
    assert [c.id for c in answer.function_calls or []] == [None, None]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"mode": "ANY"}, ["get_weather"]),
        ({"mode": "ANY", "allowedFunctionNames": ["now"]}, ["now"]),
        ({"mode": "NONE"}, []),
        ({"mode": "AUTO"}, []),
    ],
)
async def test_tool_choice(gemini: genai.Client, config: Any, expected: list[str]) -> None:
    answer = await ask(gemini, "hi", tools=TOOLS, tool_config={"functionCallingConfig": config})
    assert [c.name for c in answer.function_calls or []] == expected


@pytest.mark.parametrize("form", ["response_schema", "response_json_schema"])
async def test_a_json_schema_is_kept(gemini: genai.Client, form: str) -> None:
    schema: Any = Person if form == "response_schema" else Person.model_json_schema()
    answer = await ask(gemini, "hi", response_mime_type="application/json", **{form: schema})
    assert Person.model_validate_json(answer.text or "") == Person(name="example", age=1)


async def test_thoughts_are_shown_where_they_are_wanted(gemini: genai.Client) -> None:
    shown = await ask(
        gemini, "[[sim: think]]", thinking_config=types.ThinkingConfig(include_thoughts=True)
    )
    hidden = await ask(gemini, "[[sim: think]]")
    assert [bool(part.thought) for part in parts(shown)] == [True, False]
    assert [bool(part.thought) for part in parts(hidden)] == [False]
    assert [part.thought_signature is not None for part in parts(shown)] == [False, True]
    for answer in (shown, hidden):
        assert answer.usage_metadata is not None
        assert answer.usage_metadata.thoughts_token_count == 15


async def test_usage_as_told(gemini: genai.Client) -> None:
    usage = (await ask(gemini, "[[sim: usage 1000 200 300]]")).usage_metadata
    assert usage is not None
    assert (
        usage.prompt_token_count,
        usage.cached_content_token_count,
        usage.candidates_token_count,
    ) == (1000, 300, 200)


@pytest.mark.parametrize(
    ("text", "config", "expected"),
    [
        ("[[sim: refuse]]", {}, "SAFETY"),
        ("[[sim: length]]", {}, "MAX_TOKENS"),
        ("[[sim: words 9]]", {"max_output_tokens": 2}, "MAX_TOKENS"),
        ("[[sim: words 9]]", {"stop_sequences": ["fox"]}, "STOP"),
    ],
)
async def test_why_an_answer_ends(
    gemini: genai.Client, text: str, config: Any, expected: str
) -> None:
    assert finish(await ask(gemini, text, **config)) == expected


@pytest.mark.parametrize(
    ("status", "name", "kind"),
    [
        (400, "INVALID_ARGUMENT", errors.ClientError),
        (401, "UNAUTHENTICATED", errors.ClientError),
        (404, "NOT_FOUND", errors.ClientError),
        (429, "RESOURCE_EXHAUSTED", errors.ClientError),
        (500, "INTERNAL", errors.ServerError),
        (503, "UNAVAILABLE", errors.ServerError),
        (529, "INTERNAL", errors.ServerError),
    ],
)
async def test_errors(
    gemini: genai.Client, status: int, name: str, kind: type[errors.APIError]
) -> None:
    with pytest.raises(kind) as raised:
        await ask(gemini, f"[[sim: error {status}]]")
    assert (raised.value.code, raised.value.status) == (status, name)


async def test_retry_after_is_a_detail(gemini: genai.Client) -> None:
    with pytest.raises(errors.ClientError) as raised:
        await ask(gemini, "[[sim: error 429 retry-after 7]]")
    assert raised.value.details["error"]["details"][-1] == {
        "@type": "type.googleapis.com/google.rpc.RetryInfo",
        "retryDelay": "7s",
    }


@pytest.mark.parametrize("directive", ["stream-error", "stream-error first"])
async def test_an_error_in_the_stream(gemini: genai.Client, directive: str) -> None:
    with pytest.raises(errors.ServerError) as raised:
        await stream(gemini, f"[[sim: words 9]] [[sim: {directive}]]")
    assert raised.value.status == "UNAVAILABLE"
