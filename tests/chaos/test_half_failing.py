"""200 callers in parallel while one target fails half its calls: all get an answer, and the outage
is not made worse.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import pytest

from tests.chaos.answers import ANSWERS, DIALECTS, Answer
from tests.chaos.faulty import Faulty, Step, listening
from tests.chaos.outcomes import Outcome, Served, seen
from tests.chaos.responses import (
    body,
    events,
    good,
    half_headers,
    head,
    headers,
    no_content_yet,
    status,
    then,
)
from tests.chaos.run import ROW
from tests.fakes import End, Pause, Reset
from tests.serving import serving
from translators.json_codec import dumps

CALLERS: Final = 200
RETRY_BUDGET: Final = 10
"""Calls that may be made beyond a tenth of the callers: `resilience.retry_budget.reserve`."""

FAULTS: Final = (
    status("503 Service Unavailable"),
    status("500 Internal Server Error"),
    then(headers, Pause(0.01), Reset()),
    then(no_content_yet, Pause(0.01), End()),
    then(half_headers, Pause(0.01), Reset()),
    lambda answer, stream, _: events(answer.error_event) if stream else body(answer.error),
    lambda answer, stream, _: (
        events(answer.prelude, answer.cut_event) if stream else body(answer.whole[:-9])
    ),
    lambda *_: [head("text/html", length=0)],
)


@dataclass(slots=True)
class Flapping:
    """Every other call fails, each time in another way."""

    answer: Answer
    failed: int = 0

    def script(self, name: str, stream: bool, before: int) -> list[Step]:
        if before % 2:
            return [Pause(0.02), *good(self.answer, stream)]
        self.failed += 1
        return [Pause(0.02), *FAULTS[self.failed % len(FAULTS)](self.answer, stream, before)]


@dataclass(slots=True)
class Seen:
    """What came of all callers."""

    outcomes: Counter[Outcome]
    calls: int
    """Requests that providers got."""
    failed: int
    """Those that the flapping one failed."""


async def crowd(dialect: str, at_once: int, concurrency: dict[str, int] | None = None) -> Seen:
    """200 callers, `at_once` of them at a time; `concurrency` limits what is sent to the flapping
    target.
    """
    flapping = Flapping(ANSWERS[dialect])
    bad, well = (
        Faulty(flapping.script),
        Faulty(lambda name, stream, before: good(ANSWERS[dialect], stream)),
    )
    path = "/v1" if dialect == "openai" else ""

    def provider(server: Faulty, **more: Any) -> dict[str, Any]:
        url = f"http://127.0.0.1:{server.port}/x{path}"
        return {
            "dialect": dialect,
            "base_url": url,
            "key_variable": None,
            "models": {"m": ROW},
            **more,
        }

    async with listening(bad), listening(well):
        providers = {
            "half": provider(bad, **({"concurrency": concurrency} if concurrency else {})),
            "well_": provider(well),
        }
        capabilities = dumps({"version": 1, "providers": providers}).decode()
        policy = dumps(
            {
                "version": 1,
                "personas": {"p": {"description": "d", "targets": ["half/m", "well_/m"]}},
            }
        ).decode()
        turn = asyncio.Semaphore(at_once)
        async with (
            serving({}, policy, capabilities=capabilities) as running,
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
        ):

            async def ask(number: int) -> Outcome:
                stream = bool(number % 2)
                message = {"role": "user", "content": f"caller {number}"}
                document = {"model": "p", "messages": [message], "stream": stream, "max_tokens": 50}
                async with (
                    turn,
                    session.post(f"{running.url}/v1/chat/completions", json=document) as answer,
                ):
                    return seen(answer.status, answer.headers, await answer.read(), stream)

            outcomes = Counter(await asyncio.gather(*(ask(number) for number in range(CALLERS))))
    return Seen(outcomes, bad.calls["x"] + well.calls["x"], flapping.failed)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_all_at_once_each_failure_costs_one_call(dialect: str) -> None:
    """All are sent before anything is known, so the failures are many; none is paid twice."""
    crowded = await crowd(dialect, at_once=CALLERS)
    assert set(crowded.outcomes) <= {Served(), Served(by_fallback=True)}
    assert crowded.calls == CALLERS + crowded.failed


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("at_once", "concurrency"),
    [(20, None), (CALLERS, {"limit": 20, "queue": CALLERS})],
    ids=["20 at a time", "a limit for the target"],
)
async def test_a_target_that_fails_half_its_calls_is_left(
    dialect: str, at_once: int, concurrency: dict[str, int] | None
) -> None:
    crowded = await crowd(dialect, at_once, concurrency)
    assert set(crowded.outcomes) <= {Served(), Served(by_fallback=True)}
    assert crowded.calls <= 1.1 * CALLERS + RETRY_BUDGET
