"""Two versions beside each other on one Postgres, as while a roll-out runs: an older commit's
gateway and this one's, under load, killed in turn. `python -m tests.two_versions --old COMMIT
[--minutes 60]`. Not part of the suite: it needs the repository's history.

The older one makes the store, this one brings its schema up while the older one serves. Then, turn
by turn: 200 requests at once at a limit of 100 over both, by a key that one of them made and the
other revokes; and one of them is killed and started again, each on its own journal. In the end the
older one is replaced by this version, on the journal that a killed one left.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final, NamedTuple

import aiohttp

from tests.fakes import FakeUpstream, fake_upstream
from tests.killed_gateways import LIMITS, Load, Outcome, answered, looked_at, running
from tests.postgres import NOT_CHECKED, running_server
from tests.serving import ROOT
from tests.test_limits_process import ADMIN, configured, new_key
from tests.test_process import gateway_process

_KNOWN: Final = 2.2
"""Seconds until a key is known, or refused, everywhere."""
_PATIENCE: Final = 20.0
_EXACT: Final = {200: 100, 429: 100}
_LIMIT: Final = {"on": "requests", "per": "day", "amount": 100}


class Gateway(NamedTuple):
    """A version on a state directory of its own."""

    name: str
    environ: dict[str, str]
    program: Path | None
    """Where its source is; None: here."""


class Running:
    """A gateway under load, which can be killed and started again."""

    def __init__(self, gateway: Gateway, fake: FakeUpstream, load: Load) -> None:
        self.gateway = gateway
        self._fake = fake
        self._load = load
        self._stack = AsyncExitStack()
        self.process: Any = None
        self.url = ""

    async def start(self) -> None:
        _, environ, program = self.gateway
        started = running(environ, self._fake, program)
        self.process, self.url = await self._stack.enter_async_context(started)

    async def under_load(self) -> None:
        await self._stack.enter_async_context(self._load.on(self.url))

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()
        await self._stack.aclose()

    async def stop(self) -> None:
        self.process.terminate()
        await asyncio.wait_for(self.process.wait(), 60)
        await self._stack.aclose()


def checked_out(commit: str, directory: Path) -> Path:
    """The tree of a commit."""
    archive = subprocess.run(
        ["git", "archive", commit], cwd=ROOT, check=True, stdout=subprocess.PIPE
    ).stdout
    directory.mkdir()
    subprocess.run(["tar", "-x"], cwd=directory, input=archive, check=True)
    return directory


def _configured(directory: Path, name: str, store: str, program: Path | None) -> Gateway:
    environ = {**configured(directory / name, f"{LIMITS}\nkey_defaults: {{}}")}
    if program is not None:
        shipped = program / "config" / "capabilities.yaml"
        target = directory / name / "config" / "capabilities.yaml"
        target.write_text(shipped.read_text("utf-8"), "utf-8")
    return Gateway(name, {**environ, "LLM_ROUTER_STORE_URL": store}, program)


async def _exact(load: Load, one: str, other: str) -> list[str]:
    """200 at once at a limit of 100, and a revocation, by two gateways: what went wrong."""
    wrong = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        key = await _limited_key(session, one)
        await asyncio.sleep(_KNOWN)
        asked = (load.ask(session, (one, other)[n % 2], key) for n in range(200))
        statuses = Counter(await asyncio.gather(*asked))
        if statuses != _EXACT:
            wrong.append(f"answers at a limit of 100: {dict(statuses)}")
        revoked = f"{other}/api/v1/keys/{key.split('-')[2]}"
        async with session.delete(revoked, headers=ADMIN) as answer:
            assert answer.status == 200, await answer.text()
        began = time.monotonic()
        asked = (_honoured(load, session, url, key, began) for url in (one, other))
        longest = await asyncio.gather(*asked)
        if max(longest) > _KNOWN:
            wrong.append(f"a revoked key, good for {longest[0]:.1f} and {longest[1]:.1f} s")
    return wrong


async def _honoured(
    load: Load, session: aiohttp.ClientSession, url: str, key: str, began: float
) -> float:
    """Seconds until the last request was sent with it that was not refused, however long its answer
    took.
    """
    longest = 0.0
    while (asked := time.monotonic() - began) < _PATIENCE:
        if await load.ask(session, url, key) == 401:
            break
        longest = asked
        await asyncio.sleep(0.05)
    return longest


async def _limited_key(session: aiohttp.ClientSession, url: str) -> str:
    body = {"name": "n", "limits": [_LIMIT]}
    async with session.post(f"{url}/api/v1/keys", json=body, headers=ADMIN) as made:
        assert made.status == 201, await made.text()
        return str((await made.json())["key"])


async def _first_key(older: Gateway) -> str:
    """The older version makes the store, and a key in it."""
    started = gateway_process(patience=60, program=older.program, **older.environ)
    async with started as (_, url), aiohttp.ClientSession() as session:
        return await new_key(session, url)


async def run(directory: Path, old: Path, seconds: float, store: str) -> tuple[Outcome, list[str]]:
    """What came of it, and what went wrong meanwhile."""
    older = _configured(directory, "older", store, old)
    newer = _configured(directory, "newer", store, None)
    load, wrong, kills = Load(await _first_key(older)), list[str](), 0
    async with fake_upstream(openai=answered) as fake:
        both = [Running(older, fake, load), Running(newer, fake, load)]
        for each in both:
            await each.start()
            await asyncio.sleep(_KNOWN)
            await each.under_load()
        end = time.monotonic() + seconds
        while time.monotonic() < end or kills < 2:
            one, other = both[kills % 2], both[1 - kills % 2]
            found = await _exact(load, one.url, other.url)
            wrong += [f"turn {kills}, key of the {one.gateway.name}: {each}" for each in found]
            await one.kill()
            kills += 1
            await one.start()
            await asyncio.sleep(_KNOWN)
            await one.under_load()
        await both[0].kill()
        last = Running(older._replace(program=None), fake, load)
        await last.start()
        for each in (last, both[1]):
            await each.stop()
        sent = {each.body["messages"][0]["content"] for each in fake.received}
    states = [Path(each.environ["LLM_ROUTER_STATE_DIR"]) for each in (older, newer)]
    journals = sum(1 for state in states for _ in (state / "journal").iterdir())
    kept = (store, states[0], kills + 1, sent, load, journals)
    return await asyncio.to_thread(looked_at, *kept), wrong


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.two_versions")
    parser.add_argument("--old", required=True, metavar="COMMIT")
    parser.add_argument("--minutes", type=float, default=60, metavar="N")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, running_server() as postgres:
        if postgres is None:
            print(NOT_CHECKED)
            return 1
        root = Path(name)
        old = checked_out(options.old, root / "program")
        store = postgres.new_database()
        outcome, wrong = asyncio.run(run(root, old, options.minutes * 60, store))
    print(outcome, *wrong, f"faults: {outcome.faults or 'none'}", sep="\n")
    return 1 if outcome.faults or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
