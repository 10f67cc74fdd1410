"""Sends the mix and looks at every status."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import aiohttp

from tests.soak.works import WORKS, Work
from translators.json_codec import dumps

CALLERS: Final = 32
LONGEST: Final = 30.0
"""Seconds after which a request counts as hung."""


@dataclass(slots=True)
class Tally:
    """`unexpected` counts answers that no caller should get, by work and what was seen."""

    done: Counter[str] = field(default_factory=Counter)
    unexpected: Counter[str] = field(default_factory=Counter)


async def run(
    url: str,
    requests: int,
    every: int,
    progress: Callable[[int], None],
    works: Sequence[Work] = WORKS,
) -> Tally:
    """`progress` is told the number of requests done, each time `every` more are. The order is the
    same in each run.
    """
    draw = random.Random(1)
    chosen = iter(enumerate(draw.choices(works, [work.weight for work in works], k=requests)))
    tally, done = Tally(), 0

    async def caller(session: aiohttp.ClientSession) -> None:
        nonlocal done
        for number, work in chosen:
            await _one(session, url, work, number, tally)
            tally.done[work.name] += 1
            done += 1
            if done % every == 0:
                progress(done)

    connector, timeout = aiohttp.TCPConnector(limit=0), aiohttp.ClientTimeout(total=LONGEST)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        await asyncio.gather(*(caller(session) for _ in range(CALLERS)))
    return tally


async def _one(
    session: aiohttp.ClientSession, url: str, work: Work, number: int, tally: Tally
) -> None:
    data = dumps(work.body(number)) if work.raw is None else work.raw
    method = "GET" if data == b"" else "POST"
    leaving = (
        contextlib.nullcontext() if work.leaves_after is None else contextlib.suppress(TimeoutError)
    )
    try:
        with leaving:
            async with (
                asyncio.timeout(work.leaves_after or None),
                session.request(
                    method, url + work.path, data=data, headers={"content-type": "application/json"}
                ) as answer,
            ):
                if answer.status not in work.expected:
                    tally.unexpected[
                        f"{work.name}: {answer.status} {(await answer.read())[:200]!r}"
                    ] += 1
                elif work.leaves_after == 0:
                    await answer.content.readany()
                    answer.close()
                else:
                    await answer.read()
    except (aiohttp.ClientError, TimeoutError) as error:
        tally.unexpected[f"{work.name}: {error!r}"] += 1
