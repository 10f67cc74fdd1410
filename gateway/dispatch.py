"""One exchange with the providers: from a decision to a completion, or to a stream that has begun to answer.

The place where routing (which target, when) and asking (what bytes) meet. The commit rule stands here: until the first content is in
hand an attempt may fail unseen and the next target is asked; from then on a failure is the caller's to see, unless the persona resumes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from gateway.answers import Answer, OneAnswer, ResumableAnswer
from gateway.asking import Asking
from gateway.config import OnFailure
from gateway.errors import NoRoom, RequestFailed, UpstreamFailed
from gateway.exchange import Exchange, Trial
from gateway.resuming import Said, continuation, may_resume
from gateway.routing.clocks import clocks, total
from gateway.routing.deciding import Decision
from gateway.routing.failover import Attempt, Outcome, attempts
from gateway.routing.health import ROTATES
from gateway.routing.keys import choose
from gateway.routing.selection import Candidate, refusal
from gateway.routing.view import Memory, View
from gateway.telemetry.events import Why
from gateway.upstream.client import UpstreamClient
from gateway.upstream.media import MediaFetcher
from gateway.upstream.places import NoPlace, Places
from translators.chat.request import ChatRequest
from translators.errors import FailureKind, InvalidRequest, UpstreamError, UpstreamFailure

T = TypeVar("T")
Use = Callable[[Trial, ChatRequest, str, str], Awaitable[T]]

_LEARNED_FROM: Final = 4000
"""Bytes from which a prompt is worth estimating, only to compare the estimate with what was counted."""
_DIRECT: Final = OnFailure()


def _timed_out(code: str, message: str) -> UpstreamError:
    return UpstreamError(UpstreamFailure(kind=FailureKind.TIMEOUT, message=message, status=504, type="server_error", code=code))


@dataclass(slots=True)
class _Ended(Generic[T]):
    """How an attempt ended: with a value, or with an outcome for who decides what comes next."""

    trial: Trial | None
    value: T | None = None
    outcome: Outcome = field(default_factory=lambda: Outcome(None))


class Dispatcher:
    """Executes decisions. Everything it needs comes in as arguments."""

    def __init__(self, client: UpstreamClient, media: MediaFetcher, memory: Memory) -> None:
        self.memory = memory
        self.asking = Asking(client, media)
        self.places = Places()

    async def complete(self, decision: Decision, exchange: Exchange) -> dict[str, Any]:
        """A whole chat.completion. Raises RequestFailed or InvalidRequest."""
        run = _Run(self, decision, exchange, self.asking.complete)
        completion = await run.first_success()
        trial = exchange.trial
        assert trial is not None
        self._succeeded(trial, exchange)
        self.release(trial)
        self.asking.remember(exchange.key_id or "", trial.candidate.name, completion["choices"][0].get("message") or {})
        return completion

    async def open(self, decision: Decision, exchange: Exchange) -> Answer:
        """A stream whose first content is in hand. Raises RequestFailed or InvalidRequest; `close` what is returned."""
        run = _Run(self, decision, exchange, self.asking.open)
        answer = await run.first_success()
        persona = decision.plan.policy.persona
        if persona is not None and persona.resume and may_resume(decision.request):
            exchange.resumable = True
            return ResumableAnswer(answer, exchange, run.take_up)
        return answer

    def finished(self, live: Answer, exchange: Exchange) -> None:
        """A stream came to its end: learn from it, and keep what the next turn will need of it."""
        trial = exchange.trial
        assert trial is not None
        self._succeeded(trial, exchange)
        if live.tap is not None:
            self.asking.remember(exchange.key_id or "", trial.candidate.name, live.tap.message())

    def broke(self, error: UpstreamError, exchange: Exchange) -> UpstreamFailed:
        """What to tell a caller whose answer broke; the attempt goes into the record, and into the target's health, as failed."""
        trial = exchange.trial
        assert trial is not None
        self.failed(trial, error.failure, exchange)
        exchange.outcome = "stream_aborted"
        return UpstreamFailed(error.failure, trial.candidate.provider.name)

    async def close(self, live: Answer, exchange: Exchange) -> None:
        """Hang up, and give back what the answer held."""
        try:
            await live.aclose()
        finally:
            if exchange.trial is not None:
                self.release(exchange.trial)

    def failed(self, trial: Trial, failure: UpstreamFailure, exchange: Exchange) -> None:
        """An answer that had begun broke off."""
        exchange.broke(trial, outcome_of(failure))
        if trial.leave is not None:
            self.memory.health.failed(trial.leave, failure.kind, failure.retry_after, self.memory.now())

    def release(self, trial: Trial) -> None:
        """Give back a place and a leave; both only once."""
        if trial.place is not None:
            trial.place.leave()
        if trial.leave is not None:
            self.memory.health.abandoned(trial.leave)

    def _succeeded(self, trial: Trial, exchange: Exchange) -> None:
        """An answer came to its end: what it tells of its target."""
        memory, plan, candidate = self.memory, exchange.plan, trial.candidate
        assert plan is not None
        now = memory.now()
        if trial.leave is not None:
            memory.health.succeeded(trial.leave, now)
        usage = trial.usage
        if usage.__class__ is not dict or usage is None or trial.why == "resume":
            return
        prompt = plan.facts.prompt
        estimated = None
        # A prompt sent several times was counted as often: it teaches no factor.
        if prompt.size >= _LEARNED_FROM and not prompt.exact and plan.facts.answers == 1:
            estimated = int(prompt.tokens * candidate.model.token_factor)
        memory.learned.observe(plan.persona, candidate.name, estimated, usage)
        tokens = usage.get("completion_tokens")
        if tokens.__class__ is int and trial.first_chunk_at is not None:
            memory.health.latency(candidate.name).observe_rate(tokens, trial.clock() - trial.first_chunk_at, now)


class _Run(Generic[T]):
    """The attempts of one request."""

    def __init__(self, dispatcher: Dispatcher, decision: Decision, exchange: Exchange, use: Use[T]) -> None:
        self._dispatcher = dispatcher
        self._memory = dispatcher.memory
        self._plan = decision.plan
        self._persona = persona = decision.plan.policy.persona
        self._on_failure = _DIRECT if persona is None else persona.on_failure
        self._request = decision.request
        self._exchange = exchange
        self._use = use
        self._deadline = exchange.started + total(persona)
        self._failed: UpstreamFailed | None = None
        self._rejection: InvalidRequest | None = None
        self._no_room: NoRoom | None = None
        self._soonest: float | None = None
        """The shortest time after which one of the targets wants to be asked again."""

    async def first_success(self) -> T:
        """Ask the plan's targets until one answers. Raises RequestFailed or InvalidRequest."""
        plan, memory = self._plan, self._memory
        memory.health.retries.request()
        steps = self._steps(plan.eligible)
        attempt = next(steps, None)
        if attempt is None:
            raise refusal(plan)
        after = self._hedged_after(plan.eligible)
        ended = await (self._try(attempt, "first") if after is None else self._hedged(attempt, steps, after))
        asked = {attempt.candidate.name}
        while ended.value is None:
            try:
                attempt = steps.send(ended.outcome)
            except StopIteration:
                raise self._error() from None
            ended = await self._try(attempt, "retry" if attempt.candidate.name in asked else "failover")
            asked.add(attempt.candidate.name)
        return ended.value

    async def take_up(self, error: UpstreamError, said: Said) -> T | None:
        """The rest of an answer that broke off after `said`, from another target; None if none gives it."""
        exchange, broken = self._exchange, self._exchange.trial
        assert broken is not None
        self._dispatcher.failed(broken, error.failure, exchange)
        self._dispatcher.release(broken)
        if error.failure.kind not in self._on_failure.move_on:
            return None
        length = said.length
        others = [c for c in self._plan.eligible if c.name != broken.candidate.name and self._holds(c, length)]
        steps = self._steps(others)
        attempt = next(steps, None)
        while attempt is not None:
            request = continuation(self._request, said.text, attempt.candidate.model.record.prefill)
            ended = await self._try(attempt, "resume", request)
            if ended.value is not None:
                assert ended.trial is not None
                if broken.usage is not None:
                    exchange.usage_before.append(broken.usage)
                exchange.resumed.append(
                    {"provider": attempt.candidate.provider.name, "model": attempt.candidate.model.id, "after_characters": length}
                )
                return ended.value
            try:
                attempt = steps.send(ended.outcome)
            except StopIteration:
                return None
        return None

    def _steps(self, candidates: list[Candidate]) -> Generator[Attempt, Outcome, None]:
        return attempts(candidates, self._on_failure, self._memory.health.retries, self._memory.dice, self._remaining)

    def _remaining(self) -> float:
        return self._deadline - self._exchange.clock()

    def _holds(self, candidate: Candidate, characters: int) -> bool:
        """Whether the prompt and what was said fit; a token is rarely shorter than three characters."""
        prompt = candidate.prompt_tokens or int(self._plan.facts.prompt.tokens * candidate.model.token_factor)
        return prompt + characters // 3 <= (candidate.model.record.max_input_tokens or candidate.model.record.context_window)

    def _hedged_after(self, eligible: list[Candidate]) -> float | None:
        """Seconds without content after which the second target is asked, too; None if it is not to be."""
        hedge = None if self._persona is None else self._persona.hedge
        if hedge is None or self._persona is None:
            return None
        budget = self._memory.health.hedges(self._persona)
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
        self._dispatcher.release(ended.trial)

    async def _try(self, attempt: Attempt, why: Why, request: ChatRequest | None = None) -> _Ended[T]:
        """One attempt, with one key after the other as long as it is the keys that are refused."""
        if attempt.wait > 0:
            await asyncio.sleep(attempt.wait)
        candidate, exchange = attempt.candidate, self._exchange
        used: set[str] = set()
        ended: _Ended[T] = _Ended(None)
        while True:
            trial = self._trial(candidate, "key" if used else why, used)
            if trial is None:
                return ended
            if candidate.limited and (no_room := await self._seated(trial)) is not None:
                self._no_room = no_room
                return ended
            ended = await self._ask(trial, request or self._request)
            if ended.value is not None:
                exchange.won(trial)
                facts = self._plan.facts
                key = "" if trial.key is None else trial.key.variable
                if facts.conversation is not None:
                    self._memory.affinity.remember(facts.conversation, candidate.name, key, self._memory.now())
                return ended
            if ended.outcome.kind not in ROTATES or trial.key is None:
                return ended
            used.add(trial.key.variable)

    def _trial(self, candidate: Candidate, why: Why, used: set[str]) -> Trial | None:
        """A try with a key that may be used now; None if none is left, or another request makes the one probe there may be."""
        provider, view = candidate.provider, self._memory.view()
        key = choose(provider, candidate.name, view, used, self._pinned_key(candidate, view))
        if key is None and provider.keys:
            return None
        leave = self._memory.health.admit(provider.name, candidate.name, "" if key is None else key.variable, view.now)
        if leave is None:
            return None
        return Trial(
            candidate=candidate,
            why=why,
            clocks=clocks(provider, self._persona, candidate.ref),
            clock=self._exchange.clock,
            deadline=self._deadline,
            persona_notes=self._exchange.persona_notes,
            key=key,
            leave=leave,
        )

    def _pinned_key(self, candidate: Candidate, view: View) -> str | None:
        facts = self._plan.facts
        if facts.conversation is None or len(candidate.provider.keys) < 2:
            return None
        pin = view.affinity.find(facts.conversation, view.now)
        return pin.key if pin is not None and pin.target == candidate.name else None

    async def _seated(self, trial: Trial) -> NoRoom | None:
        """Wait for a place at the target, where it has a limit."""
        candidate, dispatcher, outcome = trial.candidate, self._dispatcher, "cancelled"
        try:
            async with asyncio.timeout(max(0.0, self._remaining())):
                trial.place = await dispatcher.places.take(candidate.provider, candidate.model)
            outcome = "ok"
            return None
        except NoPlace as full:
            outcome = "no_place"
            return NoRoom(candidate.name, full.retry_after)
        except TimeoutError:
            outcome = "no_place"
            return NoRoom(candidate.name, 1.0)
        finally:
            if outcome != "ok":
                dispatcher.release(trial)
                self._exchange.ended(trial, outcome, None)

    async def _ask(self, trial: Trial, request: ChatRequest) -> _Ended[T]:
        """One call, within its time; what came of it goes into the record and into the target's health."""
        exchange, health, now = self._exchange, self._memory.health, self._memory.now
        outcome, status = "cancelled", None
        leave = trial.leave
        assert leave is not None
        began = trial.clock()
        try:
            value = await self._in_time(trial, request)
            outcome, status = "ok", 200
            health.began(leave, exchange.stream, trial.clock() - began, now())
            return _Ended(trial, value)
        except UpstreamError as error:
            failure = error.failure
            outcome, status = outcome_of(failure), failure.upstream_status
            self._failed = UpstreamFailed(failure, trial.candidate.provider.name)
            if failure.retry_after is not None:
                self._soonest = failure.retry_after if self._soonest is None else min(self._soonest, failure.retry_after)
            health.failed(leave, failure.kind, failure.retry_after, now())
            return _Ended(trial, None, Outcome(failure.kind, failure.retry_after, failure.should_retry is not False))
        except InvalidRequest as error:
            outcome = "rejected"
            self._rejection = self._rejection or error
            return _Ended(trial)
        finally:
            if outcome != "ok":
                self._dispatcher.release(trial)
            exchange.ended(trial, outcome, status)

    async def _in_time(self, trial: Trial, request: ChatRequest) -> T:
        """The answer's first content, or all of a JSON answer, before the clock of the attempt or of the request runs out."""
        remaining = self._remaining()
        limit = trial.clocks.first_content
        exchange = self._exchange
        try:
            async with asyncio.timeout(max(0.0, min(limit, remaining))):
                return await self._use(trial, request, exchange.key_id or "", exchange.params)
        except TimeoutError:
            if remaining <= limit:
                raise _timed_out("total_timeout", "The request took longer than its total time limit.") from None
            raise _timed_out("first_content_timeout", "The provider gave no content in time.") from None

    def _error(self) -> RequestFailed | InvalidRequest:
        """What the caller is told when nothing answered: the last failure, with the soonest moment at which it makes sense to ask again."""
        failed = self._failed
        if failed is not None:
            if failed.status in (429, 503) and self._soonest is not None:
                failed.retry_in(self._soonest)
            return failed
        return self._rejection or self._no_room or refusal(self._plan)


def outcome_of(failure: UpstreamFailure) -> str:
    """What the record calls a failure: its kind or, for our own clocks, which one it was."""
    return failure.code if failure.kind is FailureKind.TIMEOUT and failure.code in CLOCKS else failure.kind.value


CLOCKS: Final = frozenset({"connect_timeout", "first_content_timeout", "idle_timeout", "total_timeout"})
