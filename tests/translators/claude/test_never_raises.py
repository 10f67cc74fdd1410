"""Whatever a provider sends, a translator answers with chunks or a failure, and never raises
anything else.
"""

import json
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.translators.claude.streams import run
from translators import claude
from translators.capabilities import ModelRecord, Thinking
from translators.chat.request import parse
from translators.claude.request.fields import FIELDS
from translators.dialect import AnswerShape, Envelope, Target
from translators.errors import InvalidRequest, UpstreamError

# fmt: off
WORDS = st.sampled_from([
    "type", "text", "thinking", "tool_use", "tool_result", "content_block_start", "content_block_delta", "content_block_stop",  # noqa: E501
    "message_start", "message_delta", "message_stop", "message", "error", "index", "delta", "content_block", "text_delta",  # noqa: E501
    "input_json_delta", "partial_json", "thinking_delta", "signature_delta", "citations_delta", "citation", "usage",  # noqa: E501
    "input_tokens", "iterations", "stop_reason", "refusal", "stop_details", "explanation", "content", "id", "name", "input",  # noqa: E501
    "model", "value", "url", "source", "server_tool_use", "g", "sh", "l",
])
# fmt: on
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=12,
)
BLOCKS = st.fixed_dictionaries(
    {"type": WORDS},
    optional=dict.fromkeys(
        ("text", "thinking", "signature", "id", "name", "input", "citations"), JSON
    ),
)
DELTAS = st.fixed_dictionaries(
    {"type": WORDS},
    optional=dict.fromkeys(
        ("text", "thinking", "signature", "partial_json", "citation", "stop_reason"), JSON
    ),
)
EVENTS = st.fixed_dictionaries(
    {"type": WORDS},
    optional={
        "index": st.integers(0, 2) | JSON,
        "content_block": BLOCKS | JSON,
        "delta": DELTAS | JSON,
        "message": JSON,
        "usage": JSON,
    },
)
SHAPES = st.builds(
    AnswerShape,
    custom_tools=st.just(frozenset({"sh"})),
    wrapped_tools=st.just(frozenset({"l"})),
    legacy_functions=st.booleans(),
    one_tool_call=st.booleans(),
    strip_json_fence=st.booleans(),
    json_schema=st.none(),
)


@settings(max_examples=150)
@given(st.lists(EVENTS, max_size=12), SHAPES)
def test_streams(events: list[dict[str, Any]], shape: AnswerShape) -> None:
    data = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
    chunks, stream = run(data, shape, len(data) or 1)
    assert stream.finished != (stream.failure is not None)
    assert sum("finish_reason" in chunk for chunk in chunks) == stream.finished


@settings(max_examples=200)
@given(
    st.fixed_dictionaries(
        {"content": st.lists(BLOCKS | JSON, max_size=4) | JSON},
        optional=dict.fromkeys(
            ("type", "error", "usage", "stop_reason", "stop_details", "id", "model"), JSON
        ),
    ),
    SHAPES,
)
def test_answers(message: Any, shape: AnswerShape) -> None:
    try:
        claude.parse_response(
            json.dumps(message).encode(), Envelope(id="x", created=1, model="m", shape=shape)
        )
    except UpstreamError:
        return


@given(
    st.integers(400, 599),
    st.binary(max_size=50) | JSON.map(lambda value: json.dumps({"error": value}).encode()),
)
def test_errors(status: int, body: bytes) -> None:
    assert claude.parse_error(status, {}, body).status >= 400


TEXTS = st.sampled_from(
    [
        "",
        " ",
        "x",
        "```",
        "a.b",
        "toolu_1",
        "{",
        '{"a":1}',
        "data:image/png;base64,AAAA",
        "https://e.example/a",
    ]
)
PARTS = st.one_of(
    st.builds(lambda t: {"type": "text", "text": t}, TEXTS),
    st.builds(lambda t: {"type": "image_url", "image_url": {"url": t}}, TEXTS),
    st.fixed_dictionaries(
        {"type": WORDS, "text": TEXTS, "refusal": TEXTS},
        optional=dict.fromkeys(
            (
                "id",
                "name",
                "input",
                "tool_use_id",
                "content",
                "thinking",
                "signature",
                "cache_control",
            ),
            JSON | TEXTS,
        ),
    ),
)
CALLS = st.builds(
    lambda i, n, a: {"id": i, "type": "function", "function": {"name": n, "arguments": a}},
    TEXTS,
    WORDS,
    TEXTS,
)
MESSAGES = st.one_of(
    st.fixed_dictionaries(
        {
            "role": st.sampled_from(["user", "system", "developer"]),
            "content": TEXTS | st.lists(PARTS, max_size=3),
        },
        optional={"cache_control": JSON},
    ),
    st.fixed_dictionaries(
        {"role": st.just("assistant"), "content": st.none() | TEXTS | st.lists(PARTS, max_size=2)},
        optional={
            "tool_calls": st.lists(CALLS, max_size=3),
            "thinking_blocks": JSON,
            "provider_content": JSON,
            "reasoning_content": TEXTS,
            "function_call": st.just({"name": "g"}),
        },
    ),
    st.fixed_dictionaries(
        {
            "role": st.just("tool"),
            "tool_call_id": TEXTS,
            "content": TEXTS | st.lists(PARTS, max_size=2),
        }
    ),
    st.fixed_dictionaries({"role": st.just("function"), "name": WORDS, "content": TEXTS}),
)
SCHEMAS = st.recursive(
    st.sampled_from(
        [
            {"type": "string"},
            {"type": "object"},
            {"type": ["object", "null"]},
            {"$ref": "#/$defs/a"},
            {"$ref": "#"},
            {},
        ]
    ),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(WORDS, inner, max_size=2),
            "anyOf": st.lists(inner, max_size=2),
            "allOf": st.lists(inner, max_size=2),
            "oneOf": st.lists(inner, max_size=2),
            "$defs": st.fixed_dictionaries({"a": inner}),
            "required": st.just(["a"]),
            "items": inner,
            "additionalProperties": inner | st.booleans(),
            "minItems": st.just(3),
        },
    ),
    max_leaves=6,
)
TOOLS = st.lists(
    st.builds(
        lambda n, p, s: {"type": "function", "function": {"name": n, "parameters": p, "strict": s}},
        WORDS,
        SCHEMAS,
        st.booleans(),
    ),
    max_size=3,
)
RECORDS = st.builds(
    ModelRecord,
    context_window=st.just(200_000),
    max_output_tokens=st.just(64_000),
    capabilities=st.just(frozenset({"json_schema", "web_search"})),
    thinking=st.builds(
        Thinking,
        kind=st.sampled_from(["none", "budget", "adaptive"]),
        levels=st.sampled_from([(), ("low", "high"), ("low", "medium", "high", "xhigh", "max")]),
        on_by_default=st.booleans(),
        switch_off=st.sampled_from(["omit", "disabled", "between_tools", "never"]),
        min_budget=st.just(1024),
        max_budget=st.just(32_768),
    ),
    sampling=st.sampled_from(["full", "exclusive", "refused"]),
    forced_tool_choice=st.sampled_from(["yes", "no", "without_thinking"]),
    prefill=st.booleans(),
    mid_system=st.sampled_from(["native", "wrap"]),
)
BODIES = st.fixed_dictionaries(
    {"model": st.just("p"), "messages": st.lists(MESSAGES, min_size=1, max_size=6)},
    optional={
        "tools": TOOLS,
        "tool_choice": st.sampled_from(["auto", "none", "required"]),
        "reasoning_effort": st.sampled_from(["none", "minimal", "low", "xhigh", "max"]),
        "thinking": JSON,
        "reasoning": JSON,
        "response_format": st.builds(
            lambda s: {"type": "json_schema", "json_schema": {"name": "n", "schema": s}}, SCHEMAS
        ),
        "temperature": st.floats(0, 2),
        "top_p": st.floats(0, 1),
        "stop": TEXTS,
        "cache_control": JSON,
        "prompt_cache_options": st.just({"mode": "implicit"}),
        "web_search_options": JSON,
        "x_provider": JSON,
        "user": TEXTS,
    },
)


@settings(max_examples=250)
@given(BODIES, RECORDS)
def test_requests(body: dict[str, Any], record: ModelRecord) -> None:
    """Any request the hub lets through is built by Claude's rules, or refused in words."""
    try:
        built = claude.build_request(
            parse(body), Target("claude", "claude", "https://api.anthropic.com", "m", record)
        )
    except InvalidRequest:
        return
    sent = json.loads(built.body)
    roles = [message["role"] for message in sent["messages"]]
    assert roles[0] == "user"
    assert all(one != other for one, other in pairwise(roles))
    _check_pairs(sent["messages"])
    assert all(
        block["type"] != "text" or block["text"]
        for message in sent["messages"]
        for block in message["content"]
    )
    assert all(
        note.param.split(".")[0].split("[")[0].split(":")[0] in FIELDS for note in built.notes
    )


def _check_pairs(messages: list[dict[str, Any]]) -> None:
    """Behind each turn with calls stands the user turn that begins with their results, and results
    stand nowhere else.
    """
    wanted: list[str] = []
    for message in messages:
        kinds = [block["type"] for block in message["content"]]
        found = [
            block["tool_use_id"] for block in message["content"] if block["type"] == "tool_result"
        ]
        assert sorted(found) == sorted(wanted)
        assert kinds[: len(found)] == ["tool_result"] * len(found)
        wanted = [block["id"] for block in message["content"] if block["type"] == "tool_use"]
        assert len(set(wanted)) == len(wanted)
    assert wanted == []
