"""Images and files behind https URLs, fetched for providers that do not fetch them: only from
public addresses, with limits.

The guard sits where the connection is made, on the address that is really connected to: neither an
odd spelling of an address, nor a name that resolves to an inner host, nor a redirect gets around
it.
"""

import asyncio
import base64
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from aiohttp import AddrInfoType

from gateway.errors import OutOfDescriptors
from gateway.http.offload import sized
from gateway.upstream.address_guard import is_public
from gateway.upstream.descriptors import are_lacking
from gateway.upstream.media_lookups import Lookups
from translators.chat.request import ChatRequest
from translators.errors import InvalidRequest
from translators.media import clean_mime, sniff

MAX_FETCHES: Final = 20
"""URLs fetched for one request."""
_OF_ALL: Final = 2
"""Times max_bytes that the URLs of one request may hold together: no provider takes more in one
request."""
_AT_ONCE: Final = 4
"""Of them fetched at a time."""
_SOCKET_BYTES: Final = 120 * 1024
"""Of a content that a socket takes before it is read: what comes in one iteration of the loop is
decrypted in it."""
_HEAD: Final = 64
"""Bytes that show a content's type."""
_PREFIXES: Final = ("image/", "audio/", "video/", "application/pdf", "text/")


class _Forbidden(OSError):
    """The address is not public."""


def guarded(address: AddrInfoType) -> socket.socket:
    """A socket to a public address; OSError for any other."""
    if not is_public(address[4][0]):
        raise _Forbidden("not a public address")
    return unguarded(address)


def unguarded(address: AddrInfoType) -> socket.socket:
    """A socket to any address: for tests with servers on this machine."""
    family, kind, protocol, _, _ = address
    made = socket.socket(family=family, type=kind, proto=protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SOCKET_BYTES)
    return made


@dataclass(slots=True)
class _Room:
    """What the contents of one request's URLs may still take together."""

    left: int
    """Bytes."""
    hold: Callable[[int], None]
    fetches: asyncio.Semaphore
    """How many at a time."""


class MediaFetcher:
    """Fetches what a request points at. One session of its own: no keys, no cookies, no proxies, no
    redirects.
    """

    def __init__(
        self,
        max_bytes: int,
        seconds: float,
        socket_factory: Callable[[AddrInfoType], socket.socket] = guarded,
    ) -> None:
        self._max_bytes = max_bytes
        self._max_bytes_of_all = _OF_ALL * max_bytes
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=20, resolver=Lookups(), socket_factory=socket_factory, force_close=True
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=seconds),
            # Reading is never paused: each content is taken as it comes, and uvloop throws away
            # what TLS holds back for a paused reader
            # when the server closes behind its answer.
            read_bufsize=_OF_ALL * max_bytes,
            trust_env=False,
        )
        self._schemes = ("https://",) if socket_factory is guarded else ("https://", "http://")

    @classmethod
    @asynccontextmanager
    async def running(cls, max_bytes: int, seconds: float) -> AsyncIterator["MediaFetcher"]:
        fetcher = cls(max_bytes, seconds)
        try:
            yield fetcher
        finally:
            await fetcher.aclose()

    async def aclose(self) -> None:
        await self._session.close()

    async def inlined(
        self, request: ChatRequest, seconds: float, hold: Callable[[int], None]
    ) -> ChatRequest:
        """The request with every image URL replaced by its data. Raises InvalidRequest naming the
        part that could not be had, TimeoutError if all of them together take longer than `seconds`,
        OutOfDescriptors, and what `hold` raises, which is told of the bytes as they arrive.
        """
        found = [
            (i, j, url)
            for i, message in enumerate(request.messages)
            for j, url in _urls(message.get("content"))
        ]
        if not found:
            return request
        if len(found) > MAX_FETCHES:
            raise InvalidRequest(
                f"At most {MAX_FETCHES} URLs are fetched for one request, but it has {len(found)}.",
                "messages",
            )
        async with asyncio.timeout(seconds):
            room = _Room(self._max_bytes_of_all, hold, asyncio.Semaphore(_AT_ONCE))
            data = await _together(
                [
                    self._fetch(url, f"messages[{i}].content[{j}].image_url.url", room)
                    for i, j, url in found
                ]
            )
        messages = list(request.messages)
        for (i, j, _), url in zip(found, data, strict=True):
            content = list(messages[i]["content"])
            content[j] = {**content[j], "image_url": {**content[j]["image_url"], "url": url}}
            messages[i] = {**messages[i], "content": content}
        return ChatRequest(
            {**request.body, "messages": messages},
            request.size + sum(map(len, data)),
            request.usual_schemas,
        )

    async def _fetch(self, url: str, param: str, room: "_Room") -> str:
        if not url.lower().startswith(self._schemes):
            raise InvalidRequest("Only https URLs are fetched.", param, "invalid_image_url")
        try:
            async with room.fetches, self._session.get(url, allow_redirects=False) as response:
                if response.status != 200:
                    raise InvalidRequest(
                        f"The URL answered with status {response.status}.",
                        param,
                        "invalid_image_url",
                    )
                pieces = await self._read(response, param, room)
                declared = response.content_type
        except _Forbidden:
            raise InvalidRequest(
                "The URL leads to an address that is not public.", param, "invalid_image_url"
            ) from None
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            if isinstance(error, aiohttp.ClientConnectorError):
                if isinstance(error.os_error, _Forbidden):
                    raise InvalidRequest(
                        "The URL leads to an address that is not public.",
                        param,
                        "invalid_image_url",
                    ) from None
                if are_lacking(error.os_error):
                    raise OutOfDescriptors from None
            raise InvalidRequest(
                "The URL could not be fetched.", param, "invalid_image_url"
            ) from None
        mime = sniff(_head(pieces)) or clean_mime(declared)
        if not mime.startswith(_PREFIXES):
            raise InvalidRequest(
                f"The URL's content is of type {mime[:60]!r}, which is no image.",
                param,
                "invalid_image_format",
            )
        return await sized(sum(map(len, pieces)), _data_url, mime, pieces)

    async def _read(
        self, response: aiohttp.ClientResponse, param: str, room: "_Room"
    ) -> list[bytes]:
        pieces, size = [], 0
        async for data in response.content.iter_any():
            size += len(data)
            if size > self._max_bytes:
                raise InvalidRequest(
                    f"The URL's content is larger than {self._max_bytes} bytes.",
                    param,
                    "image_too_large",
                )
            room.left -= len(data)
            if room.left < 0:
                raise InvalidRequest(
                    f"The URLs' contents are larger than {self._max_bytes_of_all} bytes together.",
                    param,
                    "image_too_large",
                )
            room.hold(len(data))
            pieces.append(data)
        return pieces


async def _together(fetches: list[Coroutine[Any, Any, str]]) -> list[str]:
    """What each gives. When one fails the others end, and what they have so far is let go."""
    tasks = [asyncio.ensure_future(fetch) for fetch in fetches]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def _head(pieces: list[bytes]) -> bytes:
    head = b""
    for piece in pieces:
        head += piece[:_HEAD]
        if len(head) >= _HEAD:
            break
    return head


def _data_url(mime: str, pieces: list[bytes]) -> str:
    """Uses up the pieces, each by itself: others have Python's lock between two of them."""
    return "".join((f"data:{mime};base64,", *_base64(pieces)))


def _base64(pieces: list[bytes]) -> Iterator[str]:
    pieces.reverse()
    rest = b""
    while pieces:
        piece = rest + pieces.pop()
        whole = len(piece) - len(piece) % 3
        yield base64.b64encode(piece[:whole]).decode("ascii")
        rest = piece[whole:]
    yield base64.b64encode(rest).decode("ascii")


def refuse_urls(request: ChatRequest) -> None:
    """Raises InvalidRequest for an image URL: the provider takes data only, and nothing may be
    fetched for it.
    """
    for i, message in enumerate(request.messages):
        for j, _ in _urls(message.get("content")):
            at = f"messages[{i}].content[{j}].image_url.url"
            raise InvalidRequest(
                "This provider takes images only as data: URLs.", at, "invalid_image_url"
            )


_NOT_OURS: Final = (
    "https://generativelanguage.googleapis.com/",
    "https://www.youtube.com/",
    "https://youtu.be/",
    "gs://",
)
"""Names that only the provider itself can read."""


def _urls(content: Any) -> list[tuple[int, str]]:
    if content.__class__ is not list:
        return []
    parts = (
        (j, part["image_url"]["url"])
        for j, part in enumerate(content)
        if part.get("type") == "image_url"
    )
    return [
        (j, url) for j, url in parts if url[:5].lower() != "data:" and not url.startswith(_NOT_OURS)
    ]
