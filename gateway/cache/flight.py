"""Requests on their way whose answer others wait for."""

import asyncio
from enum import Enum


class Landing(Enum):
    """How a flight ended."""

    KEPT = "kept"
    """Its answer is there for all who asked the same."""
    UNKEPT = "unkept"
    """It was answered, and the answer is none to give again: nobody need wait for another."""
    FAILED = "failed"
    """It failed, or its caller left: the next one tries."""


class Flight:
    """One request that leads. Whoever waits is told of its end only."""

    def __init__(self, flights: "Flights", key: str) -> None:
        self._flights = flights
        self._key = key
        self._landed: asyncio.Future[Landing] = asyncio.get_running_loop().create_future()

    def land(self, landing: Landing) -> None:
        """It is over; only the first end counts."""
        if not self._landed.done():
            self._landed.set_result(landing)
            self._flights.forget(self._key)

    async def landing(self, seconds: float) -> Landing:
        """Its end; UNKEPT if it does not come within so many seconds."""
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                return await asyncio.shield(self._landed)
        except TimeoutError:
            return Landing.UNKEPT


class Flights:
    """All of this process, by what they ask."""

    def __init__(self) -> None:
        self._flights: dict[str, Flight] = {}

    def __len__(self) -> int:
        return len(self._flights)

    def find(self, key: str) -> Flight | None:
        """The one that asks the same."""
        return self._flights.get(key)

    def lead(self, key: str) -> Flight:
        """A new one, which whoever asks the same waits for from now on; `land` it."""
        flight = self._flights[key] = Flight(self, key)
        return flight

    def forget(self, key: str) -> None:
        """It has landed."""
        self._flights.pop(key, None)
