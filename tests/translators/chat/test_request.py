"""translators.chat.request: what a chat request may be, and the sentence about each thing it may
not.
"""

from typing import Any

import pytest

from translators.chat.passthrough import passed_through
from translators.chat.request import ChatRequest, parse
from translators.errors import InvalidRequest

USER = {"role": "user", "content": "hi"}
CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
TOOL = {
    "type": "function",
    "function": {
        "name": "f",
        "parameters": {"type": "object", "properties": {"x": {"type": ["string", "null"]}}},
    },
}


def body(**fields: Any) -> dict[str, Any]:
    return {"model": "chatbot", "messages": [USER], **fields}


def part(**fields: Any) -> dict[str, Any]:
    return body(messages=[{"role": "user", "content": [fields]}])


GOOD = [
    body(),
    body(
        messages=[
            {"role": "developer", "content": "x"},
            {"role": "system", "content": [{"type": "text", "text": "y"}]},
            USER,
        ]
    ),
    body(
        messages=[
            USER,
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "a", "content": ""},
        ]
    ),
    body(
        messages=[
            USER,
            {"role": "assistant", "function_call": {"name": "f", "arguments": ""}},
            {"role": "function", "name": "f", "content": None},
        ]
    ),
    body(messages=[USER, {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}]),
    body(
        messages=[
            USER,
            {
                "role": "assistant",
                "tool_calls": [
                    {"id": "c", "type": "custom", "custom": {"name": "g", "input": "x"}}
                ],
            },
        ]
    ),
    part(type="image_url", image_url={"url": "https://x/y.png", "detail": "low"}),
    part(type="input_audio", input_audio={"data": "AA==", "format": "wav"}),
    part(type="file", file={"file_id": "file-1"}),
    part(type="something_new", anything=1),
    body(
        temperature=0,
        top_p=1,
        n=1,
        seed=-5,
        stop=["a", "b"],
        max_tokens=1,
        logit_bias={"1": -100},
        presence_penalty=-2,
        user="u",
    ),
    body(temperature=None, stop=None, tools=None, tool_choice=None, stream_options=None),
    body(max_completion_tokens=5.0),
    body(
        tools=[TOOL, {"type": "custom", "custom": {"name": "g"}}],
        tool_choice={"type": "function", "function": {"name": "f"}},
    ),
    body(
        tools=[TOOL],
        tool_choice={"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [TOOL]}},
    ),
    body(tools=[TOOL], tool_choice="required"),
    body(tools=[{"type": "web_search_20250305", "name": "web_search"}]),
    body(functions=[{"name": "f"}], function_call={"name": "f"}),
    body(tool_choice="none"),
    body(
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "n", "schema": {"type": "object"}},
        }
    ),
    body(stream=True, stream_options={"include_usage": True}),
    body(logprobs=True, top_logprobs=3),
    body(metadata={"a": "b"}, unknown_parameter={"x": 1}),
    body(
        messages=[
            USER,
            {
                "role": "assistant",
                "tool_calls": [{"id": "m", "type": "mcp", "mcp": {"server": "s"}}],
            },
        ]
    ),
    body(
        messages=[
            USER,
            {
                "role": "assistant",
                "tool_calls": [
                    {
                        "id": "b",
                        "type": "builtin_function",
                        "function": {"name": "$find", "arguments": "{}"},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "b", "name": "$find", "content": "{}"},
        ]
    ),
    body(
        messages=[
            USER,
            {
                "role": "assistant",
                "tool_calls": [{**CALL, "type": None}],
                "function_call": None,
                "audio": None,
            },
        ]
    ),
]


@pytest.mark.parametrize("document", GOOD, ids=range(len(GOOD)))
def test_good_requests_pass_unchanged(document: dict[str, Any]) -> None:
    request = parse(document, 7)
    assert request.body is document
    assert request.size == 7


BAD: list[tuple[Any, str | None, str]] = [
    ([], None, "invalid_type"),
    ("x", None, "invalid_type"),
    (None, None, "invalid_type"),
    ({"messages": [USER]}, "model", "missing_required_parameter"),
    ({"model": "m"}, "messages", "missing_required_parameter"),
    (body(model=3), "model", "invalid_type"),
    (body(model="  "), "model", "invalid_value"),
    (body(messages=[]), "messages", "empty_array"),
    (body(messages={}), "messages", "invalid_type"),
    (body(messages=["x"]), "messages[0]", "invalid_type"),
    (body(messages=[{"content": "x"}]), "messages[0].role", "missing_required_parameter"),
    (body(messages=[{"role": 1, "content": "x"}]), "messages[0].role", "invalid_type"),
    (body(messages=[USER, {"role": "robot", "content": "x"}]), "messages[1].role", "invalid_value"),
    (body(messages=[{"role": "user"}]), "messages[0].content", "missing_required_parameter"),
    (body(messages=[{"role": "user", "content": None}]), "messages[0].content", "invalid_type"),
    (body(messages=[{"role": "user", "content": 5}]), "messages[0].content", "invalid_type"),
    (body(messages=[{"role": "system"}]), "messages[0].content", "missing_required_parameter"),
    (
        body(messages=[USER, {"role": "tool", "tool_call_id": "a"}]),
        "messages[1].content",
        "missing_required_parameter",
    ),
    (body(messages=[{"role": "user", "content": ["x"]}]), "messages[0].content[0]", "invalid_type"),
    (part(text="x"), "messages[0].content[0].type", "missing_required_parameter"),
    (part(type=1), "messages[0].content[0].type", "invalid_type"),
    (part(type="text"), "messages[0].content[0].text", "missing_required_parameter"),
    (part(type="text", text=1), "messages[0].content[0].text", "invalid_type"),
    (part(type="image_url"), "messages[0].content[0].image_url", "missing_required_parameter"),
    (part(type="image_url", image_url=5), "messages[0].content[0].image_url", "invalid_type"),
    (
        part(type="image_url", image_url={}),
        "messages[0].content[0].image_url.url",
        "missing_required_parameter",
    ),
    (part(type="file", file={}), "messages[0].content[0].file", "missing_required_parameter"),
    (
        body(messages=[USER, {"role": "tool", "content": "x"}]),
        "messages[1].tool_call_id",
        "missing_required_parameter",
    ),
    (
        body(messages=[{"role": "function", "content": "x"}]),
        "messages[0].name",
        "missing_required_parameter",
    ),
    (
        body(messages=[{"role": "assistant", "tool_calls": {}}]),
        "messages[0].tool_calls",
        "invalid_type",
    ),
    (
        body(messages=[{"role": "assistant", "tool_calls": [1]}]),
        "messages[0].tool_calls[0]",
        "invalid_type",
    ),
    (
        body(messages=[{"role": "assistant", "tool_calls": [{"id": 1}]}]),
        "messages[0].tool_calls[0].id",
        "invalid_type",
    ),
    (
        body(messages=[{"role": "assistant", "tool_calls": [{"type": 5}]}]),
        "messages[0].tool_calls[0].type",
        "invalid_type",
    ),
    (
        body(
            messages=[
                {"role": "assistant", "tool_calls": [{"type": "builtin_function", "function": "f"}]}
            ]
        ),
        "messages[0].tool_calls[0].function",
        "invalid_type",
    ),
    (
        body(
            messages=[
                {
                    "role": "assistant",
                    "tool_calls": [{"type": "builtin_function", "function": {"arguments": ""}}],
                }
            ]
        ),
        "messages[0].tool_calls[0].function.name",
        "missing_required_parameter",
    ),
    (
        body(
            messages=[
                {
                    "role": "assistant",
                    "tool_calls": [{"type": "mcp", "custom": {"name": "f", "arguments": []}}],
                }
            ]
        ),
        "messages[0].tool_calls[0].custom.arguments",
        "invalid_type",
    ),
    (
        body(messages=[{"role": "assistant", "tool_calls": [{}]}]),
        "messages[0].tool_calls[0].function",
        "missing_required_parameter",
    ),
    (
        body(
            messages=[
                {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": 1}}]}
            ]
        ),
        "messages[0].tool_calls[0].function.arguments",
        "invalid_type",
    ),
    (
        body(messages=[{"role": "assistant", "function_call": "f"}]),
        "messages[0].function_call",
        "invalid_type",
    ),
    (
        body(messages=[{"role": "tool", "tool_call_id": "x", "content": "y"}]),
        "messages[0].role",
        "invalid_value",
    ),
    (
        part(type="file", file={"file_data": 5}),
        "messages[0].content[0].file.file_data",
        "invalid_type",
    ),
    (
        part(type="file", file={"file_id": "x", "filename": []}),
        "messages[0].content[0].file.filename",
        "invalid_type",
    ),
    (
        body(messages=[{"role": "assistant", "function_call": {"name": "f", "arguments": 5}}]),
        "messages[0].function_call.arguments",
        "invalid_type",
    ),
    (body(tools=[{"type": "web_search", "function": 5}]), "tools[0].function", "invalid_type"),
    (
        body(tools=[{"type": "web_search", "function": {"name": []}}]),
        "tools[0].function.name",
        "invalid_type",
    ),
    (
        body(tools=[{"type": "custom", "custom": {"name": "g", "format": "x"}}]),
        "tools[0].custom.format",
        "invalid_type",
    ),
    (
        body(
            tools=[
                {
                    "type": "function",
                    "function": {"name": "f", "parameters": {"properties": {"x": {"format": []}}}},
                }
            ]
        ),
        "tools[0].function.parameters.properties.x.format",
        "invalid_function_parameters",
    ),
    (
        body(
            tools=[TOOL],
            tool_choice={"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [1]}},
        ),
        "tool_choice.allowed_tools.tools[0]",
        "invalid_type",
    ),
    (
        body(
            tools=[TOOL],
            tool_choice={
                "type": "allowed_tools",
                "allowed_tools": {"mode": "auto", "tools": [{"type": []}]},
            },
        ),
        "tool_choice.allowed_tools.tools[0].type",
        "invalid_type",
    ),
    (
        body(
            tools=[TOOL],
            tool_choice={
                "type": "allowed_tools",
                "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {}}]},
            },
        ),
        "tool_choice.allowed_tools.tools[0].function.name",
        "missing_required_parameter",
    ),
    (body(x_provider=5), "x_provider", "invalid_type"),
    (body(x_provider={"openai": [1]}), "x_provider.openai", "invalid_type"),
    (
        body(x_provider={"openai": None, "local": {"a": 1, "model": "m"}}),
        "x_provider.local.model",
        "unsupported_parameter",
    ),
    (
        body(x_provider={"claude": {"thinking": None}}),
        "x_provider.claude.thinking",
        "unsupported_parameter",
    ),
    (
        body(x_provider={"claude": {"output_config": {"effort": "max"}}}),
        "x_provider.claude.output_config.effort",
        "unsupported_parameter",
    ),
    (
        body(x_provider={"gemini": {"generation_config": {"seed": 1, "maxOutputTokens": 9}}}),
        "x_provider.gemini.generation_config.maxOutputTokens",
        "unsupported_parameter",
    ),
    (body(stream="yes"), "stream", "invalid_type"),
    (body(temperature="hot"), "temperature", "invalid_type"),
    (body(temperature=True), "temperature", "invalid_type"),
    (body(max_tokens=1.5), "max_tokens", "invalid_type"),
    (body(n=1.5), "n", "invalid_type"),
    (body(top_k="all"), "top_k", "invalid_type"),
    (body(stop=5), "stop", "invalid_type"),
    (body(stop=[1]), "stop[0]", "invalid_type"),
    (body(tools={}), "tools", "invalid_type"),
    (body(tools=[1]), "tools[0]", "invalid_type"),
    (body(tools=[{"function": {"name": "f"}}]), "tools[0].type", "missing_required_parameter"),
    (body(tools=[{"type": 1}]), "tools[0].type", "invalid_type"),
    (body(tools=[{"type": "function"}]), "tools[0].function", "missing_required_parameter"),
    (
        body(tools=[{"type": "function", "name": "flat", "parameters": {}}]),
        "tools[0].function",
        "missing_required_parameter",
    ),
    (
        body(tools=[{"type": "function", "function": {}}]),
        "tools[0].function.name",
        "missing_required_parameter",
    ),
    (
        body(tools=[{"type": "function", "function": {"name": ""}}]),
        "tools[0].function.name",
        "empty_string",
    ),
    (
        body(tools=[{"type": "function", "function": {"name": "f", "strict": 1}}]),
        "tools[0].function.strict",
        "invalid_type",
    ),
    (
        body(tools=[{"type": "function", "function": {"name": "f", "parameters": []}}]),
        "tools[0].function.parameters",
        "invalid_type",
    ),
    (
        body(
            tools=[{"type": "function", "function": {"name": "f", "parameters": {"type": "dict"}}}]
        ),
        "tools[0].function.parameters.type",
        "invalid_function_parameters",
    ),
    (
        body(
            tools=[
                {
                    "type": "function",
                    "function": {"name": "f", "parameters": {"properties": {"x": 3}}},
                }
            ]
        ),
        "tools[0].function.parameters.properties.x",
        "invalid_function_parameters",
    ),
    (
        body(tools=[{"type": "function", "function": {"name": "f", "parameters": {"anyOf": {}}}}]),
        "tools[0].function.parameters.anyOf",
        "invalid_function_parameters",
    ),
    (
        body(
            tools=[{"type": "function", "function": {"name": "f", "parameters": {"required": [1]}}}]
        ),
        "tools[0].function.parameters.required",
        "invalid_function_parameters",
    ),
    (body(tools=[{"type": "custom"}]), "tools[0].custom", "missing_required_parameter"),
    (body(tools=[TOOL, TOOL]), "tools[1].function.name", "invalid_value"),
    (body(tools=[TOOL], tool_choice=5), "tool_choice", "invalid_type"),
    (
        body(tools=[TOOL], tool_choice={"type": "function", "function": {"name": "g"}}),
        "tool_choice",
        "invalid_value",
    ),
    (
        body(tools=[TOOL], tool_choice={"type": "allowed_tools", "allowed_tools": {}}),
        "tool_choice.allowed_tools.mode",
        "invalid_value",
    ),
    (body(tool_choice="required"), "tool_choice", "invalid_value"),
    (body(functions=[1]), "functions[0]", "invalid_type"),
    (body(function_call=5), "function_call", "invalid_type"),
    (body(function_call={}), "function_call.name", "missing_required_parameter"),
    (body(response_format="json"), "response_format", "invalid_type"),
    (body(response_format={}), "response_format.type", "missing_required_parameter"),
    (body(response_format={"type": 5}), "response_format.type", "invalid_type"),
    (
        body(response_format={"type": "json_schema"}),
        "response_format.json_schema",
        "missing_required_parameter",
    ),
    (body(reasoning_effort=3), "reasoning_effort", "invalid_type"),
    (body(verbosity=["low"]), "verbosity", "invalid_type"),
    (body(stream_options={}), "stream_options", "invalid_value"),
    (body(top_logprobs=2), "top_logprobs", "invalid_value"),
    (body(metadata={"a": 1}), "metadata.a", "invalid_type"),
    (body(modalities=[1]), "modalities[0]", "invalid_type"),
]


@pytest.mark.parametrize(("document", "param", "code"), BAD, ids=range(len(BAD)))
def test_bad_requests_name_the_field_and_the_rule(
    document: Any, param: str | None, code: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse(document)
    assert (caught.value.param, caught.value.code, caught.value.status) == (param, code, 400)
    assert (
        param is None
        or param.rpartition(".")[2] in caught.value.message
        or param in caught.value.message
        or code == "invalid_value"
    )


def test_values_in_messages_are_cut() -> None:
    """A message never carries a megabyte of somebody's prompt back."""
    with pytest.raises(InvalidRequest) as caught:
        parse(body(messages=[{"role": "r" * 10_000, "content": "x"}]))
    assert len(caught.value.message) < 400


def test_what_a_request_says_of_itself() -> None:
    request = ChatRequest(
        body(
            stream=True,
            stream_options={"include_usage": True},
            max_tokens=5,
            max_completion_tokens=7,
        )
    )
    assert (request.model, request.stream, request.include_usage, request.max_tokens) == (
        "chatbot",
        True,
        True,
        7,
    )
    plain = ChatRequest(body(max_tokens=5))
    assert (plain.stream, plain.include_usage, plain.max_tokens) == (False, False, 5)


def test_a_bare_image_url_is_read_as_the_object_it_stands_for() -> None:
    request = parse(part(type="image_url", image_url="https://x/y.png"))
    assert request.messages[0]["content"] == [
        {"type": "image_url", "image_url": {"url": "https://x/y.png"}}
    ]


def test_a_result_or_an_instruction_of_nothing_is_an_empty_text() -> None:
    nothing = [
        {"role": "system", "content": None},
        {"role": "developer", "content": None},
        {"role": "tool", "tool_call_id": "a", "content": None},
    ]
    assert [message["content"] for message in parse(body(messages=[*nothing, USER])).messages] == [
        "",
        "",
        "",
        "hi",
    ]


@pytest.mark.parametrize("name", ["properties", "$defs", "definitions"])
def test_members_of_a_schema_are_objects(name: str) -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {name: []}}}
    with pytest.raises(InvalidRequest) as caught:
        parse(body(tools=[tool]))
    assert caught.value.param == f"tools[0].function.parameters.{name}"


@pytest.mark.parametrize(
    ("extension", "found"),
    [
        ({"claude": {"top_p": 0.1}}, "x_provider.claude.top_p"),
        (
            {"openai": {"zap": 1}, "gemini": {"generationConfig": {"topP": 0.1}}},
            "x_provider.gemini.generationConfig.topP",
        ),
        ({"gemini": {"safetySettings": {"topP": 0.1}}}, None),
        ({"claude": None}, None),
    ],
)
def test_a_parameter_in_a_passthrough_is_found_however_it_is_written(
    extension: dict[str, Any], found: str | None
) -> None:
    assert passed_through(extension, "top_p") == found
