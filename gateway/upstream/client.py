"""The one HTTP client: an UpstreamRequest goes out, status and bytes come back, and every way of
not answering is an UpstreamFailure.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Final

from yarl import URL

from gateway.config import Link, Timeouts
from gateway.upstream.connection import Server
from gateway.upstream.failures import BROKEN, CONNECT_CLOCK, NO_ANSWER, of_proxy
from gateway.upstream.pool import Pool
from gateway.upstream.response import Limit, UpstreamResponse
from translators.dialect import UpstreamRequest
from translators.errors import UpstreamError

STALE_CONNECTION_SECONDS: Final = 0.25
"""A pooled connection that the server had closed fails at once, before a byte of an answer: only
that is retried here."""


class UpstreamClient:
    """Owns the connections. Use `running`."""

    def __init__(self) -> None:
        self._pool = Pool()
        self._loop = asyncio.get_running_loop()

    @classmethod
    @asynccontextmanager
    async def running(cls) -> AsyncIterator["UpstreamClient"]:
        client = cls()
        try:
            yield client
        finally:
            await client._pool.aclose()

    async def send(
        self,
        request: UpstreamRequest,
        timeouts: Timeouts,
        limit: Limit,
        extra_headers: Mapping[str, str],
        link: Link | None = None,
    ) -> UpstreamResponse:
        """POST and wait for the headers of the answer. Raises UpstreamError. The caller closes what
        is returned.

        `limit` is for connecting and for all of the answer, until the answer is allowed more; of
        `timeouts` only connect and idle matter.
        """
        server, target = _target(request.url, link)
        opening = _opening(
            target, tuple(extra_headers.items()), tuple(request.headers.items()), request.stream
        )
        head = f"{opening}{len(request.body)}\r\n\r\n".encode()
        loop = self._loop
        started = loop.time()
        fresh = False
        while True:
            connection = None if fresh else self._pool.idle(server)
            pooled = connection is not None
            if connection is None:
                connection = await self._pool.connect(server, _sooner(timeouts.connect, limit))
                limit = Limit(limit.seconds - (loop.time() - started), limit.failure)
            response = connection.ask(head, request.body, timeouts.idle, limit)
            try:
                while not response.status:
                    await response.more()
                if response.status == 407 and link is not None and link.proxy is not None:
                    raise UpstreamError(of_proxy("wants other credentials (407)"))
                return response
            except UpstreamError as error:
                lost = error.failure in (NO_ANSWER, BROKEN) and not response.touched
                if not (pooled and lost and loop.time() - started <= STALE_CONNECTION_SECONDS):
                    response.close()
                    raise
                fresh = True
            except BaseException:
                response.close()
                raise


def _sooner(connect: float, limit: Limit) -> Limit:
    return limit if limit.seconds < connect else Limit(connect, CONNECT_CLOCK)


@lru_cache(maxsize=1024)
def _target(url: str, link: Link | None) -> tuple[Server, str]:
    """Where to connect, and a request's first line and host header; without TLS a proxy is asked
    for the whole URL.
    """
    parts = URL(url)
    host, port = parts.raw_host, parts.port
    assert host is not None
    assert port is not None
    shown, tls = parts.host_port_subcomponent, parts.scheme == "https"
    at, authorization = "", None
    if link is not None and link.proxy is not None and not tls:
        at, authorization = f"http://{shown}", link.proxy.authorization
    for_proxy = "" if authorization is None else f"proxy-authorization: {authorization}\r\n"
    return Server(
        host, port, tls, link
    ), f"POST {at}{parts.raw_path_qs} HTTP/1.1\r\nhost: {shown}\r\n{for_proxy}"


@lru_cache(maxsize=256)
def _opening(
    target: str, extra: tuple[tuple[str, str], ...], own: tuple[tuple[str, str], ...], stream: bool
) -> str:
    """Up to the length of the body: the same for nearly all requests to a model, so it is made once
    (4 µs). Raises ValueError for a header that would become several.
    """
    accepted = "identity" if stream else "gzip, deflate"
    headers = {
        "user-agent": "llm-router",
        **dict(extra),
        **dict(own),
        "accept": "*/*",
        "accept-encoding": accepted,
    }
    if any("\r" in line or "\n" in line for pair in headers.items() for line in pair):
        raise ValueError("a header must be one line")
    return "".join(
        [target, *(f"{name}: {value}\r\n" for name, value in headers.items()), "content-length: "]
    )
