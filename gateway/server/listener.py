"""The listening server and its end: readiness fails first, then the listener closes, running
answers finish, the process exits 0.
"""

import asyncio
import contextlib
import gc
import ipaddress
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from gateway.api.exchange import KEY_REVOKED, RESTARTING
from gateway.api.request import Gateway
from gateway.server.http_server import CallersProtocol, HttpServer
from gateway.server.memory import keep_big_blocks_apart
from gateway.server.sockets import Listener, close_to_newcomers

_log: Final = logging.getLogger("llm_router")
KEEP_ALIVE_TIMEOUT: Final = 75.0
_READ_AHEAD: Final = 64 * 1024
"""Bytes of a body, twice which are read before somebody takes them: one read of a big body, so that
its connection waits for its turn after each.
"""
_QUIET: Final = 0.2
"""Seconds without a request after which none is on its way any more."""
_QUIET_WHILE_OPEN: Final = 1.0
"""The same while callers hold connections: a proxy that gets no CPU for a moment may send on one of
them what has waited there, and has nobody else to ask once it is closed."""
_LOOK: Final = 1.0
"""Seconds between two looks whether requests still come."""
_LAST_WORDS: Final = 1.0
"""Seconds for the callers of what is cut to be told so."""


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine reaches what listens on `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Server:
    """A started server. `port` is the real one, also when 0 was asked for."""

    def __init__(self, gateway: Gateway, server: HttpServer, listener: Listener) -> None:
        self._gateway = gateway
        self._server = server
        self._listener = listener
        self.port = listener.port

    def cut_key(self, key_id: str) -> None:
        """End what runs for a key that was revoked: its callers are told why."""
        for caller in list(self._server.connections):
            if isinstance(caller, CallersProtocol) and caller.key_id == key_id:
                caller.cut(KEY_REVOKED)

    def watch_signals(self) -> asyncio.Event:
        """An event that SIGTERM or SIGINT sets. SIGHUP reads the configuration again."""
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._gateway.reloader.ask, "SIGHUP")
        return stop

    def leave_port(self) -> None:
        """Listen no more, at once: somebody else may want to. What runs goes on."""
        self._listener.close()

    async def drain(self) -> None:
        """Fail readiness, give load balancers time to notice, stop accepting, wait for running
        answers up to the grace.
        """
        gateway = self._gateway
        settings = gateway.config.server
        gateway.draining = True
        _log.warning("stopping: %d requests running", gateway.running)
        deadline = asyncio.get_running_loop().time() + settings.drain_grace
        await asyncio.sleep(settings.drain_delay / 2)
        begun = gateway.begun
        await asyncio.sleep(settings.drain_delay / 2)
        # Readiness goes on being answered while answers finish. But where requests still come,
        # whoever sends them does not look at readiness: that nobody listens sends it elsewhere, and
        # no request is lost.
        await self._answers_end_or_one_begins(begun, deadline)
        await close_to_newcomers(self._listener.open_descriptors)
        self._listener.close()
        await self._answers_end(deadline)
        if gateway.running:
            _log.warning(
                "the grace of %g s is over: %d answers are cut",
                settings.drain_grace,
                gateway.running,
            )
            await self._cut()

    async def _answers_end_or_one_begins(self, begun: int, deadline: float) -> None:
        """Wait until no answer runs, or a request has come beside the first `begun`: it is
        answered.
        """
        gateway = self._gateway
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                while gateway.running and gateway.begun == begun:
                    gateway.idle.clear()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(_LOOK):
                            await gateway.idle.wait()

    async def _answers_end(self, deadline: float) -> None:
        """Wait until no answer runs, and no request has come for a moment: what was sent before the
        listener closed is still answered.
        """
        gateway, now = self._gateway, asyncio.get_running_loop().time
        begun, since = gateway.begun, now()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                while now() - since < (_QUIET_WHILE_OPEN if self._server.connections else _QUIET):
                    if gateway.running:
                        gateway.idle.clear()
                        await gateway.idle.wait()
                    elif begun == gateway.begun:
                        await asyncio.sleep(_QUIET / 4)
                        continue
                    begun, since = gateway.begun, now()

    async def _cut(self) -> None:
        """End what still runs; its callers are told why."""
        gateway = self._gateway
        gateway.closing = True
        gateway.idle.clear()
        cut = [
            caller.cut(RESTARTING)
            for caller in self._server.connections
            if isinstance(caller, CallersProtocol)
        ]
        if any(cut):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LAST_WORDS):
                    await gateway.idle.wait()
                    await asyncio.sleep(0.05)  # what was written goes out


@asynccontextmanager
async def listening(
    gateway: Gateway, host: str, port: int, *, reuse_port: bool = False
) -> AsyncIterator[Server]:
    """Serve `gateway`; with `reuse_port` beside other processes that do so. A caller who leaves
    cancels its handler, and with it the call to the provider.
    """
    # Nothing of a body is inflated before its route and key are known: gateway.http.body does it
    # then.
    settings = {
        "access_log": None,
        "keepalive_timeout": KEEP_ALIVE_TIMEOUT,
        "auto_decompress": False,
        "read_bufsize": _READ_AHEAD,
    }
    server = HttpServer(gateway, gateway.config.server.max_body_bytes, **settings)
    gateway.loopback = is_loopback(host)
    runner = web.ServerRunner(server, shutdown_timeout=0.1)
    await runner.setup()
    listener = None
    try:
        listener = await Listener.bound(server, host, port, reuse_port)
        # What start-up made stays for ever, some 2,000 objects of 85,000 that nobody needs any more
        # with it: to find them takes a tenth of the start. A request makes hundreds of objects that
        # die by themselves, so the collector looks a third as often as by default; more seldom
        # still, and the cycles of failed requests pile up. At everything that has stayed it looks
        # seldom: a look at an answer of a million values holds everybody up for a quarter of a
        # second.
        gc.freeze()
        gc.set_threshold(2_000, 10, 1_000)
        gc.enable()
        keep_big_blocks_apart()
        started = Server(gateway, server, listener)
        if gateway.admission is not None:
            gateway.admission.cut = started.cut_key
        yield started
    finally:
        if listener is not None:
            listener.close()
        await runner.cleanup()
