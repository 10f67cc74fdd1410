"""Relayed events on their way to a caller: as they came, unless the gateway has begun the response
itself to keep the connection alive."""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from translators.chat.chunks import Chunk
from translators.dialect.inbound import CallerError
from translators.json_codec import JsonObject, dumps
from translators.responses.inbound.events import Events
from translators.responses.inbound.failures import error_event, told
from translators.responses.inbound.relay_events import BEGINNING, RelayedEvents, is_comment, split
from translators.responses.inbound.response_object import ResponseObject
from translators.splices import Edit, Member, last, members, spliced

_DATA: Final = re.compile(rb"(?m)^data:[ ]?")
_SEQUENCE: Final = b'"sequence_number"'
_NUMBER: Final = re.compile(rb'"sequence_number": ?([0-9]{1,15})[,}]').match
"""What the provider calls an event; servers that count none do not have it."""


class RelayWriter:
    """Of one answer."""

    def __init__(self, response: ResponseObject, number: int, created: bool) -> None:
        """`number`: of the next event; `created`: the response began under an id of ours."""
        self.final: JsonObject | None = None
        self._response = response
        self._created = created
        self._number = number
        self._shift = number if created else 0
        self._lifecycle: JsonObject | None = None
        self._failed = ""
        self._terminal: RelayedEvents | None = None
        self._error: CallerError | None = None
        """Of a stream that broke."""
        self._before_end = number, self._shift

    def write(self, chunks: Sequence[Chunk]) -> bytes:
        """What is shown of one read; the terminal event waits for `end`."""
        return b"".join(
            [self._chunk(chunk) for chunk in chunks if isinstance(chunk, RelayedEvents)]
        )

    def _chunk(self, chunk: RelayedEvents) -> bytes:
        raw = chunk.raw or b""
        if not chunk.kind:
            return self._plain(raw, chunk.count)
        if chunk.kind in BEGINNING:
            if self._created:
                return b""
            self._lifecycle = (chunk.event or {}).get("response")
        elif chunk.failed:
            return self._failure(chunk)
        elif chunk.finish_reason is not None:
            self._terminal = chunk
            self.final = self._named((chunk.event or {}).get("response") or {})
            return b""
        return self._plain(raw, 1)

    def _plain(self, raw: bytes, count: int | None) -> bytes:
        if not self._shift and not self._created:
            if count is not None:
                self._number += count
            elif (found := _NUMBER(raw, max(raw.rfind(_SEQUENCE), 0))) is not None:
                self._number = int(found[1]) + 1
            else:
                self._number += raw.count(b"\n\n")
            return raw
        events, _ = split(raw)
        return b"".join([self._numbered(event, ()) for event in events])

    def _numbered(self, event: bytes, edits: Sequence["_Change"]) -> bytes:
        """The event with our number, and with other changes in its data."""
        if is_comment(event):
            return event
        number, self._number = self._number, self._number + 1
        changes: list[_Change] = list(edits)
        if self._shift or self._created:
            changes.append(lambda found: _valued(found, "sequence_number", number))
        return _changed(event, changes) if changes else event

    def _named(self, response: JsonObject) -> JsonObject:
        """The response under the id that its caller knows, and with what is kept of it."""
        named = {**response, "store": self._response.kept}
        if self._created:
            named["id"] = self._response.id
        return named

    def _failure(self, chunk: RelayedEvents) -> bytes:
        """The provider's own `error`; its `response.failed` waits for `fail`."""
        self._failed = chunk.kind
        if chunk.kind == "error":
            return self._numbered(chunk.raw or b"", ())
        self._terminal = chunk
        self.final = self._named((chunk.event or {}).get("response") or {})
        return b""

    def _providers_failure(self, chunk: RelayedEvents) -> bytes:
        """The provider's `response.failed`, and in front of it an `error`."""
        error = ((chunk.event or {}).get("response") or {}).get("error") or {}
        message, code = error.get("message") or "", error.get("code") or "server_error"
        caller = CallerError(502, str(message), "server_error", None)
        fields = {**error_event(caller), "code": code}
        fields["error"] = {**fields["error"], "code": code}
        before = self._written("error", fields)
        self._shift = self._shift or 1
        return before + self._numbered(chunk.raw or b"", self._of_the_end())

    def _written(self, kind: str, fields: JsonObject) -> bytes:
        events = Events()
        events.number = self._number
        events.add(kind, fields)
        self._number = events.number
        return events.take()

    def _identity(self, found: list[Member]) -> Edit | None:
        return _inner(found, "id", self._response.id)

    def end(self) -> bytes:
        """The terminal event."""
        if self._terminal is None:
            return b""
        self._before_end = self._number, self._shift
        return self._numbered(self._terminal.raw or b"", self._of_the_end())

    def _of_the_end(self) -> list["_Change"]:
        """What a terminal event says in our words."""
        changes: list[_Change] = [self._identity] if self._created else []
        if self._response.kept:
            changes.append(lambda found: _inner(found, "store", True))
        return changes

    def end_unkept(self) -> bytes:
        """The same where the response could not be kept, whole or broken."""
        self._response.kept = False
        self._number, self._shift = self._before_end
        if self.final is not None:
            self.final = {**self.final, "store": False}
        return self.end() if self._error is None else self.fail(self._error)

    def fail(self, error: CallerError) -> bytes:
        """What the provider did not say itself of `error` and `response.failed`."""
        self._error, self._before_end = error, (self._number, self._shift)
        if self._failed and self._failed != "error":
            assert self._terminal is not None
            return self._providers_failure(self._terminal)
        code, message = told(error)
        failed = {"code": code, "message": message}
        known = self._lifecycle if not self._created and self._lifecycle is not None else None
        document = self._response.document("failed", [], error=failed)
        if known is not None:
            document = {**known, "status": "failed", "error": failed, "store": self._response.kept}
        self.final = document
        first = b"" if self._failed else self._written("error", error_event(error))
        return first + self._written("response.failed", {"response": document})

    def keep_alive(self) -> bytes:
        """The last lifecycle object again."""
        known = None if self._created else self._lifecycle
        document = known or self._response.document("in_progress", [])
        self._shift = self._shift or 1
        return self._written("response.in_progress", {"response": document})


_Change = Callable[[list[Member]], Edit | None]


def _changed(event: bytes, changes: Sequence[_Change]) -> bytes:
    """The event with changes in its data, which is one line; one of several stays as it is."""
    found = _DATA.findall(event)
    if len(found) != 1:
        return event
    head, mark, rest = _parted(event)
    text = rest.decode("utf-8", "surrogateescape")
    try:
        outer = members(text)
        edits = [
            edit for change in changes if (edit := change(_with_text(outer, text))) is not None
        ]
    except (ValueError, IndexError):
        return event
    return head + mark + spliced(text, edits).encode("utf-8", "surrogateescape")


def _parted(event: bytes) -> tuple[bytes, bytes, bytes]:
    match = _DATA.search(event)
    assert match is not None
    return event[: match.start()], match[0], event[match.end() :]


def _with_text(outer: list[Member], text: str) -> list[Member]:
    """The members with those of the response behind them, their names with a dot."""
    response = last(outer, "response")
    if response is None or response.value.__class__ is not dict:
        return outer
    inner = [m._replace(name=f".{m.name}") for m in members(text, response.value_start)]
    return [*outer, *inner]


def _valued(found: list[Member], name: str, value: Any) -> Edit | None:
    member = last(found, name)
    return None if member is None else Edit(member.value_start, member.end, dumps(value).decode())


def _inner(found: list[Member], name: str, value: Any) -> Edit | None:
    return _valued(found, f".{name}", value)
