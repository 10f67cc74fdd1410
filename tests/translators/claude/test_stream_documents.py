"""A stream was asked for and one JSON document came."""

import json
from typing import Any

import pytest

from tests.translators.claude.golden import RESPONSES, envelope, read, response_result
from tests.translators.claude.streams import HI_EVENTS, START, run, sse
from translators import claude
from translators.chat.chunks import Collector
from translators.errors import FailureKind

MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "model": "claude-sonnet-5",
    "content": [{"type": "text", "text": "Hi"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 1, "output_tokens": 1},
}


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("frame", [b"%s", b"%s\n\n", b"data: %s\n\n"])
def test_a_message_is_read_as_if_streamed(indent: int | None, frame: bytes) -> None:
    text = json.dumps(MESSAGE, indent=indent).encode()
    if frame.startswith(b"data") and indent:
        text = text.replace(b"\n", b"\ndata: ")
    chunks, stream = run(frame % text)
    assert (stream.finished, stream.id) == (True, "chatcmpl-msg_1")
    assert [chunk.get("delta") for chunk in chunks] == [
        {"role": "assistant", "content": ""},
        {"content": "Hi"},
        {},
        None,
    ]


@pytest.mark.parametrize("indent", [None, 2])
def test_an_error_document(indent: int | None) -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    failure = run(json.dumps(error, indent=indent).encode())[1].failure
    assert failure is not None
    assert (failure.kind, failure.message) == (FailureKind.OVERLOADED, "Overloaded")


def test_an_error_document_in_the_middle_of_a_stream() -> None:
    data = sse(START, *HI_EVENTS) + b'{"error":{"type":"api_error","message":"boom"}}\n'
    failure = run(data)[1].failure
    assert failure is not None
    assert (failure.kind, failure.message) == (FailureKind.SERVER_ERROR, "boom")


def test_junk_in_the_middle_of_a_stream_is_a_cut() -> None:
    failure = run(sse(START, *HI_EVENTS) + b"<html>\n")[1].failure
    assert failure is not None
    assert failure.kind is FailureKind.TRUNCATED


@pytest.mark.parametrize("data", [b"<html>502</html>", b"[]", b'{"a":1}'])
def test_neither_a_stream_nor_a_message(data: bytes) -> None:
    failure = run(data)[1].failure
    assert failure is not None
    assert failure.kind is FailureKind.MALFORMED


def test_nothing_at_all() -> None:
    failure = run(b"")[1].failure
    assert failure is not None
    assert failure.kind is FailureKind.TRUNCATED


def test_a_message_without_content() -> None:
    failure = run(b'{"type":"message"}')[1].failure
    assert failure is not None
    assert failure.kind is FailureKind.NO_OUTPUT


@pytest.mark.parametrize(
    "path",
    [p for p in RESPONSES if "refusal" not in p.stem and "pause" not in p.stem],
    ids=lambda path: path.stem,
)
def test_streamed_and_whole_answers_are_the_same(path: Any) -> None:
    """The chunks of a message add up to the completion it would have been."""
    case = read(path)
    expected = response_result(case).get("completion")
    if expected is None:
        return
    stream = claude.open_stream(envelope(case))
    chunks = stream.receive(json.dumps(case["answer"]).encode()) + stream.receive_eof()
    collector = Collector(stream.id, 1764547200, stream.model)
    for chunk in chunks:
        collector.add(chunk)
    collected = collector.completion()
    message = collected["choices"][0]["message"]
    wanted = expected["choices"][0]["message"]
    assert {**message, "content": message["content"] or None} == {
        **wanted,
        "content": wanted["content"] or None,
    }
    assert (collected["choices"][0]["finish_reason"], collected.get("usage")) == (
        expected["choices"][0]["finish_reason"],
        expected.get("usage"),
    )
