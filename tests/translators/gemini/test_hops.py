"""Long decode: an answer in several hops is one stream."""

from dataclasses import replace
from typing import Any

import pytest

from tests.translators.gemini.models import RECORDS
from tests.translators.gemini.streams import SIGNATURE, envelope, frame, shown, sse
from translators import gemini
from translators.chat.chunks import Chunk
from translators.chat.request import parse
from translators.dialect import AnswerShape, StreamTranslator, Target, UpstreamRequest
from translators.errors import FailureKind
from translators.gemini.answer.continuation import MOST_HOPS, MOST_STREAMED, MOST_WHOLE
from translators.json_codec import loads

LONG = replace(RECORDS["gemini-3.8-flash"], max_output_tokens=1_048_576)
SEVERAL = AnswerShape(several_hops=True)
REQUEST = UpstreamRequest(
    url="u", headers={}, body=b'{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}', stream=True
)


def hop(
    *parts: dict[str, Any],
    token: str | None = "tok1",
    reason: str = "CONTINUATION",
    prompt: int = 10,
    written: int = 100,
) -> bytes:
    more = {} if token is None else {"continuationToken": token}
    counted = {
        "promptTokenCount": prompt,
        "candidatesTokenCount": written,
        "totalTokenCount": prompt + written,
    }
    return sse(frame(*parts, reason=reason, **more), {"usageMetadata": counted})


def feed(stream: StreamTranslator, data: bytes, size: int = 0) -> list[Chunk]:
    chunks: list[Chunk] = []
    for i in range(0, len(data), size or len(data) or 1):
        chunks += stream.receive(data[i : i + (size or len(data))])
    return chunks + stream.receive_eof()


def run(
    *hops: bytes, shape: AnswerShape = SEVERAL, size: int = 0
) -> tuple[StreamTranslator, list[Chunk], list[Any]]:
    """The reader, all chunks, and the bodies of the requests after the first."""
    stream = gemini.open_stream(envelope(shape))
    chunks = feed(stream, hops[0], size)
    bodies = []
    for data in hops[1:]:
        assert stream.pause is not None
        following = stream.pause.resume(REQUEST)
        assert (following.url, following.stream) == (REQUEST.url, True)
        bodies.append(loads(following.body))
        chunks += feed(stream, data, size)
    return stream, chunks, bodies


ENDS = hop({"text": "part two"}, token=None, reason="STOP", prompt=110, written=20)
NO_DETAILS = {
    "reasoning_tokens": 0,
    "audio_tokens": 0,
    "accepted_prediction_tokens": 0,
    "rejected_prediction_tokens": 0,
}


def test_two_hops_are_one_stream() -> None:
    """One role, one finish, the prompt as first counted, what was written in sum; the same body is
    sent again, with the token.
    """
    stream, chunks, bodies = run(hop({"text": "part one "}), ENDS)
    assert shown(chunks) == [
        {"delta": {"role": "assistant", "content": "part one "}},
        {"delta": {"content": "part two"}},
        {"finish_reason": "stop", "choice": {"native_finish_reason": "STOP"}},
        {
            "usage": {
                "prompt_tokens": 10,
                "completion_tokens": 120,
                "total_tokens": 130,
                "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
                "completion_tokens_details": NO_DETAILS,
            }
        },
    ]
    assert (stream.finished, stream.failure, stream.pause) == (True, None, None)
    assert bodies == [{**loads(REQUEST.body), "continuationToken": "tok1"}]


def test_read_boundaries_mean_nothing() -> None:
    hops = (hop({"text": "a"}), hop({"text": "b"}, token="tok2"), ENDS)
    assert shown(run(*hops)[1]) == shown(run(*hops, size=1)[1])


def test_what_all_hops_read_is_known() -> None:
    stream = gemini.open_stream(envelope(SEVERAL))
    feed(stream, hop({"text": "a"}))
    pause = stream.pause
    assert pause is not None
    pause.resume(REQUEST)
    feed(stream, ENDS)
    assert pause.billed_prompt_tokens == 120


def test_a_text_that_goes_on_is_one_text() -> None:
    """Its signature comes with its last hop."""
    last = hop({"text": "two", "thoughtSignature": SIGNATURE}, token=None, reason="STOP")
    _, chunks, _ = run(hop({"text": "one "}), last)
    assert [chunk.delta for chunk in chunks if chunk.delta][-1] == {
        "extra_content": {"google": {"thought_signature": SIGNATURE}}
    }


def test_calls_of_two_hops() -> None:
    """Counted on, and their ids differ."""
    call = {"functionCall": {"name": "w", "args": {}}}
    _, chunks, _ = run(hop(call), hop(call, token=None, reason="STOP"))
    calls = [call for chunk in chunks if chunk.delta for call in chunk.delta.get("tool_calls", ())]
    assert [(c["index"], c["id"]) for c in calls] == [(0, "call_u_0"), (1, "call_u_1")]


def test_nothing_is_read_of_a_hop_that_is_over() -> None:
    stream = gemini.open_stream(envelope(SEVERAL))
    feed(stream, hop({"text": "a"}))
    assert (stream.finished, stream.failure, feed(stream, ENDS)) == (False, None, [])


@pytest.mark.parametrize(
    ("data", "shape"),
    [
        (hop({"text": "a"}), AnswerShape()),
        (hop({"text": "a"}, token=None), SEVERAL),
        (hop({"text": "a"}, token=""), SEVERAL),
        (hop({"text": "a"}, reason="MAX_TOKENS"), SEVERAL),
    ],
    ids=["not asked for", "no token", "an empty token", "as long as allowed"],
)
def test_else_it_is_too_long(data: bytes, shape: AnswerShape) -> None:
    stream, chunks, _ = run(data, shape=shape)
    assert (stream.finished, [c.finish_reason for c in chunks if c.finish_reason]) == (
        True,
        ["length"],
    )


def test_a_token_that_comes_again_is_not_used_again() -> None:
    """It would bring the same hop."""
    stream, chunks, _ = run(hop({"text": "a"}), hop({"text": "b"}))
    assert (stream.finished, [c.finish_reason for c in chunks if c.finish_reason]) == (
        True,
        ["length"],
    )


def test_the_hops_are_bounded() -> None:
    stream, chunks, bodies = run(*(hop({"text": "a"}, token=f"t{i}") for i in range(MOST_HOPS)))
    assert (stream.finished, len(bodies)) == (True, MOST_HOPS - 1)
    assert [c.finish_reason for c in chunks if c.finish_reason] == ["length"]


@pytest.mark.parametrize(
    ("later", "kind"),
    [
        (sse(frame({"text": "b"})), FailureKind.TRUNCATED),
        (b"", FailureKind.TRUNCATED),
        (
            sse({"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}),
            FailureKind.OVERLOADED,
        ),
        (hop(token=None, reason="MALFORMED_FUNCTION_CALL"), FailureKind.MODEL_OUTPUT),
    ],
)
def test_a_later_hop_can_fail(later: bytes, kind: FailureKind) -> None:
    """The stream has no end; who has shown nothing yet may give what there is, as too long."""
    stream = gemini.open_stream(envelope(SEVERAL))
    chunks = feed(stream, hop({"text": "a"}))
    pause = stream.pause
    assert pause is not None
    pause.resume(REQUEST)
    chunks += feed(stream, later)
    assert stream.failure is not None
    assert stream.failure.kind is kind
    assert not any(c.finish_reason for c in chunks)
    rest = shown(pause.settle())
    assert rest[0] == {
        "finish_reason": "length",
        "choice": {"native_finish_reason": "CONTINUATION"},
    }
    assert list(rest[1]) == ["usage"]


def test_thoughts_alone_are_not_worth_giving() -> None:
    stream = gemini.open_stream(envelope(SEVERAL))
    feed(stream, hop({"text": "hm", "thought": True}))
    assert stream.pause is not None
    pause = stream.pause
    pause.resume(REQUEST)
    assert pause.settle() == []


def test_hops_without_usage() -> None:
    data = sse(frame({"text": "a"}, reason="CONTINUATION", continuationToken="t"))
    stream, chunks, _ = run(data, sse(frame({"text": "b"}, reason="STOP")))
    assert stream.finished
    assert not any(c.usage for c in chunks)


def built(limit: int | None, *, stream: bool, long: bool = True) -> UpstreamRequest:
    body = {"model": "p", "messages": [{"role": "user", "content": "hi"}], "stream": stream}
    record = LONG if long else RECORDS["gemini-3.8-flash"]
    target = Target("gemini", "gemini", "https://g.example", "gemini-4", record, "key")
    return gemini.build_request(
        parse({**body, **({} if limit is None else {"max_tokens": limit})}), target
    )


@pytest.mark.parametrize(
    ("limit", "stream", "streamed", "several"),
    [
        (None, False, False, False),
        (None, True, True, False),
        (MOST_WHOLE, False, False, False),
        (MOST_WHOLE + 1, False, True, True),
        (MOST_STREAMED, True, True, False),
        (MOST_STREAMED + 1, True, True, True),
    ],
)
def test_when_an_answer_may_take_several_hops(
    limit: int | None, stream: bool, streamed: bool, several: bool
) -> None:
    """Only if the caller allows more than one request gives; a JSON answer is then put together
    from a stream.
    """
    request = built(limit, stream=stream)
    assert (request.stream, request.shape.several_hops) == (streamed, several)
    assert ("streamGenerateContent" in request.url) == streamed


def test_other_models_give_all_in_one() -> None:
    request = built(MOST_STREAMED + 1, stream=False, long=False)
    assert (request.stream, request.shape.several_hops) == (False, False)
