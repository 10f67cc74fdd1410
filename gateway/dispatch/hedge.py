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
    start = asyncio.get_running_loop().create_task
    tasks = {start(calls.make(first, "first"))}
    last = NOT_CALLED
    try:
        done, _ = await asyncio.wait(tasks, timeout=after)
        if not done and budget is not None and budget.take():
            try:
                second = steps.send(Outcome(None))
            except StopIteration:
                pass
            else:
                tasks.add(start(calls.make(second, "hedge")))
        while tasks:
            if not done:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            task = done.pop()
            tasks.discard(task)
            last = task.result()
            if last.result is not None or last.outcome.kind not in (None, *calls.policy.move_on):
                break
        if last.outcome.kind in calls.policy.move_on and (target := calls.uncovered) is not None:
            return await calls.call(target, "failover")  # there is room for it alone
        return last
    finally:
        if tasks:
            await _given_up(tasks, calls)


async def _given_up(tasks: set[asyncio.Task[CallEnded]], calls: TargetCalls) -> None:
    for task in tasks:
        task.cancel()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(ended, CallEnded) and ended.attempt is not None and ended.result is not None:
            calls.discard(ended.attempt, ended.result)
