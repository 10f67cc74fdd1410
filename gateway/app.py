"""The composition root: the only file that knows every room."""

import random
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from gateway.accounting.token_counter import TokenCounter
from gateway.api.auth import Access, Admin
from gateway.api.request import VERSION, Gateway
from gateway.config import Config
from gateway.dispatch.dispatcher import Dispatcher
from gateway.revisions.load import ConfigFiles
from gateway.revisions.reload import Reloader
from gateway.routing.state import RouterState
from gateway.store.entry import Store
from gateway.store.memory import MemoryStore
from gateway.store.sqlite import SqliteStore
from gateway.telemetry.events import EventBus, Listener, TraceSource
from gateway.telemetry.metrics import Metrics
from gateway.upstream.client import UpstreamClient
from gateway.upstream.health_probe import HealthProbes
from gateway.upstream.media import MediaFetcher
from translators.openai.request.fields import FIELDS


def memory_of(config: Config) -> RouterState:
    """What is known of a configuration's providers before the first request, by this machine's
    clocks and its randomness.
    """
    return RouterState(config, partial(datetime.now, UTC), time.monotonic, random.random)


STATE_DIRECTORY: Final = "LLM_ROUTER_STATE_DIR"
"""The environment variable that names the directory of files that outlive the process."""


@asynccontextmanager
async def responses_store(kind: str, environ: Mapping[str, str]) -> AsyncIterator[Store | None]:
    """Where answers of the Responses API are kept; None for `off`."""
    if kind == "off":
        yield None
        return
    store: Store = MemoryStore(time.monotonic)
    if kind == "sqlite":
        directory = Path(environ.get(STATE_DIRECTORY) or "state")
        store = SqliteStore(directory / "responses.sqlite", time.time)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def running_gateway(
    config: Config,
    files: ConfigFiles,
    access: Access | None = None,
    admin: Admin | None = None,
    *,
    simulated: bool = False,
    listeners: Sequence[Listener] = (),
    tracing: Callable[[Callable[[], Config]], TraceSource] | None = None,
) -> AsyncIterator[Gateway]:
    """A complete gateway, its clients open; gateway.server.listener serves it.

    `files` is where `config` came from: they are watched, and read again when asked for. `tracing`
    makes what traces are told to; None: they are not.
    """
    limits = config.server.media_fetch
    metrics, state = Metrics((), (), FIELDS), memory_of(config)

    def measure_by(config: Config) -> None:
        targets = [
            (provider.name, model)
            for provider in config.providers.values()
            for model in provider.models
        ]
        metrics.apply_config(VERSION, config.revision, config.personas, targets)

    measure_by(config)
    traces = None if tracing is None else tracing(lambda: reloader.config)
    heard = [metrics.on_event, *listeners]
    if traces is not None:
        heard.append(traces.on_event)
        metrics.tell_spans(traces)
    bus = EventBus(heard)
    async with (
        metrics.process.running(),
        UpstreamClient.running() as client,
        MediaFetcher.running(limits.max_bytes, limits.timeout) as media,
        TokenCounter.running() as counter,
        responses_store(config.server.responses_store, files.environ) as store,
        HealthProbes.running(config, state.health.checks, state.now, state.random) as checks,
        Reloader(
            config, files, bus, (measure_by, state.health.apply_config, checks.apply_config)
        ).running() as reloader,
    ):
        with nullcontext() if traces is None else traces.running():
            yield Gateway(
                reloader=reloader,
                dispatcher=Dispatcher(client, media, state),
                state=state,
                counter=counter,
                access=access or Access(),
                admin=admin or Admin(),
                bus=bus,
                metrics=metrics,
                started=int(time.time()),
                store=store,
                traces=traces,
                simulated=simulated,
            )
