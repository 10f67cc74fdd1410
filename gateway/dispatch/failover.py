"""A decision carried out: its targets are asked one after the other, or two at once, until one answers.

The commit rule stands here: until the first content is in hand an attempt may fail unseen and the next target is asked.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Generator
from copy import copy
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

from gateway.config import OnFailure, Persona
from gateway.dispatch.exchange import Exchange, Trial
from gateway.dispatch.resume import Said, continuation
from gateway.dispatch.streams import OneAnswer
from gateway.errors import UNTOLD, NoRoom, RequestFailed, UpstreamFailed
from gateway.health.key_selection import choose
from gateway.health.targets import ROTATES, Leave
from gateway.routing.candidates import Candidate
from gateway.routing.decision import Decision
from gateway.routing.failover import Attempt, Outcome, attempts
from gateway.routing.plan import Plan, refusal
from gateway.routing.state import Memory
from gateway.routing.timeouts import clocks, total
from gateway.telemetry.events import Why
from gateway.upstream.concurrency import NoPlace, Places
from translators.chat.request import ChatRequest
from translators.errors import FailureKind, InvalidRequest, UpstreamError, UpstreamFailure

T = TypeVar("T")
Use = Callable[[Trial, ChatRequest, str, str], Awaitable[T]]

_DIRECT: Final = OnFailure()
_log: Final = logging.getLogger("llm_router")


def _timed_out(code: str, message: str) -> UpstreamFailure:
    return UpstreamFailure(kind=FailureKind.TIMEOUT, message=message, status=504, type="server_error", code=code)


_TOTAL: Final = _timed_out("total_timeout", "The request took longer than its total time limit.")


_NOT_SENT: Final = Outcome(None)
_UNFOLLOWED: Final = Outcome(FailureKind.MODEL_OUTPUT, may_pass=False)
"""The target was asked twice already."""


@dataclass(slots=True)
class _Ended(Generic[T]):
    """How an attempt ended: with a value, or with an outcome for who decides what comes next."""

    trial: Trial | None
    value: T | None = None
    outcome: Outcome = _NOT_SENT


class Execution(Generic[T]):
    """The attempts of one request."""

    _failed: UpstreamFailed | None = None
    _rejection: InvalidRequest | None = None
    _no_room: NoRoom | None = None
    _broken: frozenset[str] = frozenset()
    """Targets whose part of the answer broke off: they are not asked for the rest."""
    _unfollowed: _Ended[T] | None = None
    """The last answer that lacks what was asked for in words: better than none."""
    _soonest: float | None = None
    """The shortest time after which one of the targets wants to be asked again."""

    def __init__(self, memory: Memory, places: Places, decision: Decision, exchange: Exchange, use: Use[T]) -> None:
        self._memory = memory
        self._places = places
        self._plan = decision.plan
        self._persona = persona = decision.plan.policy.persona
        self._on_failure = _DIRECT if persona is None else persona.on_failure
        self._request = decision.request
        self._exchange = exchange
        self._use = use
        self._deadline = exchange.started + total(persona)
        self._asked: set[str] = set()

    async def first_success(self) -> T:
        """Ask the plan's targets until one answers. Raises RequestFailed or InvalidRequest."""
        plan, memory = self._plan, self._memory
        memory.health.retries.request()
        eligible = plan.eligible
        steps = self._steps(eligible)
        attempt = next(steps, None)
        if attempt is None:
            raise UpstreamFailed(_TOTAL, eligible[0].provider.name) if eligible else refusal(plan)
        after = None if self._persona is None or self._persona.hedge is None else self._hedged_after(self._persona, eligible)
        ended = await (self._try(attempt, "first") if after is None else self._hedged(attempt, steps, after))
        while ended.value is None:
            try:
                attempt = steps.send(ended.outcome)
            except StopIteration:
                return self._shown_at_last()
            ended = await self._try(attempt, "retry" if attempt.candidate.name in self._asked else "failover")
        return self._won(ended, ended.value)

    def _shown_at_last(self) -> T:
        """When nobody gave a good answer: one that lacks something, with a warning. Raises RequestFailed or InvalidRequest without one."""
        ended = self._unfollowed
        if ended is None or ended.value is None or ended.trial is None or ended.trial.unfollowed is None:
            raise self._error()
        ended.trial.warnings.append(ended.trial.unfollowed)
        return self._won(ended, ended.value)

    async def take_up(self, error: UpstreamError, said: Said) -> T | None:
        """The rest of an answer that broke off after `said`, from another target; None if none gives it."""
        exchange, broken = self._exchange, self._exchange.trial
        assert broken is not None
        broke_off(broken, error.failure, exchange, self._memory)
        release(broken, self._memory)
        if error.failure.kind not in self._on_failure.move_on:
            return None
        self._broken |= {broken.candidate.name}
        length = said.length
        others = [c for c in self._plan.eligible if c.name not in self._broken and self._holds(c, length)]
        steps = self._steps(others)
        attempt = next(steps, None)
        while attempt is not None:
            request = continuation(self._request, said.text, attempt.candidate.model.record.prefill)
            ended = await self._try(attempt, "resume", request)
            if ended.value is not None:
                if broken.usage is not None:
                    exchange.usage_before.append(broken.usage)
                exchange.resumed.append(
                    {"provider": attempt.candidate.provider.name, "model": attempt.candidate.model.id, "after_characters": length}
                )
                return self._won(ended, ended.value)
            try:
                attempt = steps.send(ended.outcome)
            except StopIteration:
                return None
        return None

    def _won(self, ended: _Ended[T], value: T) -> T:
        """The answer that is shown: the conversation stays where it was given."""
        trial, conversation = ended.trial, self._plan.facts.conversation
        assert trial is not None
        self._exchange.won(trial)
        if conversation is not None:
            key = "" if trial.key is None else trial.key.variable
            self._memory.affinity.remember(conversation, trial.candidate.name, key, self._memory.now())
        return value

    def _steps(self, candidates: list[Candidate]) -> Generator[Attempt, Outcome, None]:
        return attempts(candidates, self._on_failure, self._memory.health.retries, self._memory.dice, self._remaining)

    def _remaining(self) -> float:
        return self._deadline + self._exchange.held_up() - self._exchange.clock()

    def _holds(self, candidate: Candidate, characters: int) -> bool:
        """Whether the prompt and what was said fit; a token is rarely shorter than three characters."""
        prompt = candidate.prompt_tokens or int(self._plan.facts.prompt.tokens * candidate.model.token_factor)
        return prompt + characters // 3 <= (candidate.model.record.max_input_tokens or candidate.model.record.context_window)

    def _hedged_after(self, persona: Persona, eligible: list[Candidate]) -> float | None:
        """Seconds without content after which the second target is asked, too; None if it is not to be."""
        hedge = persona.hedge
        assert hedge is not None
        budget = self._memory.health.hedges(persona)
        if budget is not None:
            budget.request()
        if len(eligible) < 2:
            return None
        if hedge.seconds is not None:
            return hedge.seconds
        return self._memory.health.latency(eligible[0].name).quantile(self._exchange.stream, hedge.quantile or 1.0)

    async def _hedged(self, attempt: Attempt, steps: Generator[Attempt, Outcome, None], after: float) -> _Ended[T]:
        """The first attempt and, if it has no content in time and the budget allows it, the second beside it: the faster one wins."""
        tasks = {asyncio.ensure_future(self._try(attempt, "first"))}
        budget = None if self._persona is None else self._memory.health.hedges(self._persona)
        last: _Ended[T] = _Ended(None)
        try:
            done, _ = await asyncio.wait(tasks, timeout=after)
            if not done and budget is not None and budget.take():
                try:
                    second = steps.send(Outcome(None))
                except StopIteration:
                    pass
                else:
                    tasks.add(asyncio.ensure_future(self._try(second, "hedge")))
            while tasks:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                task = done.pop()
                tasks.discard(task)
                last = task.result()
                if last.value is not None or last.outcome.kind not in (None, *self._on_failure.move_on):
                    break
            return last
        finally:
            for task in tasks:
                task.cancel()
            for ended in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(ended, _Ended) and ended.trial is not None and ended.value is not None:
                    self._discard(ended)

    def _discard(self, ended: _Ended[T]) -> None:
        """An answer that came at the same moment as the one that won."""
        assert ended.trial is not None
        if isinstance(ended.value, OneAnswer):
            ended.value.hang_up()
        self._exchange.broke(ended.trial, "cancelled")
        release(ended.trial, self._memory)

    async def _try(self, attempt: Attempt, why: Why, request: ChatRequest | None = None) -> _Ended[T]:
        """One attempt, with one key after the other as long as it is the keys that are refused."""
        if attempt.wait > 0:
            await asyncio.sleep(attempt.wait)
        candidate = attempt.candidate
        self._asked.add(candidate.name)
        used: set[str] = set()
        ended: _Ended[T] = _Ended(None)
        while True:
            trial = self._trial(candidate, "key" if used else why, used)
            if trial is None:
                return ended
            if candidate.limited and (no_room := await self._seated(trial)) is not None:
                self._no_room = self._no_room or no_room
                return ended
            if trial.place is not None and not self._readmitted(trial):
                return ended
            ended = await self._ask(trial, request or self._request)
            if ended.value is not None or ended.outcome.kind not in ROTATES or trial.key is None:
                return ended
            used.add(trial.key.variable)

    def _trial(self, candidate: Candidate, why: Why, used: set[str]) -> Trial | None:
        """A try with a key that may be used now; None if none is left, or another request makes the one probe there may be."""
        provider, memory = candidate.provider, self._memory
        now = memory.now()
        key = choose(provider, candidate.name, memory.health, now, memory.dice, used, self._pinned_key(candidate, now))
        if key is None and provider.keys:
            return None
        leave = memory.health.admit(provider.name, candidate.name, "" if key is None else key.variable, now)
        if leave is None:
            return None
        exchange, limits = self._exchange, clocks(provider, self._persona, candidate.ref)
        fans_out, notes = self._persona is None or self._persona.fan_out, exchange.persona_notes
        return Trial(candidate, why, limits, exchange.clock, self._deadline, notes, key, leave, fans_out, exchange.held_up)

    def _pinned_key(self, candidate: Candidate, now: float) -> str | None:
        facts = self._plan.facts
        if facts.conversation is None or len(candidate.provider.keys) < 2:
            return None
        pin = self._memory.affinity.find(facts.conversation, now)
        return pin.key if pin is not None and pin.target == candidate.name else None

    async def _seated(self, trial: Trial) -> NoRoom | None:
        """Wait for a place at the target, where it has a limit."""
        candidate, outcome = trial.candidate, "cancelled"
        try:
            async with asyncio.timeout(max(0.0, self._remaining())):
                trial.place = await self._places.take(candidate.provider, candidate.model)
            outcome = "ok"
            return None
        except (NoPlace, TimeoutError) as full:
            outcome = "no_place"
            wait = full.retry_after if isinstance(full, NoPlace) else 1.0
            self._wait_at_most(wait)
            return NoRoom(candidate.name, wait)
        finally:
            if outcome != "ok":
                release(trial, self._memory)
                self._exchange.ended(trial, outcome, None)

    def _readmitted(self, trial: Trial) -> bool:
        """Whether the target may still be asked: others may have failed there while this request waited for its place."""
        health, candidate, leave = self._memory.health, trial.candidate, trial.leave
        assert leave is not None
        health.abandoned(leave)
        trial.leave = health.admit(candidate.provider.name, candidate.name, leave.key, self._memory.now())
        if trial.leave is None:
            release(trial, self._memory)
            self._exchange.ended(trial, "no_place", None)
        return trial.leave is not None

    async def _ask(self, trial: Trial, request: ChatRequest) -> _Ended[T]:
        """One call, within its time; what came of it goes into the record and into the target's health."""
        exchange, memory = self._exchange, self._memory
        outcome, status = "cancelled", None
        leave = trial.leave
        assert leave is not None
        trial.asked_at = trial.clock()
        try:
            value = await self._use(trial, request, exchange.key_id or "", exchange.params)
            if trial.unfollowed is not None:
                outcome, status = FailureKind.MODEL_OUTPUT.value, 200
                self._unfollowed = _Ended(trial, value)
                return _Ended(trial, None, _UNFOLLOWED)
            outcome, status = "ok", 200
            began = trial.clock() if trial.first_chunk_at is None else trial.first_chunk_at  # what is held back began before it is shown
            memory.health.began(leave, exchange.stream, began - trial.asked_at, memory.now())
            return _Ended(trial, value)
        except UpstreamError as error:
            failure = error.failure
            outcome, status = outcome_of(failure), failure.upstream_status
            if self._failed is None or failure.kind is not FailureKind.UNSUPPORTED:  # what another could do tells more of why nobody did
                self._failed = failed(trial, failure)
            return _Ended(trial, None, self._judged(trial, leave, failure))
        except InvalidRequest as error:
            outcome = "rejected"
            self._rejection = self._rejection or error
            return _Ended(trial)
        finally:
            if outcome != "ok":
                release(trial, self._memory)
            exchange.ended(trial, outcome, status)

    def _judged(self, trial: Trial, leave: Leave, failure: UpstreamFailure) -> Outcome:
        """What a failure means for the target's health, and for asking it again."""
        health, now, candidate = self._memory.health, self._memory.now(), trial.candidate
        late = self._deadline - trial.started < total(self._persona) / 2
        if failure.code != _TOTAL.code or not late:  # who was asked late is not to blame that time ran out
            health.failed(leave, failure.kind, failure.retry_after, now)
        pause = failure.retry_after
        if pause is None:
            pause = health.standing(candidate.provider, candidate.name, now).retry_in
        may_pass = pause <= self._on_failure.backoff.max  # the caller can wait longer, and is told how long
        self._wait_at_most(pause)
        return Outcome(failure.kind, pause, may_pass and failure.should_retry is not False)

    def _wait_at_most(self, seconds: float) -> None:
        if seconds > 0:
            self._soonest = seconds if self._soonest is None else min(self._soonest, seconds)

    def _error(self) -> RequestFailed | InvalidRequest:
        """What the caller is told when nothing answered: the last failure, with the soonest moment at which it makes sense to ask again."""
        if self._failed is None and self._rejection is not None:
            return self._rejection
        failed = self._failed or self._no_room or refusal(self._plan_now())
        final = isinstance(failed, UpstreamFailed) and failed.failure.should_retry is False
        if failed.status in (429, 503) and self._soonest is not None and not final:
            failed.retry_in(self._soonest)
        return failed

    def _plan_now(self) -> Plan:
        """The plan after all its targets became unavailable while it was carried out."""
        health, now = self._memory.health, self._memory.now()
        candidates = []
        for candidate in self._plan.candidates:
            if candidate.verdict != "rejected":
                candidate = copy(candidate)  # the record tells what was planned
                standing = health.standing(candidate.provider, candidate.name, now)
                self._wait_at_most(standing.retry_in or 1.0)
                candidate.reasons = ()  # why it was asked behind others is no reason any more
                candidate.refuse(standing.reason or "cooldown: it is being probed")
            candidates.append(candidate)
        return replace(self._plan, candidates=tuple(candidates))


def broke_off(trial: Trial, failure: UpstreamFailure, exchange: Exchange, memory: Memory) -> None:
    """An answer that had begun broke off: into the record, and into the target's health."""
    exchange.broke(trial, outcome_of(failure))
    if trial.leave is not None:
        memory.health.failed(trial.leave, failure.kind, failure.retry_after, memory.now())


def failed(trial: Trial, failure: UpstreamFailure) -> UpstreamFailed:
    """What a caller may be told of a failed try; what the provider said of our account goes into the log instead."""
    failure = trial.cleaned(failure)
    if failure.kind in UNTOLD:
        key = "without a key" if trial.key is None else f"with {trial.key.variable}"
        words = "".join(c if c.isprintable() else " " for c in failure.message)
        _log.warning("%s %s: %s (%s): %s", trial.candidate.name, key, failure.kind.value, failure.upstream_status, words)
    return UpstreamFailed(failure, trial.candidate.provider.name)


def release(trial: Trial, memory: Memory) -> None:
    """Give back a place and a leave; both only once."""
    if trial.place is not None:
        trial.place.leave()
    if trial.leave is not None:
        memory.health.abandoned(trial.leave)


def outcome_of(failure: UpstreamFailure) -> str:
    """What the record calls a failure: its kind or, for our own clocks, which one it was."""
    return failure.code if failure.kind is FailureKind.TIMEOUT and failure.code in CLOCKS else failure.kind.value


CLOCKS: Final = frozenset({"connect_timeout", "first_content_timeout", "idle_timeout", "total_timeout"})
