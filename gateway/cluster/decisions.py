"""Decisions that are found at every instance: written behind once they are over, where the policy
keeps them (`store.decisions.keep`). Where it does not, an id still says which instance made it.
"""

import asyncio
import hashlib
import re
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Final

from gateway.admission.store_thread import StoreDown, StoreThread
from gateway.cluster.metrics import ClusterMetrics
from gateway.routing.decision_log import DecisionLog, DecisionRecord, record_document
from gateway.routing.plan import Plan
from gateway.store import decisions as store
from gateway.store import shared
from gateway.store.counters import LIVE
from gateway.store.database import Database
from gateway.store.shared import Member
from translators.json_codec import dumps, loads

PATIENCE: Final = 1.0
"""Seconds that who asks for a decision waits for the store."""
MOST_WAITING: Final = 10_000
BATCH: Final = 200
LONGEST: Final = 256 * 1024
"""Characters of a decision; a longer one is not kept."""
_MAKER: Final = slice(4, 10)
"""Where an id says who made it, after `dec_`."""
_DIGITS: Final = 6
_ID: Final = re.compile("dec_[0-9a-f]{20}")
"""The store is asked for no other text: what it cannot read counts as its failure."""


def digits_of(instance: str) -> str:
    """What ids of its decisions begin with."""
    return hashlib.sha256(instance.encode()).hexdigest()[:_DIGITS]


class KeptDecisions(DecisionLog):
    """Its records wait to be written, too."""

    def __init__(self, maker: str, lost: Callable[[], None]) -> None:
        """`lost`: called for one that is not kept because too many wait."""
        super().__init__(maker)
        self.waiting: deque[DecisionRecord] = deque()
        self._lost = lost

    def add(self, plan: Plan, moment: datetime, request_id: str) -> DecisionRecord:
        record = super().add(plan, moment, request_id)
        self.waiting.append(record)
        if len(self.waiting) > MOST_WAITING:
            self.waiting.popleft()
            self._lost()
        return record


class SharedDecisions:
    """One for a process. `keep`: seconds; None: they are not kept for others."""

    def __init__(
        self,
        instance: str,
        thread: StoreThread,
        keep: int | None,
        clock: Callable[[], float],
        metrics: ClusterMetrics,
    ) -> None:
        self._thread = thread
        self._keep = keep
        self._clock = clock
        self._metrics = metrics
        maker = digits_of(instance)
        self._kept = None if keep is None else KeptDecisions(maker, self._lose)
        self.log: DecisionLog = DecisionLog(maker) if self._kept is None else self._kept

    def _lose(self) -> None:
        self._metrics.state("decision", "lost")

    async def write(self) -> None:
        """Bring those that are over into the store. Raises StoreDown; then they go on waiting."""
        if self._kept is None:
            return
        waiting = self._kept.waiting
        for _ in range(-(-len(waiting) // BATCH)):  # each is looked at once
            batch = list(islice(waiting, BATCH))
            over = [record for record in batch if record.ended is not None]
            if over:
                lost = await self._thread.call(_write, over, int(self._clock()))
                self._metrics.state("decision", "kept", len(over) - lost)
                if lost:
                    self._metrics.state("decision", "lost", lost)
            written = {record.id for record in over}
            for record in batch:
                if waiting and waiting[0] is record:  # else it was lost meanwhile
                    waiting.popleft()
                    if record.id not in written:
                        waiting.append(record)

    async def forget_old(self) -> None:
        """Raises StoreDown."""
        if self._keep is not None:
            await self._thread.call(store.forget_old, int(self._clock()) - self._keep)

    async def find(self, name: str) -> dict[str, Any] | None:
        """A decision of any instance; None if there is none, or the store does not answer."""
        if self._keep is None or not _ID.fullmatch(name):
            return None
        found = await self._asked(store.find, name)
        return None if found is None else loads(found)

    async def maker_of(self, name: str, members: Sequence[Member]) -> str:
        """Which instance made a decision, in words; "" if none of the last day has. `members`:
        those that live, as it was known last.
        """
        if not _ID.fullmatch(name):
            return ""
        known = await self._asked(shared.members, 0) or members
        found = [member for member in known if digits_of(member.id) == name[_MAKER]]
        if not found:
            return ""
        (member, *_), now = found, int(self._clock())
        gone = "" if member.seen > now - LIVE else f", last seen {now - member.seen} s ago"
        return f"Instance {member.id} (host {member.host}, pid {member.pid}{gone}) made it."

    async def _asked(self, work: Callable[..., Any], *arguments: Any) -> Any:
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._thread.call(work, *arguments)
        except (StoreDown, TimeoutError):
            return None


def _write(database: Database, records: Sequence[DecisionRecord], now: int) -> int:
    """How many were too long."""
    made = [(record.id, now, dumps(record_document(record)).decode()) for record in records]
    rows = [row for row in made if len(row[2]) <= LONGEST]
    with shared.at_once(database):
        store.keep(database, rows)
    return len(made) - len(rows)
