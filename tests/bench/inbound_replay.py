"""The part of the replay in which callers speak other dialects: what a request costs from its
document to the bytes that go out, and an answer from its bytes to the caller's. Beside them the
same for Chat Completions.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from tests.bench import conversations, transcripts
from tests.bench.replay import RECORDS, Section
from tests.bench.works import BODIES, Spoken
from translators import claude, gemini, openai
from translators.claude import inbound as messages
from translators.dialect import Dialect, Envelope, Target, UpstreamRequest
from translators.dialect.inbound import AnswerFacts, Call, InboundDialect, InboundRequest, Overlay
from translators.gemini import inbound as generate_content
from translators.json_codec import dumps, loads
from translators.openai import inbound as chat
from translators.responses.inbound import dialect as responses

TIMES: Final = {"request": 10, "answer": 10, "burst": 5}
_HEADERS: Final = {
    "Host": "gateway",
    "Content-Type": "application/json",
    "Content-Length": "1200",
    "User-Agent": "replay",
}
_URLS: Final = (
    "/v1beta/models/m:generateContent",
    "/v1beta/models/m:streamGenerateContent?alt=sse",
)
_TEXT: Final = "word " * 200
_FACTS: Final = AnswerFacts("chatcmpl-1", 1_795_000_000, "served", "p/m", lambda: 100)


class _Pair(NamedTuple):
    """A caller's dialect, and that of the target."""

    name: str
    spoken: Spoken
    inbound: InboundDialect
    target: Dialect | None
    """None for a relay."""
    answers: str
    """The dialect in which it answers."""


_PAIRS: Final = (
    _Pair("chat to openai", "chat", chat, openai, "openai"),
    _Pair("relay of messages", "messages", messages, None, "claude"),
    _Pair("relay of responses", "responses", responses, None, "responses"),
    _Pair("relay of gemini", "gemini", generate_content, None, "gemini"),
    _Pair("messages to openai", "messages", messages, openai, "openai"),
    _Pair("responses to claude", "responses", responses, claude, "claude"),
    _Pair("gemini to openai", "gemini", generate_content, openai, "openai"),
    _Pair("chat to gemini", "chat", chat, gemini, "gemini"),
)


def inbound_sections() -> Iterator[Section]:
    """All of them."""
    for pair in _PAIRS:
        yield from _of(pair)


def _of(pair: _Pair) -> Iterator[Section]:
    whole, stream = _Exchange(pair, stream=False), _Exchange(pair, stream=True)
    answer = conversations.answer(pair.answers, "small")
    events = b"".join(transcripts.events(pair.answers, calls=False))
    yield Section(f"{pair.name}, request", TIMES["request"], whole.built)
    yield Section(f"{pair.name}, answer", TIMES["answer"], lambda: whole.answered(answer))
    yield Section(f"{pair.name}, burst", TIMES["burst"], lambda: stream.streamed(events))


class _Exchange:
    def __init__(self, pair: _Pair, *, stream: bool) -> None:
        self._pair = pair
        said = [{"role": "user", "content": _TEXT}]
        text = dumps(BODIES[pair.spoken]("m", said, stream))
        self._document = loads(text)
        self._call = Call(_HEADERS, _URLS[stream], text, len(text), "req_1")
        spoken = "openai" if pair.answers == "responses" else pair.answers
        record = RECORDS[pair.answers]
        self._target = Target("p", spoken, "https://provider", "m", record, "key")
        self._read = self._of_caller()
        self._envelope = Envelope(
            "chatcmpl-1", 1_795_000_000, "m", "call_1", self._upstream(self._read).shape
        )

    def _of_caller(self) -> InboundRequest:
        return self._pair.inbound.read_request(self._document, self._call)

    def _dialect(self, read: InboundRequest) -> Dialect:
        if self._pair.target is not None:
            return self._pair.target
        assert read.origin is not None
        return read.origin.relay(Overlay())

    def _upstream(self, read: InboundRequest) -> UpstreamRequest:
        return self._dialect(read).build_request(read.request, self._target)

    def built(self) -> bytes:
        return self._upstream(self._of_caller()).body

    def answered(self, body: bytes) -> bytes:
        completion = self._dialect(self._read).parse_response(body, self._envelope)
        return self._read.write_completion(completion, _FACTS)

    def streamed(self, events: bytes) -> bytes:
        stream = self._dialect(self._read).open_stream(self._envelope)
        batches: list[list[Any]] = [stream.receive(events)]
        if not stream.finished:
            batches.append(stream.receive_eof())
        if not stream.finished:
            raise RuntimeError(f"the stream of {self._pair.name} does not end: {stream.failure}")
        writer = self._read.open_writer("a" * 24, 1_795_000_000)
        writer.begin(_FACTS)
        return b"".join(map(writer.write, batches)) + writer.end()
