"""Listening: what connects is accepted as long as descriptors are left, and waits in the kernel
otherwise; at the end nobody is lost.

The loops' own servers accept all that there is and, when descriptors run out, close what they
accepted without a word.
"""

import asyncio
import ctypes
import logging
import os
import socket
import struct
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

from gateway.server import file_descriptors
from gateway.upstream.descriptors import LACKING

BACKLOG: Final = 1024
_AT_ONCE: Final = 64
"""Connections accepted before others have a turn."""
_LOOK_AGAIN: Final = 0.05
"""Seconds until it is looked whether descriptors are left."""
_SAY_AGAIN: Final = 60.0
"""Seconds between two warnings."""

_log: Final = logging.getLogger("llm_router")


class Listener:
    """Accepts connections and gives each to a protocol that `factory` makes."""

    def __init__(
        self, factory: Callable[[], asyncio.Protocol], sockets: list[socket.socket]
    ) -> None:
        self._factory = factory
        self._sockets = sockets
        self._loop = asyncio.get_running_loop()
        self._full = file_descriptors.for_callers()
        self._beginning: set[asyncio.Task[None]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self._said = -_SAY_AGAIN
        self._listen()

    @classmethod
    async def bound(
        cls, factory: Callable[[], asyncio.Protocol], host: str, port: int, reuse_port: bool
    ) -> "Listener":
        """On each address of `host`. Raises OSError."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        sockets: list[socket.socket] = []
        try:
            for family, _, _, _, address in dict.fromkeys(found):
                sockets.append(_bound(family, address, reuse_port))
        except BaseException:
            for bound in sockets:
                bound.close()
            raise
        return cls(factory, sockets)

    @property
    def port(self) -> int:
        """The real one, also when 0 was asked for."""
        return int(self._sockets[0].getsockname()[1])

    @property
    def open_descriptors(self) -> list[int]:
        return [listening.fileno() for listening in self._sockets]

    def close(self) -> None:
        """Listen no more, at once. What was accepted goes on."""
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        for listening in self._sockets:
            self._loop.remove_reader(listening)
            listening.close()
        self._sockets = []

    def _listen(self) -> None:
        self._pause = None
        for listening in self._sockets:
            self._loop.add_reader(listening, self._accept, listening)

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(_AT_ONCE):
            try:
                accepted, _ = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in LACKING:
                    raise
                return self._wait()
            accepted.setblocking(False)
            task = self._loop.create_task(self._begin(accepted))
            self._beginning.add(task)
            task.add_done_callback(self._beginning.discard)
            if accepted.fileno() >= self._full:
                return self._wait()

    async def _begin(self, accepted: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._factory, accepted)
        except OSError:  # it has gone already
            accepted.close()

    def _wait(self) -> None:
        """Let what connects wait until some of what is open has ended."""
        for listening in self._sockets:
            self._loop.remove_reader(listening)
        self._pause = self._loop.call_later(_LOOK_AGAIN, self._look)
        if self._loop.time() - self._said >= _SAY_AGAIN:
            self._said = self._loop.time()
            _log.warning(
                "%d files and connections are open: callers wait until some end (raise the limit:"
                " ulimit -n)",
                self._full,
            )

    def _look(self) -> None:
        with suppress(OSError):
            tried = os.dup(self._sockets[0].fileno())
            os.close(tried)
            if tried < self._full:
                return self._listen()
        self._pause = self._loop.call_later(_LOOK_AGAIN, self._look)


def _bound(
    family: int,
    address: tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes],
    reuse_port: bool,
) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.setblocking(False)
        listening.bind(address)
        listening.listen(BACKLOG)
    except BaseException:
        listening.close()
        raise
    return listening


_SO_ATTACH_FILTER: Final = 26
_DROP_ALL: Final = struct.pack("HBBI", 0x06, 0, 0, 0)
"""One instruction of BPF: return 0, take nothing of the packet."""
_ACCEPTING: Final = 0.1
"""Seconds in which the loop accepts what had connected before."""


async def close_to_newcomers(listening: Iterable[int]) -> None:
    """After this nothing waits to be accepted at these descriptors. Whoever connects meanwhile
    tries again by itself, finds nobody listening, and is told so. (To close at once would reset the
    connections that wait, with requests in them perhaps.)

    Where there is no such filter (it is Linux's) nothing happens.
    """
    attached = False
    for descriptor in listening:
        with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as listener:
            program = ctypes.create_string_buffer(_DROP_ALL, len(_DROP_ALL))
            listener.setsockopt(
                socket.SOL_SOCKET,
                _SO_ATTACH_FILTER,
                struct.pack("HL", 1, ctypes.addressof(program)),
            )
            attached = True
    if attached:
        await asyncio.sleep(_ACCEPTING)
