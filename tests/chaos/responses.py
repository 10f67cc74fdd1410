"""HTTP answers in pieces, good and bad."""

from collections.abc import Callable, Sequence
from typing import Final

from tests.chaos import clocks
from tests.chaos.answers import Answer
from tests.chaos.fault import Steps
from tests.chaos.faulty import Again, Step
from tests.fakes import Pause

SSE: Final = "text/event-stream"
JSON: Final = "application/json"
LAST_CHUNK: Final = b"0\r\n\r\n"

BLOCK: Final = b"one " * 16_000
BLOCKS: Final = 384
LARGE: Final = BLOCK.decode() * BLOCKS + "two"
"""24 MB: more than all buffers between a provider and a caller who does not read."""

Begin = Callable[[Answer, bool], list[Step]]
"""An answer up to some point."""


def head(kind: str, more: str = "", length: int | None = None, status: str = "200 OK") -> bytes:
    """Status and headers; the body is chunked if it has no length."""
    size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{size}\r\n{more}Connection: close\r\n\r\n".encode()  # noqa: E501


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def body(data: bytes, kind: str = JSON, more: str = "", status: str = "200 OK") -> list[Step]:
    """A whole answer."""
    return [head(kind, more, len(data), status), data]


def events(*data: bytes, kind: str = SSE) -> list[Step]:
    """A whole answer in chunks."""
    return [head(kind), *(chunk(piece) for piece in data), LAST_CHUNK]


def good(answer: Answer, stream: bool) -> list[Step]:
    return events(*answer.events) if stream else body(answer.whole)


def kept(answer: Answer, stream: bool) -> list[Step]:
    """A good answer whose connection stays for the next request."""
    first, *rest = [step for step in good(answer, stream) if isinstance(step, bytes)]
    whole = first.replace(b"Connection: close\r\n", b"") + b"".join(rest)
    return [whole[:-1], Again(whole[-1:])]


def large(answer: Answer) -> list[Step]:
    """A stream that says LARGE."""
    content = chunk(answer.content[0].replace(b"one ", BLOCK))
    return [
        head(SSE),
        chunk(answer.prelude),
        *[content] * BLOCKS,
        chunk(answer.content[1]),
        chunk(answer.ending),
        LAST_CHUNK,
    ]


def dripped(answer: Answer, stream: bool) -> list[Step]:
    """A good answer in ten pieces, cut anywhere."""
    data = (
        b"".join(chunk(event) for event in answer.events) + LAST_CHUNK if stream else answer.whole
    )
    size = len(data) // 9
    pieces = [data[i : i + size] for i in range(0, len(data), size)]
    return [
        *headers(answer, stream),
        *(step for piece in pieces for step in (Pause(clocks.DRIP), piece)),
    ]


def nothing(answer: Answer, stream: bool) -> list[Step]:
    return []


def half_headers(answer: Answer, stream: bool) -> list[Step]:
    return [b"HTTP/1.1 200 OK\r\nContent-Ty"]


def headers(answer: Answer, stream: bool) -> list[Step]:
    """The headers of a good answer."""
    return [head(SSE) if stream else head(JSON, length=len(answer.whole))]


def no_content_yet(answer: Answer, stream: bool) -> list[Step]:
    """Half of a JSON answer, or a stream up to its first content."""
    return [
        *headers(answer, stream),
        chunk(answer.prelude) if stream else answer.whole[: len(answer.whole) // 2],
    ]


def content(answer: Answer, stream: bool) -> list[Step]:
    """A stream with its first content. The pause lets the caller have it before what follows."""
    assert stream
    return [*no_content_yet(answer, stream), chunk(answer.content[0]), Pause(clocks.DRIP)]


def then(begin: Begin, *steps: Step) -> Steps:
    return lambda answer, stream, _: [*begin(answer, stream), *steps]


def status(line: str, more: str = "") -> Steps:
    """An error answer as a proxy in between might write it: no word of the provider's own."""
    return lambda *_: body(b"busy", "text/plain", more, line)


def in_turn(*steps: Steps) -> Steps:
    """One after the other, from request to request."""
    return lambda answer, stream, before: steps[before % len(steps)](answer, stream, before)


def first(failing: Steps) -> Steps:
    """Only the first request fails."""
    return lambda answer, stream, before: (
        good(answer, stream) if before else failing(answer, stream, before)
    )


def always(steps: Sequence[Step]) -> Steps:
    return lambda *_: steps
