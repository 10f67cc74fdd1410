"""The one table: what a provider does wrong, and what the caller sees of it when there is no
fallback.

With a fallback the outcome follows (`Fault.outcome`): what had shown no content yet is served by
the fallback, what had is the same.
"""

import gzip
from typing import Final

from tests.chaos import clocks
from tests.chaos.fault import PLACES, Fault
from tests.chaos.faulty import HalfClose, Repeat, Step
from tests.chaos.outcomes import Broken, Left, Outcome, Refused, Served
from tests.chaos.responses import (
    JSON,
    LARGE,
    LAST_CHUNK,
    SSE,
    Begin,
    always,
    body,
    chunk,
    content,
    dripped,
    events,
    first,
    good,
    half_headers,
    head,
    headers,
    in_turn,
    kept,
    large,
    no_content_yet,
    nothing,
    status,
    then,
)
from tests.fakes import End, Hang, Pause, Reset

UNREACHABLE: Final = Refused(502, "upstream_unreachable")
TRUNCATED: Final = Refused(502, "stream_truncated")
MALFORMED: Final = Refused(502, "upstream_malformed")
FAILED: Final = Refused(502, "upstream_error")
LIMITED: Final = Refused(429, "rate_limit_exceeded")
OUR_KEY: Final = Refused(502, "provider_auth_failed")
NO_CONNECTION: Final = Refused(504, clocks.CONNECT)
NO_CONTENT: Final = Refused(504, clocks.FIRST_CONTENT)
SILENT: Final = Refused(504, clocks.IDLE)

BUSY: Final = Refused(503, "provider_overloaded")
BROKE_BUSY: Final = Broken("provider_overloaded")
LATE: Final = Refused(504, "upstream_timeout")

BOMB: Final = gzip.compress(b" " * (160 * 1024 * 1024), 6)
"""160 KB that become more than the gateway reads of an answer (128 MB)."""
MEGABYTE: Final = chunk(b"x" * (1024 * 1024))
INTERIM: Final = b"HTTP/1.1 103 Early Hints\r\n\r\n" * 256
NOT_TLS: Final = b"HTTP/1.1 400 Bad Request\r\n\r\n"


def _both(phase: str, name: str, outcome: Outcome, **more: object) -> Fault:
    """A fault that looks the same in a JSON answer and in a stream."""
    return Fault(phase=phase, name=name, json=outcome, stream=outcome, **more)  # type: ignore[arg-type]


def _after_content(name: str, outcome: Outcome, **more: object) -> Fault:
    """A fault of a stream that has begun."""
    return Fault(phase="after content", name=name, json=None, stream=outcome, **more)  # type: ignore[arg-type]


def _ways_to_end(
    phase: str, begin: Begin, json: Outcome | None, stream: Outcome, silence: Outcome
) -> list[Fault]:
    """Reset, end, half-close and silence at one point of an answer. `json` and `stream` are what a
    broken connection looks like.
    """
    ends: tuple[tuple[str, Step], ...] = (
        ("reset", Reset()),
        ("end", End()),
        ("half-close", HalfClose()),
    )
    # The pause lets the gateway have what came before: what is read in one piece with its end is
    # another fault.
    rows = [
        Fault(
            phase=phase,
            name=name,
            json=json,
            stream=stream,
            steps=then(begin, Pause(clocks.DRIP), step),
            patient=True,
        )
        for name, step in ends
    ]
    hung = Fault(
        phase=phase,
        name="silence",
        json=None if json is None else silence,
        stream=silence,
        steps=then(begin, Hang()),
    )
    return [*rows, hung]


CONNECTION: Final = [
    _both("connect", "refused", UNREACHABLE, place="refused"),
    _both("connect", "name not resolved", UNREACHABLE, place="unresolvable", patient=True),
    _both("connect", "never completed", NO_CONNECTION, place="blackhole"),
    _both(
        "connect",
        "TLS: the server speaks none",
        UNREACHABLE,
        place="tls",
        on_accept=[NOT_TLS, Hang()],
        patient=True,
    ),
    _both("connect", "TLS: silence", NO_CONNECTION, place="tls", on_accept=[Hang()]),
    _both("accept", "reset", UNREACHABLE, on_accept=[Reset()], patient=True),
    _both("accept", "end", UNREACHABLE, on_accept=[End()], patient=True),
    _both("accept", "half-close", UNREACHABLE, on_accept=[HalfClose()], patient=True),
    _both("accept", "silence", NO_CONTENT, on_accept=[Hang()]),
    _both(
        "accept", "not HTTP", MALFORMED, on_accept=[b"SSH-2.0-OpenSSH\r\n\r\n", End()], patient=True
    ),
]

STATUS: Final = [
    _both("status", "429 storm", LIMITED, steps=status("429 Too Many Requests",
     "Retry-After: 7\r\n"), requests=8, patient=True),
    _both("status", "500 storm", FAILED, steps=status("500 Internal Server Error"), requests=8,
     patient=True),
    _both("status", "502 storm", FAILED, steps=status("502 Bad Gateway"), requests=8, patient=True),
    _both("status", "503 storm", BUSY, steps=status("503 Service Unavailable"), requests=8,
     patient=True),
    _both("status", "504 storm", LATE, steps=status("504 Gateway Timeout"), requests=8,
     patient=True),
    _both("status", "our key is refused", OUR_KEY, steps=status("401 Unauthorized"), patient=True),
    _both("status", "redirect", FAILED, steps=status("307 Temporary Redirect",
     "Location: /elsewhere\r\n"), patient=True),
    _both("status", "wrong method", FAILED, steps=status("405 Method Not Allowed"), patient=True),
    _both(
        "status", "an error that never ends", SILENT,
        steps=always([head(JSON, length=100, status="500 Internal Server Error"), b'{"error":',
         Hang()]),
    ),
    _both(
        "status", "flapping: 503 and good in turn", BUSY, requests=6, sometimes_served=True,
        patient=True,
        steps=in_turn(status("503 Unavailable"), lambda answer, stream, _: good(answer, stream)),
    ),
    _both("status", "503, good when asked again", Served(), steps=first(status("503 Unavailable")),
     retries=1, calls=2, patient=True),
]  # fmt: skip

BODY: Final = [
    _both(
        "body", "200 with an error", BUSY, patient=True,
        steps=lambda answer, stream,
        _: events(answer.error_event) if stream else body(answer.error),
    ),
    _both(
        "body", "cut JSON", MALFORMED, patient=True,
        steps=lambda answer, stream, _: events(answer.prelude,
         answer.cut_event) if stream else body(answer.whole[:-9]),
    ),
    _both(
        "body", "invalid UTF-8", MALFORMED, patient=True,
        steps=lambda answer, stream, _: events(answer.prelude,
         answer.ill_event) if stream else body(answer.ill_whole),
    ),
    Fault(phase="body", name="empty", json=MALFORMED, stream=TRUNCATED, steps=always(body(b"")),
     patient=True),
    _both("body", "a page in HTML", MALFORMED,
     steps=always(body(b"<html><body>Sign in</body></html>", "text/html")), patient=True),
    _both(
        "body", "the right answer as text/plain", Served(), patient=True,
        steps=lambda answer, stream, _: events(*answer.events,
         kind="text/plain") if stream else body(answer.whole, "text/plain"),
    ),
    Fault(
        phase="body", name="a stream for JSON, JSON for a stream", json=Served(),
         stream=Served(),
        patient=True,
        steps=lambda answer, stream, _: body(answer.whole) if stream else events(*answer.events),
    ),
    _both("body", "slow drip", Served(), steps=then(dripped)),
    _both(
        "body", "blanks or comments for ever", NO_CONTENT,
        steps=lambda answer, stream, _: [head(SSE if stream else JSON),
         Repeat(chunk(b": ping\n\n" if stream else b" "), clocks.DRIP)],
    ),
    _both(
        "body", "chunk size is no number", TRUNCATED, patient=True,
        steps=lambda answer, stream, _: [head(SSE if stream else JSON), Pause(clocks.DRIP),
         b"zz\r\n", Hang()],
    ),
    _both(
        "body", "a chunk extension without end", MALFORMED,
        steps=lambda answer, stream, _: [head(SSE if stream else JSON), b"1;", Repeat(b"x" * 8192,
         0.01)],
    ),
    _both(
        "body", "gzip bomb", MALFORMED, patient=True, heavy=True,
        steps=lambda answer, stream, _: body(BOMB, SSE if stream else JSON,
         "Content-Encoding: gzip\r\n"),
    ),
    _both(
        "body", "broken gzip", MALFORMED, patient=True,
        steps=lambda answer, stream, _: body(answer.whole, SSE if stream else JSON,
         "Content-Encoding: gzip\r\n"),
    ),
    _both(
        "body", "a line without end", MALFORMED, patient=True, heavy=True,
        steps=lambda answer, stream, _: [head(SSE if stream else JSON),
         chunk(b"data: " if stream else b'"'), Repeat(MEGABYTE)],
    ),
]  # fmt: skip

AFTER_CONTENT: Final = [
    *_ways_to_end("after content", content, None, Broken("stream_truncated"), Broken(clocks.IDLE)),
    _after_content(
        "error event", BROKE_BUSY, patient=True,
        steps=lambda answer, stream, _: [*content(answer, stream), chunk(answer.error_event),
         LAST_CHUNK],
    ),
    _after_content(
        "cut JSON", Broken("upstream_malformed"), patient=True,
        steps=lambda answer, stream, _: [*content(answer, stream), chunk(answer.cut_event),
         LAST_CHUNK],
    ),
    _after_content(
        "invalid UTF-8", Broken("upstream_malformed"), patient=True,
        steps=lambda answer, stream, _: [*content(answer, stream), chunk(answer.ill_event),
         LAST_CHUNK],
    ),
    _after_content("HTTP ends, the answer has not", Broken("stream_truncated"), steps=then(content,
     LAST_CHUNK), patient=True),
    _after_content("chunk size is no number", Broken("stream_truncated"), steps=then(content,
     b"zz\r\n", Hang()), patient=True),
    _after_content("a line without end", Broken("upstream_malformed"), steps=then(content,
     Repeat(MEGABYTE)), patient=True, heavy=True),
    _after_content("comments for ever", Broken(clocks.TOTAL), steps=then(content,
     Repeat(chunk(b": ping\n\n"), clocks.DRIP))),
]  # fmt: skip

CALLERS: Final = [
    Fault(
        phase="callers", name="read a large answer slowly", json=None, stream=Served(), text=LARGE,
        read_slowly=True, patient=True,
        steps=lambda answer, *_: large(answer),
    ),
    _both("callers", "leave before the headers", Left(), steps=always([Hang()]), patient=True),
    _both("callers", "leave before there is content", Left(), steps=then(no_content_yet, Hang()),
     patient=True),
    Fault(phase="callers", name="leave in the middle", json=None, stream=Left(),
     steps=then(content, Hang()), patient=True),
    _both(
        "callers", "leave, some of them while they wait for a place", Left(),
        steps=always([Hang()]), patient=True, requests=PLACES + 4,
        calls=None,
    ),
    _both(
        "callers", "the one with a probe leaves", Served(), lead_up=(FAILED, Left()), patient=True,
        breaker={"min_calls": 1, "open_for": clocks.OPEN_FOR},
        steps=in_turn(status("502 Bad Gateway"), always([Hang()]), lambda answer, stream,
         _: good(answer, stream)),
    ),
]  # fmt: skip

FAULTS: Final = [
    *CONNECTION,
    *_ways_to_end("request", nothing, UNREACHABLE, UNREACHABLE, NO_CONTENT),
    *_ways_to_end("headers", half_headers, UNREACHABLE, UNREACHABLE, NO_CONTENT),
    _both(
        "headers",
        "a line of 100 KB",
        MALFORMED,
        steps=always([head(JSON, f"X-Long: {'x' * 100_000}\r\n", 0)]),
        patient=True,
    ),
    _both(
        "headers", "interim answers without end", MALFORMED, steps=always([Repeat(INTERIM, 0.01)])
    ),
    *STATUS,
    *_ways_to_end("after headers", headers, TRUNCATED, TRUNCATED, SILENT),
    *_ways_to_end("before content", no_content_yet, TRUNCATED, TRUNCATED, SILENT),
    *BODY,
    *AFTER_CONTENT,
    _both(
        "after the answer",
        "the connection stays",
        Served(),
        steps=lambda answer, stream, _: kept(answer, stream),
        requests=3,
        patient=True,
    ),
    *CALLERS,
]

EVERY_API: Final = frozenset(
    {
        "connect: refused",
        "request: silence",
        "status: 429 storm",
        "status: 500 storm",
        "status: our key is refused",
        "status: 503, good when asked again",
        "before content: end",
        "body: a page in HTML",
        "body: empty",
        "after content: end",
        "after content: silence",
        "after content: error event",
        "callers: leave in the middle",
    }
)
"""Titles of the faults that callers of every API are shown, not only those of Chat Completions."""
