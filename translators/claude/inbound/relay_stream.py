"""A relayed stream: the provider's events as they came, and what they tell of the answer."""

import re
from functools import lru_cache
from typing import Any, Final

from translators.chat.chunks import Chunk, Relayed
from translators.chat.wire import Usage
from translators.claude.answer.errors import error_failure
from translators.claude.answer.stop_reason import finish_reason
from translators.claude.answer.stream import ClaudeStream
from translators.claude.answer.usage import usage
from translators.dialect import Envelope
from translators.dialect.streamed_answer import all_of, is_document
from translators.errors import UpstreamFailure
from translators.failures import malformed, truncated
from translators.json_codec import JsonObject
from translators.long_json import loads_answer
from translators.splices import LONGEST_NAME, Edit, known_name, known_text, last, members, spliced
from translators.sse import MAX_EVENT_BYTES, Held, is_stray

_BORDER: Final = re.compile(rb"\r?\n\r?\n|\r\r")
_NAME: Final = re.compile(rb"\A\s*event: ?([a-z_]+)")
_DATA: Final = re.compile(rb"^data: ?(.*)$", re.MULTILINE)
_HELD: Final = frozenset({"message_start", "ping", "content_block_start"})
"""Events after which another target may still answer."""
_RUN: Final = re.compile(rb"(?:event: content_block_(?:start|delta|stop)\ndata: .*\n\n)+").match
"""Events that tell nothing of the answer as a whole, as Claude itself writes them. (An event may
have more lines of data, or ends of another form: those are looked at one by one.)"""
_CONTENT: Final = (b"event: content_block_delta\n", b"event: content_block_stop\n")

_NO_EVENT: Final = malformed("The provider sent something that is no event.")


class RelayedStream:
    """StreamTranslator of a relay. `model`, in the first event alone, is the name that was
    asked."""

    pause: Final = None

    def __init__(self, envelope: Envelope, asked: str) -> None:
        self.id = envelope.id
        self.model = envelope.model
        self.failure: UpstreamFailure | None = None
        self.finished = False
        self.ended = False
        self._envelope = envelope
        self._asked = asked
        self._held = Held()
        self._committed = False
        self._usage: JsonObject = {}
        self._counted: Usage | None = None
        """Of a whole message that came in a stream's place."""

    @property
    def usage_so_far(self) -> Usage | None:
        return usage(self._usage) if self._usage else self._counted

    def more_text(self, data: bytes) -> list[Chunk] | None:
        run = _RUN(data) if self._committed and not self._held.size else None
        over = self.finished or self.failure is not None
        if run is None or run.end() < len(data) or over or data.find(b"\r") >= 0:
            return None
        return [Relayed(data, commits=True)]

    def receive(self, data: bytes) -> list[Chunk]:
        """Every whole event of what has come."""
        if self.finished or self.failure is not None:
            return []
        if self._held.size + len(data) > MAX_EVENT_BYTES:
            self.failure = malformed(f"an event is larger than {MAX_EVENT_BYTES} bytes")
            return []
        whole = self._held.with_(data)
        if whole is None:
            return []
        chunks: list[Chunk] = []
        at, seen, plain = 0, self._held.seen, whole.find(b"\r") < 0
        while not self.finished and self.failure is None:
            if plain and at >= seen and (run := _RUN(whole, at)) is not None:
                at = run.end()
                chunks.append(self._run(run[0]))
            border = _BORDER.search(whole, max(at, seen))
            if border is None or (border.end() == len(whole) and border[0].endswith(b"\r")):
                break  # what is not whole yet, or whose line feed may follow
            chunks.append(self._event(whole[at : border.end()]))
            at = border.end()
        self._held.keep(whole[at:])
        return chunks

    def _run(self, raw: bytes) -> Chunk:
        """Events of the answer's blocks: from the first on that has content nobody else answers."""
        commits = self._committed
        if not commits:
            commits = self._committed = any(raw.find(name) >= 0 for name in _CONTENT)
        return Relayed(raw, commits=commits)

    def receive_eof(self) -> list[Chunk]:
        """Without `message_stop` the answer is not whole."""
        if self.finished or self.failure is not None:
            return []
        last = self._held.end()
        if _document(last).get("type") in (
            "message_stop",
            "error",
        ):  # only its blank line is missing
            return [self._event(last.rstrip() + b"\n\n")]
        if not self._committed and is_document(last):
            return self._whole(last)
        self.failure = _NO_EVENT if is_stray(last) else truncated()
        return []

    def _whole(self, body: bytes) -> list[Chunk]:
        """The hub's chunks of what a host that does not stream has answered."""
        stream = ClaudeStream(self._envelope)
        chunks = all_of(body, stream)
        self.failure, self.finished = stream.failure, stream.finished
        self._counted = stream.usage_so_far
        return chunks

    def _event(self, raw: bytes) -> Chunk:
        named = _NAME.match(raw)
        kind = named[1].decode() if named is not None else str(_document(raw).get("type"))
        if kind.startswith("content_block_") or kind == "ping":
            self._committed |= kind not in _HELD
            return Relayed(raw, commits=kind not in _HELD)
        return self._telling(kind, raw)

    def _telling(self, kind: str, raw: bytes) -> Chunk:
        """An event that says something of the whole answer."""
        document = _document(raw)
        if kind == "message_start":
            return self._start(document, raw)
        if kind == "message_delta":
            return self._delta(document, raw)
        if kind == "message_stop":
            self.finished = True
            return Relayed(raw, usage=self.usage_so_far)
        if kind == "error":
            self.failure = error_failure(document)
            return Relayed(raw, failed=True)
        if is_stray(raw):
            self.failure = _NO_EVENT
            return Relayed(b"")
        self._committed = self._committed or bool(raw.strip())
        return Relayed(raw, commits=self._committed)

    def _start(self, document: JsonObject, raw: bytes) -> Chunk:
        message = document.get("message")
        if message.__class__ is dict:
            self._count(message.get("usage"))
            self.id = str(message.get("id") or self.id)
            self.model = str(message.get("model") or self.model)
        model = message.get("model") if message.__class__ is dict else None
        return Relayed(renamed_event(raw, model, self._asked))

    def _delta(self, document: JsonObject, raw: bytes) -> Chunk:
        self._count(document.get("usage"))
        delta = document.get("delta")
        reason = delta.get("stop_reason") if delta.__class__ is dict else None
        if reason.__class__ is not str:
            return Relayed(raw, commits=True)
        self.ended = True
        return Relayed(raw, finish_reason=finish_reason(reason, reason == "tool_use", False))

    def _count(self, counted: Any) -> None:
        """Usage is cumulative: the last value of each field counts."""
        if counted.__class__ is dict:
            self._usage.update((k, v) for k, v in counted.items() if v is not None)


def _document(raw: bytes) -> JsonObject:
    """What an event's data says; an empty object if it is none."""
    try:
        value = loads_answer(b"\n".join([line.rstrip(b"\r") for line in _DATA.findall(raw)]))
    except ValueError:
        return {}
    return value if value.__class__ is dict else {}


def renamed_event(raw: bytes, model: Any, asked: str) -> bytes:
    """A `message_start` in which `message.model`, which is `model`, is the name that was asked."""
    if (renamed := _renamed(raw, model, asked)) is not None:
        return renamed
    line = _DATA.search(raw)
    if line is None:
        return raw
    text = line[1].decode("utf-8", "surrogateescape")
    message = last(_members(text, 0), "message")
    if message is None or message.value.__class__ is not dict:
        return raw
    member = last(_members(text, message.value_start), "model")
    if member is None:
        return raw
    edit = Edit(member.value_start, member.end, known_name(asked))
    renamed = spliced(text, [edit]).encode("utf-8", "surrogateescape")
    return raw[: line.start(1)] + renamed + raw[line.end(1) :]


def renamed_message(body: bytes, model: Any, asked: str) -> bytes:
    """A whole message whose `model` is the name that was asked."""
    if (renamed := _renamed(body, model, asked)) is not None:
        return renamed
    text = body.decode("utf-8", "surrogateescape")
    member = last(_members(text, 0), "model")
    if member is None:
        return body
    edit = Edit(member.value_start, member.end, known_name(asked))
    return spliced(text, [edit]).encode("utf-8", "surrogateescape")


def _renamed(raw: bytes, model: Any, asked: str) -> bytes | None:
    """The same where only one member in all of `raw` can be the one whose value is `model`, or a
    whole message has it before any other object; else None."""
    at = raw.find(b'"model"')
    if model.__class__ is not str or at < 0 or max(len(model), len(asked)) > LONGEST_NAME:
        return None
    outermost = raw.startswith(b"{") and raw.find(b"{", 1, at) < 0 and raw.find(b"[", 1, at) < 0
    if not outermost and (raw.find(b'"model"', at + 1) >= 0 or raw.find(b"\\u006") >= 0):
        return None
    for own, renamed in _named(model, asked):
        if raw.startswith(own, at):
            return raw[:at] + renamed + raw[at + len(own) :]
    return None


@lru_cache(maxsize=256)
def _named(model: str, asked: str) -> tuple[tuple[bytes, bytes], ...]:
    """The member with the one name and with the other, as they are usually written."""
    own, name = known_text(model).encode(), known_text(asked).encode()
    return tuple([(b'"model":' + gap + own, b'"model":' + gap + name) for gap in (b"", b" ")])


def _members(text: str, at: int) -> Any:
    """The members there; none where the text is no object that Python's scanner reads."""
    try:
        return members(text, at)
    except (ValueError, IndexError):
        return []
