"""gateway.upstream.media_lookups: a name server that is silent costs lookups of callers' names, and
nothing else.
"""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.upstream.media_lookups import Lookups

FOUND = [
    (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 443)),
    (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2606:4700::1", 443, 0, 0)),
    (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fe80::1", 443, 0, 2)),
]


@pytest.fixture
def silence(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Names that begin with `slow` are not answered until the event is set."""
    answered = threading.Event()

    def getaddrinfo(host: str, *_: Any, **__: Any) -> list[Any]:
        if host.startswith("slow"):
            answered.wait(10)
        if host.startswith("no"):
            raise socket.gaierror("no such name")
        return FOUND

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield answered
    answered.set()


async def test_the_addresses_of_a_name(silence: threading.Event) -> None:
    found = await Lookups().resolve("some.example", 443)
    assert [(one["host"], one["port"]) for one in found] == [
        ("8.8.8.8", 443),
        ("2606:4700::1", 443),
    ]


async def test_a_name_that_is_not_known_is_an_error(silence: threading.Event) -> None:
    with pytest.raises(OSError, match="no such name"):
        await Lookups().resolve("no.example", 443)


async def test_a_silent_name_server_is_given_up(silence: threading.Event) -> None:
    started = time.monotonic()
    with pytest.raises(OSError, match="in time"):
        await Lookups(seconds=0.1).resolve("slow.example", 443)
    assert time.monotonic() - started < 5


async def test_threads_that_wait_are_counted_until_they_return(silence: threading.Event) -> None:
    lookups = Lookups(most=2, seconds=0.1)
    results = await asyncio.gather(
        *(lookups.resolve(f"slow{n}.example", 443) for n in range(6)), return_exceptions=True
    )
    assert [type(result) for result in results] == [OSError] * 6
    assert sum(thread.name == "media-lookup" for thread in threading.enumerate()) == 2
    silence.set()
    async with asyncio.timeout(5):
        found = None
        while found is None:
            try:
                found = await lookups.resolve("quick.example", 443)
            except OSError:
                continue
    assert found


async def test_other_lookups_and_threads_are_not_held_up(silence: threading.Event) -> None:
    lookups = Lookups(seconds=0.5)
    slow = asyncio.gather(
        *(lookups.resolve(f"slow{n}.example", 443) for n in range(100)), return_exceptions=True
    )
    await asyncio.sleep(0.05)
    started = time.monotonic()
    assert await asyncio.get_running_loop().getaddrinfo("provider.example", 443) == FOUND
    assert await asyncio.to_thread(lambda: 1) == 1
    assert time.monotonic() - started < 0.4
    await slow
