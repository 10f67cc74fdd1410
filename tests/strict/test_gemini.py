"""What is refused as Google's generateContent refuses it, and what is not."""

from typing import Any

import pytest
from aiohttp import ClientSession
from google import genai
from google.genai import types

from gateway.simulator import Simulator

WEATHER = {
    "name": "get_weather",
    "parametersJsonSchema": {"type": "object", "properties": {"city": {"type": "string"}}},
}


TOOLS: Any = [{"functionDeclarations": [WEATHER, {"name": "now"}]}]


ASK = 'Weather? [[sim: call get_weather {"city": "Århus"}]] [[sim: call now]]'


async def ask(
    client: genai.Client, contents: Any, model: str = "gemini-3.5-flash", **config: Any
) -> types.GenerateContentResponse:
    options = types.GenerateContentConfig(
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True), **config
    )
    return await client.aio.models.generate_content(model=model, contents=contents, config=options)


def parts(answer: types.GenerateContentResponse) -> list[types.Part]:
    assert answer.candidates
    assert answer.candidates[0].content
    return answer.candidates[0].content.parts or []


async def test_results_are_quoted(gemini: genai.Client) -> None:
    first = await ask(gemini, ASK, tools=TOOLS)
    assert first.candidates
    answers: list[dict[str, Any]] = [{"output": "sunny"}, {"hour": 12}]
    results = [
        types.Part(
            function_response=types.FunctionResponse(id=call.id, name=call.name, response=response)
        )
        for call, response in zip(first.function_calls or [], answers, strict=True)
    ]
    history = [
        types.UserContent(parts=[types.Part(text=ASK)]),
        first.candidates[0].content,
        types.UserContent(parts=results),
    ]
    assert (
        await ask(gemini, history, tools=TOOLS)
    ).text == 'get_weather returned: sunny\nnow returned: {"hour":12}'


async def test_a_key_is_needed(sim: Simulator) -> None:
    url = f"{sim.base_urls['gemini']}/v1beta/models/gemini-3.5-flash:generateContent"
    async with ClientSession() as http, http.post(url) as answer:
        assert (answer.status, (await answer.json())["error"]["status"]) == (
            403,
            "PERMISSION_DENIED",
        )


def content(role: str, *parts: Any) -> Any:
    return {"role": role, "parts": list(parts)}


HI = content("user", {"text": "hi"})


CALL = {"functionCall": {"id": "c1", "name": "now"}, "thoughtSignature": "c2ln"}


RESULT = {"functionResponse": {"id": "c1", "name": "now", "response": {"output": "noon"}}}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"contents": []}, "contents is not specified"),
        ({"contents": [content("user")]}, "parts must not be empty"),
        ({"contents": [content("robot", {"text": "hi"})]}, "valid role"),
        ({"contents": [content("user", {"text": ""})]}, "required oneof field"),
        ({"contents": [content("user", {})]}, "required oneof field"),
        (
            {"contents": [content("user", {"text": "hi", "functionCall": {"name": "now"}})]},
            "already set",
        ),
        (
            {"contents": [content("user", {"text": "hi", "cache_control": {}})]},
            'Unknown name "cacheControl"',
        ),
        (
            {
                "contents": [
                    content("user", {"inlineData": {"mimeType": "image/png", "data": "%%%"}})
                ]
            },
            "Base64 decoding failed",
        ),
        ({"contents": [HI, content("model", CALL)]}, "followed by a function response turn"),
        ({"contents": [HI, content("model", CALL), HI]}, "number of function response parts"),
        (
            {"contents": [HI, content("model", CALL), content("user", RESULT, RESULT)]},
            "number of function response parts",
        ),
        ({"contents": [content("user", RESULT)]}, "number of function response parts"),
        ({"contents": [content("user", CALL), content("user", RESULT)]}, "comes from the model"),
        (
            {
                "contents": [
                    HI,
                    content("model", CALL),
                    content("user", {"functionResponse": {"id": "c1", "name": "x"}}),
                ]
            },
            "names and ids",
        ),
        (
            {
                "contents": [
                    HI,
                    content("model", {"functionCall": CALL["functionCall"]}),
                    content("user", RESULT),
                ]
            },
            "missing a thought_signature",
        ),
        (
            {
                "contents": [
                    HI,
                    content("model", CALL | {"thoughtSignature": "%"}),
                    content("user", RESULT),
                ]
            },
            "Corrupted thought signature",
        ),
        (
            {"contents": [HI, content("model", {"functionCall": {"name": ""}})]},
            "Name cannot be empty",
        ),
        (
            {"contents": [HI, content("model", {"functionCall": {"name": "now", "args": []}})]},
            "a Struct is expected",
        ),
        ({"foo": 1}, 'Unknown name "foo"'),
        ({"generationConfig": {"foo": 1}}, "Unknown name \"foo\" at 'generation_config'"),
        ({"generationConfig": {"responseSchema": {}}}, "requires a response mime type"),
        ({"tools": [{"functionDeclarations": [{"name": "1a"}]}]}, "Invalid function name"),
        (
            {"tools": [{"functionDeclarations": [{"name": "a"}, {"name": "a"}]}]},
            "Duplicate function declaration",
        ),
        (
            {"tools": [{"functionDeclarations": [{"name": "a", "strict": True}]}]},
            'Unknown name "strict"',
        ),
        (
            {
                "tools": [
                    {
                        "functionDeclarations": [
                            {"name": "a", "parameters": {}, "parametersJsonSchema": {}}
                        ]
                    }
                ]
            },
            "exclusive",
        ),
        (
            {"toolConfig": {"functionCallingConfig": {"mode": "SOME"}}},
            "function_calling_config.mode",
        ),
        (
            {"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}},
            "without function_declarations",
        ),
        (
            {
                "tools": TOOLS,
                "toolConfig": {"functionCallingConfig": {"allowedFunctionNames": ["now"]}},
            },
            "allowed_function_names",
        ),
        ({"contents": 7}, "wrong type"),
        ({"generationConfig": 7}, "expected an object"),
    ],
)
async def test_what_the_api_refuses(sim: Simulator, body: dict[str, Any], words: str) -> None:
    error = await refusal(sim, "gemini-3.5-flash", body)
    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    assert words in error["message"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"contents": [HI, content("model", CALL), content("user", RESULT)]}, 'Unknown name "id"'),
        (
            {"tools": TOOLS, "generationConfig": {"responseMimeType": "application/json"}},
            "is unsupported",
        ),
    ],
)
async def test_what_the_second_generation_refuses(
    sim: Simulator, body: dict[str, Any], words: str
) -> None:
    assert words in (await refusal(sim, "gemini-2.5-flash", body))["message"]


async def refusal(sim: Simulator, model: str, body: dict[str, Any]) -> dict[str, Any]:
    url = f"{sim.base_urls['gemini']}/v1beta/models/{model}:generateContent"
    async with (
        ClientSession() as http,
        http.post(
            url, json={"contents": [HI], **body}, headers={"x-goog-api-key": "key"}
        ) as answer,
    ):
        error: dict[str, Any] = (await answer.json())["error"]
        return error
