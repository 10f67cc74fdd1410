"""Hedging: a second target is asked beside a slow first one, within a budget, and the faster answer
wins.
"""

import asyncio
from collections.abc import Generator

from gateway.config import Persona
from gateway.dispatch.target_calls import NOT_CALLED, CallEnded, TargetCalls
from gateway.health.retry_budget import Budget
from gateway.health.targets import TargetHealth
from gateway.routing.candidates import Candidate
from gateway.routing.failover import NextAttempt, Outcome


def hedges_after(
    persona: Persona, eligible: list[Candidate], stream: bool, health: TargetHealth
) -> float | None:
    """Seconds without content after which the second target is asked, too; None if it is not
    to be."""
    hedge = persona.hedge
    if hedge is None:
        return None
    budget = health.hedges.of(persona)
    if budget is not None:
        budget.request()
    if len(eligible) < 2:
        return None
    if hedge.seconds is not None:
        return hedge.seconds
    return health.latency(eligible[0].name).quantile(stream, hedge.quantile or 1.0)


async def hedged(
    calls: TargetCalls,
    first: NextAttempt,
    steps: Generator[NextAttempt, Outcome, None],
    after: float,
    budget: Budget | None,
) -> CallEnded:
    """The first call and, if it has no content in time and the budget allows it, the second beside
    it: the faster one wins.
    """
    second = _SecondCall(calls, steps, budget)
    timer = asyncio.get_running_loop().call_later(after, second.start)
    last = NOT_CALLED
    try:
        try:
            async with asyncio.timeout(None) as second.ends:
                last = await calls.make(first, "first")
        except TimeoutError:
            if not second.decides:
                raise
        finally:
            timer.cancel()
            second.ends = None
        task = second.task
        if task is not None and not _decides(last, calls) and (second.decides or not task.done()):
            last = await task
        if last.outcome.kind in calls.policy.move_on and (target := calls.uncovered) is not None:
            return await calls.call(target, "failover")  # there is room for it alone
        return last
    finally:
        if second.task is not None:
            await _given_up(second.task, last, calls)


class _SecondCall:
    """The call beside the first one. A task is made for it alone, when its time has come: nearly
    always the first has answered by then."""

    __slots__ = ("_budget", "_calls", "_steps", "decides", "ends", "task")

    def __init__(
        self,
        calls: TargetCalls,
        steps: Generator[NextAttempt, Outcome, None],
        budget: Budget | None,
    ) -> None:
        self._calls, self._steps, self._budget = calls, steps, budget
        self.task: asyncio.Task[CallEnded] | None = None
        self.ends: asyncio.Timeout | None = None
        """The first call's, while it runs: it ends when the second has decided."""
        self.decides = False
        """The second ended with what nobody need wait longer for."""

    def start(self) -> None:
        """The first has been silent for too long."""
        if self._budget is None or not self._budget.take():
            return
        try:
            step = self._steps.send(Outcome(None))
        except StopIteration:
            return
        self.task = asyncio.get_running_loop().create_task(self._call(step))

    async def _call(self, step: NextAttempt) -> CallEnded:
        ended: CallEnded | None = None
        try:
            ended = await self._calls.make(step, "hedge")
            return ended
        finally:
            if self.ends is not None and (ended is None or _decides(ended, self._calls)):
                self.decides = True
                self.ends.reschedule(0.0)


def _decides(ended: CallEnded, calls: TargetCalls) -> bool:
    """Whether the other call's end need not be waited for: an answer, or a failure that would be
    the other's, too."""
    return ended.result is not None or ended.outcome.kind not in (None, *calls.policy.move_on)


async def _given_up(task: asyncio.Task[CallEnded], shown: CallEnded, calls: TargetCalls) -> None:
    """End the second call, unless its end is what is shown."""
    task.cancel()
    ended: CallEnded | BaseException = (await asyncio.gather(task, return_exceptions=True))[0]
    if (
        isinstance(ended, CallEnded)
        and ended is not shown
        and ended.attempt is not None
        and ended.result is not None
    ):
        calls.discard(ended.attempt, ended.result)
