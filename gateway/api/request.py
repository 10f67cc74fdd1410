"""What every handler is given: the request, and with it the one value that holds the parts of a
running gateway.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from aiohttp import web

from gateway.accounting.token_counter import TokenCounter
from gateway.api.auth import Access, Admin
from gateway.config import Config
from gateway.dispatch.dispatcher import Dispatcher
from gateway.dispatch.exchange import Exchange
from gateway.http.body import MAX_VALUES, read_json
from gateway.http.body_budget import Bodies, BodyHold
from gateway.http.request import IncomingRequest
from gateway.revisions.reload import Reloader
from gateway.routing.decision_log import DecisionLog
from gateway.routing.state import RouterState
from gateway.store.entry import Store
from gateway.telemetry.events import Event, EventBus, TraceSource
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.trace_context import TraceContext
from gateway.workers.peers import Peers
from translators.chat.request import ChatRequest
from translators.dialect.inbound import AnswerWriter, InboundDialect, InboundRequest
from translators.openai import inbound as chat

if TYPE_CHECKING:
    from gateway.admission.service import Admission
    from gateway.cluster.service import Cluster

VERSION: Final = "0.1.0"


class ConsoleRoutes(Protocol):
    """What gateway.console adds where it is enabled."""

    def find(
        self, http: "Request"
    ) -> (
        tuple[str, str, Callable[["Request"], Awaitable[web.StreamResponse]], InboundDialect] | None
    ):
        """Path, id, handler and dialect of its route that is asked for; None: none of its own."""

    def answers(self, gateway: "Gateway") -> Mapping[str, Callable[[Any], Awaitable[Any]]]:
        """What a worker answers when another one asks."""

    def on_event(self, event: Event) -> None:
        """A listener of the bus."""


class AnswerCache(Protocol):
    """What gives whole answers again: gateway.api.cached_answers, where a persona asks for it."""

    def concerns(self, config: Config, request: ChatRequest) -> bool:
        """Whether the request is for a persona with a cache."""

    async def respond(
        self,
        http: "Request",
        read: InboundRequest,
        exchange: Exchange,
        settle: Callable[[bytes, Exchange], Awaitable[bytes]] | None,
    ) -> web.StreamResponse:
        """As gateway.api.chat.respond does it, for a request that it `concerns`."""

    def apply_config(self, config: Config) -> None:
        """A new configuration holds."""


@dataclass(slots=True)
class Gateway:
    """The parts, put together by gateway.app. `draining` is set when the server is asked to
    stop."""

    reloader: Reloader
    dispatcher: Dispatcher
    state: RouterState
    counter: TokenCounter
    access: Access
    admin: Admin
    bus: EventBus
    metrics: Metrics
    started: int
    records: DecisionLog = field(default_factory=DecisionLog)
    bodies: Bodies = field(default_factory=Bodies)
    store: Store | None = None
    """Of answers of the Responses API; None: none are kept."""
    console: ConsoleRoutes | None = None
    """None where it is not enabled."""
    traces: TraceSource | None = None
    """None: only what callers trace is told on, and nothing is exported."""
    admission: "Admission | None" = None
    """None where the policy has no limits: nothing is counted."""
    cache: AnswerCache | None = None
    """None where no persona has a cache."""
    cluster: "Cluster | None" = None
    """What other instances know; None where there is no store."""
    simulated: bool = False
    draining: bool = False
    closing: bool = False
    """The grace of a stop is over: new chat requests are refused."""
    peers: Peers | None = None
    """The other workers, where there are several; set before the server listens."""
    loopback: bool = False
    """It listens on a loopback address; set before it does."""
    hosts: set[str] = field(default_factory=set)
    """Names by which it was called there, and may be: see gateway.api.web_pages."""
    begun: int = 0
    """Chat requests so far."""
    running: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when, while draining, the last request has ended."""

    @property
    def config(self) -> Config:
        """What holds at this moment. A request reads it once, at its edge: see Request."""
        return self.reloader.config

    def __post_init__(self) -> None:
        self.metrics.in_flight.set_function(lambda: self.running)


class CallersConnection(Protocol):
    """What a request must know of its connection."""

    cut_for: str | None
    """Why we cut it, if we did."""

    def begin(self) -> None:
        """A request of it begins."""

    def held_up(self) -> float:
        """Seconds in which the caller took nothing of what was there for it, in this request."""


class Request(IncomingRequest):
    """A request, and what becomes known of it at the edge."""

    ATTRS = IncomingRequest.ATTRS | {
        "gateway",
        "caller",
        "config",
        "started",
        "request_id",
        "route",
        "id",
        "key_id",
        "exchange",
        "dialect",
        "answer_writer",
        "trace",
        "operator",
    }

    request_id: str
    route: str = "unknown"
    """The route's own path, of which there are few: never what a caller wrote."""
    id: str = ""
    """What stands for `{id}` in the route's path."""
    operator: str = ""
    """Who came through a door that only operators pass: the admin key is not asked for again."""
    key_id: str | None = None
    dialect: InboundDialect = chat
    """The one that the route's callers speak: errors are told in it."""
    answer_writer: AnswerWriter | None = None
    """Of an answer that is streamed."""
    trace: TraceContext | None = None
    """Where it stands in its caller's trace, or in ours."""
    exchange: Exchange | None = None
    """None for a request that is no exchange with providers, or not yet."""

    def __init__(self, gateway: Gateway, *parts: Any, **settings: Any) -> None:
        """`parts` and `settings`: aiohttp's."""
        super().__init__(*parts, **settings)
        self.gateway = gateway
        self.caller: CallersConnection = parts[2]
        """The connection that it came by: see gateway.server.http_server."""
        self.caller.begin()
        self.config = config = gateway.reloader.config
        """The configuration that held when the request began: all of it is served by this one."""
        self.started = time.perf_counter()
        self.in_memory = BodyHold(gateway.bodies, config.server.max_bodies_bytes)

    @property
    def keep_alive(self) -> bool:
        """Whether the connection stays: while the server drains, each is told to be the caller's
        last.
        """
        return not (self._message.should_close or self.gateway.draining)

    async def read_json(self, keep_text: bool = False, most: int = MAX_VALUES) -> tuple[Any, int]:
        """Its decoded body and the size of it in bytes; `keep_text` keeps its text in `json_text`.
        `most`: values in it.

        Raises as gateway.http.body.read_json does.
        """
        return await read_json(
            self,
            self.config.server,
            declared=self.gateway.access.open,
            keep_text=keep_text,
            most=most,
        )
