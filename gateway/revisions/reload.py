"""The configuration while the gateway runs: which revision holds, and how another takes its place.

The files are read and checked in a thread; then one reference is swapped on the event loop: no
request sees half of a change, and each keeps the revision it began with. Invalid files change
nothing.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Literal

from gateway.config import Config, ConfigError, Problem
from gateway.revisions.load import ConfigFiles
from gateway.telemetry.events import ConfigReloaded, EventBus

Trigger = Literal["SIGHUP", "request", "watch"]
Adopter = Callable[[Config], None]
"""Called with a new configuration on the event loop, just before it holds. Must not fail."""
Preparer = Callable[[Config], Awaitable[None]]
"""Makes ready what a new configuration needs, before the adopters are called. Must not fail."""

AT_START_ONLY: Final = ("max_body_bytes", "media_fetch", "console")
"""Settings of `server` of which a change waits for the next start."""
BETWEEN: Final = 0.5
"""Seconds between two reloads that signals or the watch ask for."""
UNWATCHED: Final = 5.0
"""Seconds between two looks at whether a reload has turned the watch on."""

_log: Final = logging.getLogger("llm_router")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reload:
    """What came of reading the files again. `at` is in seconds since 1970."""

    trigger: Trigger
    at: float
    previous: str
    revision: str
    """What holds now: the previous one if there are problems."""
    problems: tuple[Problem, ...] = ()
    needs_restart: tuple[str, ...] = ()
    """Settings that differ from those the server was started with and do not hold yet."""

    @property
    def ok(self) -> bool:
        return not self.problems

    @property
    def changed(self) -> bool:
        return self.revision != self.previous

    @property
    def result(self) -> str:
        return "failed" if self.problems else "changed" if self.changed else "unchanged"


class Reloader:
    """Holds the configuration in force; use `running`, which also watches the files."""

    def __init__(
        self,
        config: Config,
        files: ConfigFiles,
        bus: EventBus,
        adopters: tuple[Adopter, ...] = (),
        preparers: tuple[Preparer, ...] = (),
    ) -> None:
        self.config = config
        self.loaded_at = time.time()
        self.last: Reload | None = None
        self._files = files
        self._bus = bus
        self._adopters = adopters
        self._preparers = preparers
        self._started_with = config.server
        self._last_read = config.revision
        """The revision of the files when they were last read, whatever came of it."""
        self._one_at_a_time = asyncio.Lock()
        self._asked_for: set[asyncio.Task[Reload]] = set()
        self._waits = False
        """One that was asked for has not begun."""
        self._not_before = 0.0
        """When the next that is asked for may begin, by the loop's clock."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Reloader"]:
        """Watches the files until the block ends."""
        watch = asyncio.create_task(self._watch())
        try:
            yield self
        finally:
            tasks = [watch, *self._asked_for]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def ask(self, trigger: Trigger) -> None:
        """Reload soon, without waiting for it. One that waits for its turn already will see what
        the files are then.
        """
        if self._waits:
            return
        self._waits = True
        task = asyncio.create_task(self._reload_asked_for(trigger))
        self._asked_for.add(task)
        task.add_done_callback(self._asked_for.discard)

    async def reload(self, trigger: Trigger) -> Reload:
        """Read the files and use them if they are valid; one reload at a time."""
        async with self._one_at_a_time:
            return await self._reload(trigger)

    async def _reload_asked_for(self, trigger: Trigger) -> Reload:
        """The first at once, and those of a storm (of signals, of writes) half a second apart."""
        loop = asyncio.get_running_loop()
        if (pause := self._not_before - loop.time()) > 0:
            await asyncio.sleep(pause)
        async with self._one_at_a_time:
            self._waits = False
            self._not_before = loop.time() + BETWEEN
            return await self._reload(trigger)

    async def _reload(self, trigger: Trigger) -> Reload:
        self._last_read, found = await asyncio.to_thread(self._read)
        now, previous = time.time(), self.config.revision
        if isinstance(found, ConfigError):
            done = Reload(
                trigger=trigger,
                at=now,
                previous=previous,
                revision=previous,
                problems=found.problems,
            )
        else:
            if found.revision != previous:
                for prepare in self._preparers:
                    await prepare(found)
                self._adopt(found, now)
            done = Reload(
                trigger=trigger,
                at=now,
                previous=previous,
                revision=found.revision,
                needs_restart=self._needs_restart(found),
            )
        self.last = done
        _tell_log(done)
        self._bus.publish(
            ConfigReloaded(trigger, done.result, done.revision, previous, len(done.problems))
        )
        return done

    def _read(self) -> tuple[str, Config | ConfigError]:
        """The files' revision and what is in them."""
        revision = self._files.revision()
        try:
            config = self._files.load()
        except ConfigError as error:
            return revision, error
        return config.revision, config

    def _adopt(self, config: Config, now: float) -> None:
        for adopt in self._adopters:
            adopt(config)
        self.config, self.loaded_at = config, now

    def _needs_restart(self, config: Config) -> tuple[str, ...]:
        return tuple(
            f"server.{name}"
            for name in AT_START_ONLY
            if getattr(config.server, name) != getattr(self._started_with, name)
        )

    async def _watch(self) -> None:
        """Reload when the files differ from what was read and are not being written."""
        before = self._last_read
        while True:
            every = self.config.server.watch
            await asyncio.sleep(every or UNWATCHED)
            if every == 0:
                continue
            seen = await asyncio.to_thread(self._files.revision)
            if seen == before != self._last_read:
                self.ask("watch")
            before = seen


def _tell_log(done: Reload) -> None:
    if done.problems:
        shown = "\n".join(f"  {problem}" for problem in done.problems)
        _log.error(
            "the configuration cannot be used (%s); revision %s goes on:\n%s",
            done.trigger,
            done.revision,
            shown,
        )
        return
    if done.changed:
        _log.info(
            "configuration reloaded (%s): revision %s, before %s",
            done.trigger,
            done.revision,
            done.previous,
        )
    else:
        _log.info(
            "configuration read again (%s): revision %s as before", done.trigger, done.revision
        )
    if done.needs_restart:
        _log.warning(
            "a change of %s holds after the next start only", ", ".join(done.needs_restart)
        )
