"""The listening server and its end: readiness fails first, then the listener closes, running answers finish, the process exits 0."""

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

from gateway.api.context import Gateway
from gateway.api.protocol import HttpServer

_log: Final = logging.getLogger("llm_router")
KEEP_ALIVE_TIMEOUT: Final = 75.0


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine reaches what listens on `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Server:
    """A started server. `port` is the real one, also when 0 was asked for."""

    def __init__(self, gateway: Gateway, runner: web.ServerRunner, site: web.TCPSite) -> None:
        self._gateway = gateway
        self._site = site
        self.port: int = runner.addresses[0][1]

    def watch_signals(self) -> asyncio.Event:
        """An event that SIGTERM or SIGINT sets. SIGHUP reads the configuration again."""
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._gateway.reloader.ask, "SIGHUP")
        return stop

    async def drain(self) -> None:
        """Fail readiness, give load balancers time to notice, stop accepting, wait for running answers up to the grace."""
        gateway = self._gateway
        settings = gateway.config.server
        gateway.draining = True
        _log.warning("stopping: %d requests running", gateway.running)
        deadline = asyncio.get_running_loop().time() + settings.drain_grace
        await asyncio.sleep(settings.drain_delay)
        gateway.closing = True
        if gateway.running:
            # Readiness goes on being answered while answers finish, so the listener closes after them.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(deadline):
                    await gateway.idle.wait()
        await self._site.stop()
        if gateway.running:
            _log.warning("the grace of %g s is over: %d answers are cut", settings.drain_grace, gateway.running)


@asynccontextmanager
async def listening(gateway: Gateway, host: str, port: int, *, reuse_port: bool = False) -> AsyncIterator[Server]:
    """Serve `gateway`; with `reuse_port` beside other processes that do so. A caller who leaves cancels its handler, and with it the call
    to the provider.
    """
    # Nothing of a body is inflated before its route and key are known: gateway.api.reading does it then.
    settings = {"access_log": None, "keepalive_timeout": KEEP_ALIVE_TIMEOUT, "auto_decompress": False}
    server = HttpServer(gateway, gateway.config.server.max_body_bytes, **settings)
    gateway.loopback = is_loopback(host)
    runner = web.ServerRunner(server, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, backlog=1024, reuse_port=reuse_port)
        await site.start()
        # What start-up made stays for ever: the collector need not look at it again. A request makes hundreds of objects that
        # die by themselves, so it looks a third as often as by default; more seldom still, and the cycles of failed requests pile up.
        gc.collect()
        gc.freeze()
        gc.set_threshold(2_000, 10, 10)
        gc.enable()
        yield Server(gateway, runner, site)
    finally:
        await runner.cleanup()
