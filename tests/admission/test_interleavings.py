"""Random interleavings of several processes against a plain sum: never more than the cap is used,
nobody is refused while there is room, and the ledger adds up.
"""

import asyncio
import tempfile
from pathlib import Path
from typing import Final

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gateway.admission.reservation import Reservation
from gateway.store import ledger
from gateway.store.counters import used
from gateway.store.limits_rows import CounterId
from tests.admission.instances import URL_FILE, Instance, close_all, limit_of
from tests.postgres import Server

CAP: Final = 100
COUNTER: Final = CounterId("all", "tokens/ever", 0)
LIMIT: Final = limit_of(on="tokens", per="ever", amount=CAP)
_PROCESS: Final = st.integers(0, 2)
STEPS: Final = st.lists(
    st.one_of(
        st.tuples(st.just("admit"), _PROCESS, st.integers(1, 60)),
        st.tuples(st.just("settle"), _PROCESS, st.integers(0, 100)),
        st.tuples(st.just("book"), _PROCESS, st.just(0)),
        st.tuples(st.just("tend"), _PROCESS, st.just(0)),
        st.tuples(st.just("crash"), _PROCESS, st.just(0)),
    ),
    min_size=5,
    max_size=30,
)


class World:
    """Three processes, and what a plain sum makes of them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.processes = [Instance(directory, (LIMIT,)) for _ in range(3)]
        self.running: list[list[tuple[Reservation, int]]] = [[], [], []]
        self.spent = 0

    @property
    def held(self) -> int:
        return sum(tokens for holds in self.running for _, tokens in holds)

    async def admit(self, number: int, tokens: int) -> None:
        others = [p for p in self.processes if p is not self.processes[number]]
        tending = asyncio.ensure_future(self._answer(others))
        admitted = await self.processes[number].admit(tokens)
        tending.cancel()
        await asyncio.gather(tending, return_exceptions=True)
        fits = self.spent + self.held + tokens <= CAP
        assert (admitted is not None) == fits
        if admitted is not None:
            self.running[number].append((admitted, tokens))

    async def _answer(self, others: list[Instance]) -> None:
        while True:
            for process in others:
                await process.leases.answer_recalls()
            await asyncio.sleep(0.002)

    async def settle(self, number: int, percent: int) -> None:
        if self.running[number]:
            reservation, tokens = self.running[number].pop(0)
            used_up = tokens * percent // 100
            self.processes[number].settle(reservation, used_up)
            self.spent += used_up

    async def book(self, number: int, _: int) -> None:
        await self.processes[number].queue.book()

    async def tend(self, number: int, _: int) -> None:
        await self.processes[number].beat()
        await self.processes[number].leases.return_idle()

    async def crash(self, number: int, _: int) -> None:
        """Killed, and found by the one that is started in its place."""
        self.processes[number].crash()
        self.spent += sum(tokens for _, tokens in self.running[number])
        self.running[number] = []
        self.processes[number] = Instance(self.directory, (LIMIT,))
        await self.processes[number].recover()
        await self.processes[number].beat()

    async def check(self) -> None:
        """On the store's own thread: what it still does for somebody who was cancelled would show
        the tables as they were."""
        spent, leased = await self.processes[0].thread.call(used, COUNTER)
        assert self.spent + self.held <= spent + leased <= CAP


async def run(steps: list[tuple[str, int, int]], url: str | None) -> None:
    with tempfile.TemporaryDirectory() as directory:
        if url is not None:
            (Path(directory) / URL_FILE).write_text(url)
        world = World(Path(directory))
        for process in world.processes:
            await process.beat()
        for name, number, value in steps:
            await getattr(world, name)(number, value)
            await world.check()
        for number, holds in enumerate(world.running):
            while holds:
                await world.settle(number, 50)
        for process in world.processes:
            await process.close()
        last = Instance(world.directory, (LIMIT,))
        assert used(last.database, COUNTER) == (world.spent, 0)
        assert ledger.differences(last.database) == []
        await last.close()
        close_all()


@settings(max_examples=20)
@given(steps=STEPS)
def test_no_more_than_the_cap_and_no_less(steps: list[tuple[str, int, int]]) -> None:
    asyncio.run(run(steps, None))


@settings(
    max_examples=10, phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=(HealthCheck.function_scoped_fixture, HealthCheck.too_slow),
)  # fmt: skip
@given(steps=STEPS)
def test_no_more_than_the_cap_and_no_less_on_postgres(
    postgres_server: Server, steps: list[tuple[str, int, int]]
) -> None:
    asyncio.run(run(steps, postgres_server.new_database()))
