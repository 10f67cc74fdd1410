"""The composition root: the only file that knows every room."""

import asyncio
import importlib
import logging
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from gateway.accounting.token_counter import TokenCounter
from gateway.api.auth import Access, Admin
from gateway.api.request import VERSION, AnswerCache, ConsoleRoutes, Gateway
from gateway.config import Config
from gateway.config.environment import state_keys
from gateway.config.limits import LimitsPolicy
from gateway.dispatch.dispatcher import Dispatcher
from gateway.revisions.load import ConfigFiles
from gateway.revisions.reload import Reloader
from gateway.routing.decision_log import DecisionLog
from gateway.routing.state import RouterState
from gateway.store import memory
from gateway.store.database import StoreUnusable
from gateway.store.entry import FILE_LIFETIME, Store
from gateway.store.states import States
from gateway.telemetry.events import EventBus, Listener, TraceSource
from gateway.telemetry.metrics import Metrics
from gateway.upstream.client import UpstreamClient
from gateway.upstream.concurrency import ConcurrencyLimiter
from gateway.upstream.health_probe import HealthProbes
from gateway.upstream.media import MediaFetcher
from translators.openai.request.fields import FIELDS

if TYPE_CHECKING:
    from gateway.admission.service import Admission
    from gateway.cluster.service import Cluster
    from gateway.telemetry.genai_metrics import GenAiMetrics
    from gateway.telemetry.key_metrics import KeyMetrics


_log: Final = logging.getLogger("llm_router")


def memory_of(config: Config) -> RouterState:
    """What is known of a configuration's providers before the first request, by this machine's
    clocks and its randomness.
    """
    return RouterState(config, partial(datetime.now, UTC), time.monotonic, random.random)


def _apply_limits(admission: "Admission | None", config: Config) -> None:
    """What a new configuration says of limits holds at once, but for whether there are any."""
    if admission is not None:
        admission.apply_policy(config.limits or LimitsPolicy())
    elif config.limits is not None:
        _log.warning("limits, teams, keys and the store are counted from the next start on")


RESPONSES_KEPT: Final[Mapping[str, float]] = {
    "memory": memory.LIFETIME,
    "sqlite": FILE_LIFETIME,
}
"""Seconds for which each kind of store keeps responses."""
STATE_DIRECTORY: Final = "LLM_ROUTER_STATE_DIR"
"""The environment variable that names the directory of files that outlive the process."""


def state_directory(environ: Mapping[str, str]) -> Path:
    return Path(environ.get(STATE_DIRECTORY) or "state")


@asynccontextmanager
async def responses_store(kind: str, environ: Mapping[str, str]) -> AsyncIterator[Store | None]:
    """Where answers of the Responses API are kept; None for `off`."""
    if kind == "off":
        yield None
        return
    store: Store = memory.MemoryStore(time.monotonic)
    if kind == "sqlite":
        opened = importlib.import_module("gateway.store.sqlite").SqliteStore
        store = opened(state_directory(environ) / "responses.sqlite", time.time)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def admission_of(
    config: Config, environ: Mapping[str, str], allow_cold: bool
) -> AsyncIterator["Admission | None"]:
    """What counts limits; None where the policy has none: then not even its modules are there.
    `allow_cold`: before the store was seen, too.
    """
    if config.limits is None:
        yield None
        return
    running = importlib.import_module("gateway.admission.upkeep").running
    state = state_directory(environ)
    async with running(
        config.limits, state, environ, time.time, time.monotonic, allow_cold
    ) as admission:
        yield admission


class _Answers:
    """What gives whole answers again: made where a persona asks for it first, at the start or by a
    reload. Until then not even its modules are there.
    """

    def __init__(
        self, config: Config, environ: Mapping[str, str], metrics: Metrics, closing: AsyncExitStack
    ) -> None:
        self._limits, self._environ = config.limits, environ
        self._metrics, self._closing = metrics, closing
        self.cache: AnswerCache | None = None
        self.gateway: Gateway | None = None
        """Is told of it, once it is there."""

    @classmethod
    @asynccontextmanager
    async def running(
        cls, config: Config, environ: Mapping[str, str], metrics: Metrics
    ) -> AsyncIterator["_Answers"]:
        """Raises StoreUnusable."""
        async with AsyncExitStack() as closing:
            answers = cls(config, environ, metrics, closing)
            await answers.make_for(config)
            yield answers

    async def make_for(self, config: Config) -> None:
        """Where the configuration needs it and it is not there. Raises StoreUnusable."""
        if self.cache or all(persona.cache is None for persona in config.personas.values()):
            return
        running = (await asyncio.to_thread(_module, "gateway.cache.response_cache")).running
        made = (await asyncio.to_thread(_module, "gateway.api.cached_answers")).CachedAnswers
        environ, seal = self._environ, None
        if state_keys(environ):
            seal = (await asyncio.to_thread(_module, "gateway.cluster.service")).seal_of(environ)
        state = state_directory(environ)
        cache = await self._closing.enter_async_context(
            running(self._limits, state, environ, time.time, time.monotonic, seal)
        )
        self._metrics.registry.register(cache.metrics)
        self.cache = made(cache)
        if self.gateway is not None:
            self.gateway.cache = self.cache

    async def prepare(self, config: Config) -> None:
        """A reload brings this configuration: its personas have a cache, or go without one."""
        try:
            await self.make_for(config)
        except StoreUnusable as error:
            _log.error("no answers are kept until a reload or a start that can: %s", error)

    def apply_config(self, config: Config) -> None:
        """What was kept under another revision is never asked for again."""
        if self.cache is not None:
            self.cache.apply_config(config)


def _module(name: str) -> Any:
    """Of code that is loaded only where it is needed."""
    return importlib.import_module(name)


@asynccontextmanager
async def cluster_of(
    config: Config,
    environ: Mapping[str, str],
    admission: "Admission | None",
    state: RouterState,
    places: ConcurrencyLimiter,
) -> AsyncIterator["Cluster | None"]:
    """What is shared with the other instances on the store; None where there is none."""
    if admission is None:
        yield None
        return
    running = importlib.import_module("gateway.cluster.service").running
    directory = state_directory(environ)
    async with running(config, directory, environ, admission, state, places, VERSION) as cluster:
        yield cluster


def _states_of(cluster: "Cluster | None") -> States | None:
    """Those that instances share, where they do."""
    return None if cluster is None else cluster.states


def _shared_responses(own: Store | None, kind: str, cluster: "Cluster | None") -> Store | None:
    """The store of responses, which other instances find, too, where they share states."""
    return own if cluster is None else cluster.responses(own, RESPONSES_KEPT.get(kind, 0.0))


def _records_of(cluster: "Cluster | None", reloader: Reloader) -> DecisionLog:
    """Where decisions stand; and from now on other instances may ask for a reload."""
    if cluster is None:
        return DecisionLog()
    cluster.reload_with(reloader)
    return cluster.decisions.log


def _measure_by(metrics: Metrics, gen_ai: "GenAiMetrics | None", config: Config) -> None:
    """From now on the names of this configuration may be labels."""
    targets = [
        (provider.name, model)
        for provider in config.providers.values()
        for model in provider.models
    ]
    metrics.apply_config(VERSION, config.revision, config.personas, targets)
    if gen_ai is not None:
        urls = {provider.name: provider.base_url for provider in config.providers.values()}
        gen_ai.apply_config(config.personas, targets, urls)


def _measuring(
    config: Config,
) -> tuple[Metrics, list[Listener], Callable[[Config], None], "KeyMetrics | None"]:
    """The metrics, what listens for them, what tells them of a new configuration, and those by
    callers' keys. These and those of the conventions are there where they are asked for, and not
    even loaded elsewhere.
    """
    metrics, gen_ai, by_key = Metrics((), (), FIELDS), None, None
    listening: list[Listener] = [metrics.on_event]
    if config.server.metrics.gen_ai:
        made = importlib.import_module("gateway.telemetry.genai_metrics").GenAiMetrics()
        gen_ai = cast("GenAiMetrics", made)
        metrics.registry.register(gen_ai)
        listening.append(gen_ai.on_event)
    if config.server.metrics.by_key:
        of_keys = importlib.import_module("gateway.telemetry.key_metrics").KeyMetrics()
        by_key = cast("KeyMetrics", of_keys)
        metrics.registry.register(by_key)
        listening.append(by_key.on_event)
    measure_by = partial(_measure_by, metrics, gen_ai)
    measure_by(config)
    return metrics, listening, measure_by, by_key


def _console_of(config: Config, admin: Admin, opened: bool) -> ConsoleRoutes | None:
    """The console where there is one. It is imported by its name's text: it is not even loaded
    where nobody has enabled it.
    """
    if not (opened or config.server.console.enabled):
        return None
    made: ConsoleRoutes = importlib.import_module("gateway.console.console").Console(
        config.server.console, admin, opened
    )
    return made


def _listening(
    traces: TraceSource | None, metrics: Metrics, console: ConsoleRoutes | None
) -> list[Listener]:
    """What traces and the console hear; how many spans were told is a metric."""
    heard: list[Listener] = []
    if traces is not None:
        metrics.tell_spans(traces)
        heard.append(traces.on_event)
    if console is not None:
        heard.append(console.on_event)
    return heard


def _admitting(
    access: Access,
    admission: "Admission | None",
    cluster: "Cluster | None",
    metrics: Metrics,
    by_key: "KeyMetrics | None",
) -> Access:
    """Callers' keys with those that are stored, where there are limits; their metrics with the
    others.
    """
    if admission is None:
        return access
    if by_key is not None:
        rules = admission.rules
        by_key.team_of = lambda key_id: rules(key_id).team
    metrics.registry.register(admission.metrics)
    if cluster is not None:
        metrics.registry.register(cluster.metrics)
    return access.with_stored(admission.keys)


def _followers(
    measure_by: Callable[[Config], None],
    state: RouterState,
    checks: HealthProbes,
    admission: "Admission | None",
    cluster: "Cluster | None",
    answers: _Answers,
) -> tuple[Callable[[Config], None], ...]:
    """Told of each new configuration."""
    limits, cached = partial(_apply_limits, admission), answers.apply_config
    first = measure_by, state.health.apply_config, checks.apply_config, limits, cached
    return first if cluster is None else (*first, cluster.apply_config)


@asynccontextmanager
async def running_gateway(
    config: Config,
    files: ConfigFiles,
    access: Access | None = None,
    admin: Admin | None = None,
    *,
    simulated: bool = False,
    listeners: Sequence[Listener] = (),
    open_console: bool = False,
    allow_cold: bool = False,
    tracing: Callable[[Callable[[], Config]], TraceSource] | None = None,
) -> AsyncIterator[Gateway]:
    """A complete gateway, its clients open; gateway.server.listener serves it. `files`: where
    `config` came from, watched, and read again when asked for. `tracing`: what traces are told to.
    `open_console`: for everybody. `allow_cold`: the store of limits need not have been seen.
    """
    metrics, measuring, measure_by, by_key = _measuring(config)
    state, places, fetching = memory_of(config), ConcurrencyLimiter(), config.server.media_fetch
    traces = None if tracing is None else tracing(lambda: reloader.config)
    console = _console_of(config, admin or Admin(), open_console)
    bus = EventBus([*measuring, *listeners, *_listening(traces, metrics, console)])
    async with (
        metrics.process.running(),
        UpstreamClient.running() as client,
        MediaFetcher.running(fetching.max_bytes, fetching.timeout) as media,
        TokenCounter.running() as counter,
        responses_store(config.server.responses_store, files.environ) as store,
        admission_of(config, files.environ, allow_cold) as admission,
        _Answers.running(config, files.environ, metrics) as answers,
        cluster_of(config, files.environ, admission, state, places) as cluster,
        HealthProbes.running(config, state.health.checks, state.now, state.random) as checks,
        Reloader(
            config,
            files,
            bus,
            _followers(measure_by, state, checks, admission, cluster, answers),
            (answers.prepare,),
        ).running() as reloader,
    ):
        with nullcontext() if traces is None else traces.running():
            answers.gateway = Gateway(
                reloader=reloader,
                dispatcher=Dispatcher(client, media, state, _states_of(cluster), places),
                state=state,
                counter=counter,
                access=_admitting(access or Access(), admission, cluster, metrics, by_key),
                admin=admin or Admin(),
                bus=bus,
                metrics=metrics,
                started=int(time.time()),
                records=_records_of(cluster, reloader),
                store=_shared_responses(store, config.server.responses_store, cluster),
                traces=traces,
                console=console,
                admission=admission,
                cluster=cluster,
                cache=answers.cache,
                simulated=simulated,
            )
            yield answers.gateway
