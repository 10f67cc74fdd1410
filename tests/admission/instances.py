"""Processes that share a store, all of them in this one: each with its own connection, leases and
journal.
"""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final

from gateway.accounting.cost import cost_of_usage
from gateway.admission.accounts import Account
from gateway.admission.amounts import Amounts, of_call
from gateway.admission.bounds import Bound
from gateway.admission.counters import Applied, CounterPool
from gateway.admission.journal import Journal
from gateway.admission.leases import Leases
from gateway.admission.ledger_queue import LedgerQueue, recover
from gateway.admission.reservation import WITHOUT_HOLD, Reservation
from gateway.admission.scopes import CallerRules
from gateway.admission.store_thread import StoreThread
from gateway.config import Config, Model, TargetRef
from gateway.config.limits import Limit, WhenDown, read_limits
from gateway.dispatch.reservation import Ending
from gateway.errors import LimitExceeded
from gateway.routing.candidates import Candidate
from gateway.store import counters
from gateway.store.database import Database
from gateway.store.engine import open_store
from gateway.telemetry.events import AttemptEnded
from gateway.telemetry.ids import unique
from tests.serving import POLICY, config_of

DAY: Final = date(2026, 11, 30)
NOON: Final = 1_796_040_000.0
"""2026-11-30 12:00 UTC, a Monday."""
TARGET: Final = "openai/gpt-4.1"
CALLER: Final = CallerRules("-", "", None, ())


@cache
def shipped() -> Config:
    return config_of(POLICY, {})


def model_of(target: str = TARGET) -> Model:
    provider, _, model = target.partition("/")
    return shipped().providers[provider].models[model]


def candidate_of(target: str) -> Candidate:
    model, provider = model_of(target), shipped().providers[target.partition("/")[0]]
    return Candidate(TargetRef(provider.name, model.id), provider, model)


def limit_of(**said: Any) -> Limit:
    (limit,) = read_limits([said])
    return limit


@dataclass
class Clock:
    """Unix seconds that stand until they are moved."""

    now: float = NOON

    def __call__(self) -> float:
        return self.now


URL_FILE: Final = "store_url"
"""Holds the URL of a directory's store, if that is no file in it."""


_OPEN: Final[list["InThread"]] = []


def close_all() -> None:
    """Those of processes that were killed, too."""
    while _OPEN:
        _OPEN.pop().close()


class InThread:
    """A database whose every method is called in a thread without an event loop, so that tests may
    look at it, too.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._thread = ThreadPoolExecutor(1)
        self._closed = False
        _OPEN.append(self)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._database, name)
        if not callable(found):
            return found
        return lambda *arguments: self._thread.submit(found, *arguments).result()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._thread.submit(self._database.close).result()
        self._thread.shutdown()


def store_in(directory: Path) -> Any:
    """The store of the processes of a directory."""
    url = directory / URL_FILE
    if not url.exists():
        return open_store("sqlite:", directory)
    return InThread(open_store_outside_loop(url.read_text(), directory))


def open_store_outside_loop(url: str, directory: Path) -> Database:
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(open_store, url, directory).result()


@dataclass
class Instance:
    """One process. `limits`: all of scope `all`."""

    directory: Path
    limits: tuple[Limit, ...]
    clock: Callable[[], float] = field(default_factory=Clock)
    when_down: WhenDown = field(default_factory=WhenDown)

    def __post_init__(self) -> None:
        now = asyncio.get_running_loop().time
        name = f"instance-{unique(8)}"
        self.database = store_in(self.directory)
        self.thread = StoreThread(self.database, now)
        self.journal = Journal(self.directory / "journal", name)
        self.queue = LedgerQueue(name, self.thread, self.journal, self.clock)
        self.pool = CounterPool(lambda scope, name: 0)
        self.leases = Leases(name, self.thread, self.pool, self.when_down, self.clock, now)
        self.name = name

    async def beat(self) -> None:
        found = await self.thread.call(counters.beat, self.name, int(self.clock()))
        self.leases.seen(asyncio.get_running_loop().time(), found.peers)

    async def admit(
        self, tokens: int = 0, target: str = TARGET, bound: Bound | None = None
    ) -> Reservation | None:
        """A request of at most so many tokens of prompt; None if it is refused."""
        held = self.pool.of(
            [Applied(limit, "all", False) for limit in self.limits], "", self.clock()
        )
        if bound is None:
            bound = Bound(model_of(target), tokens, of_call(tokens, 0, 0), True, 1)
        try:
            whole = await self.leases.take(held, bound.needs)
        except LimitExceeded:
            return None
        at, file = int(self.clock() * 1000), self.journal.current
        reservation = Reservation(
            self.leases, self.queue, file, Account(CALLER, "p", held), {target: bound},
            candidate_of(target), f"{at:012x}{unique(12)}", "", "req", "r", bound.needs,
            at, DAY, None, why=None if whole else WITHOUT_HOLD,
        )  # fmt: skip
        reservation.note()
        file.pending += 1
        return reservation

    def settle(self, reservation: Reservation, tokens: int) -> None:
        """It has used so many tokens of prompt."""
        usage: Any = {"prompt_tokens": tokens, "completion_tokens": 0}
        reservation.settle(ending(("ok",), usage=usage, served=True))

    def crash(self) -> None:
        """The process is killed: nothing is written any more, and its locks are gone."""
        for file in self.journal.files:
            os.close(file._file)

    async def recover(self) -> int:
        """Find what crashed ones have left."""
        return await recover(self.directory / "journal", self.thread, set())

    async def close(self) -> None:
        await self.queue.book()
        await self.leases.return_all()
        self.journal.close(booked=True)
        await self.thread.close()


def ending(
    outcomes: tuple[str, ...],
    *,
    usage: Any = None,
    served: bool = False,
    shown: int | None = 0,
    received: int = 0,
    counted_before: int = 0,
    estimated: bool = False,
    target: str = TARGET,
) -> Ending:
    """An exchange whose attempts ended so."""
    provider, _, model = target.partition("/")
    attempts = [AttemptEnded(provider, model, outcome, 0.1) for outcome in outcomes]
    cost = None if estimated else cost_of_usage(model_of(target), usage, DAY)
    return Ending(
        attempts, shown, served, usage, counted_before, received, estimated, cost, "dec_1", "r"
    )


def needs(**amounts: int) -> Amounts:
    return Amounts(**amounts)
