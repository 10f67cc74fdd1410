"""Answers in forms that are not those of today's Chat Completions: whole messages in a stream,
texts of completions, `function_call` for a tool.
"""

from typing import Any

import pytest

from tests.translators.openai.streams import DONE, ENVELOPE, chunk, deltas
from translators.chat.chunks import ChunkWriter
from translators.dialect import AnswerShape
from translators.errors import FailureKind
from translators.json_codec import dumps
from translators.openai import open_stream, parse_response

FUNCTION = {"name": "f", "arguments": '{"x":1}'}
TOOLS = ENVELOPE._replace(shape=AnswerShape(declared_tools=frozenset({"f"})))


def event(choice: dict[str, Any]) -> bytes:
    return b"data: " + dumps({"choices": [choice]}) + b"\n\n"


def streamed(*events: bytes, envelope: Any = TOOLS) -> list[tuple[int, dict[str, Any], str | None]]:
    stream = open_stream(envelope)
    chunks = stream.receive(b"".join(events)) + stream.receive_eof()
    assert stream.failure is None
    return deltas(ChunkWriter(stream.id, 1, stream.model, include_usage=False).write(chunks))


def text_of(events: list[tuple[int, dict[str, Any], str | None]]) -> str:
    return "".join(delta.get("content") or "" for _, delta, _ in events)


@pytest.mark.parametrize("end", [b"data: [DONE] \n\n", b"data:  [DONE]\n\n", b"data:[DONE]\t\n\n"])
def test_the_end_of_a_stream_may_have_spaces_around_it(end: bytes) -> None:
    found = streamed(chunk({"role": "assistant", "content": "a"}), chunk({}, "stop"), end)
    assert (text_of(found), found[-1][2]) == ("a", "stop")


@pytest.mark.parametrize(
    "said",
    [
        {"message": {"role": "assistant", "content": "ab"}},
        {"text": "ab"},
        {"message": None, "text": "ab"},
    ],
)
def test_a_choice_without_a_delta_is_read_by_its_message_or_text(said: dict[str, Any]) -> None:
    found = streamed(event({"index": 0, **said, "finish_reason": "stop"}), DONE)
    assert (text_of(found), found[-1][2]) == ("ab", "stop")


def test_messages_in_pieces_are_joined() -> None:
    pieces = [event({"index": 0, "message": {"content": each}}) for each in "ab"]
    found = streamed(*pieces, event({"index": 0, "finish_reason": "stop"}), DONE)
    assert (text_of(found), found[-1][2]) == ("ab", "stop")


def test_a_whole_message_behind_its_deltas_is_a_repetition() -> None:
    whole = event({"index": 0, "message": {"content": "ab"}, "finish_reason": "stop"})
    found = streamed(chunk({"content": "a"}), chunk({"content": "b"}), whole, DONE)
    assert (text_of(found), found[-1][2]) == ("ab", "stop")


def test_a_whole_message_in_no_known_form_is_a_failure() -> None:
    stream = open_stream(TOOLS)
    stream.receive(event({"index": 0, "message": {"content": 7}}))
    assert stream.failure is not None
    assert stream.failure.kind is FailureKind.MALFORMED


def test_a_function_call_that_answers_tools_is_a_call_of_one() -> None:
    found = streamed(
        chunk(
            {"role": "assistant", "content": None, "function_call": {**FUNCTION, "arguments": ""}}
        ),
        chunk({"function_call": {"arguments": '{"x":1}'}}),
        chunk({}, "function_call"),
        DONE,
    )
    calls = [delta["tool_calls"][0] for _, delta, _ in found if delta.get("tool_calls")]
    assert [call["function"].get("name") for call in calls] == ["f", None]
    assert "".join(call["function"]["arguments"] for call in calls) == '{"x":1}'
    assert (calls[0]["id"], found[-1][2]) == ("call_u_0", "tool_calls")


@pytest.mark.parametrize("legacy", [False, True])
def test_a_whole_function_call_is_told_in_the_kind_that_was_asked_for(legacy: bool) -> None:
    envelope = TOOLS._replace(shape=TOOLS.shape._replace(legacy_functions=legacy))
    message = {"role": "assistant", "content": None, "function_call": {**FUNCTION}}
    body = {"choices": [{"index": 0, "message": message, "finish_reason": "function_call"}]}
    choice: Any = parse_response(dumps(body), envelope)["choices"][0]
    if legacy:
        expected = {"function_call": FUNCTION}, "function_call"
    else:
        call = {"id": "call_u_0", "type": "function", "function": FUNCTION}
        expected = {"tool_calls": [call]}, "tool_calls"
    shown = {name: value for name, value in choice["message"].items() if value is not None}
    del shown["role"]
    assert (shown, choice["finish_reason"]) == expected
