"""The composition root: the only file that knows every room."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiohttp import web

from gateway.accounting.exact import TokenCounter
from gateway.api.access import Access
from gateway.api.context import GATEWAY, VERSION, Gateway
from gateway.api.middleware import edge
from gateway.api.routes import ROUTES
from gateway.config import Config
from gateway.dispatch import Dispatcher
from gateway.routing.view import Memory
from gateway.telemetry.events import Bus, Listener
from gateway.telemetry.metrics import Metrics
from gateway.upstream.client import UpstreamClient
from gateway.upstream.media import MediaFetcher
from translators.openai.fields import FIELDS


@asynccontextmanager
async def running_app(
    config: Config, access: Access | None = None, *, simulated: bool = False, listeners: Sequence[Listener] = ()
) -> AsyncIterator[web.Application]:
    """A complete application, its client sessions open; serve it with an AppRunner (see gateway.server) or a test server."""
    limits = config.server.media_fetch
    targets = [(provider.name, model) for provider in config.providers.values() for model in provider.models]
    metrics = Metrics(config.personas, targets, FIELDS)
    memory = Memory(config)
    metrics.info.labels(VERSION, config.revision).set(1)
    async with (
        UpstreamClient.running() as client,
        MediaFetcher.running(limits.max_bytes, limits.timeout) as media,
        TokenCounter.running() as counter,
    ):
        app = web.Application(middlewares=[edge], client_max_size=config.server.max_body_bytes)
        app[GATEWAY] = Gateway(
            config=config,
            dispatcher=Dispatcher(client, media, memory),
            memory=memory,
            counter=counter,
            access=access or Access(),
            bus=Bus([metrics.listen, *listeners]),
            metrics=metrics,
            started=int(time.time()),
            simulated=simulated,
        )
        app.add_routes(ROUTES)
        yield app
