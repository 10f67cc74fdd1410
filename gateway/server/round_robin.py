"""Big request bodies are taken in turn: of the connections that were paused, one reads on in each
iteration of the event loop.

Each would otherwise read in every iteration. With twenty of them one takes tens of milliseconds,
the more so while a thread works on a big request, because every read waits for Python's lock; and
everybody else waits for the iteration to end.
"""

import asyncio
from typing import Final, Protocol


class PausedReader(Protocol):
    """A connection that was paused."""

    def read_on(self) -> None:
        """Its turn has come."""


class RoundRobin:
    """Of one server."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop: Final = loop
        self._waiting: dict[PausedReader, None] = {}
        """In the order in which they came."""

    def __len__(self) -> int:
        return len(self._waiting)

    def wait(self, reader: PausedReader) -> None:
        """Have it read on once those before it have; once, however often it is said."""
        if not self._waiting:
            self._loop.call_soon(self._next)
        self._waiting.setdefault(reader)

    def leave(self, reader: PausedReader) -> None:
        """It does not read any more."""
        self._waiting.pop(reader, None)

    def _next(self) -> None:
        if not self._waiting:
            return
        reader = next(iter(self._waiting))
        del self._waiting[reader]
        reader.read_on()
        if self._waiting:
            self._loop.call_soon(self._next)
