"""Runs one fault: every provider, JSON and stream, with a fallback and without, against one gateway
on a real socket.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Final
from unittest import mock

from gateway.upstream import pool
from tests.chaos import clocks
from tests.chaos.answers import ANSWERS, DIALECTS
from tests.chaos.callers import ask, ask_and_read_slowly, leave
from tests.chaos.fault import PLACES, Fault
from tests.chaos.faulty import Faulty, Script, Step, blackhole, closed_port, listening
from tests.chaos.leftovers import held, left_over, standing
from tests.chaos.outcomes import Left, Outcome, Served
from tests.chaos.responses import good
from tests.serving import Running, serving
from translators.json_codec import dumps

UNRESOLVABLE: Final = ".".join(["x" * 60] * 5) + ".invalid"
"""Longer than a name can be: the resolver refuses it itself, so no network is asked."""
FALLBACK_OF: Final = {"claude": "gemini", "openai": "claude", "gemini": "openai"}
ROW: Final = {
    "context_window": 100_000, "max_output_tokens": 10_000, "capabilities": ["streaming"],
    "cost_tier": "low"
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """One request's circumstances; its name is a persona's, its provider's and the first segment of
    its path.
    """

    dialect: str
    stream: bool
    backed: bool

    @property
    def name(self) -> str:
        return f"{self.dialect}_{'stream' if self.stream else 'json'}_{'backed' if self.backed else 'alone'}"  # noqa: E501


CASES: Final = tuple(
    Case(dialect, stream, backed)
    for dialect in DIALECTS
    for stream in (False, True)
    for backed in (False, True)
)


@dataclass(frozen=True, slots=True)
class Result:
    """What was expected of one case and what was seen, once for each of its requests."""

    case: Case
    expected: Outcome
    seen: tuple[Outcome, ...]
    calls: tuple[int, int] = (0, 0)
    """How often the provider was to be asked, and was."""
    sometimes_served: bool = False

    def __str__(self) -> str:
        what = (
            f"{self.case.name}: expected {self.expected}, seen:"
            f" {', '.join(dict.fromkeys(map(str, self.seen)))}"
        )
        return (
            what
            if self.calls[0] == self.calls[1]
            else f"{what}; asked {self.calls[1]} times instead of {self.calls[0]}"
        )

    @property
    def as_specified(self) -> bool:
        if self.calls[0] != self.calls[1]:
            return False
        if self.sometimes_served and not self.case.backed:
            return set(self.seen) == {self.expected, Served()}
        return set(self.seen) <= (
            {self.expected, Served()} if self.sometimes_served else {self.expected}
        )


def cases(fault: Fault) -> list[tuple[Case, Outcome]]:
    """The cases that exist for a fault, each with its expected outcome."""
    outcomes = ((case, fault.outcome(case.dialect, case.stream, case.backed)) for case in CASES)
    return [(case, expected) for case, expected in outcomes if expected is not None]


async def run(fault: Fault) -> tuple[list[Result], list[str]]:
    """The results, and what was left over of tasks, descriptors and what the gateway held: at rest,
    and after everything was closed.
    """
    at_first = standing()
    faulty, well = Faulty(_script(fault), fault.on_accept), Faulty(_well)
    async with AsyncExitStack() as stack:
        stack.enter_context(mock.patch.object(pool, "KEEP_IDLE", clocks.KEEP_IDLE))
        await stack.enter_async_context(listening(faulty))
        await stack.enter_async_context(listening(well))
        running = await stack.enter_async_context(
            _gateway(fault, _place(fault, faulty.port, stack), well.port)
        )
        before = standing()
        run = _Run(
            fault, running.url, faulty, asyncio.Semaphore(1) if fault.heavy else nullcontext()
        )
        results = await asyncio.gather(
            *(run.case(case, expected) for case, expected in cases(fault))
        )
        left = await left_over(before, lambda: _counts(running, faulty, well))
        asked = sum(result.calls[0] for result in results)
        if fault.on_accept is not None and faulty.accepted != asked:
            left.append(
                f"connections to the faulty: {faulty.accepted} were made instead of {asked}"
            )
    return list(results), [*left, *await left_over(at_first)]


def _counts(running: Running, faulty: Faulty, well: Faulty) -> dict[str, int]:
    return {
        **held(running.gateway),
        "connections to the faulty": faulty.open,
        "connections to the well": well.open,
    }


@dataclass(frozen=True, slots=True)
class _Run:
    """One fault while it runs."""

    fault: Fault
    url: str
    faulty: Faulty
    turn: asyncio.Semaphore | nullcontext[None]

    async def case(self, case: Case, expected: Outcome) -> Result:
        fault = self.fault
        async with self.turn:
            led_up = []
            for outcome in fault.lead_up:
                led_up.append(await self._request(case, outcome, 1))
                await asyncio.sleep(clocks.PAUSE)
            outcomes = await asyncio.gather(
                *(self._request(case, expected, fault.requests) for _ in range(fault.requests))
            )
        if tuple(led_up) != fault.lead_up:
            outcomes = [*led_up, *outcomes]
        calls = fault.calls_in_all(case.backed)
        asked = (
            self.faulty.calls[case.name]
            if calls is not None and fault.steps is not None
            else calls or 0
        )
        return Result(case, expected, tuple(outcomes), (calls or 0, asked), fault.sometimes_served)

    async def _request(self, case: Case, expected: Outcome, at_once: int) -> Outcome:
        calls = self.faulty.calls
        if isinstance(expected, Left):
            enough = calls[case.name] + min(at_once, PLACES)
            return await leave(self.url, case.name, case.stream, lambda: calls[case.name] >= enough)
        if self.fault.read_slowly:
            return await ask_and_read_slowly(
                self.url, case.name, self.fault.text, lambda: self.faulty.sent[case.name]
            )
        return await ask(self.url, case.name, case.stream)


def _script(fault: Fault) -> Script | None:
    steps = fault.steps
    return (
        None
        if steps is None
        else lambda name, stream, before: steps(ANSWERS[name.partition("_")[0]], stream, before)
    )


def _well(name: str, stream: bool, before: int) -> list[Step]:
    return good(ANSWERS[name], stream)


def _place(fault: Fault, port: int, stack: AsyncExitStack) -> str:
    """The beginning of the faulty provider's URL."""
    match fault.place:
        case "server":
            return f"http://127.0.0.1:{port}"
        case "tls":
            return f"https://127.0.0.1:{port}"
        case "refused":
            return f"http://127.0.0.1:{closed_port()}"
        case "unresolvable":
            return f"http://{UNRESOLVABLE}"
        case "blackhole":
            return f"http://127.0.0.1:{stack.enter_context(blackhole())}"


@asynccontextmanager
async def _gateway(fault: Fault, faulty: str, well_port: int) -> AsyncIterator[Running]:
    """A gateway with a provider and a persona for every case, so that no case learns from
    another."""

    def provider(dialect: str, url: str, short: bool) -> dict[str, object]:
        path = "/v1" if dialect == "openai" else ""
        timeouts = clocks.SHORT if short else clocks.PATIENT
        return {
            "dialect": dialect,
            "base_url": url + path,
            "key_variable": None,
            "timeouts": timeouts,
            "models": {"m": ROW},
        }

    places = {"concurrency": {"limit": PLACES, "queue": 100}}
    providers = {
        case.name: provider(case.dialect, f"{faulty}/{case.name}", not fault.patient) | places
        for case in CASES
    }
    providers |= {
        f"well_{dialect}": provider(dialect, f"http://127.0.0.1:{well_port}/{dialect}", False)
        for dialect in DIALECTS
    }
    personas = {
        case.name: {
            "description": "d",
            "targets": [
                f"{case.name}/m",
                *([f"well_{FALLBACK_OF[case.dialect]}/m"] if case.backed else []),
            ],
            "on_failure": {
                "retries": fault.retries,
                **({"backoff": {"initial": 0.05, "max": 2}} if fault.retries else {}),
            },
        }
        for case in CASES
    }
    capabilities = dumps({"version": 1, "providers": providers}).decode()
    policy = dumps(
        {"version": 1, "resilience": {"breaker": fault.breaker}, "personas": personas}
    ).decode()
    async with serving({}, policy, capabilities=capabilities) as running:
        yield running
