"""translators.openai.answer.stream: where a stream ends, and as what: one finish_reason for each
choice, at its end, and true.
"""

from typing import Any

import pytest

from tests.translators.openai.streams import DONE, ENVELOPE, chunk, deltas, feed, shown
from translators.errors import FailureKind
from translators.json_codec import dumps
from translators.openai import open_stream

K = FailureKind
A = chunk({"role": "assistant", "content": "a"})
CALL = {"index": 0, "id": "x", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def texts(text: bytes) -> str:
    return "".join(delta.get("content") or "" for _, delta, _ in deltas(text))


def reasons(text: bytes) -> list[str]:
    return [reason for _, _, reason in deltas(text) if reason is not None]


def test_an_empty_finish_reason_is_none() -> None:
    stream, text = feed(
        chunk({"role": "assistant", "content": "a"}, ""),
        chunk({"content": "b"}, ""),
        chunk({"content": "c"}, ""),
        chunk({}, "length"),
        DONE,
    )
    assert (texts(text), reasons(text), stream.finished) == ("abc", ["length"], True)
    assert b'"finish_reason":""' not in text
    broken, text = feed(
        chunk({"role": "assistant", "content": "a"}, ""), chunk({"content": "b"}, "")
    )
    assert (texts(text), reasons(text)) == ("ab", [])
    assert broken.failure is not None
    assert broken.failure.kind is K.TRUNCATED


@pytest.mark.parametrize(
    "end",
    [
        chunk({}, "tool_calls"),
        chunk({"content": ""}, "stop"),
        chunk({}, "stop") + chunk({}, "tool_calls"),
    ],
)
def test_a_finish_reason_with_more_behind_it_is_not_believed(end: bytes) -> None:
    _, text = feed(
        chunk({"role": "assistant", "reasoning_content": "hm"}, "stop"),
        chunk({"content": "a"}, "stop"),
        chunk({"tool_calls": [CALL]}, "stop"),
        end,
        DONE,
    )
    assert [(delta, reason) for _, delta, reason in deltas(text)][:3] == [
        ({"role": "assistant", "reasoning_content": "hm"}, None),
        ({"content": "a"}, None),
        ({"tool_calls": [CALL]}, None),
    ]
    assert reasons(text) == ["tool_calls"]
    assert deltas(text)[-1][2] == "tool_calls"


def test_texts_that_are_recognised_count_as_more() -> None:
    """The second text after the reason is not parsed any more."""
    parts = [
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "a"}),
        chunk({"content": "b"}, "stop"),
    ]
    more = [chunk({"content": "c"}), chunk({"content": "d"})]
    for step in (1, 10_000):
        stream = open_stream(ENVELOPE)
        data = b"".join([*parts, *more])
        chunks = [
            each for i in range(0, len(data), step) for each in stream.receive(data[i : i + step])
        ]
        chunks += stream.receive_eof()
        assert "".join(each.delta["content"] for each in chunks if each.delta) == "abcd"
        assert stream.failure is not None
    _, text = feed(*parts, *more, DONE)
    assert (texts(text), reasons(text)) == ("abcd", ["stop"])


def test_a_stream_that_breaks_behind_an_early_reason_is_broken() -> None:
    stream, text = feed(
        chunk({"role": "assistant", "content": "a"}, "stop"), chunk({"content": "b"})
    )
    assert stream.failure is not None
    assert (stream.failure.kind, reasons(text)) == (K.TRUNCATED, [])


def test_a_reason_at_the_very_end_is_proof_enough() -> None:
    """Some compatible servers never send [DONE]."""
    stream, text = feed(A, chunk({"content": "b"}, "stop"))
    assert (stream.finished, reasons(text)) == (True, ["stop"])


def test_an_empty_piece_behind_the_reason_changes_nothing() -> None:
    stream, text = feed(
        A, chunk({}, "stop"), chunk({"content": ""}), chunk(None, usage={"prompt_tokens": 1})
    )
    assert (stream.finished, reasons(text)) == (True, ["stop"])


def test_texts_of_one_choice_go_on_while_another_has_ended() -> None:
    rest = [
        chunk({"content": "y"}, index=1),
        chunk({"content": "x"}, index=1),
        chunk({}, "stop", 1),
    ]
    _, text = feed(
        A,
        chunk({"role": "assistant", "content": "z"}, index=1),
        chunk({"content": "y"}, index=1),
        chunk({}, "length"),
        *rest,
        DONE,
    )
    assert [(index, reason) for index, _, reason in deltas(text) if reason] == [
        (0, "length"),
        (1, "stop"),
    ]
    assert texts(text) == "azyyx"


def test_each_choice_ends_by_itself() -> None:
    stream, text = feed(
        A,
        chunk({"role": "assistant", "content": "z"}, index=1),
        chunk({}, "stop"),
        chunk({"content": "y"}, index=1),
        chunk({}, "length", 1),
        DONE,
    )
    assert [(index, reason) for index, _, reason in deltas(text) if reason] == [
        (0, "stop"),
        (1, "length"),
    ]
    assert stream.finished
    half, text = feed(
        A, chunk({"role": "assistant", "content": "z"}, index=1), chunk({}, "stop"), DONE
    )
    assert half.failure is not None
    assert reasons(text) == []


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("error", K.SERVER_ERROR),
        ("network_error", K.SERVER_ERROR),
        ("ABORT", K.SERVER_ERROR),
        ({"type": "abort"}, K.SERVER_ERROR),
        ("insufficient_system_resource", K.OVERLOADED),
        ("timeout", K.TIMEOUT),
        ("malformed_function_call", K.MODEL_OUTPUT),
    ],
)
@pytest.mark.parametrize("last", [{}, {"content": "b"}], ids=["bare", "beside a text"])
def test_a_reason_that_means_broken_ends_with_a_failure(
    reason: Any, kind: FailureKind, last: dict[str, Any]
) -> None:
    stream, text = feed(A, chunk(last, reason), DONE)
    assert stream.failure is not None
    assert (stream.failure.kind, stream.finished) == (kind, False)
    assert (texts(text), reasons(text)) == ("a" + last.get("content", ""), [])


def test_a_broken_end_before_any_content_commits_to_nothing() -> None:
    stream = open_stream(ENVELOPE)
    chunks = stream.receive(chunk({"role": "assistant", "content": ""}) + chunk({}, "error"))
    assert stream.failure is not None
    assert not any(each.commits for each in chunks)


@pytest.mark.parametrize(
    "broken",
    [
        {
            "choices": [
                {
                    "index": 0,
                    "delta": {"content": "b"},
                    "finish_reason": "stop",
                    "error": {"code": 503, "message": "gone"},
                }
            ]
        },
        {
            "choices": [{"index": 0, "delta": {"content": "b"}, "finish_reason": "error"}],
            "error": {"code": 503, "message": "gone"},
        },
        {
            "choices": [
                {
                    "index": 0,
                    "delta": {"content": "b"},
                    "finish_reason": None,
                    "error": {"code": 503, "message": "gone"},
                }
            ]
        },
    ],
    ids=["in the choice", "beside the choices", "without a reason"],
)
def test_an_error_beside_the_last_text_shows_both(broken: dict[str, Any]) -> None:
    stream, text = feed(
        A, b"data: " + dumps({"id": "chatcmpl-up", "model": "gpt-real", **broken}) + b"\n\n"
    )
    assert stream.failure is not None
    assert (stream.failure.kind, stream.failure.message) == (K.OVERLOADED, "gone")
    assert (texts(text), reasons(text)) == ("ab", [])


@pytest.mark.parametrize(
    "document",
    [{"message": "gone"}, {"detail": "gone"}, {"code": 1234, "message": "gone", "id": None}],
)
def test_an_error_that_does_not_say_so_is_one(document: dict[str, Any]) -> None:
    stream, _ = feed(A, b"data: " + dumps(document) + b"\n\n")
    assert stream.failure is not None
    assert stream.failure.kind is K.SERVER_ERROR


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("model_length", "length"),
        ("model_context_window_exceeded", "length"),
        ("sensitive", "content_filter"),
        ("content_filter: SPII", "content_filter"),
    ],
)
def test_cut_and_filtered_streams_are_told_as_such(reason: str, told: str) -> None:
    stream, text = feed(A, chunk({}, reason), DONE)
    last = shown(text)[-1]
    assert (last["choices"][0]["finish_reason"], last["choices"][0]["native_finish_reason"]) == (
        told,
        reason,
    )
    assert "x_llm_router" not in last
    assert stream.finished


def test_an_unknown_reason_is_stop_with_a_warning() -> None:
    _, text = feed(A, chunk({}, "eos"), DONE)
    assert shown(text)[-1]["x_llm_router"] == {"warnings": ["unknown_finish_reason"]}
    assert reasons(text) == ["stop"]


def test_a_server_cannot_speak_in_our_name() -> None:
    _, text = feed(
        chunk({"role": "assistant", "content": "a"}, x_llm_router={"warnings": ["x"]}),
        chunk({}, "stop"),
        DONE,
    )
    assert b"x_llm_router" not in text


@pytest.mark.parametrize(
    ("delta", "reason", "told"),
    [
        ({"tool_calls": [CALL]}, "stop", "tool_calls"),
        ({"tool_calls": [CALL]}, "length", "length"),
        ({"tool_calls": []}, "tool_calls", "stop"),
        ({"content": "b"}, "function_call", "stop"),
        ({"function_call": {"name": "functions.f", "arguments": "{}"}}, "stop", "function_call"),
    ],
)
def test_the_finish_reason_goes_with_the_calls(
    delta: dict[str, Any], reason: str, told: str
) -> None:
    _, text = feed(A, chunk(delta), chunk({}, reason), DONE)
    assert reasons(text) == [told]
    assert b"functions." not in text


def test_a_legacy_function_call_in_pieces_is_relayed() -> None:
    pieces = [{"name": "f", "arguments": ""}, {"arguments": '{"x"'}, {"arguments": ":1}"}]
    data = b"".join(chunk({"function_call": each}) for each in pieces[1:]) + chunk(
        {}, "function_call"
    )
    first = chunk({"role": "assistant", "content": None, "function_call": pieces[0]})
    assert feed(first + data, DONE)[1] == first + data


@pytest.mark.parametrize("name", ["reasoning", "reasoning_text", "thinking"])
def test_reasoning_is_shown_under_the_hubs_name_and_is_content(name: str) -> None:
    stream = open_stream(ENVELOPE)
    first = stream.receive(chunk({"role": "assistant", "content": ""}) + chunk({name: "hm"}))
    assert [each.commits for each in first] == [False, True]
    assert first[1].delta == {name: "hm", "reasoning_content": "hm"}
    _, text = feed(
        chunk({"role": "assistant", name: "h"}),
        chunk({name: "m"}),
        chunk({"content": "7"}),
        chunk({}, "stop"),
        DONE,
    )
    assert "".join(delta.get("reasoning_content") or "" for _, delta, _ in deltas(text)) == "hm"


def test_a_content_in_parts_becomes_texts() -> None:
    _, text = feed(
        chunk(
            {
                "role": "assistant",
                "content": [{"type": "thinking", "thinking": [{"type": "text", "text": "h"}]}],
            }
        ),
        chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "m"}]}]}),
        chunk({"content": [{"type": "text", "text": "7"}]}),
        chunk({"content": "8"}),
        chunk({}, "stop"),
        DONE,
    )
    assert (
        texts(text),
        "".join(delta.get("reasoning_content") or "" for _, delta, _ in deltas(text)),
    ) == ("78", "hm")


@pytest.mark.parametrize("role", [None, "", "model"])
def test_a_role_that_says_nothing_is_the_assistants(role: Any) -> None:
    _, text = feed(
        chunk({"role": role, "content": "a", "tool_calls": None}),
        chunk({"role": role, "content": "b"}),
        chunk({"role": role}, "stop"),
        DONE,
    )
    assert [delta.get("role", "-") for _, delta, _ in deltas(text)] == ["assistant", "-", "-"]
    assert texts(text) == "ab"


def test_a_count_inside_a_choice_is_shown_at_the_end() -> None:
    count = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    choice = {"index": 0, "delta": {}, "finish_reason": "stop", "usage": count}
    stream, text = feed(
        A,
        b"data: "
        + dumps({"id": "chatcmpl-up", "model": "gpt-real", "choices": [choice]})
        + b"\n\n",
        DONE,
    )
    assert shown(text)[-1]["usage"] == count
    assert "usage" not in shown(text)[-2]["choices"][0]
    assert stream.usage_so_far == count


def test_what_is_no_count_is_none() -> None:
    choice = {"index": 0, "delta": {}, "finish_reason": "stop", "usage": 5}
    stream, text = feed(
        A,
        b"data: "
        + dumps({"id": "chatcmpl-up", "model": "gpt-real", "choices": [choice]})
        + b"\n\n",
        DONE,
    )
    assert (stream.usage_so_far, b"usage" in text.replace(b'"usage":null', b"")) == (None, False)


def test_reasoning_counted_beside_the_completion_is_counted_within() -> None:
    count = {
        "prompt_tokens": 3,
        "completion_tokens": 2,
        "total_tokens": 45,
        "completion_tokens_details": {"reasoning_tokens": 40},
    }
    _, text = feed(A, chunk({}, "stop"), chunk(None, usage=count), DONE)
    assert shown(text)[-1]["usage"] == {**count, "completion_tokens": 42}


def test_a_count_without_choices_is_shown_with_an_empty_list() -> None:
    _, text = feed(
        A,
        chunk({}, "stop"),
        b'data: {"id":"chatcmpl-up","usage":{"prompt_tokens":1},"zap":2}\n\n',
        DONE,
    )
    last = shown(text)[-1]
    assert (last["choices"], last["usage"], last["zap"]) == ([], {"prompt_tokens": 1}, 2)


def lines(*events: bytes) -> bytes:
    return b"".join(event.replace(b"\n\n", b"\n") for event in events)


@pytest.mark.parametrize(
    "before",
    [b"", b": waiting\n\n", b"\n"],
    ids=["at once", "behind a comment", "behind a blank line"],
)
@pytest.mark.parametrize("end", [DONE, b"", b"\n"], ids=["done", "no done", "a blank line"])
def test_events_with_one_line_break_between_them(before: bytes, end: bytes) -> None:
    stream, text = feed(
        before + lines(A, chunk({"content": "b"}), chunk({"content": "c"}), chunk({}, "stop"), end)
    )
    assert (texts(text), reasons(text), stream.finished) == ("abc", ["stop"], True)


def test_such_events_are_shown_as_they_come() -> None:
    stream = open_stream(ENVELOPE)
    assert stream.receive(lines(A)) == []  # a second line break may follow
    assert len(stream.receive(lines(chunk({"content": "b"})))) == 2
    assert len(stream.receive(lines(chunk({"content": "c"})))) == 1


def test_a_text_that_comes_alone_behind_the_end_is_not_read() -> None:
    stream, text = feed(A, chunk({"content": "b"}), chunk({}, "stop"), DONE)
    assert (stream.receive(chunk({"content": "b"})), texts(text)) == ([], "ab")


def test_nothing_behind_the_end_of_such_events_is_read() -> None:
    stream, text = feed(lines(A, chunk({}, "stop"), DONE, chunk({"content": "late"})) + b"\n")
    assert (texts(text), stream.finished) == ("a", True)


def test_one_event_in_several_lines_stays_one() -> None:
    event = (
        b'data: {"id":"chatcmpl-up",\ndata: "choices":[{"index":0,"delta":{"content":"a"},\ndata:'
        b' "finish_reason":"stop"}]}\n\n'
    )
    stream, text = feed(event, DONE)
    assert (texts(text), stream.finished) == ("a", True)


@pytest.mark.parametrize("place", ["content", "reasoning_content", "refusal"])
def test_half_a_surrogate_pair_becomes_a_replacement_character(place: str) -> None:
    whole = chunk({place: "#"})
    stream, text = feed(
        A,
        whole.replace(b"#", b"\\ud83d"),
        whole.replace(b"#", b"\\ude00"),
        chunk({"content": "!"}),
        chunk({}, "stop"),
        DONE,
    )
    assert (
        "".join(delta.get(place) or "" for _, delta, _ in deltas(text)).strip("a!")
        == "\ufffd\ufffd"
    )
    assert stream.finished


def test_a_document_without_a_reason_is_whole() -> None:
    stream, text = feed(
        b'{"id":"i","model":"m","choices":[{"message":{"content":"all","tool_calls":[{"id":"a","function":{"name":"f"}}]}}]}'
    )
    assert (texts(text), reasons(text), stream.finished) == ("all", ["tool_calls"], True)
