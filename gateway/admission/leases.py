"""Room for a request: held of what this process has leased, else leased from the store; what is not
needed goes back.

`leased + spent <= cap` holds in the store at every moment, so no number of processes admits too
much; and a request is refused only after the others were asked for what they do not need.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Literal, TypeVar

from gateway.admission.accounts import Account
from gateway.admission.amounts import Amounts, Counts
from gateway.admission.counters import Counter, CounterPool
from gateway.admission.refusals import exceeded
from gateway.admission.store_thread import StoreDown, StoreThread
from gateway.config.limits import WhenDown
from gateway.errors import LimitsUnavailable
from gateway.store import counters as store
from gateway.store import presumed
from gateway.store.limits_rows import CounterId, Want

RECALL_WAIT: Final = 1.0
"""Seconds at most that a request waits for what other processes give back: they answer within
0.1 s unless one hangs."""
_POLL: Final = 0.02
_REMEMBERED: Final = 1.0
"""Seconds for which a counter that only grows is known to be full."""
IDLE: Final = 0.5
"""Seconds without a request after which a slice goes back, where there are other processes."""
_TOUCH: Final = 0.1
"""Seconds after which an account that is used says so again."""
_MARGIN: Final = 5.0
"""Seconds by which this process gives its slices up before others take them."""
T = TypeVar("T")
Taken = Literal["not", "most", "easily"]
"""What became of an attempt to hold something of what is leased. `most`: it was there, but less
than as much again is left of a slice."""
NOT: Final = "not"
MOST: Final = "most"
EASILY: Final = "easily"


def release(counters: Sequence[Counter], amounts: Counts) -> None:
    """Free what was held."""
    for counter in counters:
        counter.free += amounts[counter.index]


class Leases:
    """The slices of one process."""

    def __init__(
        self,
        instance: str,
        thread: StoreThread,
        pool: CounterPool,
        when_down: WhenDown,
        clock: Callable[[], float],
        now: Callable[[], float],
    ) -> None:
        """`clock`: Unix seconds; `now`: monotonic seconds."""
        self.instance = instance
        self.peers = 1
        self.when_down = when_down
        self._thread = thread
        self._pool = pool
        self._clock = clock
        self._now = now
        self._turn = asyncio.Lock()
        self._recalls: dict[CounterId, asyncio.Task[None]] = {}
        self._seen_recalls = 0
        self._good_until = self._money_until = float("inf")
        """Monotonic seconds until which slices are this process's though the store is away."""
        self._lost = self._lost_money = False

    async def take(self, counters: Sequence[Counter], needs: Counts) -> bool:
        """Hold `needs` of all counters, or nothing; False if money of it is beyond what is leased,
        which the policy allows while the store is down. Raises LimitExceeded, LimitsUnavailable.
        """
        if not self.take_now(counters, needs):
            # A caller who leaves must not take along what is being leased for it.
            task = asyncio.ensure_future(self._take(counters, needs))
            try:
                return await asyncio.shield(task)
            except asyncio.CancelledError:
                task.add_done_callback(lambda done: self._give_up(done, counters, needs))
                raise
        return True

    def _give_up(
        self, task: asyncio.Task[bool], counters: Sequence[Counter], needs: Counts
    ) -> None:
        if not task.cancelled() and task.exception() is None:
            release(counters, needs)

    def take_of(self, account: Account, needs: Counts) -> Taken:
        """`take_now` of an account's counters, as fast as may be."""
        now = self._now()
        if now > self._good_until:
            self._expire(now)
        taken: Taken = EASILY
        for counter, index in account.held:
            amount = needs[index]
            counter.free = free = counter.free - amount
            if free < amount and taken != NOT:
                taken = MOST if free >= 0 else NOT
        if account.touched < now:
            account.touched = now + _TOUCH
            for counter in account.counters:
                counter.touched = now
        if taken == NOT:
            release(account.counters, needs)
        return taken

    def take_now(self, counters: Sequence[Counter], needs: Counts) -> bool:
        """Hold `needs` where what is leased suffices; else nothing."""
        now = self._now()
        if now > self._good_until:
            self._expire(now)
        for taken, counter in enumerate(counters):
            free = counter.free - needs[counter.index]
            if free < 0:
                release(counters[:taken], needs)
                return False
            counter.free = free
            counter.touched = now
        return True

    def seen(self, at: float, peers: int) -> None:
        """The store has seen this process, `at` monotonic seconds or later."""
        self.peers = peers
        if at > self._good_until:
            self._expire(at)
        if self._thread.remote and not self._lost:
            self._good_until = at + store.EXPIRY - _MARGIN
            self._money_until = at + store.MONEY_EXPIRY - _MARGIN

    def _expire(self, now: float) -> None:
        """This process was not seen for so long that its slices are others': it has none."""
        self._lost, self._lost_money = True, now > self._money_until
        self._good_until = float("inf") if self._lost_money else self._money_until
        for counter in self._pool:
            if self._gone(counter):
                counter.grow(-counter.lease)

    def _gone(self, counter: Counter) -> bool:
        """Slices of it are others' since this process was not seen, and it has not started over."""
        return self._lost_money or (self._lost and counter.limit.on != "usd")

    async def _start_over(self) -> None:
        """The store, too, says that it has none, but of money what it still uses. Raises
        StoreDown.
        """
        at, now = self._now(), int(self._clock())
        money = self._money_in_use() if self._lost_money else None
        used = None if money is None else [(counter.id, amount) for counter, amount in money]
        await self._thread.call(presumed.start_over, self.instance, now, used)
        for counter, amount in money or ():
            counter.grow(amount)
        self._lost = self._lost_money = False
        self.seen(at, self.peers)

    def _money_in_use(self) -> list[tuple[Counter, int]]:
        found = [(c, c.held + c.unbooked) for c in self._pool if c.limit.on == "usd"]
        return [(counter, amount) for counter, amount in found if amount > 0]

    async def _take(self, counters: Sequence[Counter], needs: Counts) -> bool:
        asked_at, recalled = self._now(), False
        try:
            while refusing := await self._refusing(counters, needs, asked_at, recalled):
                if recalled:
                    self._refuse(refusing, needs)
                try:
                    await asyncio.gather(*map(self._recall, refusing))
                except StoreDown:
                    if spent := [c for c in refusing if c.cap - c.spent < needs[c.index]]:
                        self._refuse(spent, needs)  # nobody could have given anything back
                    raise
                recalled = True
        except StoreDown:
            if self.take_now(counters, needs):
                return True
            lacking = [c for c in counters if c.free < needs[c.index]]
            self._check_refused(lacking, needs, asked_at)
            self._without_store(lacking, needs)
            release(counters, Amounts(*(-need for need in needs)))
            return all(counter.limit.on != "usd" for counter in lacking)
        return True

    async def _refusing(
        self, counters: Sequence[Counter], needs: Counts, asked_at: float, recalled: bool
    ) -> Sequence[Counter]:
        """Hold `needs`, leasing what is lacking; the counters that have not so much, of which
        nothing is held then. Raises LimitExceeded, StoreDown.
        """
        async with self._thread.turn(self._turn):
            while not self.take_now(counters, needs):
                lacking = [c for c in counters if c.free < needs[c.index]]
                self._check_refused(lacking, needs, asked_at)
                # Who is being asked for already was refused: what comes back is waited for.
                if not recalled and (asked_for := [c for c in lacking if c.id in self._recalls]):
                    return asked_for
                if refusing := await self._thread.unless_away(self._lease(lacking, needs)):
                    return refusing
        return ()

    def _check_refused(self, lacking: Sequence[Counter], needs: Counts, asked_at: float) -> None:
        """Raises LimitExceeded where the answer is known: a request is larger than the limit, or as
        much was refused after it was asked for; what only grows is full for a while.
        """
        for counter in lacking:
            need = needs[counter.index]
            since = asked_at if counter.index else self._now() - _REMEMBERED
            known = counter.refused_at >= since and need >= counter.refused_need
            if need > counter.cap or known:
                raise exceeded(counter, needs, self._clock())

    async def _lease(self, lacking: Sequence[Counter], needs: Counts) -> list[Counter]:
        """Lease what is lacking; the counters that have not so much. Raises StoreDown."""
        if self._lost:
            await self._start_over()
        wants = [Want(c.id, needs[c.index] - c.free, c.cap) for c in lacking]
        answers = await self._thread.call(store.lease, self.instance, wants, self.peers)
        whole = all(answer.given for answer in answers)
        refusing = []
        for counter, answer in zip(lacking, answers, strict=True):
            counter.used, counter.spent = answer.used, answer.spent
            if whole:
                if not self._gone(counter):  # else others may have it again by now
                    counter.grow(answer.given)
            elif answer.given:
                counter.used -= answer.given
            else:
                refusing.append(counter)
        return refusing

    def _refuse(self, refusing: Sequence[Counter], needs: Counts) -> None:
        for counter in refusing:
            counter.refused_at, counter.refused_need = self._now(), needs[counter.index]
        raise exceeded(min(refusing, key=lambda c: c.left), needs, self._clock())

    def _without_store(self, lacking: Sequence[Counter], needs: Counts) -> None:
        """Raises LimitsUnavailable where the policy does not let a request pass without the
        store.
        """
        for counter in lacking:
            policy = self.when_down.budgets if counter.limit.on == "usd" else self.when_down.limits
            over = needs[counter.index] - counter.free
            if policy == "refuse" or (policy == "last_known" and over > counter.cap // self.peers):
                raise LimitsUnavailable

    async def _recall(self, counter: Counter) -> None:
        """Have other processes give back what they do not need; one recall for all who wait."""
        task = self._recalls.get(counter.id)
        if task is None:
            task = asyncio.ensure_future(self._called_back(counter.id))
            self._recalls[counter.id] = task
            task.add_done_callback(lambda _: self._recalls.pop(counter.id, None))
        await asyncio.shield(task)

    async def _called_back(self, counter: CounterId) -> None:
        asked = (self.instance, [counter], int(self._clock()))
        if not await self._thread.call(store.call_back, *asked):
            return
        deadline = self._now() + RECALL_WAIT
        while self._now() < deadline:
            await asyncio.sleep(_POLL)
            if not await self._thread.call(store.unanswered, *asked):
                return

    async def answer_recalls(self) -> None:
        """Give back what others ask for and is not needed here. Raises StoreDown."""
        if not any(counter.lease for counter in self._pool):
            return
        recalls = await self._thread.call(store.recalls)
        if recalls != self._seen_recalls:
            named = await self._thread.call(store.called_back, self.instance)
            found = [(id_, self._pool.find(id_)) for id_ in named]
            await self._give_back([c for _, c in found if c is not None])
            self._seen_recalls = recalls

    async def return_idle(self) -> None:
        """Give back slices of windows that have ended, and, where there are other processes, those
        that are not used. Raises StoreDown.
        """
        now, moment = self._now(), self._clock()
        idle = [
            counter
            for counter in self._pool
            if counter.free > 0
            and (counter.ends <= moment or (self.peers > 1 and counter.touched + IDLE < now))
        ]
        if idle:
            await self._give_back(idle)
        self._pool.forget(moment)

    async def return_all(self) -> None:
        """Give everything back that is free. Raises StoreDown."""
        await self._give_back([counter for counter in self._pool if counter.free > 0])

    async def _give_back(self, counters: Sequence[Counter]) -> None:
        async with self._turn:
            returned = [(counter, max(0, counter.free)) for counter in counters]
            for counter, amount in returned:
                counter.grow(-amount)  # nobody takes it meanwhile
            try:
                await self._thread.call(
                    store.give_back, self.instance, [(c.id, amount) for c, amount in returned]
                )
            except StoreDown as down:
                for counter, amount in returned:
                    if not down.in_doubt and not self._gone(counter):
                        counter.grow(amount)
                raise
            for counter, amount in returned:
                counter.used -= amount

    async def refresh(self, counters: Sequence[Counter]) -> None:
        """Look up how much of them is used. Raises StoreDown."""
        for counter in counters:
            spent, leased = await self._thread.call(store.used, counter.id)
            counter.spent, counter.used = spent, spent + leased
