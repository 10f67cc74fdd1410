"""Golden cases of callers of Responses and of Gemini, by who serves them: what their requests
become at each kind of provider, and what its streams become for them. (Those of Messages stand in
claude/inbound.)

`python -m tests.regenerate` writes what is expected anew.
"""

import json
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from gateway.dispatch.sealed_reasoning import unsealed
from tests.translators.claude.inbound.encoders import ENCODERS
from tests.translators.claude.inbound.golden import target_of
from tests.translators.claude.inbound.stories import PLAIN, STORIES
from tests.translators.gemini.inbound import golden as gemini_cases
from tests.translators.responses.inbound.golden import events_of
from tests.translators.responses.inbound.request_cases import REQUESTS
from translators import claude, gemini, openai, responses
from translators.chat.chunks import Chunk
from translators.dialect import Dialect, Envelope
from translators.dialect.inbound import AnswerFacts, Call, CallerError, Overlay
from translators.errors import InvalidRequest
from translators.gemini import inbound as generate_content
from translators.json_codec import dumps, loads
from translators.responses.inbound import dialect as responses_api

HERE: Final = Path(__file__).parent
UPSTREAMS: Final[dict[str, Dialect]] = {
    "openai": openai, "responses": responses, "claude": claude, "gemini": gemini,
}  # fmt: skip
_DIFFERENT: Final = ("id", "status", "error", "incomplete_details", "output", "usage", "model")
_SCHEMA: Final = {"type": "object", "properties": {"word": {"type": "string"}}}


class Inbound(NamedTuple):
    """A caller's dialect, and how it is asked for what a story tells."""

    read: Callable[[Any, Call], Any]
    own: str
    """The upstream to which its requests are relayed."""
    url: str
    requests: dict[str, Any]
    """Bodies by the names of their cases."""
    asks: Callable[[bool], Any]
    """The request of a story, with tools or without."""
    shown: Callable[[bytes], Any]
    """A stream, with what is sealed in it open: zlib's bytes are its own."""


def _responses_asks(tools: bool) -> Any:
    asked = {"model": "p", "input": "Tell me.", "stream": True, "store": False}
    named = [("look_up", _SCHEMA), ("tick", {"type": "object", "properties": {}})]
    declared = [{"type": "function", "name": name, "parameters": of} for name, of in named]
    return {**asked, "reasoning": {"summary": "auto"}, **({"tools": declared} if tools else {})}


def _gemini_asks(tools: bool) -> Any:
    config = {"thinkingConfig": {"includeThoughts": True}}
    asked = {"contents": [{"parts": [{"text": "Tell me."}]}], "generationConfig": config}
    declared = [{"name": "look_up", "parametersJsonSchema": _SCHEMA}, {"name": "tick"}]
    return {**asked, **({"tools": [{"functionDeclarations": declared}]} if tools else {})}


def _responses_shown(text: bytes) -> Any:
    """Of lifecycle events what differs from story to story."""
    events = events_of(text)
    for event in events:
        if "response" in event:
            told = event["response"]
            event["response"] = {name: told[name] for name in _DIFFERENT if name in told}
    return events


def _gemini_shown(text: bytes) -> Any:
    frames = [piece.removeprefix(b"data: ") for piece in text.split(b"\r\n\r\n") if piece.strip()]
    read = [loads(each) for frame in frames for each in frame.split(b"\n\ndata: ") if each.strip()]
    return gemini_cases.unsealed(read)


INBOUNDS: Final = {
    "responses": Inbound(
        responses_api.read_request, "responses", "/v1/responses", REQUESTS, _responses_asks,
        _responses_shown,
    ),
    "gemini": Inbound(
        generate_content.read_request, "gemini",
        "/v1beta/models/p:streamGenerateContent?alt=sse",
        {path.stem: gemini_cases.read(path)["request"] for path in gemini_cases.REQUESTS},
        _gemini_asks, _gemini_shown,
    ),
}  # fmt: skip
PAIRS: Final = [(inbound, upstream) for inbound in INBOUNDS for upstream in UPSTREAMS]
TOLD: Final = [(inbound, upstream, story) for inbound, upstream in PAIRS for story in STORIES]


def _read(inbound: Inbound, body: Any) -> Any:
    text = dumps(body)
    return inbound.read(loads(text), Call({}, inbound.url, text, len(text), "req_1"))


def request_result(inbound: str, upstream: str, name: str) -> Any:
    """What a provider is sent, and what it cannot be told; or why it is not asked."""
    spoken = INBOUNDS[inbound]
    try:
        read = _read(spoken, spoken.requests[name])
        if upstream == spoken.own:
            dialect, request, before = read.origin.relay(Overlay()), read.request, ()
        elif read.origin.natives:
            return {"only a relay": list(read.origin.natives)}
        else:
            dialect, before = UPSTREAMS[upstream], read.origin.notes
            request, _ = unsealed(read.request, f"{upstream}/{upstream}-model")
        built = dialect.build_request(request, target_of(upstream))
    except InvalidRequest as error:
        return {"refused": error.message, "param": error.param}
    notes = [f"{note.kind} {note.param}" for note in (*before, *built.notes)]
    return {"body": loads(built.body), **({"notes": notes} if notes else {})}


@cache
def _asked(inbound: str, tools: bool) -> Any:
    """The request of a story, which gives any number of writers."""
    return _read(INBOUNDS[inbound], INBOUNDS[inbound].asks(tools))


class Stream:
    """One stream on its way from a provider to a caller."""

    def __init__(self, inbound: str, upstream: str, story: str) -> None:
        read = _asked(inbound, STORIES[story][0] is not PLAIN)
        envelope = Envelope("chatcmpl-1", 1, f"{upstream}-model")
        own = upstream == INBOUNDS[inbound].own
        dialect = read.origin.relay(Overlay()) if own else UPSTREAMS[upstream]
        self.upstream = dialect.open_stream(envelope)
        self._writer = read.open_writer("0" * 24, 1)
        target = f"{upstream}/{upstream}-model"
        self._writer.begin(AnswerFacts("chatcmpl-1", 1, "served", target, partial(int, 40)))

    def run(self, *pieces: bytes) -> bytes:
        """What the caller sees of a stream that comes in pieces, then ends."""
        out = [self._write(self.upstream.receive(piece)) for piece in pieces]
        out.append(self._write(self.upstream.receive_eof()))
        failure = self.upstream.failure
        if failure is None:
            return b"".join([*out, self._writer.end()])
        told = CallerError(failure.status, failure.message, failure.type, kind=failure.kind)
        return b"".join([*out, *self._writer.fail(told)])

    def _write(self, chunks: list[Chunk]) -> bytes:
        return bytes(self._writer.write(chunks)) if chunks else b""


def stream_result(inbound: str, upstream: str, story: str) -> Any:
    """What the caller sees of a story that a provider tells."""
    told = ENCODERS[upstream](STORIES[story][1])
    return INBOUNDS[inbound].shown(Stream(inbound, upstream, story).run(told))


def file_of(kind: str, inbound: str, upstream: str) -> Path:
    """Where the cases of a pair stand. `kind`: requests or streams."""
    return HERE / f"{inbound}_to_{upstream}_{kind}.json"


def golden(inbound: str, upstream: str) -> dict[str, dict[str, Any]]:
    """What stands in the files of a pair, by their kind."""
    names = INBOUNDS[inbound].requests
    return {
        "requests": {name: request_result(inbound, upstream, name) for name in names},
        "streams": {story: stream_result(inbound, upstream, story) for story in STORIES},
    }


def write() -> None:
    """Write what is expected anew."""
    for inbound, upstream in PAIRS:
        for kind, document in golden(inbound, upstream).items():
            lines = [
                f" {json.dumps(name)}: {json.dumps(made, ensure_ascii=False)}"
                for name, made in document.items()
            ]
            text = "{\n" + ",\n".join(lines) + "\n}\n"
            file_of(kind, inbound, upstream).write_text(text, "utf-8")
