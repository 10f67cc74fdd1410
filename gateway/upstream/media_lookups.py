"""Names in callers' URLs, looked up apart from everything else: a name server that is silent holds
threads of these lookups only.

The system's resolver cannot be interrupted. A thread that waits for it is left behind when time is
up, counts as busy until it returns, and does not keep the process from ending.
"""

import asyncio
import socket
import threading
from contextlib import suppress
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult

MOST: Final = 32
"""Lookups at a time."""
TIME: Final = 5.0
"""Seconds for a lookup, its wait for a thread included."""


class Lookups(AbstractResolver):
    """For one session of aiohttp."""

    def __init__(self, most: int = MOST, seconds: float = TIME) -> None:
        self._free = asyncio.Semaphore(most)
        self._seconds = seconds

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of `host`. Raises OSError."""
        answer: asyncio.Future[list[ResolveResult]] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._seconds):
                await self._free.acquire()
                self._start(answer, host, port, family)
                return await answer
        except TimeoutError:
            raise OSError("the name server did not answer in time") from None

    async def close(self) -> None:
        """Nothing to close: threads end by themselves."""

    def _start(
        self,
        answer: "asyncio.Future[list[ResolveResult]]",
        host: str,
        port: int,
        family: socket.AddressFamily,
    ) -> None:
        loop = asyncio.get_running_loop()

        def look_up() -> None:
            found: list[ResolveResult] | OSError
            try:
                found = _resolved(host, port, family)
            except OSError as error:
                found = error
            except UnicodeError:
                found = OSError("no host name")
            with suppress(RuntimeError):  # the loop is closed, and nobody waits
                loop.call_soon_threadsafe(self._done, answer, found)

        try:
            threading.Thread(target=look_up, name="media-lookup", daemon=True).start()
        except RuntimeError:
            self._free.release()
            raise OSError("no thread can be started") from None

    def _done(
        self, answer: "asyncio.Future[list[ResolveResult]]", found: list[ResolveResult] | OSError
    ) -> None:
        self._free.release()
        if answer.done():  # given up
            return
        if isinstance(found, OSError):
            answer.set_exception(found)
        else:
            answer.set_result(found)


def _resolved(host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
    """Link-local addresses, which need a scope, are left out."""
    found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [
        ResolveResult(
            hostname=host,
            host=str(address[0]),
            port=port,
            family=kind,
            proto=protocol,
            flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
        )
        for kind, _, protocol, _, address in found
        if len(address) == 2 or (len(address) == 4 and not address[3])
    ]
