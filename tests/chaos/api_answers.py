"""What callers of Messages, Responses, Gemini and embeddings can see of a request, as outcomes.

Each reader is strict about the shape of what it reads: the answer's, the error's, and the end of a
stream that broke.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.chaos.answers import VECTOR
from tests.chaos.outcomes import ERROR_FIELDS, Broken, Outcome, Refused, Served, Wrong
from translators.json_codec import loads

JsonObject = dict[str, Any]
Headers = Mapping[str, str]
Reader = Callable[[int, Headers, bytes, bool, str], Outcome]
_WAITING: Final = 429


def _reader(
    error: Callable[[int, Headers, JsonObject], str],
    whole: Callable[[JsonObject, str], None],
    stream: Callable[[bytes, str], str | None] | None,
) -> Reader:
    """`error` gives the word of a refusal, `whole` asserts that an answer says the text, `stream`
    gives the word of a stream that broke."""

    def read(status: int, headers: Headers, body: bytes, streams: bool, text: str) -> Outcome:
        try:
            if status != 200:
                if status == _WAITING:
                    assert 1 <= int(headers["retry-after"]) <= 7, "when to come again"
                return Refused(status, error(status, headers, loads(body)))
            if streams:
                assert stream is not None
                assert headers["content-type"].startswith("text/event-stream"), "an event stream"
                if (broke := stream(body, text)) is not None:
                    return Broken(broke)
            else:
                whole(loads(body), text)
            return Served(headers["x-llm-router-provider"].startswith("well_"))
        except (ValueError, LookupError, TypeError, AssertionError) as problem:
            return Wrong(f"{type(problem).__name__}: {problem} in {status} {body[-300:]!r}")

    return read


def _events(body: bytes) -> list[JsonObject]:
    """Named events, whose documents have the same type."""
    assert body.endswith(b"\n\n"), "the last event is whole"
    events = []
    for block in body.split(b"\n\n")[:-1]:
        name, _, data = block.partition(b"\n")
        document = loads(data.removeprefix(b"data: "))
        assert name == b"event: " + document["type"].encode(), "an event has its type as a name"
        events.append(document)
    return events


def _assert_beginning(said: str, text: str) -> None:
    assert said, "an error before content is no event but an answer with its status"
    assert text.startswith(said), "what was shown is the answer's beginning"


def _messages_error(status: int, headers: Headers, document: JsonObject) -> str:
    assert list(document) == ["type", "error", "request_id"], "an error has one shape"
    assert document["request_id"] == headers["request-id"], "the id stands in both places"
    return str(_messages_detail(document)["type"])


def _messages_detail(document: JsonObject) -> JsonObject:
    detail: JsonObject = document["error"]
    assert document["type"] == "error", "an error says that it is one"
    assert detail["message"], "an error says what happened"
    return detail


def _message(document: JsonObject, text: str) -> None:
    said = "".join(block["text"] for block in document["content"])
    assert (document["role"], said, document["stop_reason"]) == ("assistant", text, "end_turn")


def _messages_stream(body: bytes, text: str) -> str | None:
    events = [event for event in _events(body) if event["type"] != "ping"]
    kinds = [event["type"] for event in events]
    assert kinds.index("message_start") == 0, "the beginning comes first"
    assert kinds.count("message_start") == 1, "one beginning"
    deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
    said = "".join(delta.get("text", "") for delta in deltas)
    if kinds[-1] == "error":
        assert not {"message_delta", "message_stop"} & set(kinds), "it has not ended"
        _assert_beginning(said, text)
        return str(_messages_detail(events[-1])["type"])
    assert kinds[-2:] == ["message_delta", "message_stop"], "one end"
    assert (said, events[-2]["delta"]["stop_reason"]) == (text, "end_turn")
    return None


def _openai_error(status: int, headers: Headers, document: JsonObject) -> str:
    assert list(document) == ["error"], "an error has one shape"
    assert sorted(document["error"]) == sorted(ERROR_FIELDS), "an error has one shape"
    assert document["error"]["message"], "an error says what happened"
    return str(document["error"]["code"])


def _response(document: JsonObject, text: str) -> None:
    said = [part["text"] for item in document["output"] for part in item["content"]]
    assert (document["status"], said) == ("completed", [text])


def _responses_stream(body: bytes, text: str) -> str | None:
    events = _events(body)
    numbers = [event["sequence_number"] for event in events]
    assert numbers == list(range(len(events))), "events are numbered without gaps"
    ids = {event["response"]["id"] for event in events if "response" in event}
    assert len(ids) == 1, "one response"
    deltas = [event for event in events if event["type"] == "response.output_text.delta"]
    said = "".join(event["delta"] for event in deltas)
    last = events[-1]
    if last["type"] == "response.failed":
        error, failed = events[-2], last["response"]
        assert error["type"] == "error", "both forms, this one first"
        assert error["error"]["code"] == error["code"] == failed["error"]["code"], "one code"
        assert failed["status"] == "failed", "it failed"
        _assert_beginning(said, text)
        return str(error["code"])
    assert (last["type"], said) == ("response.completed", text)
    _response(last["response"], text)
    return None


def _gemini_error(status: int, headers: Headers, document: JsonObject) -> str:
    assert list(document) == ["error"], "an error has one shape"
    error = document["error"]
    assert error["code"] == status, "the status stands in the body, too"
    assert error["message"], "an error says what happened"
    kinds = [detail["@type"].rpartition(".")[2] for detail in error["details"]]
    assert "ErrorInfo" in kinds, "our own code"
    assert status != _WAITING or "RetryInfo" in kinds, "when to come again"
    return str(error["status"])


def _candidate(document: JsonObject) -> tuple[str, str | None]:
    (candidate,) = document["candidates"]
    parts = candidate["content"].get("parts", ())
    return "".join(part["text"] for part in parts), candidate.get("finishReason")


def _generated(document: JsonObject, text: str) -> None:
    assert _candidate(document) == (text, "STOP")


def _gemini_stream(body: bytes, text: str) -> str | None:
    *blocks, rest = body.replace(b"\r\n", b"\n").split(b"\n\n")
    frames = [loads(block.removeprefix(b"data: ")) for block in blocks]
    broken = frames.pop() if "error" in frames[-1] else None
    candidates = [_candidate(frame) for frame in frames]
    said = "".join(each[0] for each in candidates)
    reasons = [each[1] for each in candidates]
    if broken is not None:
        assert loads(rest) == broken, "both forms, the bare one last and without a line end"
        _assert_beginning(said, text)
        assert set(reasons) == {None}, "what broke has not finished"
        return str(broken["error"]["status"])
    assert (rest, said, reasons[-1]) == (b"", text, "STOP")
    assert set(reasons[:-1]) <= {None}, "one end"
    return None


def _vectors(document: JsonObject, text: str) -> None:
    assert [each["embedding"] for each in document["data"]] == [VECTOR]


messages: Final = _reader(_messages_error, _message, _messages_stream)
responses: Final = _reader(_openai_error, _response, _responses_stream)
gemini: Final = _reader(_gemini_error, _generated, _gemini_stream)
embeddings: Final = _reader(_openai_error, _vectors, None)
