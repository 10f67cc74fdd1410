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
from tests.chaos.answers import ANSWERS, DIALECTS, EMBEDDED, Answer
from tests.chaos.apis import APIS, CHAT
from tests.chaos.callers import ask, ask_and_read_slowly, leave
from tests.chaos.fault import PLACES, Fault
from tests.chaos.faults import EVERY_API
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
EMBEDDING_ROW: Final = {
    "capabilities": ["embeddings"], "cost_tier": "low",
    "embedding": {"space": "s", "dimensions": 2},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """One request's circumstances; its name is a persona's, its provider's and the first segment of
    its path.
    """

    dialect: str
    stream: bool
    backed: bool
    api: str = CHAT
    """What its caller speaks."""

    @property
    def name(self) -> str:
        kind, backing = "stream" if self.stream else "json", "backed" if self.backed else "alone"
        return f"{self.dialect}_{kind}_{backing}_{self.api}"

    @property
    def fallback(self) -> str:
        """The dialect of the healthy provider."""
        if self.api == CHAT:
            return FALLBACK_OF[self.dialect]
        api = APIS[self.api]
        return api.translated if self.dialect == api.relayed else api.relayed

    @property
    def well(self) -> str:
        """The name of the healthy provider."""
        kind = f"well_{self.fallback}"
        return f"{kind}_embeddings" if self.api == "embeddings" else kind


CASES: Final = tuple(
    Case(dialect, stream, backed)
    for dialect in DIALECTS
    for stream in (False, True)
    for backed in (False, True)
)

OF_OTHER_APIS: Final = tuple(
    Case(dialect, stream, backed, name)
    for name, api in APIS.items()
    for dialect in (api.relayed, api.translated)
    for stream in ((False, True) if api.streams else (False,))
    for backed in (False, True)
)
"""A caller of each API at a provider that it is relayed to and at one that it is translated for,
each backed by the other."""


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
    outcomes = ((case, _expected(fault, case)) for case in cases_of(fault))
    return [(case, expected) for case, expected in outcomes if expected is not None]


def cases_of(fault: Fault) -> tuple[Case, ...]:
    return (*CASES, *OF_OTHER_APIS) if fault.title in EVERY_API else CASES


def _expected(fault: Fault, case: Case) -> Outcome | None:
    outcome = fault.outcome(case.stream, case.backed)
    return outcome if case.api == CHAT else APIS[case.api].told(outcome)


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
            return await leave(
                self.url, case.name, case.stream, lambda: calls[case.name] >= enough, case.api
            )
        if self.fault.read_slowly:
            return await ask_and_read_slowly(
                self.url, case.name, self.fault.text, lambda: self.faulty.sent[case.name]
            )
        return await ask(self.url, case.name, case.stream, api=case.api)


def _script(fault: Fault) -> Script | None:
    steps = fault.steps
    return (
        None if steps is None else lambda name, stream, before: steps(_answer(name), stream, before)
    )


def _well(name: str, stream: bool, before: int) -> list[Step]:
    return good(_answer(name), stream)


def _answer(name: str) -> Answer:
    """A good answer of the server of that name."""
    answers = EMBEDDED if name.endswith("_embeddings") else ANSWERS
    return answers[name.partition("_")[0]]


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

    def provider(kind: str, url: str, short: bool) -> dict[str, object]:
        dialect = kind.partition("_")[0]
        native = {"responses": "native"} if dialect == "responses" else {}
        speaks = "openai" if native else dialect
        return {
            "dialect": speaks,
            **native,
            "base_url": url + ("/v1" if speaks == "openai" else ""),
            "key_variable": None,
            "timeouts": clocks.SHORT if short else clocks.PATIENT,
            "models": {"m": EMBEDDING_ROW if kind.endswith("_embeddings") else ROW},
        }

    all_cases = cases_of(fault)
    places = {"concurrency": {"limit": PLACES, "queue": 100}}
    providers = {
        case.name: provider(case.name, f"{faulty}/{case.name}", not fault.patient) | places
        for case in all_cases
    }
    providers |= {
        case.well: provider(kind, f"http://127.0.0.1:{well_port}/{kind}", False)
        for case in all_cases
        for kind in [case.well.removeprefix("well_")]
    }
    personas = {
        case.name: {
            "description": "d",
            "targets": [f"{case.name}/m", *([f"{case.well}/m"] if case.backed else [])],
            "on_failure": {
                "retries": fault.retries,
                **({"backoff": {"initial": 0.05, "max": 2}} if fault.retries else {}),
            },
        }
        for case in all_cases
    }
    resilience = {"breaker": fault.breaker, "retry_budget": {"reserve": len(all_cases)}}
    capabilities = dumps({"version": 1, "providers": providers}).decode()
    policy = dumps({"version": 1, "resilience": resilience, "personas": personas}).decode()
    async with serving({}, policy, capabilities=capabilities) as running:
        yield running
