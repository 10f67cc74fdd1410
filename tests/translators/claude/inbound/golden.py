"""Golden cases: what requests become in the hub and at each provider, and what its streams become
for the caller.

`python -m tests.regenerate` writes what is expected anew.
"""

import json
from functools import partial
from pathlib import Path
from typing import Any, Final

from gateway.dispatch.sealed_reasoning import unsealed
from tests.translators.claude.inbound.encoders import ENCODERS
from tests.translators.claude.inbound.requests import REQUESTS
from tests.translators.claude.inbound.stories import STORIES
from translators import gemini, openai, responses
from translators.capabilities import ModelRecord, Thinking
from translators.chat.chunks import Chunk
from translators.claude.inbound import read_request
from translators.claude.inbound.writer import MessagesWriter
from translators.dialect import Dialect, Envelope, StreamTranslator, Target
from translators.dialect.inbound import AnswerFacts, Call, CallerError, Overlay
from translators.errors import InvalidRequest
from translators.json_codec import dumps, loads

HERE: Final = Path(__file__).parent
REQUEST_FILE: Final = HERE / "golden_requests.json"
STREAM_FILE: Final = HERE / "golden_streams.json"
DIALECTS: Final[dict[str, Dialect]] = {"openai": openai, "responses": responses, "gemini": gemini}
ABLE: Final[Any] = frozenset(
    {"streaming", "tool_calling", "vision", "pdf", "json_schema", "reasoning", "web_search"}
)
EFFORTS: Final[Any] = ("none", "minimal", "low", "medium", "high", "xhigh")
RECORDS: Final = {
    "openai": ModelRecord(
        context_window=200_000,
        max_output_tokens=32_000,
        capabilities=ABLE,
        thinking=Thinking(kind="effort", levels=EFFORTS),
    ),
    "responses": ModelRecord(
        context_window=200_000,
        max_output_tokens=32_000,
        capabilities=ABLE,
        responses="always",
        thinking=Thinking(kind="effort", levels=EFFORTS),
    ),
    "gemini": ModelRecord(
        context_window=200_000,
        max_output_tokens=32_000,
        capabilities=ABLE,
        signatures="optional",
        thinking=Thinking(kind="level", levels=("low", "medium", "high")),
    ),
    "claude": ModelRecord(
        context_window=200_000,
        max_output_tokens=32_000,
        capabilities=ABLE,
        mid_system="native",
        thinking=Thinking(
            kind="adaptive", levels=("low", "medium", "high", "max"), switch_off="disabled"
        ),
    ),
}


def target_of(name: str) -> Target:
    """A target of each kind."""
    dialect = "openai" if name == "responses" else name
    return Target(name, dialect, "https://up.example", f"{name}-model", RECORDS[name], "sk-test")


def request_result(name: str) -> Any:
    """What becomes of a request, or how it is refused."""
    given, headers = REQUESTS[name]
    text = dumps(given)
    try:
        read = read_request(loads(text), Call(headers, "", text, len(text), "req_1"))
    except InvalidRequest as error:
        return {"refused": error.message}
    result: dict[str, Any] = {"hub": dict(read.request.body)}
    for message in result["hub"]["messages"]:
        if "sealed_reasoning" in message:
            message["sealed_reasoning"] = [state._asdict() for state in message["sealed_reasoning"]]
    if read.origin.notes:
        result["notes"] = [[note.kind, note.param, note.why] for note in read.origin.notes]
    if read.origin.natives:
        return {**result, "natives": list(read.origin.natives), "claude": _relayed(read)}
    read = read_request(loads(text), Call(headers, "", text, len(text), "req_1"))
    for upstream, dialect in DIALECTS.items():
        request, _ = unsealed(read.request, f"{upstream}/{upstream}-model")
        built = dialect.build_request(request, target_of(upstream))
        result[upstream] = loads(built.body)
    return {**result, "claude": _relayed(read)}


def _relayed(read: Any) -> Any:
    built = read.origin.relay(Overlay()).build_request(read.request, target_of("claude"))
    notes = [[note.kind, note.param, note.why] for note in built.notes]
    return {"body": built.body.decode(), **({"notes": notes} if notes else {})}


class Conversation:
    """One stream on its way from a provider to the caller."""

    def __init__(self, story: str, upstream: str) -> None:
        request = STORIES[story][0]
        text = dumps(request)
        self._read = read_request(loads(text), Call({}, "", text, len(text), "req_1"))
        self.writer: MessagesWriter = self._read.open_writer("0" * 24, 1)
        envelope = Envelope("chatcmpl-1", 1, f"{upstream}-model")
        dialect = self._read.origin.relay(Overlay()) if upstream == "claude" else DIALECTS[upstream]
        self.stream: StreamTranslator = dialect.open_stream(envelope)
        self.writer.begin(
            AnswerFacts(
                "chatcmpl-1",
                1,
                f"{upstream}-model",
                f"{upstream}/{upstream}-model",
                partial(int, 40),
            )
        )

    def run(self, *pieces: bytes) -> bytes:
        """What the caller sees of a stream that comes in pieces, then ends."""
        out = [self._write(self.stream.receive(piece)) for piece in pieces if not self.writer.over]
        if not self.writer.over:
            out.append(self._write(self.stream.receive_eof()))
        failure = self.stream.failure
        if failure is None or self.writer.over:
            return b"".join([*out, self.writer.end()])
        told = CallerError(
            failure.status,
            failure.message,
            failure.type,
            kind=failure.kind,
            provider_message=failure.message,
        )
        return b"".join([*out, *self.writer.fail(told)])

    def _write(self, chunks: list[Chunk]) -> bytes:
        return self.writer.write(chunks) if chunks else b""


def stream_result(story: str, upstream: str) -> str:
    """What the caller sees of a story told by a provider."""
    return Conversation(story, upstream).run(ENCODERS[upstream](STORIES[story][1])).decode()


def write() -> None:
    """Write what is expected anew."""
    requests = {name: request_result(name) for name in REQUESTS}
    lines = [
        f"{json.dumps(name)}: {json.dumps(made, ensure_ascii=False)}"
        for name, made in requests.items()
    ]
    REQUEST_FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
    streams = {
        f"{story} / {upstream}": stream_result(story, upstream).split("\n")
        for story in STORIES
        for upstream in ENCODERS
    }
    lines = [f"{json.dumps(name)}: {json.dumps(made)}" for name, made in streams.items()]
    STREAM_FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
