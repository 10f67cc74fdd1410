"""Gateways that are killed under load (SIGKILL) beside one that goes on, and what the ledger has in
the end: `python -m tests.killed_gateways [--kills 40] [--engine sqlite|postgres]`.

On SQLite both are of one machine and share a directory, so that one finds the other's journal; on
Postgres each has its own, and a killed one is found by its successor.
"""

import argparse
import asyncio
import contextlib
import random
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import aiohttp

from gateway.store import ledger
from gateway.store.counters import used
from gateway.store.database import Database
from gateway.store.engine import open_store
from gateway.store.limits_rows import CounterId, LedgerRow
from tests.fakes import (
    OPENAI_STREAM,
    SSE_HEAD,
    End,
    FakeUpstream,
    Pause,
    Received,
    Step,
    fake_upstream,
    json_answer,
    openai_completion,
)
from tests.postgres import NOT_CHECKED, running_server
from tests.test_limits_process import configured
from tests.test_process import gateway_process

Engine = Literal["sqlite", "postgres"]
LIMITS: Final = (
    "limits: [{on: usd, per: month, amount: 50}, {on: tokens, per: ever, amount: 100000000},"
    " {on: requests, per: ever, amount: 10000000}]"
)
_REQUESTS: Final = CounterId("all", "requests/ever", 0)
_CALLERS: Final = 8
"""Of each gateway."""
_LONGEST: Final = 1.2
"""Seconds of load before a kill."""
_SEEDED: Final = 17


class Outcome(NamedTuple):
    """What came of it. Nothing may be missing, twice, wrong or held."""

    kills: int
    received: int
    """Requests that the provider was sent."""
    answered: int
    """Requests whose callers had the whole answer."""
    states: dict[str, int]
    """Rows of the ledger."""
    missing: int
    """Requests that the provider was sent and the ledger does not have."""
    twice: int
    """Requests with more than one row."""
    unsettled: int
    """Requests whose callers had the whole answer, and whose cost is only presumed."""
    differences: list[Any]
    """Of counters and days from the sums of the rows."""
    counted: tuple[int, int]
    """Requests by their counter: spent, leased."""
    journals: int
    """Files that are left."""

    @property
    def faults(self) -> dict[str, Any]:
        """What should not be; empty if all is well."""
        rows = sum(self.states.values())
        found = {
            "missing": self.missing, "twice": self.twice, "unsettled": self.unsettled,
            "differences": self.differences, "journals": self.journals,
            "counted": () if self.counted == (rows, 0) else self.counted,
        }  # fmt: skip
        return {name: value for name, value in found.items() if value}


class Load:
    """Callers of gateways; each request has an id of its own, which its prompt says, too."""

    def __init__(self, key: str | None = None) -> None:
        """`key`: of those who ask without an end."""
        self._numbers = count()
        self._key = key
        self.answered: set[str] = set()

    @asynccontextmanager
    async def on(self, url: str) -> AsyncIterator[None]:
        """While it lasts; a gateway that is gone is asked no more."""
        async with aiohttp.ClientSession() as session:
            callers = [asyncio.ensure_future(self._call(session, url)) for _ in range(_CALLERS)]
            try:
                yield
            finally:
                for caller in callers:
                    caller.cancel()
                await asyncio.gather(*callers, return_exceptions=True)

    async def _call(self, session: aiohttp.ClientSession, url: str) -> None:
        with contextlib.suppress(aiohttp.ClientError):
            while True:
                assert await self.ask(session, url, self._key) == 200

    async def ask(self, session: aiohttp.ClientSession, url: str, key: str | None) -> int:
        """The status of one more request."""
        number = next(self._numbers)
        name, stream = f"request-{number}", number % 2 == 0
        body = {
            "model": "p", "messages": [{"role": "user", "content": name}], "max_tokens": 50,
            "stream": stream,
        }  # fmt: skip
        headers = {"x-request-id": name}
        if key is not None:
            headers["authorization"] = f"Bearer {key}"
        async with session.post(f"{url}/v1/chat/completions", json=body, headers=headers) as answer:
            said = await answer.read()
            if answer.status == 200 and (not stream or said.endswith(b"data: [DONE]\n\n")):
                self.answered.add(name)
            return answer.status


def answered(received: Received) -> list[Step]:
    if not received.body["stream"]:
        return [Pause(0.02), *json_answer(openai_completion())]
    return [SSE_HEAD, *(step for event in OPENAI_STREAM for step in (event, Pause(0.01))), End()]


async def run(directory: Path, kills: int, store_url: str | None) -> Outcome:
    """`store_url`: of a Postgres; None: a file."""
    load, rng = Load(), random.Random(_SEEDED)
    own = [directory / name for name in (("one", "one") if store_url is None else ("one", "two"))]
    environ = {} if store_url is None else {"LLM_ROUTER_STORE_URL": store_url}
    steady, mortal = ({**configured(each, LIMITS), **environ} for each in own)
    async with (
        fake_upstream(openai=answered) as fake,
        running(steady, fake) as (going_on, url),
        load.on(url),
    ):
        for _ in range(kills):
            async with running(mortal, fake) as (process, url), load.on(url):
                await asyncio.sleep(rng.uniform(0.2, _LONGEST))
                process.kill()
                await process.wait()
        async with running(mortal, fake) as (again, url), load.on(url):
            await asyncio.sleep(0.5)
            for process in (again, going_on):
                process.send_signal(signal.SIGTERM)
                await asyncio.wait_for(process.wait(), 30)
    sent = {each.body["messages"][0]["content"] for each in fake.received}
    journals = sum(1 for each in set(own) for _ in (each / "state" / "journal").iterdir())
    url = store_url or "sqlite:"
    return await asyncio.to_thread(looked_at, url, own[0] / "state", kills, sent, load, journals)


@asynccontextmanager
async def running(
    environ: dict[str, str], fake: FakeUpstream, program: Path | None = None
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A gateway, and its URL. `program`: the directory of its source, if it is not this one."""
    started = gateway_process(patience=60, program=program, **environ, **fake.environ())
    async with started as (process, url):
        reading = asyncio.ensure_future(process.communicate())  # or it stops at a full pipe
        try:
            yield process, url
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await reading


def looked_at(
    url: str, state: Path, kills: int, sent: set[str], load: Load, journals: int
) -> Outcome:
    """What a store says after it all."""
    with contextlib.closing(open_store(url, state, patient=True)) as database:
        rows = list(_all_rows(database))
        found = ledger.differences(database)
        counted = used(database, _REQUESTS)
    named = Counter(row.request for row in rows)
    uncertain = {row.request for row in rows if row.state == "presumed"}
    return Outcome(
        kills, len(sent), len(load.answered), dict(Counter(row.state for row in rows)),
        len(sent - named.keys()), sum(1 for times in named.values() if times > 1),
        len(load.answered & uncertain), found, counted, journals,
    )  # fmt: skip


def _all_rows(database: Database) -> Iterator[LedgerRow]:
    after = ""
    while page := ledger.rows(database, after=after):
        yield from page
        after = page[-1].id


@contextmanager
def _store(engine: Engine) -> Iterator[str | None]:
    """The URL of an empty one. Raises FileNotFoundError."""
    if engine == "sqlite":
        yield None
        return
    with running_server() as postgres:
        if postgres is None:
            raise FileNotFoundError(NOT_CHECKED)
        yield postgres.new_database()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.killed_gateways")
    parser.add_argument("--kills", type=int, default=40, metavar="N")
    parser.add_argument("--engine", choices=("sqlite", "postgres"), action="append")
    options = parser.parse_args()
    status = 0
    for engine in options.engine or ("sqlite", "postgres"):
        try:
            with _store(engine) as url, tempfile.TemporaryDirectory() as directory:
                outcome = asyncio.run(run(Path(directory), options.kills, url))
        except FileNotFoundError as error:
            print(error)
            status = 1
            continue
        print(f"{engine}: {outcome}")
        print(f"{engine}: faults: {outcome.faults or 'none'}", flush=True)
        status = 1 if outcome.faults else status
    return status


if __name__ == "__main__":
    sys.exit(main())
