"""What must hold for any text, any arguments and any way of cutting a stream, in every dialect."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.serving import config_of
from translators.chat.chunks import Chunk, ChunkWriter, Collector
from translators.chat.request import ChatRequest, parse
from translators.dialect import Dialect, Envelope, Target
from translators.errors import InvalidRequest
from translators.json_codec import dumps, loads
from translators.registry import DIALECTS

MODELS = {
    "claude": "claude-sonnet-5",
    "gemini": "gemini-3.5-flash",
    "openai": "gpt-4.1",
    "responses": "gpt-6-astra",
}
CONFIG = config_of("version: 1\npersonas:\n  p: {description: d, targets: [openai/gpt-4.1]}\n", {})
NAMES = list(MODELS)
ENVELOPE = Envelope(id="chatcmpl-x", created=1, model="m", call_id="call_x")

texts = st.text(st.characters(codec="utf-8"), max_size=60)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
arguments = st.dictionaries(texts, values, max_size=5)
schemas = st.recursive(
    st.sampled_from(
        [
            {"type": "string"},
            {"type": "integer", "minimum": 0},
            {"const": "x"},
            {"enum": ["a", None]},
            {},
            True,
        ]
    ),
    lambda inner: (
        st.builds(
            lambda p: {"type": "object", "properties": p},
            st.dictionaries(st.text("abz$", min_size=1, max_size=3), inner, max_size=3),
        )
        | st.builds(lambda i: {"type": "array", "items": i}, inner)
        | st.builds(lambda a: {"anyOf": a}, st.lists(inner, min_size=1, max_size=3))
    ),
    max_leaves=8,
)


def target(name: str) -> Target:
    provider = "openai" if name == "responses" else name
    record = CONFIG.providers[provider].models[MODELS[name]].record
    return Target(provider, provider, "https://provider.example", MODELS[name], record, "key")


def built(name: str, **body: Any) -> Any:
    request = parse({"model": "p", **body}, 0)
    upstream = DIALECTS[name].build_request(request, target(name))
    again = DIALECTS[name].build_request(request, target(name))
    assert upstream.body == again.body, "a retry builds the same bytes"
    return loads(upstream.body)


def refusal(name: str, **body: Any) -> InvalidRequest | None:
    """How the dialect refuses a request; None if it takes it."""
    try:
        built(name, **body)
    except InvalidRequest as error:
        return error
    return None


def found(value: Any, wanted: Any) -> bool:
    """Whether `wanted` stands somewhere in a JSON value."""
    if value == wanted and type(value) is type(wanted):
        return True
    children = (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    )
    return any(found(child, wanted) for child in children)


@pytest.mark.parametrize("name", NAMES)
@given(text=texts)
@settings(max_examples=60, deadline=None)
def test_any_text_reaches_the_provider_as_it_is(name: str, text: str) -> None:
    if not text.strip():
        return
    body = built(name, messages=[{"role": "user", "content": text}])
    assert found(body, text)


def conversation(args: str) -> list[dict[str, Any]]:
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": args}}
    return [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "done"},
    ]


TOOLS = [
    {
        "type": "function",
        "function": {"name": "f", "parameters": {"type": "object", "properties": {}}},
    }
]


@pytest.mark.parametrize("name", NAMES)
@given(args=arguments)
@settings(max_examples=60, deadline=None)
def test_any_arguments_reach_the_provider_as_they_are(name: str, args: dict[str, Any]) -> None:
    written = dumps(args).decode()
    body = built(name, messages=conversation(written), tools=TOOLS)
    assert found(body, written if name in ("openai", "responses") else args)


@pytest.mark.parametrize("name", NAMES)
@given(args=st.text(st.characters(codec="utf-8"), max_size=30))
@settings(max_examples=60, deadline=None)
def test_arguments_that_are_no_json_never_break_the_history(name: str, args: str) -> None:
    refused = refusal(name, messages=conversation(args), tools=TOOLS)
    assert refused is None or refused.message


@pytest.mark.parametrize("name", NAMES)
@given(schema=schemas)
@settings(max_examples=60, deadline=None)
def test_any_schema_is_sent_or_refused_by_name(name: str, schema: Any) -> None:
    parameters = (
        schema if isinstance(schema, dict) else {"type": "object", "properties": {"x": schema}}
    )
    tools = [{"type": "function", "function": {"name": "f", "parameters": parameters}}]
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": parameters}}
    for extra in ({"tools": tools}, {"response_format": form}):
        refused = refusal(name, messages=[{"role": "user", "content": "hi"}], **extra)
        assert refused is None or refused.param is not None


def claude_answer(text: str, args: Any) -> bytes:
    events: list[dict[str, Any]] = [
        {
            "type": "message_start",
            "message": {
                "id": "msg_1",
                "model": "m",
                "role": "assistant",
                "content": [],
                "usage": {"input_tokens": 1},
            },
        },
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "content_block_start",
            "index": 1,
            "content_block": {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}},
        },
        {
            "type": "content_block_delta",
            "index": 1,
            "delta": {"type": "input_json_delta", "partial_json": dumps(args).decode()},
        },
        {"type": "content_block_stop", "index": 1},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use"},
            "usage": {"output_tokens": 5},
        },
        {"type": "message_stop"},
    ]
    return b"".join(
        b"event: %s\ndata: %s\n\n" % (event["type"].encode(), dumps(event)) for event in events
    )


def gemini_answer(text: str, args: Any) -> bytes:
    parts = [{"text": text}, {"functionCall": {"id": "c1", "name": "f", "args": args}}]
    frames = [
        {"candidates": [{"content": {"parts": parts[:1], "role": "model"}, "index": 0}]},
        {
            "candidates": [
                {
                    "content": {"parts": parts[1:], "role": "model"},
                    "finishReason": "STOP",
                    "index": 0,
                }
            ],
            "usageMetadata": {"promptTokenCount": 1},
        },
    ]
    return b"".join(b"data: %s\r\n\r\n" % dumps(frame) for frame in frames)


def openai_answer(text: str, args: Any) -> bytes:
    call = {
        "index": 0,
        "id": "c1",
        "type": "function",
        "function": {"name": "f", "arguments": dumps(args).decode()},
    }
    deltas = [
        ({"role": "assistant", "content": text}, None),
        ({"tool_calls": [call]}, None),
        ({}, "tool_calls"),
    ]
    chunks = [
        {
            "id": "c",
            "model": "m",
            "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
        }
        for delta, reason in deltas
    ]
    return b"".join(b"data: %s\n\n" % dumps(chunk) for chunk in chunks) + b"data: [DONE]\n\n"


ANSWERS = {"claude": claude_answer, "gemini": gemini_answer, "openai": openai_answer}


def read(dialect: Dialect, pieces: list[bytes]) -> tuple[dict[str, Any], bytes]:
    """The first choice of a streamed answer, and the bytes that a caller gets."""
    stream = dialect.open_stream(ENVELOPE)
    chunks: list[Chunk] = []
    for piece in pieces:
        chunks += stream.receive(piece)
    chunks += stream.receive_eof()
    assert stream.failure is None
    assert stream.finished
    collector = Collector("i", 1, "m")
    for chunk in chunks:
        collector.add(chunk)
    choice: dict[str, Any] = collector.completion()["choices"][0]
    return choice, ChunkWriter("i", 1, "m", include_usage=True).write(chunks)


@pytest.mark.parametrize("name", ANSWERS)
@given(text=texts.filter(bool), args=arguments, seed=st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_any_answer_arrives_whole_however_it_is_cut(
    name: str, text: str, args: dict[str, Any], seed: int
) -> None:
    answer = ANSWERS[name](text, args)
    draw = random.Random(seed)
    cuts = sorted(draw.sample(range(1, len(answer)), min(12, len(answer) - 1)))
    pieces = [answer[a:b] for a, b in zip([0, *cuts], [*cuts, len(answer)], strict=True)]
    choice, shown = read(DIALECTS[name], pieces)
    assert choice["message"]["content"] == text
    (call,) = choice["message"]["tool_calls"]
    assert loads(call["function"]["arguments"]) == args
    assert choice["finish_reason"] == "tool_calls"
    assert read(DIALECTS[name], [answer])[1] == shown, (
        "the caller's bytes do not depend on where the provider's were cut"
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_longer_history_begins_with_the_bytes_of_the_shorter(name: str) -> None:
    """Prompt caches and signed thinking depend on it: what was sent once is sent again in the same
    bytes.
    """
    turns: list[dict[str, Any]] = [{"role": "system", "content": "Be brief."}]
    key = {"claude": "messages", "gemini": "contents", "openai": "messages", "responses": "input"}[
        name
    ]
    sent: list[Any] = []
    for i in range(6):
        call = {
            "id": f"call_{i}",
            "type": "function",
            "function": {"name": "f", "arguments": '{"x": 1.0}'},
        }
        turns += [
            {"role": "user", "content": f"question {i}"},
            {"role": "assistant", "content": "ok", "tool_calls": [call]},
        ]
        turns += [
            {"role": "tool", "tool_call_id": f"call_{i}", "content": "done"},
            {"role": "user", "content": "go on"},
        ]
        body = built(name, messages=turns, tools=TOOLS)
        now = body[key]
        assert now[: len(sent)] == sent
        assert dumps(now)[: len(dumps(sent)) - 1] == dumps(sent)[:-1] or not sent
        sent = now[:-1]
        turns.append({"role": "assistant", "content": f"answer {i}"})


def test_the_request_is_never_changed() -> None:
    for name in NAMES:
        request = ChatRequest(
            {
                "model": "p",
                "messages": conversation("{}"),
                "tools": TOOLS,
                "temperature": 0.3,
                "seed": 1,
            }
        )
        before = dumps(request.body)
        DIALECTS[name].build_request(request, target(name))
        assert dumps(request.body) == before
