"""Images and files behind https URLs, fetched for providers that do not fetch them: only from public addresses, with limits.

The guard sits where the connection is made, on the address that is really connected to: neither an odd spelling of an address,
nor a name that resolves to an inner host, nor a redirect gets around it.
"""

import asyncio
import base64
import ipaddress
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
from aiohttp import AddrInfoType

from translators.chat.request import ChatRequest
from translators.errors import InvalidRequest
from translators.media import clean_mime, sniff

MAX_FETCHES: Final = 20
"""URLs fetched for one request."""
_PREFIXES: Final = ("image/", "audio/", "video/", "application/pdf", "text/")


class _Forbidden(OSError):
    """The address is not public."""


def _guard(address: AddrInfoType) -> socket.socket:
    family, kind, protocol, _, where = address
    ip = ipaddress.ip_address(where[0])
    ip = getattr(ip, "ipv4_mapped", None) or ip
    if not ip.is_global:
        raise _Forbidden("not a public address")
    return socket.socket(family=family, type=kind, proto=protocol)


def unguarded(address: AddrInfoType) -> socket.socket:
    """A socket to any address: for tests with servers on this machine."""
    family, kind, protocol, _, _ = address
    return socket.socket(family=family, type=kind, proto=protocol)


class MediaFetcher:
    """Fetches what a request points at. One session of its own: no keys, no cookies, no proxies, no redirects."""

    def __init__(self, max_bytes: int, seconds: float, socket_factory: Callable[[AddrInfoType], socket.socket] = _guard) -> None:
        self._max_bytes = max_bytes
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=20, socket_factory=socket_factory, force_close=True),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=seconds),
            trust_env=False,
        )
        self._schemes = ("https://",) if socket_factory is _guard else ("https://", "http://")

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

    async def inlined(self, request: ChatRequest, seconds: float) -> ChatRequest:
        """The request with every image URL replaced by its data. Raises InvalidRequest naming the part that could not be had,
        and TimeoutError if all of them together take longer than `seconds`."""
        found = [(i, j, url) for i, message in enumerate(request.messages) for j, url in _urls(message.get("content"))]
        if not found:
            return request
        if len(found) > MAX_FETCHES:
            raise InvalidRequest(f"At most {MAX_FETCHES} URLs are fetched for one request, but it has {len(found)}.", "messages")
        async with asyncio.timeout(seconds):
            data = await asyncio.gather(*(self._fetch(url, f"messages[{i}].content[{j}].image_url.url") for i, j, url in found))
        messages = list(request.messages)
        for (i, j, _), url in zip(found, data, strict=True):
            content = list(messages[i]["content"])
            content[j] = {**content[j], "image_url": {**content[j]["image_url"], "url": url}}
            messages[i] = {**messages[i], "content": content}
        return ChatRequest({**request.body, "messages": messages}, request.size, request.usual_schemas)

    async def _fetch(self, url: str, param: str) -> str:
        if not url.lower().startswith(self._schemes):
            raise InvalidRequest("Only https URLs are fetched.", param, "invalid_image_url")
        try:
            async with self._session.get(url, allow_redirects=False) as response:
                if response.status != 200:
                    raise InvalidRequest(f"The URL answered with status {response.status}.", param, "invalid_image_url")
                data = await self._read(response, param)
                declared = response.content_type
        except _Forbidden:
            raise InvalidRequest("The URL leads to an address that is not public.", param, "invalid_image_url") from None
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, _Forbidden):
                raise InvalidRequest("The URL leads to an address that is not public.", param, "invalid_image_url") from None
            raise InvalidRequest("The URL could not be fetched.", param, "invalid_image_url") from None
        mime = sniff(data) or clean_mime(declared)
        if not mime.startswith(_PREFIXES):
            raise InvalidRequest(f"The URL's content is of type {mime[:60]!r}, which is no image.", param, "invalid_image_format")
        return f"data:{mime};base64,{base64.b64encode(data).decode()}"

    async def _read(self, response: aiohttp.ClientResponse, param: str) -> bytes:
        pieces, size = [], 0
        async for data in response.content.iter_any():
            size += len(data)
            if size > self._max_bytes:
                raise InvalidRequest(f"The URL's content is larger than {self._max_bytes} bytes.", param, "image_too_large")
            pieces.append(data)
        return b"".join(pieces)


def refuse_urls(request: ChatRequest) -> None:
    """Raises InvalidRequest for an image URL: the provider takes data only, and nothing may be fetched for it."""
    for i, message in enumerate(request.messages):
        for j, _ in _urls(message.get("content")):
            at = f"messages[{i}].content[{j}].image_url.url"
            raise InvalidRequest("This provider takes images only as data: URLs.", at, "invalid_image_url")


_NOT_OURS: Final = ("https://generativelanguage.googleapis.com/", "https://www.youtube.com/", "https://youtu.be/", "gs://")
"""Names that only the provider itself can read."""


def _urls(content: Any) -> list[tuple[int, str]]:
    if content.__class__ is not list:
        return []
    parts = ((j, part["image_url"]["url"]) for j, part in enumerate(content) if part.get("type") == "image_url")
    return [(j, url) for j, url in parts if url[:5].lower() != "data:" and not url.startswith(_NOT_OURS)]
