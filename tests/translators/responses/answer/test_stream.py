"""translators.responses.answer.stream: a stream says what the whole answer says, in whatever pieces
it comes, and never ends unproven.
"""

from typing import Any

import pytest
from openai.types.chat import ChatCompletionChunk

from tests.translators.cuts import every_way
from tests.translators.responses import transcripts as t
from translators.chat.chunks import Chunk, ChunkWriter, Collector
from translators.dialect import AnswerShape, Envelope
from translators.errors import FailureKind
from translators.json_codec import dumps, loads
from translators.responses import open_stream, parse_response
from translators.responses.answer.stream import ResponsesStream

PLAIN = AnswerShape(declared_tools=frozenset({"weather", "sql"}))
LEGACY = AnswerShape(
    declared_tools=frozenset({"weather"}), legacy_functions=True, one_tool_call=True
)
FIRST_ONLY = AnswerShape(declared_tools=frozenset({"weather"}), one_tool_call=True)
TOKENS = [
    {"token": "Hel", "logprob": -0.1, "bytes": [72, 101, 108], "top_logprobs": []},
    {"token": "lo", "logprob": -0.2, "top_logprobs": [{"token": "lo", "logprob": -0.2}]},
]
WITH_LOGPROBS = {
    **t.TEXT,
    "content": [{"type": "output_text", "text": "Hello", "annotations": [], "logprobs": TOKENS}],
}

CASES: dict[str, tuple[list[t.Event], AnswerShape]] = {
    "text": (t.events(t.TEXT), PLAIN),
    "reasoning, search and a cited text": (t.events(t.REASONING, t.SEARCH, t.CITED), PLAIN),
    "reasoning and two calls": (t.events(t.REASONING, t.CALL, t.SECOND_CALL), PLAIN),
    "text and calls of both kinds": (t.events(t.TEXT, t.CUSTOM, t.CALL), PLAIN),
    "only the first call": (t.events(t.REASONING, t.CALL, t.SECOND_CALL), FIRST_ONLY),
    "legacy": (t.events(t.CALL, t.SECOND_CALL), LEGACY),
    "refusal": (t.events(t.REFUSAL), PLAIN),
    "open reasoning": (t.events(t.OPEN_REASONING, t.TEXT), PLAIN),
    "image": (t.events(t.IMAGE, t.TEXT), PLAIN),
    "logprobs": (t.events(WITH_LOGPROBS), PLAIN),
    "incomplete": (
        t.events(t.TEXT, status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
        PLAIN,
    ),
    "steered": (
        t.events(t.TEXT, status="incomplete", incomplete_details={"reason": "steered"}),
        PLAIN,
    ),
    "nothing": (t.events(), PLAIN),
}
ALL = pytest.mark.parametrize("name", CASES)


def envelope(shape: AnswerShape = PLAIN) -> Envelope:
    return Envelope(
        id="chatcmpl-ours", created=1, model="gpt-6-astra", call_id="call_u", shape=shape
    )


def feed(*pieces: bytes, shape: AnswerShape = PLAIN) -> tuple[ResponsesStream, list[Chunk]]:
    if len(pieces) == 1:
        every_way(pieces[0], lambda: open_stream(envelope(shape)), repr(shape))
    stream = open_stream(envelope(shape))
    chunks = [chunk for piece in pieces for chunk in stream.receive(piece)]
    return stream, chunks + stream.receive_eof()


def written(stream: ResponsesStream, chunks: list[Chunk]) -> bytes:
    return ChunkWriter(stream.id, 1, stream.model, include_usage=True).write(chunks)


def added_up(stream: ResponsesStream, chunks: list[Chunk]) -> dict[str, Any]:
    collector = Collector(stream.id, 1764547300, stream.model)
    for chunk in chunks:
        collector.add(chunk)
    return collector.completion()


@ALL
def test_a_stream_adds_up_to_the_whole_answer(name: str) -> None:
    found, shape = CASES[name]
    stream, chunks = feed(t.wire(found), shape=shape)
    assert (stream.finished, stream.ended, stream.failure) == (True, True, None)
    assert added_up(stream, chunks) == parse_response(dumps(found[-1]["response"]), envelope(shape))


@ALL
def test_the_sdk_reads_every_chunk(name: str) -> None:
    found, shape = CASES[name]
    stream, chunks = feed(t.wire(found), shape=shape)
    for event in written(stream, chunks).split(b"\n\n")[:-1]:
        parsed = loads(event[6:])
        for call in (
            call for choice in parsed["choices"] for call in choice["delta"].get("tool_calls", ())
        ):
            if call.get("type") == "custom":  # the SDK's chunks know function calls only
                del call["type"]
        ChatCompletionChunk.model_validate(parsed)


@ALL
def test_the_order_of_chunks(name: str) -> None:
    """The role first and once; lists in one chunk before the finish_reason; one finish_reason; the
    usage last.
    """
    found, shape = CASES[name]
    _, chunks = feed(t.wire(found), shape=shape)
    roles = [n for n, chunk in enumerate(chunks) if chunk.delta and "role" in chunk.delta]
    finishes = [n for n, chunk in enumerate(chunks) if chunk.finish_reason]
    lists = [
        n
        for n, chunk in enumerate(chunks)
        if chunk.delta and {"annotations", "provider_content"} & set(chunk.delta)
    ]
    assert (roles, finishes, [n for n, chunk in enumerate(chunks) if chunk.usage]) == (
        [0],
        [len(chunks) - 2],
        [len(chunks) - 1],
    )
    assert lists in ([], [len(chunks) - 3])


def test_who_answers_is_known_from_the_first_event() -> None:
    stream = open_stream(envelope())
    stream.receive(t.wire(t.events(t.TEXT)[:1]))
    assert (stream.id, stream.model) == ("chatcmpl-resp_1", "gpt-6-astra-2026-10-01")


def test_text_is_shown_as_it_comes() -> None:
    _, chunks = feed(t.wire(t.events(t.TEXT)))
    assert [chunk.delta for chunk in chunks[:4]] == [
        {"role": "assistant", "content": ""}, {"content": "Hello"}, {"content": " ther"},
        {"content": "e."},
    ]  # fmt: skip


def test_parts_of_the_reasoning_are_parted_by_a_blank_line() -> None:
    _, chunks = feed(t.wire(t.events(t.REASONING, t.TEXT)))
    thoughts = "".join(chunk.delta.get("reasoning_content", "") for chunk in chunks if chunk.delta)
    assert thoughts == "**Plan**\n\nLook it up.\n\nThen tell."


def test_calls_are_numbered_and_named_once() -> None:
    _, chunks = feed(t.wire(t.events(t.REASONING, t.CALL, t.TEXT, t.CUSTOM)))
    parts = [part for chunk in chunks if chunk.delta for part in chunk.delta.get("tool_calls", ())]
    assert [part for part in parts if "id" in part] == [
        {
            "index": 0,
            "id": "call_1",
            "type": "function",
            "function": {"name": "weather", "arguments": ""},
        },
        {"index": 1, "id": "call_9", "type": "custom", "custom": {"name": "sql", "input": ""}},
    ]
    assert (
        "".join(part["function"]["arguments"] for part in parts if part["index"] == 0)
        == '{"city":"Oslo"}'
    )
    assert "".join(part["custom"]["input"] for part in parts if part["index"] == 1) == "select 1;\n"


def without(found: list[t.Event], *endings: str) -> list[t.Event]:
    return [event for event in found if not event["type"].endswith(endings)]


@pytest.mark.parametrize(
    "missing",
    [
        (".delta",),
        (".delta", "_text.done", "arguments.done", "input.done", "refusal.done"),
        (".delta", "text.done", "arguments.done", "input.done", "refusal.done", "output_item.done"),
        ("output_item.added",),
        ("output_item.added", "output_item.done"),
        (".done",),
    ],
)
@pytest.mark.parametrize(
    "name",
    [
        "reasoning, search and a cited text",
        "text and calls of both kinds",
        "refusal",
        "open reasoning",
        "logprobs",
        "image",
    ],
)
def test_what_was_not_streamed_is_told_at_the_end(name: str, missing: tuple[str, ...]) -> None:
    """Servers leave events out: nothing is lost, nothing is said twice."""
    found, shape = CASES[name]
    stream, chunks = feed(t.wire(without(found, *missing)), shape=shape)
    expected = parse_response(dumps(found[-1]["response"]), envelope(shape))
    assert added_up(stream, chunks) == expected


def test_a_response_that_ends_without_its_output_is_what_was_streamed() -> None:
    found, _ = CASES["reasoning and two calls"]
    bare = {"type": "response.completed", "response": {"id": "resp_1"}}
    stream, chunks = feed(t.wire([*found[:-1], bare]))
    message = added_up(stream, chunks)["choices"][0]["message"]
    assert message["provider_content"]["blocks"] == [t.REASONING, t.CALL, t.SECOND_CALL]
    assert (stream.finished, chunks[-1].finish_reason) == (True, "tool_calls")


def test_items_that_are_none_say_nothing() -> None:
    """Places and texts of wrong types do not stop the stream."""
    odd: list[t.Event] = [
        {"type": "response.output_text.delta", "delta": 5},
        {"type": "response.output_text.delta", "output_index": "x", "delta": "Hello"},
        {"type": "response.output_item.added", "item": None},
        {"type": "response.output_text.done", "text": "Something else"},
        {"type": "response.never.heard.of"},
        {"type": ["x"]},
    ]
    stream, chunks = feed(
        t.wire([event for event in odd if isinstance(event["type"], str)])
        + b'data: {"type":7}\n\n'
        + t.wire(t.events())
    )
    assert (stream.finished, [chunk.delta for chunk in chunks[:2]]) == (
        True,
        [{"role": "assistant", "content": ""}, {"content": "Hello"}],
    )


def test_a_call_without_arguments_gets_an_empty_object() -> None:
    call = {**t.CALL, "arguments": "", "call_id": "", "name": "functions.weather"}
    stream, chunks = feed(t.wire(t.events(call)))
    assert added_up(stream, chunks)["choices"][0]["message"]["tool_calls"] == [
        {"id": "call_u_0", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    ]


def test_the_type_may_stand_in_the_events_name_only() -> None:
    lines = [
        b"event: %s\ndata: %s\n\n"
        % (e["type"].encode(), dumps({k: v for k, v in e.items() if k != "type"}))
        for e in t.events(t.TEXT)
    ]
    stream, chunks = feed(b"".join(lines))
    assert (stream.finished, added_up(stream, chunks)["choices"][0]["message"]["content"]) == (
        True,
        "Hello there.",
    )


K = FailureKind
TOO_LONG = {
    "type": "invalid_request_error",
    "code": "context_length_exceeded",
    "message": "m",
    "param": "input",
}


def failed(**error: str) -> t.Event:
    return {
        "type": "response.failed",
        "response": t.response(status="failed", error={"message": "m", **error}),
    }


@pytest.mark.parametrize(
    ("event", "kind", "status", "code"),
    [
        (
            {"type": "error", "code": "server_error", "message": "m"},
            K.SERVER_ERROR,
            502,
            "server_error",
        ),
        ({"type": "error", "error": TOO_LONG}, K.CONTEXT_LENGTH, 400, "context_length_exceeded"),
        (
            {"type": "error", "error": {"type": "invalid_request_error", "message": "m"}},
            K.INVALID_REQUEST,
            400,
            None,
        ),
        (
            {"type": "error", "error": {"type": "tokens", "message": "m"}},
            K.RATE_LIMIT,
            429,
            "rate_limit_exceeded",
        ),
        ({"error": {"message": "m"}}, K.SERVER_ERROR, 502, "upstream_error"),
        (failed(code="rate_limit_exceeded"), K.RATE_LIMIT, 429, "rate_limit_exceeded"),
        (failed(code="invalid_image"), K.INVALID_REQUEST, 400, "invalid_image"),
        (failed(), K.SERVER_ERROR, 502, "upstream_error"),
    ],
)
def test_errors_in_a_stream(
    event: t.Event, kind: FailureKind, status: int, code: str | None
) -> None:
    """What was shown before stays shown; nothing is read after it."""
    start = t.wire(t.events(t.TEXT)[:6])
    stream, chunks = feed(start + b"data: " + dumps(event) + b"\n\n" + t.wire(t.events(t.TEXT)))
    failure = stream.failure
    assert failure is not None
    assert (
        failure.kind,
        failure.status,
        failure.code,
        failure.message,
        failure.upstream_status,
    ) == (kind, status, code, "m", 200)
    assert (stream.finished, len(chunks)) == (False, 3)
    assert (stream.receive(t.wire(t.events())), stream.receive_eof()) == ([], [])


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"data: {\n\n", FailureKind.MALFORMED),
        (b"data: []\n\n", FailureKind.MALFORMED),
        (b"<html>\n", FailureKind.MALFORMED),
        (b'{"error":{"message":"m","code":"rate_limit_exceeded"}}', FailureKind.RATE_LIMIT),
        (t.wire(t.events(t.TEXT)[:5]) + b"upstream hung up\n", FailureKind.TRUNCATED),
        (b"data: [DONE]\n\n", FailureKind.TRUNCATED),
        (b"", FailureKind.TRUNCATED),
    ],
)
def test_what_is_no_stream(data: bytes, kind: FailureKind) -> None:
    stream, _ = feed(data)
    assert (stream.finished, stream.failure and stream.failure.kind) == (False, kind)


def test_a_failure_without_a_word() -> None:
    stream, _ = feed(b'data: {"type":"response.failed"}\n\n')
    assert stream.failure is not None
    assert stream.failure.message == "The provider reported an error without a message."


def test_an_end_mark_without_its_blank_line_is_one() -> None:
    stream, chunks = feed(t.wire(t.events(t.TEXT))[:-2])
    assert (stream.finished, chunks[-2].finish_reason) == (True, "stop")


def test_a_failure_without_its_blank_line_is_one() -> None:
    stream, _ = feed(b'data: {"error":{"message":"m","code":"rate_limit_exceeded"}}')
    assert stream.failure is not None
    assert stream.failure.kind is FailureKind.RATE_LIMIT


def test_one_document_instead_of_a_stream() -> None:
    document = dumps(t.response(t.REASONING, t.CALL))
    stream, chunks = feed(document)
    assert added_up(stream, chunks) == parse_response(document, envelope())


def test_an_event_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = open_stream(envelope())
    monkeypatch.setattr(stream._decoder, "_max", 10)
    stream.receive(b"data: " + b"x" * 20)
    assert stream.failure is not None
    assert (stream.failure.kind, stream.receive(b"x")) == (FailureKind.MALFORMED, [])


def test_finished_reasoning_is_told_at_once_and_not_shown_by_chat() -> None:
    """Before the call it led to, for writers that have a place for it there."""
    stream, chunks = feed(t.wire(t.events(t.REASONING, t.CALL)))
    signed = [
        n for n, chunk in enumerate(chunks) if chunk.delta and "signed_reasoning" in chunk.delta
    ]
    called = [n for n, chunk in enumerate(chunks) if chunk.delta and chunk.delta.get("tool_calls")]
    told: list[Any] = [chunks[n].delta for n in signed]
    assert told == [{"signed_reasoning": {"format": "openai-responses", "data": [t.REASONING]}}]
    assert signed[0] < called[0]
    assert not chunks[signed[0]].commits
    assert b"signed_reasoning" not in written(stream, chunks)
    assert "signed_reasoning" not in added_up(stream, chunks)["choices"][0]["message"]


@pytest.mark.parametrize(("status", "reason"), [("completed", "stop"), ("incomplete", "length")])
def test_response_done_ends_an_answer_if_its_response_has_ended(status: str, reason: str) -> None:
    events = t.events(t.TEXT)
    last = {
        **events[-1],
        "type": "response.done",
        "response": {**events[-1]["response"], "status": status},
    }
    stream, chunks = feed(t.wire([*events[:-1], last]))
    assert (stream.finished, stream.failure) == (True, None)
    assert reason in [chunk.finish_reason for chunk in chunks]


@pytest.mark.parametrize("response", [{}, {"status": "in_progress"}, {"status": None}])
def test_response_done_that_does_not_say_how_proves_no_end(response: dict[str, Any]) -> None:
    stream, _ = feed(
        t.wire([*t.events(t.TEXT)[:-1], {"type": "response.done", "response": response}])
    )
    assert not stream.finished
    assert stream.failure is not None
    assert stream.failure.kind is FailureKind.TRUNCATED
