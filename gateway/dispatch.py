"""One exchange with the providers: from a decision to a completion, or to a stream that has begun to answer.

The place where routing (which target, when) and asking (what bytes) meet. Once content was shown a failure is the caller's to see,
unless the persona resumes.
"""

from typing import Any, Final

from gateway.accounting.usage import USAGE_ESTIMATED, estimated
from gateway.answers import Answer, ResumableAnswer
from gateway.asking import Asking
from gateway.errors import UpstreamFailed
from gateway.exchange import Exchange, Trial
from gateway.execution import Execution, broke_off, failed, release
from gateway.resuming import may_resume
from gateway.routing.deciding import Decision
from gateway.routing.view import Memory
from gateway.upstream.client import UpstreamClient
from gateway.upstream.media import MediaFetcher
from gateway.upstream.places import Places
from translators.errors import UpstreamError

_LEARNED_FROM: Final = 4000
"""Bytes from which a prompt is worth estimating, only to compare the estimate with what was counted."""
_LEARNED_SHARE: Final = 1 / 16
"""Of such prompts: an estimate of a long one costs as much as sending it."""


class Dispatcher:
    """Executes decisions. Everything it needs comes in as arguments."""

    def __init__(self, client: UpstreamClient, media: MediaFetcher, memory: Memory) -> None:
        self.memory = memory
        self.asking = Asking(client, media, memory)
        self.places = Places()

    async def complete(self, decision: Decision, exchange: Exchange) -> dict[str, Any]:
        """A whole chat.completion. Raises RequestFailed or InvalidRequest."""
        run = Execution(self.memory, self.places, decision, exchange, self.asking.complete)
        completion = await run.first_success()
        trial = exchange.trial
        assert trial is not None
        self._succeeded(trial, exchange)
        release(trial, self.memory)
        answer = completion["choices"][0].get("message") or {}
        self.asking.remember(exchange.key_id or "", trial.candidate, decision.request.messages, answer)
        if completion.get("usage") is None:
            tokens = decision.plan.facts.prompt.tokens
            completion["usage"] = estimated(tokens, trial.candidate.model.token_factor, completion)
            trial.warnings.append(USAGE_ESTIMATED)
        return completion

    async def open(self, decision: Decision, exchange: Exchange) -> Answer:
        """A stream whose first content is in hand. Raises RequestFailed or InvalidRequest; `close` what is returned."""
        run = Execution(self.memory, self.places, decision, exchange, self.asking.open)
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
        if (tap := live.tap) is not None:
            self.asking.remember(exchange.key_id or "", trial.candidate, tap.messages, tap.message())

    def broke(self, error: UpstreamError, exchange: Exchange) -> UpstreamFailed:
        """What to tell a caller whose answer broke; the attempt goes into the record, and into the target's health, as failed."""
        trial = exchange.trial
        assert trial is not None
        broke_off(trial, error.failure, exchange, self.memory)
        exchange.outcome = "stream_aborted"
        return failed(trial, error.failure)

    async def close(self, live: Answer, exchange: Exchange) -> None:
        """Hang up, and give back what the answer held."""
        try:
            await live.aclose()
        finally:
            if exchange.trial is not None:
                release(exchange.trial, self.memory)

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
        worth_it = prompt.known is not None or (prompt.size >= _LEARNED_FROM and memory.dice() < _LEARNED_SHARE)
        # A prompt sent several times was counted as often: it teaches no factor.
        if worth_it and not prompt.exact and plan.facts.answers == 1:
            estimated = int(prompt.tokens * candidate.model.token_factor)
        memory.learned.observe(plan.persona, candidate.name, estimated, usage)
        tokens = usage.get("completion_tokens")
        if tokens.__class__ is int and trial.first_chunk_at is not None:
            memory.health.latency(candidate.name).observe_rate(tokens, trial.clock() - trial.first_chunk_at, now)
