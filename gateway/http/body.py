"""A request body read from the wire: size, time, encoding, JSON and the hub's rules, each with its
own answer.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, Protocol

from aiohttp import StreamReader, web

from gateway.errors import BodyTimeout, BodyTooLarge, NotServed
from gateway.http.decompression import encoding_of, inflated
from gateway.http.offload import BIG, off_loop
from gateway.http.request import IncomingRequest
from translators import known_tools
from translators.errors import InvalidRequest
from translators.json_codec import (
    first_flaw,
    holds_more_than,
    loads,
    looked_at,
    repaired_surrogates,
)
from translators.known_messages import Written, as_written, known_as_written
from translators.long_texts import taken_apart
from translators.pieces import LONG

SLOWEST: Final = 4096
"""Bytes a second that a body must have on average, after the time that one read may take."""
_SURELY_SMALL: Final = 4096
"""Compressed bytes that are inflated on the loop: at most 4 MB are in them, which takes some
milliseconds."""
MAX_VALUES: Final = 400_000
MAX_KEYS: Final = 100_000
"""In one body, outside of strings. A megabyte of `[]` makes objects of 30 MB, and Python lets
nobody else run while it makes them."""
_JSON: Final = "application/json"
_TOO_LARGE: Final = "The request body is larger than the server accepts."


class BodyTimeouts(Protocol):
    """How long a body may take, in seconds."""

    @property
    def body_timeout(self) -> float:
        """Until the next bytes of it come."""

    @property
    def body_total_timeout(self) -> float:
        """Altogether."""


async def read_json(
    http: IncomingRequest,
    timeouts: BodyTimeouts,
    *,
    declared: bool,
    keep_text: bool = False,
    most: int = MAX_VALUES,
) -> tuple[Any, int]:
    """The decoded body and its size in bytes; `http.repaired` then tells whether its text was
    mended, and `http.written` has its messages as text, where that is known.

    `declared`: it must be said to be JSON, see `check_declared`. `keep_text`: its text is kept in
    `http.json_text`. `most`: values in it.

    Raises InvalidRequest, BodyTimeout, BodyTooLarge, NotServed, TooManyBodies.
    """
    if declared and http.headers.get("content-type") != _JSON:
        check_declared(http)
    text = _arrived(http.content)
    if text is not None:  # most bodies arrive with their headers: only the others need a clock
        if len(text) > http.client_max_size:
            raise BodyTooLarge(_TOO_LARGE)
        if "content-encoding" not in http.headers and len(text) <= BIG:
            document, mended, http.written = _decoded(text, most)
            if mended is not None:
                text, http.repaired = mended, True
            if keep_text:
                http.json_text = text
            return document, len(text)
        pieces = [text]
    else:
        check_length(http)
        pieces = await _arriving(http, timeouts)
    return await _read(http, pieces, keep_text, most)


def _arrived(content: StreamReader) -> bytes | None:
    """All of a body that has ended; None of one that has not. What `read_nowait` gives, which takes
    five calls for it (2 µs): nearly all of them are one piece."""
    if content.__class__ is not StreamReader:
        return content.read_nowait() if content.is_eof() else None
    if not content._eof:
        return None
    pieces = content._buffer
    if len(pieces) != 1 or content._buffer_offset or content._exception is not None:
        return content.read_nowait()
    content._size = 0
    return pieces.popleft()


def check_declared(http: IncomingRequest) -> None:
    """Raises NotServed for a body that is not said to be JSON: what is, no page sends to another
    origin without leave.

    A body of no declared type is taken from a client that is no browser: those name their origin
    with every POST to another one.
    """
    declared = http.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not declared and "origin" not in http.headers and "sec-fetch-site" not in http.headers:
        return
    if declared != _JSON and not (
        declared.startswith("application/") and declared.endswith("+json")
    ):
        raise NotServed(
            415,
            f"The request body must be JSON: send 'content-type: {_JSON}'.",
            "unsupported_media_type",
        )


def check_length(http: IncomingRequest) -> None:
    """Raises BodyTooLarge at once for a body that says it is: it is not waited for."""
    declared = http.content_length
    if declared is not None and declared > http.client_max_size:
        raise BodyTooLarge(_TOO_LARGE)


async def _read(
    http: IncomingRequest, pieces: list[bytes], keep_text: bool, most: int
) -> tuple[Any, int]:
    """What those bodies hold that are big, or compressed."""
    encoding = encoding_of(http.headers.get("content-encoding", ""))
    size = sum(map(len, pieces))
    limit = http.client_max_size
    if encoding == "identity":
        if keep_text:
            http.in_memory.take(size)
        read = _joined if keep_text else _joined_once
        document, mended, http.written, text = (
            read(pieces, most) if size <= BIG else await off_loop(read, pieces, most)
        )
        _note(http, mended, text if keep_text else None)
        return document, size
    small = size <= _SURELY_SMALL
    text = (
        inflated(b"".join(pieces), encoding, limit)
        if small
        else await off_loop(_inflated, pieces, encoding, limit)
    )
    http.in_memory.take(len(text))
    document, mended, http.written = (
        _decoded(text, most) if len(text) <= BIG else await off_loop(_decoded, text, most)
    )
    _note(http, mended, text if keep_text else None)
    return document, len(text)


def _note(http: IncomingRequest, mended: bytes | None, text: bytes | None) -> None:
    http.repaired = mended is not None
    if text is not None:
        http.json_text = text if mended is None else mended


async def _arriving(http: IncomingRequest, timeouts: BodyTimeouts) -> list[bytes]:
    """A body that comes in several reads, as it arrives."""
    content, limit = http.content, http.client_max_size
    loop = asyncio.get_running_loop()
    began = loop.time()
    pieces, size = [], 0
    try:
        async with asyncio.timeout(timeouts.body_timeout) as clock:
            while data := await content.readany():
                pieces.append(data)
                size += len(data)
                if size > limit:
                    raise BodyTooLarge(_TOO_LARGE)
                http.in_memory.take(len(data))
                allowed = min(timeouts.body_timeout + size / SLOWEST, timeouts.body_total_timeout)
                clock.reschedule(min(loop.time() + timeouts.body_timeout, began + allowed))
    except TimeoutError:
        raise BodyTimeout(
            f"The request body did not arrive in time: {size} bytes in {loop.time() - began:.0f}"
            " seconds."
        ) from None
    except web.RequestPayloadError:
        raise InvalidRequest(
            "The request body ended early or is not framed as its headers say.",
            None,
            "invalid_body",
        ) from None
    return pieces


def _inflated(pieces: Sequence[bytes], encoding: str, limit: int) -> bytes:
    return inflated(b"".join(pieces), encoding, limit)


def _joined(pieces: list[bytes], most: int) -> tuple[Any, bytes | None, Written | None, bytes]:
    text = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    pieces.clear()  # a big body is here once, not twice
    return *_decoded(text, most), text


def _joined_once(pieces: list[bytes], most: int) -> tuple[Any, bytes | None, Written | None, bytes]:
    """The same for one whose text nobody wants."""
    document, mended, written, _ = _joined(pieces, most)
    return document, mended, written, b""


def _decoded(text: bytes, most: int) -> tuple[Any, bytes | None, Written | None]:
    """The document; its text where halves of surrogate pairs had to be taken out of it: a
    conversation with one would be stuck; and its messages as text, if they need not be written
    anew.
    """
    mended: bytes | None = None
    if len(text) > BIG and holds_more_than(text, most, MAX_KEYS):
        raise InvalidRequest(
            f"The request body holds more than {most} values or {MAX_KEYS} keys.",
            None,
            "too_many_values",
        )
    if len(text) > LONG and (document := _in_pieces(text)) is not None:
        return document, None, None
    if known_tools.SHORTEST <= len(text) <= LONG and (known := known_tools.read(text)) is not None:
        return known, None, known_as_written(known)
    try:
        document = loads(text)
    except ValueError as error:
        mended = repaired_surrogates(text)
        if mended is None:
            raise _invalid(str(error)) from None
        text, document = mended, _loaded(mended)
    flaw, plain = looked_at(text, document)
    if flaw is not None:
        raise _invalid(flaw)
    return document, mended, as_written(text, document) if plain else None


def _in_pieces(text: bytes) -> Any | None:
    """A document of megabytes, if there are long texts in it and nothing else is to be said
    of it."""
    try:
        if (apart := taken_apart(text)) is None:
            return None
        document = loads(apart.skeleton)
        return (
            None
            if first_flaw(apart.skeleton, document) is not None
            else apart.put_together(document)
        )
    except ValueError:
        return None


def _loaded(text: bytes) -> Any:
    try:
        return loads(text)
    except ValueError as error:
        raise _invalid(str(error)) from None


def _invalid(flaw: str) -> InvalidRequest:
    return InvalidRequest(f"The request body is not valid JSON: {flaw}.", None, "invalid_json")
