"""Streams that no transcript shows: order, errors in all their shapes, answers that are no
streams.
"""

from typing import Any

import pytest

from tests.translators.gemini.streams import (
    SIGNATURE,
    USAGE,
    deltas,
    frame,
    read,
    read_bytewise,
    shown,
    sse,
    written,
)
from translators import gemini
from translators.dialect import AnswerShape, Envelope
from translators.errors import FailureKind
from translators.json_codec import dumps
from translators.sse import MAX_EVENT_BYTES

K = FailureKind
ONCE = frame({"text": "Once"})
STOP = frame({"text": ""}, reason="STOP")
ERROR = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}


def call(name: str = "w", **fields: Any) -> dict[str, Any]:
    return {"functionCall": {"name": name, **fields}}


def finish(native: str = "STOP", reason: str = "stop") -> dict[str, Any]:
    return {"finish_reason": reason, "choice": {"native_finish_reason": native}}


def test_f72_call_then_empty_text_and_stop() -> None:
    """The reason comes in a later frame than the call."""
    _, chunks = read(sse(frame(call(id="a")), STOP))
    assert shown(chunks)[-1] == finish(reason="tool_calls")


def test_f74_one_reason_at_the_end() -> None:
    """A reason on every frame is told once."""
    _, chunks = read(sse(frame({"text": "a"}, reason="STOP"), frame({"text": "b"}, reason="STOP")))
    assert [chunk.finish_reason for chunk in chunks] == [None, None, "stop"]


def test_f75_early_stop() -> None:
    assert deltas(sse(frame(reason="STOP"), ONCE, STOP)) == [
        {"role": "assistant", "content": "Once"}
    ]


def test_f76_calls_in_two_frames() -> None:
    """Their indexes go on, their ids differ."""
    said = deltas(sse(frame(call()), frame(call()), STOP))
    assert [(c["index"], c["id"]) for delta in said for c in delta["tool_calls"]] == [
        (0, "call_u_0"),
        (1, "call_u_1"),
    ]


def test_f77_text_and_call_in_one_frame() -> None:
    function = {"name": "w", "arguments": "{}"}
    assert deltas(
        sse(frame({"text": "a"}, {"text": "b"}, call(id="x"), {"text": "c"}, reason="STOP"))
    ) == [
        {"role": "assistant", "content": "ab"},
        {"tool_calls": [{"index": 0, "id": "x", "type": "function", "function": function}]},
        {"content": "c"},
        {
            "extra_content": {
                "google": {"parts": [{"text": "a"}, {"text": "b"}, call(id="x"), {"text": "c"}]}
            }
        },
    ]


def test_text_goes_on_in_a_frame_with_other_parts() -> None:
    """It is still the same part: only what Google ran makes the parts worth keeping."""
    code = {"executableCode": {"language": "PYTHON", "code": "1"}}
    said = deltas(sse(frame({"text": "a"}), frame({"text": "b"}, code, reason="STOP")))
    assert said == [
        {"role": "assistant", "content": "a"},
        {"content": "b"},
        {"extra_content": {"google": {"parts": [{"text": "ab"}, code]}}},
    ]


def test_f79_a_last_frame_with_a_reason_only() -> None:
    _, chunks = read(
        sse(ONCE, {"candidates": [{"finishReason": "MAX_TOKENS"}], "usageMetadata": USAGE})
    )
    assert shown(chunks)[1] == finish("MAX_TOKENS", "length")


def test_f80_blocked_prompt() -> None:
    stream, chunks = read(sse({"promptFeedback": {"blockReason": "OTHER"}}))
    assert shown(chunks) == [
        {"delta": {"role": "assistant", "content": ""}},
        finish("PROMPT_OTHER", "content_filter"),
    ]
    assert stream.finished


def test_f81_no_candidates() -> None:
    stream, chunks = read(sse({"usageMetadata": USAGE}))
    assert chunks == []
    assert stream.failure is not None
    assert stream.failure.kind is K.NO_OUTPUT


def test_f82_malformed_call() -> None:
    """It is a failure, and no end is shown."""
    stream, chunks = read(
        sse(ONCE, frame(reason="MALFORMED_FUNCTION_CALL", finishMessage="x" * 600))
    )
    assert stream.failure is not None
    assert (stream.failure.kind, stream.failure.code) == (K.MODEL_OUTPUT, "malformed_function_call")
    assert len(stream.failure.message) < 600
    assert [chunk.finish_reason for chunk in chunks] == [None]


def test_f87_no_reason_at_the_end() -> None:
    stream, chunks = read(sse(ONCE, {"usageMetadata": USAGE}))
    assert stream.failure is not None
    assert stream.failure.kind is K.TRUNCATED
    assert len(chunks) == 1


def test_nothing_at_all_is_a_cut() -> None:
    stream, _ = read(b"")
    assert stream.failure is not None
    assert stream.failure.kind is K.TRUNCATED


@pytest.mark.parametrize("tail", [
    pytest.param(sse(ERROR), id="f88_event"),
    pytest.param(b"data: " + dumps(ERROR), id="event_without_end"),
    pytest.param(b'{\n  "error": {\n    "code": 503,\n    "message": "The model is overloaded.",\n    "status": "UNAVAILABLE"\n  }\n}\n',  # noqa: E501
                 id="f89_raw"),
    pytest.param(b'{"error": {"code": 503,\n\n"message": "The model is overloaded.",\n"status": "UNAVAILABLE"}}\n\n',  # noqa: E501
                 id="raw_with_blank_line"),
    pytest.param(sse([ERROR]), id="f90_list_event"),
    pytest.param(b"[" + dumps(ERROR) + b"]", id="f90_raw_list"),
    pytest.param(b",\r\n" + sse(ERROR), id="behind_garbage"),
])  # fmt: skip
def test_errors_behind_text(tail: bytes) -> None:
    """In every shape an error ends the stream, however it is cut; nothing after it counts."""
    for stream, chunks in (read(sse(ONCE) + tail), read_bytewise(sse(ONCE) + tail)):
        assert [chunk.delta for chunk in chunks] == [{"role": "assistant", "content": "Once"}]
        assert not stream.finished
        assert stream.failure is not None
        assert (stream.failure.kind, stream.failure.status, stream.failure.message) == (
            K.OVERLOADED,
            503,
            "The model is overloaded.",
        )
        assert stream.receive(sse(STOP)) == []
        assert stream.receive_eof() == []


def test_an_error_that_opens_the_stream() -> None:
    stream, chunks = read(sse(ERROR))
    assert chunks == []
    assert stream.failure is not None


def test_an_error_is_seen_before_the_stream_ends() -> None:
    """As soon as its JSON is whole."""
    stream = gemini.open_stream(Envelope(id="x", created=1, model="m"))
    stream.receive(b'{"error": {"code": 429,\n\n')
    assert stream.failure is None
    stream.receive(b'"message": "m"}}\n\n')
    assert stream.failure is not None
    assert stream.failure.kind is K.RATE_LIMIT


def test_raw_json_that_is_no_error_waits_for_the_end() -> None:
    stream, chunks = read(dumps(ONCE) + b"\n\n")
    assert shown(chunks) == [{"delta": {"role": "assistant", "content": "Once"}}]
    assert stream.failure is not None
    assert stream.failure.kind is K.TRUNCATED


def test_f91_separators_inside_a_string() -> None:
    """Raw line separators are text, and are escaped when they are written."""
    data = (
        "data:"
        ' {"candidates":[{"content":{"parts":[{"text":"a\u2028b\x85c"}]},"finishReason":"STOP"}]}\n\n'.encode()  # noqa: E501
    )
    stream, chunks = read_bytewise(data)
    assert shown(chunks)[0] == {"delta": {"role": "assistant", "content": "a\u2028b\x85c"}}
    assert written(stream, chunks)[0]["choices"][0]["delta"]["content"] == "a\u2028b\x85c"


def test_f92_characters_of_several_bytes() -> None:
    """Cut anywhere (`read` sees to that), they arrive whole."""
    assert deltas(sse(frame({"text": "Åre 😀"}, reason="STOP"))) == [
        {"role": "assistant", "content": "Åre 😀"}
    ]


def test_f93_usage_is_told_once_and_last() -> None:
    _, chunks = read(sse({**ONCE, "usageMetadata": USAGE}, {**STOP, "usageMetadata": USAGE}))
    assert [chunk.usage is not None for chunk in chunks] == [False, False, True]
    assert chunks[-1].delta is None


def test_f94_a_count_that_a_later_frame_leaves_out() -> None:
    counted = {**USAGE, "totalTokenCount": 37}
    frames = (
        {**ONCE, "usageMetadata": {**counted, "thoughtsTokenCount": 31}},
        {**STOP, "usageMetadata": {**counted, "thoughtsTokenCount": None}},
    )
    _, chunks = read(sse(*frames))
    assert chunks[-1].usage is not None
    assert chunks[-1].usage["completion_tokens"] == 33


def test_a_count_that_a_later_frame_corrects() -> None:
    _, chunks = read(
        sse(
            {**ONCE, "usageMetadata": USAGE},
            {**STOP, "usageMetadata": {**USAGE, "promptTokenCount": 3}},
        )
    )
    assert chunks[-1].usage is not None
    assert chunks[-1].usage["prompt_tokens"] == 3


def test_no_counts_no_usage() -> None:
    _, chunks = read(sse(frame({"text": "x"}, reason="STOP")))
    assert shown(chunks)[-1] == finish()


def test_the_tier_that_served() -> None:
    _, chunks = read(
        sse(
            {
                **frame({"text": "x"}, reason="STOP"),
                "usageMetadata": {"trafficType": "ON_DEMAND_FLEX"},
            }
        )
    )
    assert chunks[-1].top == {"service_tier": "flex"}


def test_f97_the_second_choice_first() -> None:
    """The first one is opened before it: clients count on their order."""
    _, chunks = read(
        sse(
            frame({"text": "B"}, reason="STOP", index=1),
            frame({"text": "A"}, reason="STOP", index=None),
        )
    )
    assert shown(chunks)[:3] == [
        {"delta": {"role": "assistant", "content": ""}},
        {"delta": {"role": "assistant", "content": "B"}, "index": 1},
        {"delta": {"content": "A"}},
    ]


def test_a_choice_that_never_came() -> None:
    """One that was opened for another's sake has no reason: the answer is not whole."""
    stream, _ = read(sse(frame({"text": "B"}, reason="STOP", index=1)))
    assert stream.failure is not None
    assert stream.failure.kind is K.TRUNCATED


def test_f100_a_call_is_told_once() -> None:
    """Role, id, name and arguments come in one delta, whole."""
    assert deltas(
        sse(frame({**call(id="a", args={"c": "Oslo"}), "thoughtSignature": SIGNATURE}), STOP)
    ) == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "index": 0,
                    "id": "a",
                    "type": "function",
                    "function": {"name": "w", "arguments": '{"c":"Oslo"}'},
                    "extra_content": {"google": {"thought_signature": SIGNATURE}},
                }
            ],
        }
    ]


def test_each_choice_counts_its_own_calls() -> None:
    said = deltas(sse(frame(call(), reason="STOP"), frame(call(), reason="STOP", index=1)))
    assert [(c["index"], c["id"]) for delta in said for c in delta["tool_calls"]] == [
        (0, "call_u_0"),
        (0, "call_u_1"),
    ]


def test_a_fence_is_held_back_until_it_is_known() -> None:
    data = sse(
        *(frame({"text": text}) for text in ("```", "json\n", '{"a": ', "1}\n``", "`\n")), STOP
    )
    assert deltas(data, AnswerShape(strip_json_fence=True)) == [
        {"role": "assistant", "content": '{"a":'},
        {"content": " 1}"},
    ]


def test_log_probabilities_go_with_their_text() -> None:
    result = {"chosenCandidates": [{"token": "x", "logProbability": -1}]}
    _, chunks = read(sse(frame({"text": "x"}, reason="STOP", logprobsResult=result)))
    assert shown(chunks)[0]["choice"]["logprobs"]["content"][0]["token"] == "x"


def test_the_model_that_served() -> None:
    stream, _ = read(
        sse({**ONCE, "modelVersion": "gemini-3.5-flash-001"}, {**STOP, "modelVersion": "other"})
    )
    assert (stream.id, stream.model) == ("chatcmpl-1", "gemini-3.5-flash-001")


def test_ended_is_known_before_the_end() -> None:
    """With all reasons in hand the gateway need not wait long for the end."""
    stream = gemini.open_stream(Envelope(id="x", created=1, model="m"))
    assert not stream.ended
    stream.receive(sse(ONCE))
    assert not stream.ended
    stream.receive(sse(STOP))
    assert stream.ended
    assert not stream.finished


def test_nothing_is_read_after_the_end() -> None:
    stream, _ = read(sse(ONCE, STOP))
    assert stream.receive(sse(ONCE)) == []
    assert stream.receive_eof() == []


@pytest.mark.parametrize("data", [
    pytest.param(b"[" + dumps(ONCE) + b"\n,\r\n" + dumps(STOP) + b"\n]", id="array"),
    pytest.param(dumps(frame({"text": "Once"}, reason="STOP")), id="object"),
    pytest.param(b'{\n "candidates": [{\n"content": {"parts": [{"text": "Once"}]}, "finishReason": "STOP"}]}\n', id="pretty_object"),  # noqa: E501
    pytest.param(sse([ONCE, STOP]), id="list_event"),
    pytest.param(b"data: " + dumps(ONCE) + b"\n\ndata: " + dumps(STOP), id="no_blank_line_at_the_end"),  # noqa: E501
    pytest.param(b": hi\n\nevent: x\nid: 1\nretry: 5\n" + sse(ONCE, STOP), id="comments_and_fields"),  # noqa: E501
    pytest.param(sse(ONCE, STOP) + b"data: [DONE]\n\n", id="done"),
    pytest.param(sse(ONCE, STOP) + b"data: [DONE]", id="done_without_end"),
    pytest.param(sse(ONCE) + b"data:\n\n" + sse(STOP), id="empty_event"),
    pytest.param(sse(ONCE, STOP) + b"x-proxy: bye\n\n", id="foreign_line"),
])  # fmt: skip
def test_other_framings_of_a_whole_answer(data: bytes) -> None:
    for stream, chunks in (read(data), read_bytewise(data)):
        assert stream.finished
        assert [chunk.delta for chunk in chunks] == [{"role": "assistant", "content": "Once"}, {}]


@pytest.mark.parametrize(("data", "kind"), [
    pytest.param(b"<html>Bad gateway</html>", K.MALFORMED, id="html"),
    pytest.param(b"data: {broken}\n\n", K.MALFORMED, id="broken_event"),
    pytest.param(b"data: 5\n\n", K.MALFORMED, id="number_event"),
    pytest.param(b"data: []\n\n", K.MALFORMED, id="empty_list_event"),
    pytest.param(b"5", K.MALFORMED, id="number"),
    pytest.param(b'{"candidates": [', K.TRUNCATED, id="cut_document"),
    pytest.param(b'[{"candidates": []}', K.TRUNCATED, id="cut_array"),
    pytest.param(sse(ONCE, STOP) + b'{"error": {"code"', K.TRUNCATED, id="cut_error"),
    pytest.param(sse(ONCE, STOP) + b'data: {"usage', K.TRUNCATED, id="cut_event"),
    pytest.param(sse(ONCE, STOP) + b"dat", K.TRUNCATED, id="cut_field"),
    pytest.param(sse({"candidates": [{"index": -1}]}), K.MALFORMED, id="impossible_index"),
    pytest.param(sse({"error": "a sentence"}), K.SERVER_ERROR, id="error_of_one_sentence"),
])  # fmt: skip
def test_what_is_no_answer(data: bytes, kind: FailureKind) -> None:
    for stream, _ in (read(data), read_bytewise(data)):
        assert not stream.finished
        assert stream.failure is not None
        assert stream.failure.kind is kind


def test_an_error_that_is_none() -> None:
    """A null is no error."""
    assert deltas(sse({**frame({"text": "x"}, reason="STOP"), "error": None})) == [
        {"role": "assistant", "content": "x"}
    ]


@pytest.mark.parametrize("at_the_end", [False, True])
def test_an_event_beyond_the_limit(at_the_end: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("translators.sse.Decoder.__init__.__defaults__", (64,))
    stream = gemini.open_stream(Envelope(id="x", created=1, model="m"))
    if at_the_end:
        stream.receive(b"x" * 60 + b"\n\n" + b"y" * 30)
        stream.receive_eof()
    else:
        stream.receive(b"data: " + b"x" * 100)
    assert stream.failure is not None
    assert stream.failure.kind is K.MALFORMED
    assert MAX_EVENT_BYTES > 1024
