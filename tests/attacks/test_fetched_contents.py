"""Contents of URLs that a caller names: whole, in their places, and a few at a time."""

import asyncio
import base64
import itertools
import socket
import ssl
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final

import pytest

from gateway.dispatch.exchange import uncounted
from gateway.upstream.media import MediaFetcher, unguarded
from tests.attacks.test_provider_ends import CERTIFICATE, provider, read_head
from tests.loops import LOOPS
from translators.chat.request import ChatRequest

PNG: Final = b"\x89PNG\r\n\x1a\n"
HEAD: Final = "HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: {}\r\n\r\n"
AT_ONCE: Final = 4


def run_on(loop: str, what: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(what)


def answering(content: bytes) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(HEAD.format(len(content)).encode() + content)

    return answer


async def inlined(*urls: str) -> list[str]:
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    request = ChatRequest({"messages": [{"role": "user", "content": parts}]})
    fetcher = MediaFetcher(20_000_000, 20.0, unguarded)
    try:
        made = await fetcher.inlined(request, 30.0, uncounted)
    finally:
        await fetcher.aclose()
    return [part["image_url"]["url"] for part in made.messages[0]["content"]]


def data_url(content: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


@pytest.mark.parametrize("loop", LOOPS)
def test_a_content_is_whole_whose_server_closes_behind_it(
    loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With TLS, and without TLS's goodbye: what had arrived is read before the end is believed."""
    context = ssl.create_default_context(cafile=CERTIFICATE)
    monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", context)
    content = PNG + bytes(range(256)) * 32_000

    async def fetch() -> None:
        with provider(True, answering(content)) as url:
            assert await inlined(url) == [data_url(content)]

    run_on(loop, fetch())


@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 1000, 300_001])
def test_a_content_of_any_length_is_the_same_in_base64(length: int) -> None:
    content = PNG + bytes(itertools.islice(itertools.cycle(range(251)), length))

    def answer(connection: socket.socket) -> None:
        read_head(connection)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(HEAD.format(len(content)).encode() + content[:1])
        time.sleep(0.02)  # what comes first is less than shows the type
        connection.sendall(content[1:])

    async def fetch() -> None:
        with provider(False, answer) as url:
            assert await inlined(url) == [data_url(content)]

    run_on("asyncio", fetch())


def test_some_at_a_time_and_each_in_its_place() -> None:
    lock, running, most = threading.Lock(), 0, 0

    def answer(connection: socket.socket) -> None:
        nonlocal running, most
        head = connection.recv(65536)
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1
        answer_of_one = PNG + head.split(b" ")[1]
        connection.sendall(HEAD.format(len(answer_of_one)).encode() + answer_of_one)

    async def fetch() -> None:
        with provider(False, answer) as url:
            urls = [f"{url}{number}" for number in range(3 * AT_ONCE)]
            wanted = [data_url(PNG + b"/x%d" % number) for number in range(3 * AT_ONCE)]
            assert await inlined(*urls) == wanted

    run_on("asyncio", fetch())
    assert most == AT_ONCE
