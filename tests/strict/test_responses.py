"""What is refused as OpenAI's Responses API refuses it, and what is not."""

import json
from typing import Any

import openai as sdk
import pytest
from aiohttp import ClientSession
from openai import AsyncOpenAI

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


ASK = 'Weather? [[sim: call get_weather {"city": "Århus [1]", "rows": [[1]]}]] [[sim: call now]]'


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


async def events_of(client: AsyncOpenAI, text: str, **options: Any) -> list[Any]:
    return [
        event
        async for event in await client.responses.create(
            model="m", input=text, stream=True, **options
        )
    ]


NOW: Any = {"type": "function", "name": "now"}


HOSTED: Any = {"type": "web_search"}


async def test_results_are_quoted_and_not_asked_for_again(openai: AsyncOpenAI) -> None:
    first = await openai.responses.create(model="m", input=ASK, tools=TOOLS)
    results = [
        {"type": "function_call_output", "call_id": call.call_id, "output": output}  # type: ignore[union-attr]
        for call, output in zip(
            first.output, ["sunny", [{"type": "input_text", "text": "noon"}]], strict=True
        )
    ]
    history: Any = [user(ASK), *first.output, *results]
    answer = await openai.responses.create(model="m", input=history, tools=TOOLS)
    assert answer.output_text == "get_weather returned: sunny\nnow returned: noon"


async def test_a_custom_tool_gets_a_text_and_its_output_comes_back(openai: AsyncOpenAI) -> None:
    tool: Any = {"type": "custom", "name": "shell"}
    ask = '[[sim: call shell "ls -l"]]'
    events = await events_of(openai, ask, tools=[tool])
    assert "response.custom_tool_call_input.done" in [event.type for event in events]
    call = events[-1].response.output[0]
    assert (call.type, call.name, call.input) == ("custom_tool_call", "shell", "ls -l")
    history: Any = [
        user(ask),
        call,
        {"type": "custom_tool_call_output", "call_id": call.call_id, "output": "empty"},
    ]
    answer = await openai.responses.create(model="m", input=history, tools=[tool])
    assert answer.output_text == "shell returned: empty"


@pytest.mark.parametrize(
    "options", [{"store": False, "include": ["reasoning.encrypted_content"]}, {"store": True}, {}]
)
async def test_reasoning_comes_back(openai: AsyncOpenAI, options: Any) -> None:
    ask = "[[sim: think]] [[sim: call now]]"
    first = await openai.responses.create(model="m", input=ask, tools=TOOLS, **options)
    call: Any = first.output[-1]
    history: Any = [
        user(ask),
        *first.output,
        {"type": "function_call_output", "call_id": call.call_id, "output": "noon"},
    ]
    answer = await openai.responses.create(model="m", input=history, tools=TOOLS, **options)
    assert answer.output_text == "now returned: noon"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"encrypted_content": "Zm9yZ2Vk"}, "invalid_encrypted_content"),
        ({"id": "rs_another"}, "invalid_encrypted_content"),
        ({"encrypted_content": None}, "item_not_found"),
        ({"content": [{"type": "reasoning_text", "text": "x"}]}, "array_above_max_length"),
    ],
)
async def test_reasoning_that_was_not_issued_like_this_is_refused(
    openai: AsyncOpenAI, change: Any, code: str
) -> None:
    options: Any = {"store": False, "include": ["reasoning.encrypted_content"]}
    first = await openai.responses.create(model="m", input="[[sim: think]]", **options)
    thought, said = (item.to_dict() for item in first.output)
    history: Any = [user("hi"), thought | change, said, user("again")]
    with pytest.raises(sdk.APIStatusError) as raised:
        await openai.responses.create(model="m", input=history, **options)
    assert raised.value.code == code


@pytest.mark.parametrize("after", [[], [user("again")]])
async def test_reasoning_alone_is_refused(openai: AsyncOpenAI, after: list[Any]) -> None:
    first = await openai.responses.create(model="m", input="[[sim: think]]")
    history: Any = [user("hi"), first.output[0], *after]
    with pytest.raises(sdk.BadRequestError, match="without its required following item"):
        await openai.responses.create(model="m", input=history)


@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Bearer "}, {"authorization": "Basic key"}]
)
async def test_a_key_is_needed(sim: Simulator, headers: dict[str, str]) -> None:
    async with (
        ClientSession() as http,
        http.post(f"{sim.base_urls['openai']}/responses", headers=headers) as answer,
    ):
        assert (answer.status, (await answer.json())["error"]["code"]) == (401, "invalid_api_key")


CALL = {"type": "function_call", "call_id": "c1", "name": "now", "arguments": "{}"}


OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "x"}


OPEN = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}


CLOSED = OPEN | {"additionalProperties": False}


def schema(form: dict[str, Any]) -> dict[str, Any]:
    return {"text": {"format": {"type": "json_schema", "name": "n", "strict": True, **form}}}


def parts(role: str, *content: Any) -> dict[str, Any]:
    return {"input": [{"role": role, "content": list(content)}]}


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"foo": 1}, "foo", "unknown_parameter"),
        ({"messages": [user("hi")]}, "messages", "unknown_parameter"),
        ({"stop": "x"}, "stop", "unknown_parameter"),
        ({"model": None}, "model", "missing_required_parameter"),
        ({"model": 7}, "model", "invalid_type"),
        ({"input": None}, "input", "missing_required_parameter"),
        ({"input": []}, "input", "missing_required_parameter"),
        ({"input": 7}, "input", "invalid_type"),
        ({"input": [7]}, "input[0]", "invalid_type"),
        ({"input": [{"type": "hologram"}]}, "input[0].type", "invalid_value"),
        ({"input": [{"content": "x"}]}, "input[0]", "invalid_value"),
        ({"input": [{"role": "tool", "content": "x"}]}, "input[0].role", "invalid_value"),
        ({"input": [{"role": "user"}]}, "input[0].content", "missing_required_parameter"),
        ({"input": [user("hi") | {"name": "Bo"}]}, "input[0].name", "unknown_parameter"),
        ({"input": [user("hi") | {"id": "abc"}]}, "input[0].id", "invalid_value"),
        ({"input": [CALL | {"arguments": {}}, OUTPUT]}, "input[0].arguments", "invalid_type"),
        ({"input": [CALL | {"name": "a b"}, OUTPUT]}, "input[0].name", "invalid_value"),
        ({"input": [CALL | {"call_id": "c" * 65}]}, "input[0].call_id", "string_above_max_length"),
        ({"input": [user("hi"), CALL]}, "input", None),
        ({"input": [user("hi"), CALL, user("again"), OUTPUT]}, "input", None),
        ({"input": [user("hi"), OUTPUT]}, "input", None),
        (
            {"input": [user("hi"), CALL, OUTPUT | {"type": "custom_tool_call_output"}]},
            "input",
            None,
        ),
        (parts("user", {"type": "text", "text": "x"}), "input[0].content[0].type", "invalid_value"),
        (parts("user", "x"), "input[0].content[0]", "invalid_type"),
        (
            parts("user", {"type": "input_text", "text": "x", "cache_control": {}}),
            "input[0].content[0].cache_control",
            "unknown_parameter",
        ),
        (
            parts("user", {"type": "input_image", "image_url": "a.png"}),
            "input[0].content[0].image_url",
            "invalid_value",
        ),
        (parts("user", {"type": "input_image"}), "input[0].content[0]", "invalid_value"),
        (
            parts("assistant", {"type": "input_text", "text": "x"}),
            "input[0].content[0].type",
            "invalid_value",
        ),
        ({"max_output_tokens": 15}, "max_output_tokens", "integer_below_min_value"),
        ({"max_output_tokens": 16.5}, "max_output_tokens", "invalid_type"),
        ({"temperature": 3}, "temperature", "decimal_above_max_value"),
        ({"top_p": True}, "top_p", "invalid_type"),
        ({"stream_options": {}}, "stream_options", None),
        ({"reasoning": {"depth": 1}}, "reasoning.depth", "unknown_parameter"),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort", "invalid_value"),
        ({"reasoning": "high"}, "reasoning", "invalid_type"),
        ({"include": ["everything"]}, "include[0]", "invalid_value"),
        ({"instructions": 7}, "instructions", "invalid_type"),
        ({"previous_response_id": "resp_1"}, "previous_response_id", "previous_response_not_found"),
        ({"background": True}, "background", "unsupported_parameter"),
        ({"tools": 7}, "tools", "invalid_type"),
        ({"tools": [7]}, "tools[0]", "invalid_type"),
        ({"tools": [{"type": "telepathy"}]}, "tools[0].type", "invalid_value"),
        (
            {"tools": [{"type": "function", "function": {"name": "now"}}]},
            "tools[0].name",
            "missing_required_parameter",
        ),
        ({"tools": [NOW | {"function": {}}]}, "tools[0].function", "unknown_parameter"),
        ({"tools": [NOW | {"name": "a b"}]}, "tools[0].name", "invalid_value"),
        ({"tools": [NOW | {"parameters": 7}]}, "tools[0].parameters", "invalid_type"),
        (
            {"tools": [NOW | {"parameters": {"type": "array"}}]},
            "tools[0].parameters",
            "invalid_function_parameters",
        ),
        (
            {"tools": [NOW | {"parameters": OPEN, "strict": True}]},
            "tools[0].parameters",
            "invalid_function_parameters",
        ),
        ({"tool_choice": "required"}, "tool_choice", None),
        ({"tools": TOOLS, "tool_choice": NOW | {"name": "other"}}, "tool_choice", None),
        (
            {
                "tools": TOOLS,
                "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [HOSTED]},
            },
            "tool_choice",
            None,
        ),
        (
            {"tools": TOOLS, "tool_choice": {"type": "function", "function": NOW}},
            "tool_choice",
            "invalid_value",
        ),
        ({"text": {"format": {"type": "json_object"}}}, "input", None),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type", "invalid_value"),
        (schema({"name": None}), "text.format.name", "missing_required_parameter"),
        (schema({}), "text.format.schema", "missing_required_parameter"),
        (schema({"name": "a b", "schema": CLOSED}), "text.format.name", "invalid_value"),
        (
            schema({"schema": CLOSED, "json_schema": {}}),
            "text.format.json_schema",
            "unknown_parameter",
        ),
        (schema({"schema": OPEN}), "text.format.schema", "invalid_json_schema"),
        (
            schema({"schema": CLOSED | {"required": []}}),
            "text.format.schema",
            "invalid_json_schema",
        ),
        (
            schema({"schema": CLOSED | {"properties": {"a": {"anyOf": [OPEN]}}}}),
            "text.format.schema",
            "invalid_json_schema",
        ),
        ({"input": "[[sim: dance]]"}, None, "unknown_directive"),
    ],
)
async def test_what_the_api_refuses(
    openai: AsyncOpenAI, body: dict[str, Any], param: str | None, code: str | None
) -> None:
    with pytest.raises(sdk.BadRequestError) as raised:
        await openai.post("/responses", cast_to=object, body={"model": "m", "input": "hi", **body})
    assert (raised.value.type, raised.value.param, raised.value.code) == (
        "invalid_request_error",
        param,
        code,
    )


async def test_what_was_never_kept_is_not_found(openai: AsyncOpenAI) -> None:
    with pytest.raises(sdk.NotFoundError):
        await openai.responses.create(
            model="m", input=[user("hi"), {"type": "item_reference", "id": "msg_1"}]
        )  # type: ignore[list-item]


async def test_a_schema_that_is_not_strict_may_be_open(openai: AsyncOpenAI) -> None:
    form: Any = {"type": "json_schema", "name": "n", "schema": OPEN, "strict": False}
    answer = await openai.responses.create(model="m", input="hi", text={"format": form})
    assert json.loads(answer.output_text) == {"a": "example"}


async def test_items_of_the_servers_own_tools_pass(openai: AsyncOpenAI) -> None:
    search = {
        "type": "web_search_call",
        "id": "ws_1",
        "status": "completed",
        "action": {"type": "search", "query": "x"},
    }
    history: Any = [
        user("hi"),
        search,
        {"role": "assistant", "content": [{"type": "output_text", "text": "x"}]},
        user("again"),
    ]
    answer = await openai.responses.create(model="m", input=history, tools=[HOSTED])
    assert answer.output_text == "You said: again"
