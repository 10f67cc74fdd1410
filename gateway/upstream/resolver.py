"""Addresses of names: kept for a minute, and much longer for the time in which the name server
fails (RFC 8767).
"""

import asyncio
import socket
from typing import Any, Final

from aiohappyeyeballs import AddrInfoType

FRESH: Final = 60.0
"""Seconds that a resolved name is not asked for again."""
STALE: Final = 24 * 3600.0
"""Seconds that an address is used after that, if the name server does not answer or fails."""
PATIENCE: Final = 1.0
"""Seconds that are waited for a new answer where an old one could do."""
AGAIN: Final = 5.0
"""Seconds after a failure until the name server is asked again."""
_ANSWERS: Final = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})
"""Of a name server that is well: there is no such name, or no address. Every other error is a
failure to answer."""


class _Name:
    """What is known of one host and port."""

    def __init__(self) -> None:
        self.addresses: list[AddrInfoType] = []
        self.resolved = self.next = 0.0
        """When the addresses were told, and when they are to be asked for again; by the loop's
        clock."""
        self.asked: asyncio.Task[list[AddrInfoType]] | None = None


class Names:
    """Of providers and proxies, so there are few."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._known: dict[tuple[str, int], _Name] = {}

    async def addresses(self, host: str, port: int) -> list[AddrInfoType]:
        """Many who ask at once wait for one answer. Raises socket.gaierror."""
        name = self._known.setdefault((host, port), _Name())
        now = self._loop.time()
        if name.addresses and now < name.next:
            return name.addresses
        if (asked := name.asked) is None:
            asked = name.asked = self._loop.create_task(self._resolve(name, host, port))
            asked.add_done_callback(_looked_at)
        if now > name.resolved + FRESH + STALE:
            name.addresses = []
        if name.addresses:
            await asyncio.wait({asked}, timeout=PATIENCE)
        return name.addresses or await asyncio.shield(asked)

    def close(self) -> None:
        for name in self._known.values():
            if name.asked is not None:
                name.asked.cancel()

    async def _resolve(self, name: _Name, host: str, port: int) -> list[AddrInfoType]:
        loop = self._loop
        name.next = (
            loop.time() + PATIENCE + AGAIN
        )  # while it is waited for, others take what is known
        try:
            found: list[Any] = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            name.next = loop.time() + AGAIN
            if error.errno in _ANSWERS:
                name.addresses = []
            if not name.addresses:
                raise
            return name.addresses
        finally:
            name.asked = None
        name.addresses, name.resolved, name.next = found, loop.time(), loop.time() + FRESH
        return found


def _looked_at(asked: asyncio.Task[list[AddrInfoType]]) -> None:
    """Nobody may be waiting any more for what it failed with."""
    if not asked.cancelled():
        asked.exception()
