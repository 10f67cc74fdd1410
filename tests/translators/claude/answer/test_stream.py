"""Streams beyond the transcripts: one behaviour of the state machine each."""

import json
from typing import Any

import pytest

from tests.translators.claude.streams import (
    START,
    STOP,
    TEXT,
    answer,
    block,
    deltas,
    end,
    json_input,
    opened,
    run,
    sse,
    text,
    tool,
)
from translators import text_fast_path
from translators.dialect import AnswerShape
from translators.errors import FailureKind
from translators.sse import Decoder

HI = block(0, TEXT, *text("Hi"))


def finish(data: bytes, shape: AnswerShape | None = None) -> dict[str, Any]:
    return next(chunk for chunk in run(data, shape)[0] if "finish_reason" in chunk)


def test_f66_tool_indexes_count_tools_not_blocks() -> None:
    """The text block before them does not count."""
    calls = [
        d["tool_calls"][0]["index"]
        for d in deltas(
            answer(HI, block(1, tool()), block(2, tool(id="toolu_2")), reason="tool_use")
        )
        if "tool_calls" in d
    ]
    assert calls == [0, 0, 1, 1]


def test_f67_server_tools_are_not_shown_as_calls() -> None:
    """Neither their start nor their input."""
    server = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
    result = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
    shown = deltas(
        answer(
            block(0, server, *json_input('{"query":', '"x"}')),
            block(1, result),
            block(2, TEXT, *text("ok")),
        )
    )
    whole = [{**server, "input": {"query": "x"}}, result, {"type": "text", "text": "ok"}]
    assert shown == [
        {"content": "ok"},
        {
            "provider_content": {
                "format": "anthropic-messages",
                "model": "claude-sonnet-5",
                "blocks": whole,
            }
        },
    ]


def test_f68_characters_cut_between_reads() -> None:
    data = answer(block(0, TEXT, *text("Grüße 😀", "\u2028日本")))
    assert run(data, size=1)[0] == run(data)[0]
    assert "".join(d["content"] for d in deltas(data)) == "Grüße 😀\u2028日本"


def test_f69_thinking_is_not_content() -> None:
    thinking = block(
        0,
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "thinking_delta", "thinking": "hm"},
    )
    assert deltas(answer(thinking))[0] == {"reasoning_content": "hm"}


def test_thinking_that_comes_with_the_start_of_its_block() -> None:
    """Some hosts fill the block already; a signature in several pieces is joined."""
    thinking = block(
        0,
        {"type": "thinking", "thinking": "a", "signature": "S"},
        {"type": "thinking_delta", "thinking": ""},
        {"type": "signature_delta", "signature": "T"},
    )
    assert deltas(answer(thinking)) == [
        {"reasoning_content": "a"},
        {"thinking_blocks": [{"type": "thinking", "thinking": "a", "signature": "ST"}]},
    ]


def test_f70_a_call_without_arguments_gets_empty_ones() -> None:
    assert deltas(answer(block(0, tool(), *json_input()), reason="tool_use"))[1:] == [
        {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}
    ]


@pytest.mark.parametrize("reason", ["max_tokens", "model_context_window_exceeded"])
def test_f71_a_cut_call_is_not_completed(reason: str) -> None:
    """Neither one without arguments nor one in the middle of them; f72: and the answer does not end
    with tool_calls.
    """
    data = answer(
        block(0, tool(), *json_input('{"a": [1')), block(1, tool(id="toolu_2")), reason=reason
    )
    shown = [d["tool_calls"][0]["function"]["arguments"] for d in deltas(data)]
    assert (shown, finish(data)["finish_reason"]) == (["", '{"a": [1', ""], "length")


def test_f72_a_truncated_call_is_not_reported_as_tool_calls() -> None:
    data = sse(START, *block(0, tool(), *json_input('{"a"')))
    chunks, stream = run(data)
    assert [chunk.get("finish_reason") for chunk in chunks] == [None, None, None]
    assert stream.failure is not None
    assert stream.failure.kind is FailureKind.TRUNCATED


@pytest.mark.parametrize(
    ("type_", "kind", "status", "code"),
    [
        ("overloaded_error", "overloaded", 503, "provider_overloaded"),
        ("api_error", "server_error", 502, "upstream_error"),
        ("rate_limit_error", "rate_limit", 429, "rate_limit_exceeded"),
        ("timeout_error", "timeout", 504, "upstream_timeout"),
        ("invalid_request_error", "invalid_request", 400, None),
        ("authentication_error", "authentication", 502, "provider_auth_failed"),
        ("billing_error", "quota", 429, "insufficient_quota"),
        ("permission_error", "permission", 502, "provider_auth_failed"),
        ("not_found_error", "model_not_found", 404, "model_not_found"),
        ("conflict_error", "server_error", 503, "upstream_error"),
        ("request_too_large", "request_too_large", 413, "request_too_large"),
        ("strange_error", "server_error", 502, "strange_error"),
        (None, "server_error", 502, "upstream_error"),
    ],
)
def test_f73_an_error_event_is_a_failure(
    type_: str | None, kind: str, status: int, code: str | None
) -> None:
    """f74: and no end with a finish reason."""
    chunks, stream = run(
        sse(START, *HI[:2], {"type": "error", "error": {"type": type_, "message": "m"}})
    )
    failure = stream.failure
    assert failure is not None
    assert (failure.kind.value, failure.status, failure.code, stream.finished) == (
        kind,
        status,
        code,
        False,
    )
    assert not any("finish_reason" in chunk for chunk in chunks)


def test_f75_an_error_as_the_first_event_shows_nothing() -> None:
    """So that failover is still possible."""
    chunks, stream = run(
        sse(
            START, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
        )
    )
    assert chunks == []
    assert stream.failure is not None
    assert stream.failure.kind is FailureKind.OVERLOADED


def test_f77_streams_know_nothing_of_each_other() -> None:
    """A retry after a broken stream reads as if there had been none."""
    assert (
        run(sse({"type": "error", "error": {"type": "overloaded_error", "message": "x"}}))[
            1
        ].failure
        is not None
    )
    assert run(answer(HI))[1].finished


def test_f78_the_last_value_of_each_count_counts() -> None:
    """Counts come again with the end, and are not added."""
    first = {
        **START,
        "message": {
            **START["message"],
            "usage": {"input_tokens": 10, "cache_read_input_tokens": 0, "output_tokens": 1},
        },
    }
    last = {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn"},
        "usage": {"input_tokens": 10, "cache_read_input_tokens": 90, "output_tokens": 5},
    }
    usage = run(sse(first, *HI, {**last, "usage": {"output_tokens": 3}}, last, STOP))[0][-1][
        "usage"
    ]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (100, 5)


def test_f81_usage_is_one_last_chunk() -> None:
    """Writing it or not is the writer's affair."""
    chunks, _ = run(answer(HI))
    assert [("usage" in chunk, "delta" in chunk) for chunk in chunks if "usage" in chunk] == [
        (True, False)
    ]
    assert "usage" in chunks[-1]


def test_a_provider_that_does_not_count() -> None:
    first = {**START, "message": {"id": "msg_1"}}
    chunks, stream = run(
        sse(first, *HI, {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}, STOP)
    )
    assert (any("usage" in chunk for chunk in chunks), stream.model) == (False, "claude-asked")


def test_f86_a_schema_and_tools() -> None:
    """JSON comes as content and ends with stop; real calls stay calls."""
    assert finish(answer(block(0, TEXT, *text('{"a":1}'))))["finish_reason"] == "stop"
    assert finish(answer(block(0, tool()), reason="tool_use"))["finish_reason"] == "tool_calls"


def test_f87_pings_and_unknown_events_make_no_chunks() -> None:
    data = (
        sse(START, {"type": "ping"}, {"type": "new_thing"}, {"type": ["odd"]})
        + b"event: ping\ndata: {}\n\n: comment\n\ndata:\n\n"
    )
    assert opened().receive(data) == []


def test_f88_thinking_blocks_come_once_and_whole() -> None:
    blocks = [
        block(
            i,
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "thinking_delta", "thinking": str(i)},
            {"type": "signature_delta", "signature": f"S{i}"},
        )
        for i in range(3)
    ]
    lists = [d["thinking_blocks"] for d in deltas(answer(*blocks)) if "thinking_blocks" in d]
    assert lists == [
        [{"type": "thinking", "thinking": str(i), "signature": f"S{i}"} for i in range(3)]
    ]


def test_the_role_comes_once_and_first() -> None:
    chunks, _ = run(answer(HI, block(1, tool())))
    assert [chunk["delta"].get("role") for chunk in chunks if "delta" in chunk] == [
        "assistant",
        *[None] * (len(chunks) - 2),
    ]


def test_message_start_shows_nothing_but_names() -> None:
    """The answer is not committed before its first block."""
    stream = opened()
    assert stream.receive(sse(START)) == []
    assert (stream.id, stream.model, stream.ended) == ("chatcmpl-msg_01A", "claude-sonnet-5", False)


def test_ended_is_true_from_the_stop_reason_on() -> None:
    stream = opened()
    stream.receive(sse(START, *HI))
    assert not stream.ended
    stream.receive(sse(end(None)))
    assert not stream.ended
    stream.receive(sse(end()))
    assert (stream.ended, stream.finished) == (True, False)


def test_nothing_is_read_behind_the_end() -> None:
    stream = opened()
    stream.receive(answer(HI) + sse(*HI))
    assert (stream.finished, stream.receive(sse(*HI)), stream.receive_eof()) == (True, [], [])


def test_nothing_is_read_behind_a_failure() -> None:
    stream = opened()
    stream.receive(b"data: {oops\n\n" + answer(HI))
    assert stream.failure is not None
    assert (stream.failure.kind, stream.receive(answer(HI)), stream.receive_eof()) == (
        FailureKind.MALFORMED,
        [],
        [],
    )


@pytest.mark.parametrize("data", [b"data: [1]\n\n", b"data: nonsense\n\n", b"data: 5\n\n"])
def test_events_that_are_no_objects(data: bytes) -> None:
    failure = run(data)[1].failure
    assert failure is not None
    assert failure.kind is FailureKind.MALFORMED


def test_done_marks_of_compatible_hosts_are_skipped() -> None:
    data = answer(HI)
    assert run(data.replace(sse(STOP), b"data: [DONE]\n\n" + sse(STOP)))[0] == run(data)[0]


def test_events_known_only_by_their_name() -> None:
    """Where the JSON has no type, the event's name tells it."""
    start = {name: value for name, value in START.items() if name != "type"}
    stream = opened()
    stream.receive(b"event: message_start\ndata: " + json.dumps(start).encode() + b"\n\n")
    assert stream.id == "chatcmpl-msg_01A"


def test_an_error_without_a_type() -> None:
    failure = run(b'data: {"error":{"message":"boom","type":"overloaded_error"}}\n\n')[1].failure
    assert failure is not None
    assert (failure.kind, failure.message) == (FailureKind.OVERLOADED, "boom")


def test_an_event_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_fast_path, "Decoder", lambda: Decoder(max_event_bytes=100))
    failure = run(answer(block(0, TEXT, *text("x" * 200))), size=50)[1].failure
    assert failure is not None
    assert failure.kind is FailureKind.MALFORMED


def test_the_last_event_without_its_blank_line() -> None:
    data = answer(HI)
    assert run(data.rstrip(b"\n"))[0] == run(data)[0]


def test_text_that_comes_with_the_start_of_its_block() -> None:
    assert deltas(answer(block(0, {"type": "text", "text": "He"}, *text("y", "")))) == [
        {"content": "He"},
        {"content": "y"},
    ]


def test_a_delta_of_a_block_that_never_began() -> None:
    """Text opens its block itself; anything else is skipped."""
    stray = [
        {"type": "content_block_delta", "index": 3, "delta": delta}
        for delta in [*json_input("{}"), *text("a", "b"), {"type": "odd"}, {"type": []}]
    ]
    assert deltas(answer(*stray, {"type": "content_block_stop", "index": 9})) == [
        {"content": "a"},
        {"content": "b"},
    ]


def test_input_that_comes_whole_with_the_start() -> None:
    """Some hosts do not stream it; it is shown even of an answer that was cut."""
    data = answer(block(0, tool(input={"a": 1})), reason="max_tokens")
    assert deltas(data)[1:] == [
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"a":1}'}}]}
    ]


def test_a_call_whose_block_was_never_closed() -> None:
    assert deltas(answer(block(0, tool())[:1], reason="tool_use"))[-1] == {
        "tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]
    }


def test_a_call_whose_block_was_closed_twice() -> None:
    closed = block(0, tool())
    assert len(deltas(answer([*closed, closed[-1]], reason="tool_use"))) == 2


@pytest.mark.parametrize("raw", ["[1,2]", "nonsense"])
def test_arguments_that_were_not_wrapped(raw: str) -> None:
    """What the model wrote is shown as it is."""
    data = answer(block(0, tool(), *json_input(raw)), reason="tool_use")
    assert (
        deltas(data, AnswerShape(wrapped_tools=frozenset({"g"})))[-1]["tool_calls"][0]["function"][
            "arguments"
        ]
        == raw
    )


def test_names_come_back_in_streams() -> None:
    shape = AnswerShape(tool_names={"a_b_2e7336dc": "a.b"})
    assert (
        deltas(answer(block(0, tool("a_b_2e7336dc")), reason="tool_use"), shape)[0]["tool_calls"][
            0
        ]["function"]["name"]
        == "a.b"
    )


def test_legacy_callers_get_function_call() -> None:
    """One call, in pieces, and the old finish reason."""
    shape = AnswerShape(legacy_functions=True, one_tool_call=True)
    data = answer(
        block(0, tool(), *json_input('{"a"', ":1}")),
        block(1, tool(id="toolu_2"), *json_input("{}")),
        reason="tool_use",
    )
    assert deltas(data, shape) == [
        {"function_call": {"name": "g", "arguments": ""}},
        {"function_call": {"arguments": '{"a"'}},
        {"function_call": {"arguments": ":1}"}},
    ]
    assert finish(data, shape)["finish_reason"] == "function_call"


def test_only_the_first_call_where_one_was_allowed() -> None:
    data = answer(block(0, tool()), block(1, tool(id="toolu_2")), reason="tool_use")
    assert {d["tool_calls"][0]["index"] for d in deltas(data, AnswerShape(one_tool_call=True))} == {
        0
    }


def test_wrapped_arguments_are_shown_whole() -> None:
    shape = AnswerShape(wrapped_tools=frozenset({"g"}))
    data = answer(
        block(0, tool(), *json_input('{"value":', "[1,2]}")),
        block(1, tool(id="toolu_2")),
        reason="tool_use",
    )
    assert [d["tool_calls"][0]["function"]["arguments"] for d in deltas(data, shape)] == [
        "",
        "[1,2]",
        "",
        "{}",
    ]


def test_wrapped_arguments_that_were_cut() -> None:
    """They are shown as they are."""
    data = answer(block(0, tool(), *json_input('{"value":[1')), reason="max_tokens")
    assert (
        deltas(data, AnswerShape(wrapped_tools=frozenset({"g"})))[-1]["tool_calls"][0]["function"][
            "arguments"
        ]
        == '{"value":[1'
    )


def test_a_refusal_after_text() -> None:
    """What was shown stays; the refusal is told."""
    data = answer(
        HI,
        reason="refusal",
        stop_details={"type": "refusal", "category": "bio", "explanation": None},
    )
    assert deltas(data) == [{"content": "Hi"}, {"refusal": "The model declined to respond."}]
    assert finish(data)["choice"]["provider_specific"]["stop_details"]["category"] == "bio"


def test_stop_sequence_container_and_transformations_are_told() -> None:
    last = {
        "type": "message_delta",
        "delta": {"stop_reason": "stop_sequence", "stop_sequence": "END", "container": {"id": "c"}},
        "input_transformations": [{"type": "thinking_dropped"}],
    }
    assert finish(sse(START, *HI, last, STOP))["choice"] == {
        "provider_specific": {
            "stop_reason": "stop_sequence",
            "stop_sequence": "END",
            "container": {"id": "c"},
            "input_transformations": [{"type": "thinking_dropped"}],
        }
    }


def test_the_service_tier_is_told() -> None:
    start = {
        **START,
        "message": {**START["message"], "usage": {"input_tokens": 1, "service_tier": "priority"}},
    }
    assert finish(sse(start, *HI, end(), STOP))["top"] == {"service_tier": "priority"}


def test_no_stop_reason_but_a_stop() -> None:
    assert finish(sse(START, *HI, STOP))["finish_reason"] == "stop"


def test_neither_content_nor_a_reason() -> None:
    failure = run(sse(START, STOP))[1].failure
    assert failure is not None
    assert failure.kind is FailureKind.NO_OUTPUT


def test_blocks_that_share_an_index_are_both_kept() -> None:
    assert [b["text"] for b in deltas(answer(HI, HI))[-1]["provider_content"]["blocks"]] == [
        "Hi",
        "Hi",
    ]


def test_compaction_blocks_are_kept_whole() -> None:
    summary = block(
        0,
        {"type": "compaction", "content": None},
        {"type": "compaction_delta", "content": "so "},
        {"type": "compaction_delta", "content": "far"},
        {"type": "compaction_delta"},
    )
    assert deltas(answer(summary, HI))[-1]["provider_content"]["blocks"][0] == {
        "type": "compaction",
        "content": "so far",
    }


def test_citations_from_start_and_deltas() -> None:
    cite = {"type": "web_search_result_location", "url": "https://e.example/a", "title": "A"}
    other = {**cite, "url": "https://e.example/b"}
    data = answer(
        block(
            0,
            {**TEXT, "citations": [cite]},
            {"type": "citations_delta", "citation": other},
            {"type": "citations_delta"},
            *text("x"),
        )
    )
    assert [a["url_citation"]["url"] for a in deltas(data)[-1]["annotations"]] == [
        "https://e.example/a",
        "https://e.example/b",
    ]


def test_fragments_that_are_no_strings_are_skipped() -> None:
    odd = [
        {"type": "text_delta", "text": 5},
        {"type": "thinking_delta", "thinking": []},
        {"type": "input_json_delta", "partial_json": {}},
    ]
    assert deltas(answer(block(0, TEXT, *odd, *text("x")))) == [{"content": "x"}]


def test_blocks_without_what_they_promise_are_skipped() -> None:
    assert deltas(answer(block(0, {"type": "tool_use", "id": "x"}), block(1, {}), HI)) == [
        {"content": "Hi"}
    ]


def test_many_texts_one_of_them_empty() -> None:
    written = answer(block(0, TEXT, *text("a", "b", "", "c\n", "é"))).replace(
        b'": ', b'":'
    )  # as Claude writes it: without blanks
    shown = deltas(written)
    assert [delta["content"] for delta in shown if delta.get("content")] == ["a", "b", "c\n", "é"]


def test_a_delta_that_is_no_object_says_nothing() -> None:
    odd = {"type": "content_block_delta", "index": 0, "delta": None}
    events = block(0, TEXT, *text("a"))
    assert [
        delta["content"]
        for delta in deltas(answer([*events[:-1], odd, events[-1]]))
        if delta.get("content")
    ] == ["a"]
