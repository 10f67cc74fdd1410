"""What every handler is given: the one value that holds the parts of a running gateway."""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from gateway.accounting.exact import TokenCounter
from gateway.api.access import Access, Admin
from gateway.config import Config
from gateway.dispatch import Dispatcher
from gateway.exchange import Exchange
from gateway.reloading import Reloader
from gateway.routing.records import Records
from gateway.routing.view import Memory
from gateway.telemetry.events import Bus
from gateway.telemetry.metrics import Metrics
from gateway.workers.siblings import Siblings

VERSION: Final = "0.1.0"


@dataclass(slots=True)
class Gateway:
    """The parts, put together by gateway.app. `draining` is set when the server is asked to stop."""

    reloader: Reloader
    dispatcher: Dispatcher
    memory: Memory
    counter: TokenCounter
    access: Access
    admin: Admin
    bus: Bus
    metrics: Metrics
    started: int
    records: Records = field(default_factory=Records)
    simulated: bool = False
    draining: bool = False
    closing: bool = False
    """The time for load balancers to notice is over: new chat requests are refused."""
    siblings: Siblings | None = None
    """The other workers, where there are several; set before the server listens."""
    running: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def config(self) -> Config:
        """What holds at this moment. A request reads it once, at its edge: see CONFIG."""
        return self.reloader.config

    def __post_init__(self) -> None:
        self.metrics.in_flight.set_function(lambda: self.running)

    def enter(self) -> None:
        self.running += 1
        self.idle.clear()

    def leave(self) -> None:
        self.running -= 1
        if self.running == 0:
            self.idle.set()


GATEWAY: Final = web.AppKey("gateway", Gateway)
CONFIG: Final = web.RequestKey("config", Config)
"""The configuration that held when the request began: all of it is served by this one."""
EXCHANGE: Final[web.RequestKey[Exchange | None]] = web.RequestKey("exchange")
"""None for a request that is no exchange with providers, or not yet."""
STREAM: Final = web.RequestKey("stream", web.StreamResponse)
"""The streamed answer whose headers are out: from then on an error can only be its last event."""
KEY_ID: Final[web.RequestKey[str | None]] = web.RequestKey("key_id")
REQUEST_ID: Final = web.RequestKey("request_id", str)
