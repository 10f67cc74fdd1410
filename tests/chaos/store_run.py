"""Runs one fault of the store of limits: what a gateway answers while it is away, under each
policy, and what the ledger has when it is back.
"""

import asyncio
import os
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final, NamedTuple
from unittest import mock

from gateway.admission import keys, store_thread
from gateway.admission.keys import new_id, new_secret
from gateway.config.limits import WhenDown
from gateway.store import ledger, limits_database, postgres
from gateway.store.counters import used
from gateway.store.engine import FILE, open_store
from gateway.store.limits_rows import CounterId
from tests.api.limited import Limited, limited
from tests.chaos.outcomes import Outcome, Refused, Served
from tests.chaos.store_faults import POLICIES, Outcomes, Policy, StoreFault
from tests.fakes import Pause, json_answer, openai_completion
from tests.postgres import Server, run_sql
from tests.tcp_proxy import TcpProxy, tcp_proxy

WAIT: Final = 0.25
"""Seconds that a store is waited for, and that it is left alone for: in earnest a second and
more."""
CUT: Final = 2.0
"""Seconds that it is cut off under load; `python -m tests.chaos --cut 60` tries longer."""
_TOLD: Final = 15.0
"""Seconds after which the gateway should have noticed, or have booked everything."""
_CALLERS: Final = 4
_REQUESTS: Final = CounterId("all", "requests/ever", 0)
_LIMITS: Final = """
limits:
  - {{on: requests, per: ever, amount: 1000000}}
  - {{on: usd, per: ever, amount: 1000, persona: leased}}
{more}
"""
_MORE: Final = """
  - {{on: requests, per: ever, amount: 1000, persona: limits_{policy}}}
  - {{on: usd, per: ever, amount: 10, persona: budgets_{policy}}}
"""


class Kept(NamedTuple):
    """What the ledger has of what the provider was sent, when the store is back."""

    lost: int = 0
    twice: int = 0
    wrong: tuple[Any, ...] = ()
    """Counters that are not the sums of its rows."""


class StoreResult(NamedTuple):
    """What was seen of one fault."""

    seen: Outcomes
    kept: Kept
    failed: int
    """Requests beside it, of what is leased, that were not served."""
    took: tuple[float, float]
    """Seconds of the slowest of them: before, and while the store was away."""


class Stage:
    """A gateway and its store, while the fault happens."""

    def __init__(self, gateway: Limited, url: str, proxy: TcpProxy | None) -> None:
        self.gateway = gateway
        self.store = "postgres" if proxy is not None else "sqlite"
        self.proxy = proxy
        self._url = url
        """Of the store itself, behind what fails."""
        self._locking: sqlite3.Connection | None = None
        self._written: list[tuple[int, int]] = []

    async def run_sql(self, statements: tuple[str, ...]) -> None:
        for statement in statements:
            if self.store == "postgres":
                await run_sql(self._url, statement)
            else:
                with sqlite3.connect(self.gateway.state / FILE) as other:
                    other.execute(statement)
                other.close()

    async def make_read_only(self, value: str) -> None:
        if self.store == "sqlite":
            thread = self.gateway.admission.thread  # which may be left alone
            work = thread._thread.submit(_query_only, thread._database, value)
            await asyncio.wrap_future(work)
            return
        server, _, name = self._url.rpartition("/")
        ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
        for statement in (
            f"ALTER DATABASE {name} SET default_transaction_read_only = {value}",
            f"{ended}'{name}'",
        ):
            await run_sql(f"{server}/postgres", statement)

    async def lock(self) -> None:
        path = self.gateway.state / FILE
        self._locking = sqlite3.connect(path, isolation_level=None, timeout=20)
        self._locking.execute("BEGIN IMMEDIATE")

    async def unlock(self) -> None:
        assert self._locking is not None
        self._locking.close()

    def fill_journal(self) -> None:
        for file in self.gateway.admission.journal.files:
            self._written.append((file._file, os.dup(file._file)))
            full = os.open("/dev/full", os.O_WRONLY)
            os.dup2(full, file._file)
            os.close(full)

    def free_journal(self) -> None:
        for file, written in self._written:
            os.dup2(written, file)
            os.close(written)

    async def ask(self, model: str, key: str) -> tuple[Outcome, float]:
        began = time.perf_counter()
        got = await self.gateway.chat(model, key, max_tokens=10)
        took = time.perf_counter() - began
        if got.status == 200:
            return Served(), took
        return Refused(got.status, got.body["error"]["code"]), took

    def set_policy(self, policy: Policy) -> None:
        """It holds from now on, as after a reload."""
        said = {"default": WhenDown(), "open": WhenDown(limits="open", budgets="open"),
                "refuse": WhenDown(limits="refuse")}  # fmt: skip
        self.gateway.admission.leases.when_down = said[policy]


def _query_only(database: Any, value: str) -> None:
    database.execute(f"PRAGMA query_only={value}")


class Load:
    """Callers who ask for what is leased as long as it lasts."""

    def __init__(self, stage: Stage, key: str) -> None:
        self._stage = stage
        self._key = key
        self.failed = 0
        self.slowest = 0.0

    async def call(self) -> None:
        while True:
            outcome, took = await self._stage.ask("leased", self._key)
            self.failed += outcome != Served()
            self.slowest = max(self.slowest, took)
            await asyncio.sleep(0.01)

    @asynccontextmanager
    async def lasting(self) -> AsyncIterator[None]:
        callers = [asyncio.ensure_future(self.call()) for _ in range(_CALLERS)]
        try:
            yield
        finally:
            for caller in callers:
                caller.cancel()
            await asyncio.gather(*callers, return_exceptions=True)


async def run_store(fault: StoreFault, server: Server | None, cut: float = CUT) -> StoreResult:
    """`server`: for faults of Postgres."""
    async with AsyncExitStack() as stack:
        for place, name in ((postgres, "CONNECT"), (postgres, "STATEMENT"), (store_thread, "_REST"),
                            (limits_database, "BUSY")):  # fmt: skip
            stack.enter_context(mock.patch.object(place, name, WAIT))
        if not fault.unwritten:
            stack.enter_context(mock.patch.object(keys, "FRESH", WAIT))
        state = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url, proxy, through = "sqlite:", None, None
        if fault.store == "postgres":
            assert server is not None
            url = await asyncio.to_thread(server.new_database)
            proxy = await stack.enter_async_context(tcp_proxy(server.port))
            through = server.url(url.rpartition("/")[2], proxy.port)
        async with limited(
            state, _LIMITS.format(more="".join(_MORE.format(policy=p) for p in POLICIES)),
            [Pause(0.005), *json_answer(openai_completion())], store=through, personas=_personas(),
        ) as gateway:  # fmt: skip
            stage = Stage(gateway, url, proxy)
            seen, failed, took = await _seen(fault, stage, cut if fault.under_load else 0.0)
            sent = len(gateway.fake.received)
        kept = await asyncio.to_thread(_kept, url, state, sent)
    return StoreResult(seen, kept, failed, took)


def _personas() -> str:
    names = ["leased", *(f"{kind}_{p}" for p in POLICIES for kind in ("limits", "budgets"))]
    rows = "".join(
        f"  {name}: {{description: d, targets: [openai/gpt-4.1], on_failure: {{retries: 0}}}}\n"
        for name in names
    )
    return f"personas:\n{rows}"


async def _seen(
    fault: StoreFault, stage: Stage, lasting: float
) -> tuple[Outcomes, int, tuple[float, float]]:
    _, key = await stage.gateway.new_key()
    unknown, _ = new_secret(new_id())
    before, away = Load(stage, key), Load(stage, key)
    async with asyncio.timeout(_TOLD):  # a busy machine's store may be late at first
        while (await stage.ask("leased", key))[0] != Served():
            pass
    async with before.lasting():
        await asyncio.sleep(0.5)
    await fault.begin(stage)
    if fault.unwritten:
        seen = await _by_policy(stage, key, unknown)
    else:
        async with away.lasting():
            await _until(lambda: stage.gateway.admission.thread.down)
            await asyncio.sleep(max(lasting, 2 * WAIT))
        seen = await _by_policy(stage, key, unknown)
    await fault.end(stage)
    admission = stage.gateway.admission
    await _until(lambda: not (admission.thread.down or admission.journal.fault))
    after, _ = await stage.ask("leased", key)
    await _until(lambda: not any(file.pending for file in admission.journal.files))
    failed = before.failed + away.failed + (after != Served())
    return seen, failed, (before.slowest, away.slowest)


async def _by_policy(stage: Stage, key: str, unknown: str) -> Outcomes:
    found: dict[str, dict[Policy, Outcome]] = {"leased": {}, "limits": {}, "budgets": {}}
    for policy in POLICIES:
        stage.set_policy(policy)
        for name, outcomes in found.items():
            model = name if name == "leased" else f"{name}_{policy}"
            outcomes[policy], _ = await stage.ask(model, key)
    stage.set_policy("default")
    known, _ = await stage.ask("leased", key)
    unknown_key, _ = await stage.ask("leased", unknown)
    return Outcomes(**found, known_key=known, unknown_key=unknown_key)


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(_TOLD):
        for _ in count():
            if holds():
                return
            await asyncio.sleep(0.02)


def _kept(url: str, state: Path, sent: int) -> Kept:
    database = open_store(url, state, patient=True)
    try:
        rows = ledger.rows(database, most=1_000_000)
        requests = {row.request for row in rows}
        wrong: list[Any] = list(ledger.differences(database))
        if used(database, _REQUESTS) != (len(rows), 0):
            wrong.append(used(database, _REQUESTS))
        return Kept(max(0, sent - len(requests)), len(rows) - len(requests), tuple(wrong))
    finally:
        database.close()
