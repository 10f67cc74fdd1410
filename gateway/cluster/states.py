"""States of this process for the others: sealed, written behind, and looked for with little
patience.

What waits is bounded, and so is what is read at a time. A store that was late three times in a row
is asked but once a second, so that requests do not queue up behind it.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from gateway.admission.store_thread import StoreDown, StoreThread
from gateway.cluster.metrics import ClusterMetrics
from gateway.cluster.seal import StateKeys
from gateway.store import shared
from gateway.store.database import Database
from gateway.store.states import Name, StateKind
from translators.json_codec import dumps, loads

MOST_BYTES: Final[Mapping[StateKind, int]] = {
    "pin": 1024,
    "item": 1024,
    "reasoning": 256 * 1024,
    "response": 1024 * 1024,
}
"""Of one state, sealed; a larger one is not shared."""
MOST_INFLATED: Final = 16 * 1024 * 1024
MOST_WAITING: Final = 5_000
MOST_WAITING_BYTES: Final = 32 * 1024 * 1024
BATCH: Final = 200
BATCH_BYTES: Final = 1024 * 1024
MOST_READS: Final = 32
"""At a time."""
REST: Final = 1.0
"""Seconds for which a store that keeps being late is not asked."""
LATE: Final = 3
"""Times in a row."""


class _Waiting(NamedTuple):
    kind: StateKind
    value: Any
    size: int
    expires: int
    """0: it is to be taken away."""


class SharedStates:
    """One for a process. `clock`: Unix seconds by the store's clock; `now`: monotonic seconds."""

    def __init__(
        self,
        thread: StoreThread,
        keys: StateKeys,
        clock: Callable[[], float],
        now: Callable[[], float],
        metrics: ClusterMetrics,
    ) -> None:
        self._thread = thread
        self._keys = keys
        self._clock = clock
        self._now = now
        self._metrics = metrics
        self._waiting: OrderedDict[bytes, _Waiting] = OrderedDict()
        self._bytes = 0
        self._reads = 0
        self._late = 0
        """Reads in a row that were late."""
        self._rests: dict[float, float] = {}
        """Until when nobody reads who has no more patience than that."""

    def __len__(self) -> int:
        """What waits to be written."""
        return len(self._waiting)

    def keep(self, kind: StateKind, name: Name, value: Any, size: int, lifetime: float) -> None:
        if size > MOST_INFLATED // 2:
            self._metrics.state(kind, "lost")
            return
        expires = int(self._clock() + lifetime)
        self._wait(_id(kind, name), _Waiting(kind, value, size, expires))

    def forget(self, kind: StateKind, name: Name) -> None:
        self._wait(_id(kind, name), _Waiting(kind, None, 0, 0))

    def _wait(self, id_: bytes, waiting: _Waiting, *, first: bool = False) -> None:
        before = self._waiting.pop(id_, None)
        self._bytes += waiting.size - (0 if before is None else before.size)
        self._waiting[id_] = waiting
        if first:
            self._waiting.move_to_end(id_, last=False)
        while len(self._waiting) > MOST_WAITING or self._bytes > MOST_WAITING_BYTES:
            _, lost = self._waiting.popitem(last=False)
            self._bytes -= lost.size
            self._metrics.state(lost.kind, "lost")

    async def write(self) -> None:
        """Bring all that waits into the store. Raises StoreDown; then it goes on waiting."""
        while self._waiting:
            batch: list[tuple[bytes, _Waiting]] = []
            size = 0
            while self._waiting and len(batch) < BATCH and size < BATCH_BYTES:
                id_, waiting = self._waiting.popitem(last=False)
                self._bytes -= waiting.size
                size += waiting.size
                batch.append((id_, waiting))
            now = int(self._clock())
            try:
                lost = await self._thread.call(_write, self._keys, batch, now)
            except StoreDown:
                for id_, waiting in reversed(batch):
                    if id_ not in self._waiting:  # else it is newer
                        self._wait(id_, waiting, first=True)
                raise
            for id_, waiting in batch:
                if waiting.expires:
                    self._metrics.state(waiting.kind, "lost" if id_ in lost else "kept")

    async def forget_old(self) -> None:
        """Raises StoreDown."""
        await self._thread.call(shared.forget_old, int(self._clock()))

    async def find(
        self, kind: StateKind, names: Sequence[Name], patience: float
    ) -> dict[Name, Any] | None:
        rests = self._now() < self._rests.get(patience, 0.0)
        if self._thread.down or self._reads >= MOST_READS or rests:
            self._metrics.state(kind, "late", len(names))
            return None
        wanted = {_id(kind, name): name for name in names}
        self._reads += 1
        now = int(self._clock())
        reading = asyncio.ensure_future(
            self._thread.call(_read, self._keys, kind, list(wanted), now)
        )
        reading.add_done_callback(self._read)
        await asyncio.wait({reading}, timeout=patience)
        if not reading.done() or reading.cancelled() or reading.exception() is not None:
            self._late += 1
            if self._late >= LATE:
                self._rests[patience] = self._now() + REST
            self._metrics.state(kind, "late", len(names))
            return None
        self._late = 0
        found, lost = reading.result()
        self._metrics.state(kind, "found", len(found))
        self._metrics.state(kind, "missing", len(wanted) - len(found) - lost)
        if lost:
            self._metrics.state(kind, "lost", lost)
        return {wanted[id_]: value for id_, value in found.items()}

    def _read(self, reading: "asyncio.Task[Any]") -> None:
        self._reads -= 1
        if not reading.cancelled():
            reading.exception()  # whoever waited is gone, perhaps: it is told by what is down

    def sealed_name(self, name: Name) -> str:
        """A name that may be told to other processes."""
        return self._keys.seal(dumps(name), b"name").hex()

    def opened_name(self, sealed: str) -> Name | None:
        """The name; None if none of ours sealed it."""
        try:
            name = self._keys.open(bytes.fromhex(sealed), b"name", 4096)
        except ValueError:
            return None
        return None if name is None else tuple(loads(name))


def _id(kind: StateKind, name: Name) -> bytes:
    """A digest that says nothing of the name, whose parts are told apart."""
    parts = [part.encode("utf-8", "surrogatepass") for part in (kind, *name)]
    return hashlib.sha256(b"".join([b"%d:%b" % (len(part), part) for part in parts])).digest()


def _bound(kind: StateKind, id_: bytes) -> bytes:
    return kind.encode() + b"\0" + id_


def _write(
    database: Database, keys: StateKeys, batch: Sequence[tuple[bytes, _Waiting]], now: int
) -> set[bytes]:
    """Seal and keep; the ids of what was too large, or cannot be said."""
    states, forgotten, lost = [], [], set()
    for id_, waiting in batch:
        if not waiting.expires:
            forgotten.append(id_)
            continue
        try:
            sealed = keys.seal(dumps(waiting.value), _bound(waiting.kind, id_))
        except ValueError:
            sealed = None
        if sealed is None or len(sealed) > MOST_BYTES[waiting.kind]:
            lost.add(id_)
        else:
            states.append(shared.State(id_, waiting.expires, sealed))
    shared.keep(database, now, states, forgotten)
    return lost


def _read(
    database: Database, keys: StateKeys, kind: StateKind, ids: Sequence[bytes], now: int
) -> tuple[dict[bytes, Any], int]:
    """The values of these ids, and how many there are that cannot be opened."""
    found = shared.find(database, ids, now)
    values: dict[bytes, Any] = {}
    for id_, sealed in found.items():
        value = keys.open(sealed, _bound(kind, id_), MOST_INFLATED)
        if value is not None:
            values[id_] = loads(value)
    return values, len(found) - len(values)
