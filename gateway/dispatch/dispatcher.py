"""One exchange with the providers: from a decision to a completion, or to a stream that has begun
to answer.

The place where routing (which target, when) and attempts (what bytes) meet. Once content was shown
a failure is the caller's to see, unless the persona resumes.
"""

from collections.abc import Callable
from typing import Any, Final

from gateway.accounting.usage import USAGE_ESTIMATED, estimated
from gateway.dispatch.attempt import AttemptRunner
from gateway.dispatch.attempt_end import broke_off, failed, release
from gateway.dispatch.embeddings import EmbeddingsDispatcher
from gateway.dispatch.exchange import Exchange
from gateway.dispatch.failover import FailoverRunner
from gateway.dispatch.resume import AnswerStream, ResumedStream
from gateway.dispatch.text_continuation import may_resume
from gateway.dispatch.token_count import counted
from gateway.errors import UpstreamFailed
from gateway.routing.candidates import Candidate
from gateway.routing.decision import Decision
from gateway.routing.state import RouterState
from gateway.store.states import States
from gateway.upstream.client import UpstreamClient
from gateway.upstream.concurrency import ConcurrencyLimiter
from gateway.upstream.media import MediaFetcher
from translators.chat.wire import Completion
from translators.dialect import Target, UpstreamRequest
from translators.errors import UpstreamError
from translators.json_codec import JsonObject

_LEARNED_FROM: Final = 4000
"""Bytes from which a prompt is worth estimating, only to compare the estimate with what was
counted."""
_LEARNED_SHARE: Final = 1 / 16
"""Of such prompts: an estimate of a long one costs as much as sending it."""


class Dispatcher:
    """Executes decisions. Everything it needs comes in as arguments."""

    def __init__(
        self,
        client: UpstreamClient,
        media: MediaFetcher,
        state: RouterState,
        states: States | None = None,
        places: ConcurrencyLimiter | None = None,
    ) -> None:
        """`states`: shared with other instances, where they are; `places`: divided with them."""
        self.state = state
        self.places = ConcurrencyLimiter() if places is None else places
        self._client = client
        self._attempts = AttemptRunner(client, media, state, states)
        self._runner = FailoverRunner(self._attempts, state, self.places)
        self.embeddings = EmbeddingsDispatcher(client, state, self.places)

    async def complete(self, decision: Decision, exchange: Exchange) -> Completion:
        """A whole chat.completion; `learn` from it. Raises RequestFailed or InvalidRequest."""
        completion = (await self._runner.run(decision, exchange, "complete")).answer
        attempt = exchange.attempt
        assert attempt is not None
        if attempt.place is not None:
            attempt.place.leave()
        answer = completion["choices"][0].get("message") or {}
        if answer.get("tool_calls"):
            self._attempts.remember(
                exchange.key_id or "", attempt.candidate, decision.request.messages, answer
            )
        if completion.get("usage") is None:
            tokens = decision.plan.facts.prompt.tokens
            completion["usage"] = estimated(
                tokens, attempt.candidate.model.token_factor, completion
            )
            attempt.add_warnings(USAGE_ESTIMATED)
        return completion

    async def count_tokens(
        self, target: Candidate, build: Callable[[Target], UpstreamRequest], seconds: float
    ) -> JsonObject | None:
        """The provider's own answer to a request that has it count tokens; None if it gives none so
        soon. Raises InvalidRequest.
        """
        return await counted(self._client, self.state, target, build, seconds)

    async def open_stream(self, decision: Decision, exchange: Exchange) -> AnswerStream:
        """A stream whose first content is in hand. Raises RequestFailed or InvalidRequest; `close`
        what is returned.
        """
        stream = (await self._runner.run(decision, exchange, "stream")).answer
        persona = decision.plan.policy.persona
        relayed = exchange.attempt is not None and exchange.attempt.overlay is not None
        if persona is not None and persona.resume and not relayed and may_resume(decision.request):
            exchange.mark_resumable()
            return ResumedStream(stream, self._runner, decision, exchange)
        return stream

    def finished(self, stream: AnswerStream, exchange: Exchange) -> None:
        """A stream came to its end: learn from it, and keep what the next turn will need of it."""
        attempt = exchange.attempt
        assert attempt is not None
        attempt.record_stream_end(stream.usage, stream.finish_reason)
        self.learn(exchange)
        if (tap := stream.tap) is not None:
            self._attempts.remember(
                exchange.key_id or "", attempt.candidate, tap.messages, tap.message()
            )

    def broke(self, error: UpstreamError, exchange: Exchange) -> UpstreamFailed:
        """What to tell a caller whose answer broke; the attempt goes into the record, and into the
        target's health, as failed.
        """
        attempt = exchange.attempt
        assert attempt is not None
        broke_off(attempt, error.failure, exchange, self.state)
        exchange.mark_aborted()
        return failed(attempt, error.failure)

    async def close(self, stream: AnswerStream, exchange: Exchange) -> None:
        """Hang up, and give back what the answer held."""
        try:
            await stream.aclose()
        finally:
            if exchange.attempt is not None:
                exchange.attempt.record_stream_end(stream.usage, stream.finish_reason)
                release(exchange.attempt, self.state)

    def learn(self, exchange: Exchange) -> None:
        """An answer came to its end: what it tells of its target."""
        state, plan, attempt = self.state, exchange.plan, exchange.attempt
        assert plan is not None
        assert attempt is not None
        candidate = attempt.candidate
        now = state.now()
        if attempt.leave is not None:
            state.health.succeeded(attempt.leave, now)
        usage: Any = attempt.usage  # a provider may send anything
        if usage.__class__ is not dict or attempt.why == "resume":
            return
        prompt = plan.facts.prompt
        estimated = None
        worth_it = prompt.known is not None or (
            prompt.request is not None
            and prompt.size >= _LEARNED_FROM
            and state.random() < _LEARNED_SHARE
        )
        # A prompt sent several times was counted as often: it teaches no factor.
        if worth_it and not prompt.exact and plan.facts.answers == 1:
            estimated = int(prompt.tokens * candidate.model.token_factor)
        state.learned.observe(plan.policy.name, candidate.name, estimated, usage)
        tokens = usage.get("completion_tokens")
        if tokens.__class__ is int and attempt.first_chunk_at is not None:
            state.health.latency(candidate.name).observe_rate(
                tokens, attempt.clock() - attempt.first_chunk_at, now
            )
