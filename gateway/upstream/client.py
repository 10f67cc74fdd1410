"""The one HTTP client: sends an UpstreamRequest, gives back status and bytes, and turns every way of not answering into an UpstreamFailure.

Nothing of aiohttp leaves this room: its exceptions hold keys and URLs in their texts, so they are told by class, never by repr.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Final

import aiohttp

from gateway.config import Timeouts
from translators.dialect import UpstreamRequest
from translators.errors import FailureKind, UpstreamError, UpstreamFailure, malformed

MAX_ANSWER_BYTES: Final = 128 * 1024 * 1024
"""The most that is kept of one answer, after decompression: of a JSON answer, of a stream added up to one, and of what a stream
says before its first content."""
STALE_CONNECTION_SECONDS: Final = 0.25
"""A pooled connection that the server had closed fails at once, before a byte of an answer: only that is retried here."""


def _failed(kind: FailureKind, message: str, status: int, code: str) -> UpstreamFailure:
    return UpstreamFailure(kind=kind, message=message, status=status, type="server_error", code=code)


_UNREACHABLE: Final = "upstream_unreachable"
_FAILURES: Final[tuple[tuple[type[BaseException], UpstreamFailure], ...]] = (
    (aiohttp.ConnectionTimeoutError, _failed(FailureKind.TIMEOUT, "Connecting to the provider took too long.", 504, "connect_timeout")),
    (aiohttp.SocketTimeoutError, _failed(FailureKind.TIMEOUT, "The provider was silent for too long.", 504, "idle_timeout")),
    (aiohttp.ClientConnectorDNSError, _failed(FailureKind.CONNECT, "The provider's name could not be resolved.", 502, _UNREACHABLE)),
    (ssl.SSLError, _failed(FailureKind.CONNECT, "The TLS handshake with the provider failed.", 502, _UNREACHABLE)),
    (aiohttp.ClientSSLError, _failed(FailureKind.CONNECT, "The TLS handshake with the provider failed.", 502, _UNREACHABLE)),
    (aiohttp.ClientConnectorError, _failed(FailureKind.CONNECT, "The provider could not be reached.", 502, _UNREACHABLE)),
    (
        aiohttp.ServerDisconnectedError,
        _failed(FailureKind.CONNECT, "The provider closed the connection without an answer.", 502, _UNREACHABLE),
    ),
    (
        aiohttp.ClientPayloadError,
        _failed(FailureKind.TRUNCATED, "The provider ended the answer before completing it.", 502, "stream_truncated"),
    ),
    (aiohttp.ClientResponseError, _failed(FailureKind.MALFORMED, "The provider's answer is not valid HTTP.", 502, "upstream_malformed")),
    (aiohttp.ClientError, _failed(FailureKind.CONNECT, "The connection to the provider broke.", 502, _UNREACHABLE)),
    (ConnectionError, _failed(FailureKind.CONNECT, "The connection to the provider broke.", 502, _UNREACHABLE)),
    (TimeoutError, _failed(FailureKind.TIMEOUT, "The provider took longer than the total time limit.", 504, "total_timeout")),
)

_LATE: Final = _failed(FailureKind.TIMEOUT, "The provider did not begin to answer in time.", 504, "first_byte_timeout")
_CATCHABLE: Final = (aiohttp.ClientError, ConnectionError, TimeoutError, ssl.SSLError)


def _told(error: BaseException) -> UpstreamFailure:
    """The failure that an exception of the client stands for."""
    return next(failure for kind, failure in _FAILURES if isinstance(error, kind))


class UpstreamResponse:
    """An answer whose headers have arrived. `headers` has lower-case names."""

    __slots__ = ("_received", "_response", "status")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._received = 0
        self.status = response.status

    @property
    def headers(self) -> Mapping[str, str]:
        return {name.lower(): value for name, value in self._response.headers.items()}

    async def read(self, limit: int = MAX_ANSWER_BYTES) -> bytes:
        """The whole body. Raises UpstreamError."""
        pieces = []
        while data := await self.read_some():
            self.check_size(limit)
            pieces.append(data)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def read_some(self) -> bytes:
        """What has arrived, at least one byte; b"" at the end. Raises UpstreamError."""
        try:
            data = await self._response.content.readany()
        except _CATCHABLE as error:
            raise UpstreamError(_told(error)) from None
        self._received += len(data)
        return data

    def check_size(self, limit: int = MAX_ANSWER_BYTES) -> None:
        """For who keeps what was read. Raises UpstreamError once that is more than `limit` bytes."""
        if self._received > limit:
            raise UpstreamError(malformed(f"The provider's answer is larger than {limit} bytes."))

    def close(self) -> None:
        """Hang up unless the answer was read to its end: the provider stops generating."""
        self._response.close()


class _Sending:
    """What becomes known of one request while it is sent."""

    __slots__ = ("reused",)

    def __init__(self) -> None:
        self.reused = False
        """It went out on a connection that had served before, and that the server may have closed meanwhile."""


async def _reused(session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceConnectionReuseconnParams) -> None:
    context.trace_request_ctx.reused = True


def _silently(error: Exception) -> bool:
    """Whether the connection ended before a byte of an answer: aiohttp puts what it had read of one in place of the message."""
    return not isinstance(error, aiohttp.ServerDisconnectedError) or isinstance(error.message, str)


class UpstreamClient:
    """Owns the session. `aclose` it, or use `running`."""

    def __init__(self) -> None:
        trace = aiohttp.TraceConfig()
        trace.on_connection_reuseconn.append(_reused)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, limit_per_host=0, ttl_dns_cache=60, keepalive_timeout=30),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=True,
            read_bufsize=64 * 1024,
            trust_env=False,
            headers={"user-agent": "llm-router"},
            trace_configs=[trace],
        )
        self._timeouts: dict[Timeouts, aiohttp.ClientTimeout] = {}

    @classmethod
    @asynccontextmanager
    async def running(cls) -> AsyncIterator["UpstreamClient"]:
        client = cls()
        try:
            yield client
        finally:
            await client._session.close()

    async def send(self, request: UpstreamRequest, timeouts: Timeouts, extra_headers: Mapping[str, str]) -> UpstreamResponse:
        """POST and wait for the headers of the answer. Raises UpstreamError. The caller closes what is returned."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        headers = {**extra_headers, **request.headers, "accept-encoding": "identity" if request.stream else "gzip, deflate"}
        try:
            sending = _Sending()
            try:
                return await self._post(request, headers, timeouts, sending)
            except (aiohttp.ServerDisconnectedError, ConnectionResetError) as error:
                stale = sending.reused and _silently(error) and loop.time() - started <= STALE_CONNECTION_SECONDS
                if not stale:
                    raise
                return await self._post(request, headers, timeouts, sending)
        except aiohttp.ServerTimeoutError as error:
            connecting = isinstance(error, aiohttp.ConnectionTimeoutError)
            raise UpstreamError(_told(error) if connecting else _LATE) from None
        except _CATCHABLE as error:
            raise UpstreamError(_told(error)) from None

    async def _post(self, request: UpstreamRequest, headers: Mapping[str, str], timeouts: Timeouts, sending: _Sending) -> UpstreamResponse:
        response = await self._session.post(
            request.url,
            data=request.body,
            headers=headers,
            timeout=self._timeout(timeouts),
            allow_redirects=False,
            trace_request_ctx=sending,
        )
        # One timer of the client serves two clocks: until the headers it is the first byte's, from here on the idle one.
        if timeouts.idle != timeouts.first_byte and (connection := response.connection) is not None and connection.protocol is not None:
            connection.protocol.read_timeout = timeouts.idle
            connection.protocol.start_timeout()
        return UpstreamResponse(response)

    def _timeout(self, timeouts: Timeouts) -> aiohttp.ClientTimeout:
        known = self._timeouts.get(timeouts)
        if known is None:
            known = aiohttp.ClientTimeout(
                total=timeouts.total, connect=timeouts.connect, sock_connect=timeouts.connect, sock_read=timeouts.first_byte
            )
            self._timeouts[timeouts] = known
        return known
