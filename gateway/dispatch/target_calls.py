"""Targets called for one request, one by one: with one key after the other, with a place where
there is a limit; and what that has told.

Who is called next is decided above (failover, hedge). What is kept here is told to the caller if
nobody answers.
"""

import asyncio
from copy import copy
from dataclasses import replace
from typing import Any, Final, NamedTuple

from gateway.config import ApiKey, OnFailure
from gateway.dispatch.attempt import Attempts, Mode
from gateway.dispatch.attempt_end import failed, outcome_of, release
from gateway.dispatch.attempt_record import Attempt
from gateway.dispatch.attempt_result import AttemptResult
from gateway.dispatch.exchange import Exchange
from gateway.errors import OutOfDescriptors, ProviderQueueFull, RequestFailed, UpstreamFailed
from gateway.health.key_selection import choose
from gateway.health.targets import ROTATES
from gateway.routing.candidates import Candidate
from gateway.routing.decision import Decision
from gateway.routing.failover import NextAttempt, Outcome
from gateway.routing.plan import Plan, refusal
from gateway.routing.state import RouterState
from gateway.routing.timeouts import ASKED_BY, clocks, total, total_asked
from gateway.telemetry.events import Why
from gateway.upstream.concurrency import ConcurrencyLimiter, QueueFull
from translators.chat.request import ChatRequest
from translators.dialect.inbound import Overlay
from translators.errors import FailureKind, InvalidRequest, UpstreamError, UpstreamFailure
from translators.failures import Cause, failure

_DIRECT: Final = OnFailure()
OUT_OF_TIME: Final = failure(
    Cause(FailureKind.TIMEOUT, "total_timeout"),
    "The request took longer than its total time limit.",
)
_NOT_SENT: Final = Outcome(None)
_UNFOLLOWED: Final = Outcome(FailureKind.MODEL_OUTPUT, may_pass=False)
"""The target was asked twice already."""


class CallEnded(NamedTuple):
    """How a call ended: with a result, or with an outcome for who decides what comes next."""

    attempt: Attempt | None
    result: AttemptResult[Any] | None = None
    outcome: Outcome = _NOT_SENT


NOT_CALLED: Final = CallEnded(None)


class TargetCalls:
    """The calls of one request."""

    _failed: UpstreamFailed | None = None
    _rejection: InvalidRequest | None = None
    _no_room: ProviderQueueFull | None = None
    _over_budget: RequestFailed | None = None
    """Why the caller's limits do not allow another call."""
    uncovered: Candidate | None = None
    """The target of the last call that they did not allow."""
    _unfollowed: CallEnded = NOT_CALLED
    """The last answer that lacks what was asked for in words: better than none."""
    _soonest: float | None = None
    """The shortest time after which one of the targets wants to be asked again."""

    def __init__(
        self,
        attempts: Attempts,
        state: RouterState,
        slots: ConcurrencyLimiter,
        decision: Decision,
        exchange: Exchange,
        mode: Mode,
        ends_at: frozenset[FailureKind] = frozenset(),
    ) -> None:
        self._attempts = attempts
        self._state = state
        self._slots = slots
        self._decision = decision
        self._plan = decision.plan
        self._persona = persona = decision.plan.policy.persona
        policy = _DIRECT if persona is None else persona.on_failure
        self.policy = replace(policy, move_on=policy.move_on - ends_at) if ends_at else policy
        self._exchange = exchange
        self._mode: Mode = mode
        asked = None
        if decision.origin is not None and (header := ASKED_BY.get(decision.origin.dialect)):
            asked = decision.plan.facts.caller.headers.get(header)
        self._total = total(persona) if asked is None else total_asked(persona, asked)
        self.deadline = exchange.started + self._total
        """When the time of the request is over, by the exchange's clock, unless its caller holds it
        up."""
        self.called: set[str] = set()
        """The names of the targets that were called."""

    async def make(
        self, step: NextAttempt, why: Why, request: ChatRequest | None = None
    ) -> CallEnded:
        """What `call` gives, after the wait that the step asks for."""
        if step.wait > 0:
            await asyncio.sleep(step.wait)
        return await self.call(step.candidate, why, request)

    async def call(
        self, candidate: Candidate, why: Why, request: ChatRequest | None = None
    ) -> CallEnded:
        """Call the target, with one key after the other as long as it is the keys that are
        refused."""
        exchange, asked = self._exchange, request or self._decision.request
        limited = (
            candidate.provider.concurrency is not None or candidate.model.concurrency is not None
        )
        reservation = exchange.reservation
        if (
            reservation is not None
            and why != "first"  # which is covered from the beginning
            and not await reservation.cover(candidate.name, why, exchange.attempts)
        ):
            self._over_budget, self.uncovered = reservation.refused, candidate
            return NOT_CALLED
        self.called.add(candidate.name)
        used: set[str] = set()
        ended = NOT_CALLED
        while (attempt := self._attempt(candidate, "key" if used else why, used)) is not None:
            if limited and not await self._has_slot(attempt):
                break
            try:
                result = await self._attempts.run(
                    self._mode, attempt, asked, exchange.key_id or "", exchange.params
                )
            except UpstreamError as error:
                ended = self._failure(attempt, error.failure)
            except OutOfDescriptors:
                self._over(attempt, "out_of_descriptors", None)
                raise
            except InvalidRequest as error:
                ended = self._rejected(attempt, error)
            except BaseException:
                self._over(attempt, "cancelled", None)
                raise
            else:
                ended = self._success(attempt, result)
            if ended.result is not None or ended.outcome.kind not in ROTATES or attempt.key is None:
                break
            used.add(attempt.key.variable)
        return ended

    def discard(self, attempt: Attempt, result: AttemptResult[Any]) -> None:
        """An answer that came at the same moment as the one that won."""
        if self._mode == "stream":
            result.answer.hang_up()
        self._exchange.broke(attempt, "cancelled")
        release(attempt, self._state)

    def unfollowed_answer(self) -> CallEnded:
        """When nobody gave a good answer: one that lacks something, with a warning. Raises
        RequestFailed or InvalidRequest without one.
        """
        attempt, result, _ = self._unfollowed
        if attempt is None or result is None or result.unfollowed is None:
            raise self._error()
        attempt.add_warnings(result.unfollowed)
        return self._unfollowed

    def remaining(self) -> float:
        """Seconds that the request still has."""
        return self.deadline + self._exchange.held_up() - self._exchange.clock()

    def _success(self, attempt: Attempt, result: AttemptResult[Any]) -> CallEnded:
        """There is an answer; one that lacks what was asked for in words is kept in case nobody
        gives a better one.
        """
        attempt.record_result(result)
        if result.unfollowed is not None:
            self._unfollowed = CallEnded(attempt, result)
            self._over(attempt, FailureKind.MODEL_OUTPUT.value, 200)
            return CallEnded(attempt, None, _UNFOLLOWED)
        router_state, leave = self._state, attempt.leave
        assert leave is not None
        began = (
            attempt.clock() if attempt.first_chunk_at is None else attempt.first_chunk_at
        )  # what is held back began before it is shown
        router_state.health.began(
            leave, self._exchange.stream, began - attempt.asked_at, router_state.now()
        )
        self._exchange.ended(attempt, "ok", 200)
        return CallEnded(attempt, result)

    def _failure(self, attempt: Attempt, failure: UpstreamFailure) -> CallEnded:
        """The provider failed."""
        if (
            self._failed is None or failure.kind is not FailureKind.UNSUPPORTED
        ):  # what another could do tells more of why nobody did
            self._failed = failed(attempt, failure)
        outcome = self._judged(attempt, failure)
        self._over(attempt, outcome_of(failure), failure.upstream_status)
        return CallEnded(attempt, None, outcome)

    def _rejected(self, attempt: Attempt, error: InvalidRequest) -> CallEnded:
        """The target's dialect cannot say the request."""
        self._rejection = self._rejection or error
        self._over(attempt, "rejected", None)
        return CallEnded(attempt)

    def _over(self, attempt: Attempt, outcome: str, status: int | None) -> None:
        """An attempt without an answer that is good to show."""
        release(attempt, self._state)
        self._exchange.ended(attempt, outcome, status)

    def _attempt(self, candidate: Candidate, why: Why, used: set[str]) -> Attempt | None:
        """An attempt with a key that may be used now; None if none is left, or another request
        makes the one probe there may be.
        """
        provider, router_state = candidate.provider, self._state
        now = router_state.now()
        pinned = (
            None
            if self._plan.facts.conversation is None or len(provider.keys) < 2
            else self._pinned_key(candidate, now)
        )
        keys = provider.keys
        if len(keys) == 1 and not used:  # nearly always; whether it may be used, `admit` says
            key: ApiKey | None = keys[0]
        else:
            key = choose(
                provider,
                candidate.name,
                router_state.health,
                now,
                router_state.random,
                used,
                pinned,
            )
            if key is None and keys:
                return None
        leave = router_state.health.admit(
            provider.name, candidate.name, "" if key is None else key.variable, now
        )
        if leave is None:
            return None
        exchange, decision = self._exchange, self._decision
        limits = clocks(provider, self._persona, candidate.ref)
        origin, overlay = decision.origin, decision.overlay
        if why == "resume":
            origin = overlay = None
        elif origin is not None and provider.relays != origin.dialect:
            overlay = None  # it is sent the hub's request, not the caller's own body
        elif overlay is not None and origin is not None and origin.bound_to_key:
            overlay = self._without_foreign(overlay, candidate, key, now)
        fans_out, notes = self._persona is None or self._persona.fan_out, exchange.persona_notes
        began = exchange.clock()
        return Attempt(
            candidate,
            why,
            limits,
            exchange.clock,
            self.deadline,
            began,
            began,
            notes,
            key,
            leave,
            fans_out,
            exchange.held_up,
            exchange.hold,
            origin,
            overlay,
            None if exchange.trace is None else exchange.trace.of_attempt(provider.propagate),
        )

    def _without_foreign(
        self, overlay: Overlay, candidate: Candidate, key: ApiKey | None, now: float
    ) -> Overlay:
        """Without signed reasoning that another provider or key made, as far as that is known."""
        conversation = self._plan.facts.conversation
        pin = None if conversation is None else self._state.affinity.find(conversation, now)
        if pin is None:
            return overlay
        same_key = pin.key == ("" if key is None else key.variable)
        same_provider = pin.target.partition("/")[0] == candidate.provider.name
        if same_key and same_provider:
            return overlay
        return overlay._replace(keeps_reasoning=False)

    def _pinned_key(self, candidate: Candidate, now: float) -> str | None:
        """The key that the conversation had at this target."""
        conversation = self._plan.facts.conversation
        pin = None if conversation is None else self._state.affinity.find(conversation, now)
        return pin.key if pin is not None and pin.target == candidate.name else None

    async def _has_slot(self, attempt: Attempt) -> bool:
        """Wait for a place at a target that has a limit. False if there is none in time, or the
        target may not be asked any more.
        """
        candidate, outcome = attempt.candidate, "cancelled"
        try:
            async with asyncio.timeout(max(0.0, self.remaining())):
                attempt.set_place(await self._slots.take(candidate.provider, candidate.model))
            outcome = "ok"
        except (QueueFull, TimeoutError) as full:
            outcome = "no_place"
            wait = full.retry_after if isinstance(full, QueueFull) else 1.0
            self._wait_at_most(wait)
            self._no_room = self._no_room or ProviderQueueFull(candidate.name, wait)
        finally:
            if outcome != "ok":
                self._over(attempt, outcome, None)
        return outcome == "ok" and (attempt.place is None or self._readmitted(attempt))

    def _readmitted(self, attempt: Attempt) -> bool:
        """Whether the target may still be asked: others may have failed there while this request
        waited for its place.
        """
        health, candidate, leave = self._state.health, attempt.candidate, attempt.leave
        assert leave is not None
        health.abandoned(leave)
        attempt.set_leave(
            health.admit(candidate.provider.name, candidate.name, leave.key, self._state.now())
        )
        if attempt.leave is None:
            self._over(attempt, "no_place", None)
        return attempt.leave is not None

    def _judged(self, attempt: Attempt, failure: UpstreamFailure) -> Outcome:
        """What a failure means for the target's health, and for asking it again."""
        health, now, candidate = self._state.health, self._state.now(), attempt.candidate
        assert attempt.leave is not None
        late = self.deadline - attempt.started < self._total / 2
        if (
            failure.code != OUT_OF_TIME.code or not late
        ):  # who was asked late is not to blame that time ran out
            health.failed(attempt.leave, failure.kind, failure.retry_after, now)
        pause = failure.retry_after
        if pause is None:
            pause = health.standing(candidate.provider, candidate.name, now).retry_in
        may_pass = (
            pause <= self.policy.backoff.max
        )  # the caller can wait longer, and is told how long
        self._wait_at_most(pause)
        return Outcome(failure.kind, pause, may_pass and failure.should_retry is not False)

    def _wait_at_most(self, seconds: float) -> None:
        if seconds > 0:
            self._soonest = seconds if self._soonest is None else min(self._soonest, seconds)

    def _error(self) -> RequestFailed | InvalidRequest:
        """What the caller is told when nothing answered: the last failure, with the soonest moment
        at which it makes sense to ask again.
        """
        if self._failed is None and self._rejection is not None:
            return self._rejection
        failed = self._failed or self._no_room or self._over_budget or refusal(self._plan_now())
        final = isinstance(failed, UpstreamFailed) and failed.failure.should_retry is False
        if failed.status in (429, 503) and self._soonest is not None and not final:
            failed.retry_in(self._soonest)
        return failed

    def _plan_now(self) -> Plan:
        """The plan after all its targets became unavailable while it was carried out."""
        health, now = self._state.health, self._state.now()
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
