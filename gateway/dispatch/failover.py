"""A decision carried out: its targets are asked one after the other, or two at once, until one
answers.

The commit rule stands here: until the first content is in hand an attempt may fail unseen and the
next target is asked.
"""

from collections.abc import Generator
from typing import Any, Literal, overload

from gateway.dispatch.attempt import Attempts, Mode
from gateway.dispatch.attempt_end import broke_off, release
from gateway.dispatch.attempt_result import AttemptResult
from gateway.dispatch.exchange import Exchange
from gateway.dispatch.hedge import hedged, hedges_after
from gateway.dispatch.streams import AttemptStream
from gateway.dispatch.target_calls import OUT_OF_TIME, CallEnded, TargetCalls
from gateway.dispatch.text_continuation import continuation
from gateway.errors import UpstreamFailed
from gateway.routing.candidates import Candidate
from gateway.routing.decision import Decision
from gateway.routing.failover import NextAttempt, Outcome, attempts
from gateway.routing.plan import Plan, is_obvious, refusal
from gateway.routing.state import RouterState
from gateway.upstream.concurrency import ConcurrencyLimiter
from translators.chat.wire import Completion
from translators.errors import FailureKind, UpstreamFailure


class FailoverRunner:
    """Carries decisions out. One for a running gateway."""

    def __init__(
        self,
        attempts: Attempts,
        state: RouterState,
        slots: ConcurrencyLimiter,
        ends_at: frozenset[FailureKind] = frozenset(),
    ) -> None:
        """`ends_at`: failures after which no other target is asked, whatever the persona says."""
        self._attempts = attempts
        self._state = state
        self._slots = slots
        self._ends_at = ends_at

    @overload
    async def run(
        self, decision: Decision, exchange: Exchange, mode: Literal["complete"]
    ) -> AttemptResult[Completion]: ...

    @overload
    async def run(
        self, decision: Decision, exchange: Exchange, mode: Literal["stream"]
    ) -> AttemptResult[AttemptStream]: ...

    async def run(self, decision: Decision, exchange: Exchange, mode: Mode) -> AttemptResult[Any]:
        """Ask the plan's targets until one answers. Raises RequestFailed or InvalidRequest."""
        calls = TargetCalls(
            self._attempts, self._state, self._slots, decision, exchange, mode, self._ends_at
        )
        plan, persona, health = decision.plan, decision.plan.policy.persona, self._state.health
        health.retries.request()
        eligible = plan.eligible
        if not eligible:
            raise refusal(plan)
        if exchange.clock() >= calls.deadline and calls.remaining() <= 0:
            raise UpstreamFailed(OUT_OF_TIME, eligible[0].provider.name)
        if (
            persona is None
            or persona.hedge is None
            or (after := hedges_after(persona, eligible, exchange.stream, health)) is None
        ):
            ended = await calls.call(eligible[0], "first")
            if ended.result is not None:  # nearly always: who would be next need not be known
                return self._won(ended, ended.result, plan, exchange)
            steps = self._steps(eligible, calls)
            next(steps, None)  # that was the first
        else:
            steps = self._steps(eligible, calls)
            ended = await hedged(calls, next(steps), steps, after, health.hedges.of(persona))
        while ended.result is None:
            try:
                step = steps.send(ended.outcome)
            except StopIteration:
                ended = calls.unfollowed_answer()
            else:
                ended = await calls.make(
                    step, "retry" if step.candidate.name in calls.called else "failover"
                )
        return self._won(ended, ended.result, plan, exchange)

    async def resume(
        self,
        decision: Decision,
        exchange: Exchange,
        failure: UpstreamFailure,
        text: str,
        broken: frozenset[str],
    ) -> AttemptResult[AttemptStream] | None:
        """The rest of a streamed answer that broke off after `text`, from another target; None if
        none gives it.

        `broken`: the names of the targets whose part of the answer broke off; they are not asked
        for the rest.
        """
        attempt = exchange.attempt
        assert attempt is not None
        broke_off(attempt, failure, exchange, self._state)
        release(attempt, self._state)
        calls = TargetCalls(self._attempts, self._state, self._slots, decision, exchange, "stream")
        if failure.kind not in calls.policy.move_on:
            return None
        plan = decision.plan
        steps = self._steps(
            [c for c in plan.eligible if c.name not in broken and _holds(c, plan, len(text))], calls
        )
        step = next(steps, None)
        while step is not None:
            request = continuation(decision.request, text, step.candidate.model.record.prefill)
            ended = await calls.make(step, "resume", request)
            if ended.result is not None:
                return self._won(ended, ended.result, plan, exchange)
            try:
                step = steps.send(ended.outcome)
            except StopIteration:
                return None
        return None

    def _steps(
        self, candidates: list[Candidate], calls: TargetCalls
    ) -> Generator[NextAttempt, Outcome, None]:
        return attempts(
            candidates,
            calls.policy,
            self._state.health.retries,
            self._state.random,
            calls.remaining,
        )

    def _won(
        self, ended: CallEnded, result: AttemptResult[Any], plan: Plan, exchange: Exchange
    ) -> AttemptResult[Any]:
        """The answer that is shown: the conversation stays where it was given."""
        attempt = ended.attempt
        assert attempt is not None
        exchange.won(attempt)
        if (conversation := plan.facts.conversation) is not None:
            key = "" if attempt.key is None else attempt.key.variable
            affinity, target = self._state.affinity, attempt.candidate.name
            if affinity.fresh is not None and not (attempt.why == "first" and is_obvious(plan)):
                affinity.tell(conversation, target, key)
            affinity.remember(conversation, target, key, self._state.now())
        return result


def _holds(candidate: Candidate, plan: Plan, characters: int) -> bool:
    """Whether the prompt and what was said fit; a token is rarely shorter than three characters."""
    prompt = candidate.prompt_tokens or int(plan.facts.prompt.tokens * candidate.model.token_factor)
    return prompt + characters // 3 <= (
        candidate.model.record.max_input_tokens or candidate.model.record.context_window
    )
