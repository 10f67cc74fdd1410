"""200 requests at once at a limit of 100, time after time: one process, four workers that share a
file, four instances that share a Postgres. `python -m tests.exact_limits [--turns 20]`.
"""

import argparse
import asyncio
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp

from tests.fakes import FakeUpstream, fake_upstream, json_answer, openai_completion
from tests.postgres import NOT_CHECKED, running_server
from tests.test_limits_process import ask, configured, new_key
from tests.test_process import gateway_process

EXACT: Final = {200: 100, 429: 100, "sent": 100}
"""One turn: answers by their status, and what the provider was sent."""
_LIMITS: Final = "key_defaults: {limits: [{on: requests, per: day, amount: 100}]}"
_KNOWN: Final = 2.2
"""Seconds until a new key is known everywhere."""
Turn = dict[Any, int]


async def one_process(directory: Path, turns: int) -> list[Turn]:
    return await _of_one_gateway(directory, turns)


async def four_workers(directory: Path, turns: int) -> list[Turn]:
    return await _of_one_gateway(directory, turns, "--workers", "4")


async def _of_one_gateway(directory: Path, turns: int, *arguments: str) -> list[Turn]:
    async with (
        _asked(directory) as (fake, session, environ),
        gateway_process(*arguments, patience=100, **environ) as (process, url),
    ):
        reading = asyncio.ensure_future(process.communicate())  # pipes stay empty
        done = await _turns(session, fake, [url], turns)
        await _stopped(process, reading)
    return done


async def four_instances(directory: Path, turns: int, store_url: str) -> list[Turn]:
    async with AsyncExitStack() as stack:
        fake, session, environ = await stack.enter_async_context(_asked(directory))
        started = []
        for number in range(4):
            own = {**environ, **configured(directory / str(number), _LIMITS)}
            own["LLM_ROUTER_STORE_URL"] = store_url
            started.append(await stack.enter_async_context(gateway_process(patience=100, **own)))
        reading = [asyncio.ensure_future(process.communicate()) for process, _ in started]
        done = await _turns(session, fake, [url for _, url in started], turns)
        for (process, _), each in zip(started, reading, strict=True):
            await _stopped(process, each)
    return done


@asynccontextmanager
async def _asked(
    directory: Path,
) -> AsyncIterator[tuple[FakeUpstream, aiohttp.ClientSession, Mapping[str, str]]]:
    async with (
        fake_upstream(openai=json_answer(openai_completion())) as fake,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
    ):
        yield fake, session, {**configured(directory, _LIMITS), **fake.environ()}


async def _turns(
    session: aiohttp.ClientSession, fake: FakeUpstream, urls: Sequence[str], turns: int
) -> list[Turn]:
    done = []
    for turn in range(turns):
        key = await new_key(session, urls[turn % len(urls)])
        await asyncio.sleep(_KNOWN)
        before = len(fake.received)
        asked = (ask(session, urls[n % len(urls)], key) for n in range(200))
        statuses = Counter(await asyncio.gather(*asked))
        done.append({**dict(sorted(statuses.items())), "sent": len(fake.received) - before})
    return done


async def _stopped(process: asyncio.subprocess.Process, reading: "asyncio.Future[Any]") -> None:
    process.send_signal(signal.SIGTERM)
    await asyncio.wait_for(reading, 30)
    assert process.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.exact_limits")
    parser.add_argument("--turns", type=int, default=20, metavar="N")
    turns = parser.parse_args().turns
    with tempfile.TemporaryDirectory() as name, running_server() as postgres:
        root = Path(name)
        found = {
            "one process": asyncio.run(one_process(root / "one", turns)),
            "4 workers on SQLite": asyncio.run(four_workers(root / "workers", turns)),
        }
        if postgres is None:
            print(NOT_CHECKED)
        else:
            url = postgres.new_database()
            found["4 instances on Postgres"] = asyncio.run(
                four_instances(root / "instances", turns, url)
            )
    for name, done in found.items():
        exact = sum(turn == EXACT for turn in done)
        print(f"{name}: {exact} of {turns} times exactly 100 answered and 100 refused")
        for turn in done:
            if turn != EXACT:
                print(f"    {turn}")
    exact = all(turn == EXACT for done in found.values() for turn in done)
    return 0 if exact and postgres is not None else 1


if __name__ == "__main__":
    sys.exit(main())
