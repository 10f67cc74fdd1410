"""gateway.upstream.client: when a request is sent again, and how a body ends whose connection
does."""

import asyncio

import aiohttp
import pytest

from gateway.config import Timeouts
from gateway.upstream.client import UpstreamClient
from gateway.upstream.failures import TOTAL_CLOCK
from gateway.upstream.response import Limit
from tests.fakes import Hang, Pause, fake_upstream, json_answer, openai_completion
from tests.serving import Running, serving
from translators.dialect import UpstreamRequest
from translators.errors import FailureKind, UpstreamError

ANSWER = b"".join(step for step in json_answer(openai_completion()) if isinstance(step, bytes))


async def read_request(reader: asyncio.StreamReader) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))


class Provider:
    """Answers the first `good` requests of a connection, then reads one more, says `last`, and
    closes.
    """

    def __init__(self, good: int, last: bytes = b"") -> None:
        self._good = good
        self._last = last
        self.requests = 0
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            for number in range(self._good + 1):
                await read_request(reader)
                self.requests += 1
                writer.write(ANSWER if number < self._good else self._last)
                await writer.drain()
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


async def ask(running: Running) -> int:
    body = {"model": "on_openai", "messages": [{"role": "user", "content": "hi"}]}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{running.url}/v1/chat/completions", json=body) as answer,
    ):
        await answer.read()
        return answer.status


@pytest.mark.parametrize(
    ("provider", "statuses", "requests"),
    [
        (
            Provider(0),
            [502],
            1,
        ),  # a fresh connection that ends without an answer: the server may have done the work
        (Provider(1), [200, 200], 3),  # a pooled one: sent again on a fresh connection
        (Provider(1, b"HTTP/1.1 2"), [200, 502], 2),  # a pooled one whose answer had begun
    ],
    ids=["fresh", "pooled", "begun"],
)
async def test_only_a_stale_pooled_connection_is_tried_again(
    provider: Provider, statuses: list[int], requests: int
) -> None:
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    environ = {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1"}
    async with server, serving(environ) as running:
        assert [await ask(running) for _ in statuses] == statuses
    assert provider.requests == requests


@pytest.mark.parametrize("broken", [b"zz\r\n", b"\x00\x01\r\n", b"-3\r\nabc\r\n"])
async def test_a_body_whose_framing_breaks_ends_its_reader(broken: bytes) -> None:
    """At once, not when the longest clock runs out."""
    begun = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
    async with (
        fake_upstream(x=[begun, Pause(0.05), broken, Hang()]) as fake,
        UpstreamClient.running() as client,
    ):
        request = UpstreamRequest(url=f"{fake.url}/x", headers={}, body=b"{}", stream=True)
        response = await client.send(request, Timeouts(), Limit(900.0, TOTAL_CLOCK), {})
        assert await response.read_some() == b"abc"
        with pytest.raises(UpstreamError) as raised:
            await response.read_some()
        response.close()
    assert raised.value.failure.kind is FailureKind.TRUNCATED
