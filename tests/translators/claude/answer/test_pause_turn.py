"""A turn that Claude pauses: what is sent back, and how its rounds become one stream."""

import json
from typing import Any

import pytest

from tests.translators.claude.streams import (
    START,
    STOP,
    TEXT,
    answer,
    block,
    end,
    json_input,
    opened,
    plain,
    sse,
    text,
    tool,
)
from translators.chat.chunks import Chunk
from translators.claude.answer.pause_turn import MOST_ROUNDS
from translators.dialect import AnswerShape, StreamTranslator, UpstreamRequest
from translators.errors import FailureKind

SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
SEARCHED = {**SEARCH, "input": {"query": "x"}}
FOUND = {
    "type": "web_search_tool_result",
    "tool_use_id": "srvtoolu_1",
    "content": [{"type": "web_search_result", "url": "https://e.example"}],
}
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "SIG"}
THINKS = block(
    0,
    {"type": "thinking", "thinking": "", "signature": ""},
    {"type": "thinking_delta", "thinking": "hm"},
    {"type": "signature_delta", "signature": "SIG"},
)
CITED = {
    "type": "web_search_result_location",
    "url": "https://e.example",
    "title": "E",
    "cited_text": "c",
    "encrypted_index": "I",
}
LOOKS = [
    *THINKS,
    *block(1, TEXT, *text("Look", "ing. ")),
    *block(2, SEARCH, *json_input('{"query":"x"}')),
    *block(3, FOUND),
]
FINDS = block(0, TEXT, {"type": "citations_delta", "citation": CITED}, *text("Found."))
REQUEST = UpstreamRequest(
    url="u",
    headers={"h": "1"},
    body=b'{"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":9}',
    stream=True,
)


def round_(*events: Any, reason: str = "pause_turn", id: str = "msg_02", **more: Any) -> bytes:
    """A later round: it has an id and a usage of its own."""
    start = {
        **START,
        "message": {
            **START["message"],
            "id": id,
            "model": "claude-other",
            "usage": {"input_tokens": 30},
        },
    }
    return sse(start, *events, end(reason, **more), STOP)


def feed(stream: StreamTranslator, data: bytes, size: int = 0) -> list[Chunk]:
    chunks: list[Chunk] = []
    for i in range(0, len(data), size or len(data) or 1):
        chunks += stream.receive(data[i : i + (size or len(data))])
    return chunks + stream.receive_eof()


def resumed(stream: StreamTranslator) -> dict[str, Any]:
    """The body of the request that takes the turn up again."""
    assert stream.pause is not None
    following = stream.pause.resume(REQUEST)
    assert (following.url, following.headers, following.stream) == (
        REQUEST.url,
        REQUEST.headers,
        True,
    )
    body: dict[str, Any] = json.loads(following.body)
    return body


def run(
    *rounds: bytes, shape: AnswerShape | None = None, size: int = 0
) -> tuple[StreamTranslator, list[Chunk], list[dict[str, Any]]]:
    """The reader, all chunks, and the bodies of the requests after the first."""
    stream = opened(shape)
    chunks = feed(stream, rounds[0], size)
    bodies = []
    for data in rounds[1:]:
        bodies.append(resumed(stream))
        chunks += feed(stream, data, size)
    return stream, chunks, bodies


def test_two_rounds_are_one_stream() -> None:
    """One role, one trailer over the blocks of both with the places in the whole text, one finish,
    the usage of both.
    """
    stream, chunks, (body,) = run(
        answer(*LOOKS, reason="pause_turn"), round_(*FINDS, reason="end_turn")
    )
    assert (stream.finished, stream.pause, stream.failure) == (True, None, None)
    turn = [THOUGHT, {"type": "text", "text": "Looking. "}, SEARCHED, FOUND]
    assert body == {
        **json.loads(REQUEST.body),
        "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": turn}],
    }
    blocks = [*turn, {"type": "text", "text": "Found.", "citations": [CITED]}]
    place = {"start_index": 9, "end_index": 15, "title": "E", "url": "https://e.example"}
    usage = {
        "prompt_tokens": 42, "completion_tokens": 8, "total_tokens": 50,
        "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }  # fmt: skip
    assert plain(chunks) == [
        {"delta": {"role": "assistant", "content": ""}, "index": 0},
        {"delta": {"reasoning_content": "hm"}, "index": 0},
        {"delta": {"content": "Look"}, "index": 0},
        {"delta": {"content": "ing. "}, "index": 0},
        {"delta": {"content": "Found."}, "index": 0},
        {
            "delta": {
                "thinking_blocks": [THOUGHT],
                "annotations": [{"type": "url_citation", "url_citation": place}],
                "provider_content": {
                    "format": "anthropic-messages",
                    "model": "claude-sonnet-5",
                    "blocks": blocks,
                },
            },
            "index": 0,
        },
        {"delta": {}, "finish_reason": "stop", "index": 0},
        {"usage": usage, "index": 0},
    ]
    assert (stream.id, stream.model) == ("chatcmpl-msg_01A", "claude-sonnet-5")


def test_read_boundaries_mean_nothing() -> None:
    rounds = (
        answer(*LOOKS, reason="pause_turn"),
        round_(*FINDS),
        round_(*FINDS, reason="end_turn", id="msg_03"),
    )
    whole, bytewise = run(*rounds), run(*rounds, size=1)
    assert plain(whole[1]) == plain(bytewise[1])
    assert whole[2] == bytewise[2]


def test_every_round_sends_all_that_was_said() -> None:
    _, _, bodies = run(
        answer(*LOOKS, reason="pause_turn"), round_(*FINDS), round_(*FINDS, reason="end_turn")
    )
    assert [[b["type"] for b in body["messages"][1]["content"]] for body in bodies] == [
        ["thinking", "text", "server_tool_use", "web_search_tool_result"],
        ["thinking", "text", "server_tool_use", "web_search_tool_result", "text"],
    ]
    assert all(len(body["messages"]) == 2 for body in bodies)


def test_f83_the_bound_is_told() -> None:
    """After five rounds more the answer ends, and says that it was paused."""
    paused = answer(*LOOKS, reason="pause_turn")
    stream, chunks, _ = run(paused, *[round_(*FINDS)] * MOST_ROUNDS)
    assert MOST_ROUNDS == 5
    assert stream.finished
    assert (chunks[-2].finish_reason, chunks[-2].choice) == (
        "stop",
        {"provider_specific": {"stop_reason": "pause_turn"}},
    )
    assert chunks[-1].usage is not None
    assert chunks[-1].usage["prompt_tokens"] == 12 + 5 * 30


def test_nothing_is_read_of_a_paused_round() -> None:
    """Neither its finish nor what stands behind its end."""
    stream = opened()
    feed(stream, answer(*LOOKS, reason="pause_turn"))
    assert (stream.finished, stream.failure) == (False, None)
    assert feed(stream, answer(*LOOKS)) == []
    assert stream.usage_so_far is not None
    assert stream.usage_so_far["prompt_tokens"] == 12


@pytest.mark.parametrize(
    "events",
    [
        THINKS,
        [],
        block(0, TEXT, *text(" ")),
        [*LOOKS, *block(4, tool(), *json_input("{}"))],
        block(
            0,
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "thinking_delta", "thinking": "unsigned"},
        ),
    ],
    ids=["thinking only", "nothing", "blank", "a call of the caller's", "unsigned thinking"],
)
def test_a_turn_that_cannot_be_sent_back_ends_flagged(events: list[Any]) -> None:
    stream, chunks, _ = run(answer(*events, reason="pause_turn"))
    assert stream.finished
    assert [c.choice for c in chunks if c.finish_reason] == [
        {"provider_specific": {"stop_reason": "pause_turn"}}
    ]


def test_what_claude_refuses_is_not_sent_back() -> None:
    """Blank text, unsigned thinking, and space at the end."""
    blank, unsigned = (
        block(4, TEXT, *text("\n")),
        block(5, {"type": "thinking", "thinking": "u", "signature": ""}),
    )
    _, _, (body,) = run(
        answer(*LOOKS, *blank, *unsigned, *block(6, TEXT, *text("So: \n")), reason="pause_turn"),
        round_(*FINDS),
    )
    assert body["messages"][1]["content"][4:] == [{"type": "text", "text": "So:"}]


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({}, "c1"),
        ({"container": "c0"}, "c1"),
        ({"container": {"skills": ["s"]}}, {"skills": ["s"], "id": "c1"}),
    ],
)
def test_code_goes_on_in_its_container(asked: dict[str, Any], sent: Any) -> None:
    stream = opened()
    feed(stream, sse(START, *LOOKS, end("pause_turn", container={"id": "c1"}), STOP))
    assert stream.pause is not None
    body = json.loads(
        stream.pause.resume(
            UpstreamRequest(
                url="u",
                headers={},
                body=json.dumps({"messages": [], **asked}).encode(),
                stream=True,
            )
        ).body
    )
    assert body["container"] == sent
    chunks = feed(stream, round_(*FINDS, reason="end_turn"))
    assert [c.choice for c in chunks if c.finish_reason] == [
        {"provider_specific": {"stop_reason": "end_turn", "container": {"id": "c1"}}}
    ]


def test_a_call_after_the_pause() -> None:
    """Its index counts calls, and the turn keeps its blocks for the next request."""
    _, chunks, _ = run(
        answer(*LOOKS, reason="pause_turn"),
        round_(*block(0, tool(), *json_input('{"a":1}')), reason="tool_use"),
    )
    calls = [c.delta["tool_calls"][0] for c in chunks if c.delta and "tool_calls" in c.delta]
    assert [call["index"] for call in calls] == [0, 0]
    assert [c.finish_reason for c in chunks if c.finish_reason] == ["tool_calls"]
    (kept,) = [
        c.delta["provider_content"]["blocks"]
        for c in chunks
        if c.delta and "provider_content" in c.delta
    ]
    assert [b["type"] for b in kept][-2:] == ["web_search_tool_result", "tool_use"]


def test_a_fence_over_two_rounds_is_taken_off() -> None:
    shape = AnswerShape(strip_json_fence=True)
    first = answer(
        *block(0, TEXT, *text('```json\n{"a":')),
        *block(1, SEARCH),
        *block(2, FOUND),
        reason="pause_turn",
    )
    _, chunks, _ = run(
        first, round_(*block(0, TEXT, *text("1}\n``", "`")), reason="end_turn"), shape=shape
    )
    assert "".join(c.delta.get("content") or "" for c in chunks if c.delta) == '{"a":1}'


def test_rounds_as_json_documents() -> None:
    """An answer that is not streamed is read the same way."""
    message = {
        **START["message"],
        "stop_reason": "pause_turn",
        "content": [{"type": "text", "text": "Looking. "}, SEARCHED, FOUND],
    }
    later = {**message, "content": [{"type": "text", "text": "Found."}], "stop_reason": "end_turn"}
    stream, chunks, (body,) = run(
        json.dumps(message, indent=1).encode(), json.dumps(later).encode()
    )
    assert body["messages"][1]["content"] == message["content"]
    assert "".join(c.delta.get("content") or "" for c in chunks if c.delta) == "Looking. Found."
    assert stream.finished


@pytest.mark.parametrize(
    ("later", "kind"),
    [
        (sse(START, *FINDS), FailureKind.TRUNCATED),
        (b"", FailureKind.TRUNCATED),
        (
            sse({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}),
            FailureKind.OVERLOADED,
        ),
        (sse(START, STOP), FailureKind.NO_OUTPUT),
    ],
    ids=["cut", "nothing", "error", "no output"],
)
def test_a_later_round_can_fail(later: bytes, kind: FailureKind) -> None:
    """No finish reason is shown, and half an answer is none; what was counted is known."""
    stream, chunks, _ = run(answer(*LOOKS, reason="pause_turn"), later)
    assert stream.failure is not None
    assert stream.failure.kind is kind
    assert not any(c.finish_reason for c in chunks)
    assert stream.usage_so_far is not None
    assert stream.usage_so_far["prompt_tokens"] >= 12


def test_half_an_answer_is_none() -> None:
    stream = opened()
    feed(stream, answer(*LOOKS, reason="pause_turn"))
    assert stream.pause is not None
    assert (stream.pause.settle(), stream.pause.billed_prompt_tokens) == ([], None)


def test_rounds_without_usage() -> None:
    start = {"type": "message_start", "message": {"id": "m", "content": []}}
    pause = {"type": "message_delta", "delta": {"stop_reason": "pause_turn"}}
    last = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
    stream, chunks, _ = run(sse(start, *LOOKS, pause, STOP), sse(start, *FINDS, last, STOP))
    assert stream.finished
    assert not any(c.usage for c in chunks)
