"""How many requests are sent to a provider or model at a time: more wait in a bounded queue, in the
order they came, for a bounded time. Processes that know of each other divide the places.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from typing import Final

from gateway.config import Concurrency, Model, Provider

_WEIGHT: Final = 0.1
"""Of a new observation of how long a place is taken."""


class QueueFull(Exception):
    """The queue is full, or the wait was too long. `retry_after`: seconds until there should be a
    place.
    """

    def __init__(self, retry_after: float) -> None:
        super().__init__("no place in the queue")
        self.retry_after = retry_after


class _Limit:
    """The places of one provider or model."""

    def __init__(self, settings: Concurrency, of: int, rank: int) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._taken = 0
        self._seconds = 1.0
        """How long a place is usually taken."""
        self.limit(settings, of, rank)

    async def enter(self) -> None:
        if self._taken < self._most:
            self._taken += 1
            return
        if len(self._waiting) >= self.settings.queue:
            raise QueueFull(self.expected_wait())
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(self.settings.wait):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self.give_back()  # the place came at the same moment
            elif turn in self._waiting:
                self._waiting.remove(turn)
            if isinstance(error, TimeoutError):
                raise QueueFull(self.expected_wait()) from None
            raise

    def leave(self, seconds: float) -> None:
        self._seconds += _WEIGHT * (seconds - self._seconds)
        self.give_back()

    def give_back(self) -> None:
        self._taken -= 1
        self._seat()

    def limit(self, settings: Concurrency, of: int, rank: int) -> None:
        """Its share of the places: a remainder is the oldest processes', and everybody has one."""
        self.settings = settings
        self._most = max(1, settings.limit // of + (rank < settings.limit % of))
        self._seat()

    def expected_wait(self) -> float:
        return max(1.0, self._seconds * (len(self._waiting) + 1) / self._most)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def _seat(self) -> None:
        while self._waiting and self._taken < self._most:
            turn = self._waiting.popleft()
            if not turn.done():
                self._taken += 1
                turn.set_result(None)


class Slot:
    """A place that is taken; `leave` it once."""

    __slots__ = ("_loop", "_rooms", "_since")

    def __init__(self, rooms: tuple[_Limit, ...]) -> None:
        self._loop = asyncio.get_running_loop()
        self._rooms = rooms
        self._since = self._loop.time()

    def leave(self) -> None:
        rooms, self._rooms = self._rooms, ()
        for room in rooms:
            room.leave(self._loop.time() - self._since)


class ConcurrencyLimiter:
    """Of one running gateway. A limit that changes by a reload holds for requests from then on."""

    def __init__(self) -> None:
        self._rooms: dict[str, _Limit] = {}
        self.of, self.rank = 1, 0
        """How many processes divide every limit, and how many of them are older."""

    def divide(self, of: int, rank: int) -> None:
        """From now on so many processes divide every limit, and `rank` of them are older than this
        one. Requests that have a place keep it.
        """
        if (of, rank) != (self.of, self.rank):
            self.of, self.rank = of, rank
            for room in self._rooms.values():
                room.limit(room.settings, of, rank)

    async def take(self, provider: Provider, model: Model) -> Slot | None:
        """A place at the provider and at the model; None if neither has a limit. Raises NoPlace."""
        if provider.concurrency is None and model.concurrency is None:
            return None
        taken: list[_Limit] = []
        try:
            # The model's first: who waits for it takes no place from the provider's other models.
            for name, settings in (
                (f"{provider.name}/{model.id}", model.concurrency),
                (provider.name, provider.concurrency),
            ):
                if settings is not None:
                    room = self._room(name, settings)
                    await room.enter()
                    taken.append(room)
        except BaseException:
            for room in taken:
                room.give_back()
            raise
        return Slot(tuple(taken))

    def waiting(self) -> Iterator[tuple[str, int]]:
        """Of every provider and `provider/model` that has a limit and was asked: how many requests
        wait for a place.
        """
        return ((name, room.waiting) for name, room in self._rooms.items())

    def _room(self, name: str, settings: Concurrency) -> _Limit:
        room = self._rooms.get(name)
        if room is None:
            room = self._rooms[name] = _Limit(settings, self.of, self.rank)
        elif room.settings is not settings:
            room.limit(settings, self.of, self.rank)
        return room
