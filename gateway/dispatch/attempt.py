"""One target asked once: the request in its dialect, sent with a key, and the answer read until it
can be shown.

Raises UpstreamError for what the provider did and InvalidRequest for what its dialect cannot say;
who is asked next is not decided here.
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal, Protocol

from gateway.config import Model, Provider
from gateway.dispatch import fan_out
from gateway.dispatch.answer_tap import AnswerTap, kept_of
from gateway.dispatch.attempt_record import Attempt
from gateway.dispatch.attempt_result import AttemptResult
from gateway.dispatch.continuation import complete_with_retry
from gateway.dispatch.merged_result import merged_result
from gateway.dispatch.optional_fields import without_lacking
from gateway.dispatch.reasoning_cache import Loss, ReasoningStore
from gateway.dispatch.sealed_reasoning import unsealed
from gateway.dispatch.send import PreparedRequest
from gateway.dispatch.shared_reasoning import SharedReasoning
from gateway.dispatch.streams import UpstreamStream, open_stream
from gateway.http.offload import BIG, off_loop
from gateway.routing.candidates import Candidate
from gateway.routing.gates import MOST_FANNED_OUT
from gateway.routing.requirements import derive
from gateway.routing.state import RouterState
from gateway.store.states import States
from gateway.telemetry.ids import unique
from gateway.upstream.client import UpstreamClient
from gateway.upstream.media import MediaFetcher, refuse_urls
from translators.capabilities import ModelRecord
from translators.chat.request import ChatRequest
from translators.chat.wire import InputMessage
from translators.dialect import MAX_GROWTH, Dialect, Envelope, Target, UpstreamRequest
from translators.errors import GrownTooLarge, InvalidRequest, UpstreamError, UpstreamFailure
from translators.notes import Note, losses
from translators.registry import CALLING, dialect_for, wants_reasoning_back
from translators.repair import Repair, lacking, refuses_signatures, repair

Asked = tuple[ChatRequest, ModelRecord]
"""The request and the facts it is built with."""
Addressed = tuple[Target, Dialect]
"""Where attempts go; and in what dialect, if they call nothing."""

_log: Final = logging.getLogger("llm_router")

Mode = Literal["complete", "stream"]

_AT_ONCE: Final = 500
"""Nodes that a small request's references may add to it on the loop: they take some milliseconds.
"""

_LOSSES: Final[dict[Loss, Note]] = {
    "edited": Note(
        "dropped",
        "messages.reasoning",
        "an assistant message with tool calls was edited: the reasoning before it is lost",
    ),
    "unknown": Note(
        "dropped",
        "messages.reasoning",
        "of these tool calls nothing is known here (another worker, a restart, or too long ago): if"
        " the model reasoned before them, that is lost unless assistant messages are sent back"
        " whole",
    ),
}
_REFUSED: Final = Note(
    "dropped",
    "messages.reasoning",
    "the provider refused the signed reasoning of this conversation: it was left out",
)

MOST_MENDED: Final = 3
"""How often one request is mended for a target: a server names one parameter at a time."""


class Attempts(Protocol):
    """Asks one target once: AttemptRunner for chat, gateway.dispatch.embeddings."""

    async def run(
        self, mode: Mode, attempt: Attempt, request: ChatRequest, caller: str, params: str
    ) -> AttemptResult[Any]:
        """Raises UpstreamError, InvalidRequest or OutOfDescriptors."""


class AttemptRunner:
    """Asks targets. One for a running gateway."""

    def __init__(
        self,
        client: UpstreamClient,
        media: MediaFetcher,
        state: RouterState,
        states: States | None = None,
    ) -> None:
        """`states`: shared with other instances, where they are."""
        self._client = client
        self._media = media
        self._state = state
        self._reasoning = ReasoningStore(state.now)
        self._shared = (
            None if states is None else SharedReasoning(self._reasoning, states, state.now)
        )
        self._targets: dict[tuple[str, str], tuple[Provider, Model, Addressed]] = {}
        """By the names of a target and of a key's variable, as the newest request was sent there:
        as many as the files have named since the start."""
        self._corrected: dict[str, tuple[ModelRecord, ModelRecord]] = {}
        """The facts about targets that their providers corrected, and what they were corrected to;
        until the next start or reload."""

    def remember(
        self,
        caller: str,
        target: Candidate,
        messages: Sequence[InputMessage],
        answer: Mapping[str, Any],
    ) -> None:
        """Keep what the next turn will need of an answer to `messages`: its reasoning."""
        if answer.get("tool_calls"):
            kept = self._reasoning.remember(caller, target.name, messages, answer, kept_of(target))
            if self._shared is not None:
                self._shared.keep(caller, target.name, messages, answer, kept)

    async def run(
        self, mode: Mode, attempt: Attempt, request: ChatRequest, caller: str, params: str
    ) -> AttemptResult[Any]:
        """A whole chat.completion, or a stream whose first content is in hand and which the caller
        closes.

        The request is corrected as often as its refusals call for it.
        """
        if self._shared is not None and attempt.overlay is None:
            await self._shared.fetch(caller, attempt.candidate.name, request.messages)
        asked = first = self._asked(attempt, request, caller)
        mended, learned = (
            0,
            "x_provider" not in request.body,
        )  # what a caller's own passthrough may have provoked is no fact
        while True:
            try:
                if (
                    (request.body.get("n") or 1) > 1
                    and attempt.overlay is None
                    and not asked[1].can("multiple_choices")
                ):
                    result = await self._several(mode, attempt, asked, params)
                elif mode == "complete":
                    result = await complete_with_retry(await self._prepare(attempt, asked, params))
                else:
                    result = await open_stream(
                        await self._prepare(attempt, asked, params), _tap(attempt, asked[0])
                    )
                break
            except UpstreamError as error:
                if mended == MOST_MENDED:
                    raise
                correction = self._correction(attempt, asked, error)
                mended, learned, asked = (
                    mended + 1,
                    learned and correction.learned,
                    (correction.request, correction.record),
                )
        messages = request.body["messages"]
        alone = len(messages) < 2 or (len(messages) == 2 and messages[0]["role"] != "assistant")
        notes = (
            ()
            if alone or attempt.overlay is not None
            else self._lost_reasoning(attempt, first, caller)
        )
        if mended:
            if learned:  # only what helped is a fact
                self._corrected[attempt.candidate.name] = (attempt.candidate.model.record, asked[1])
            if asked[0] is not first[0] or (
                attempt.overlay is not None and not attempt.overlay.keeps_reasoning
            ):
                notes = (_REFUSED, *notes)
        return result._replace(notes=result.notes + notes) if notes else result

    async def _several(
        self, mode: Mode, attempt: Attempt, asked: Asked, params: str
    ) -> AttemptResult[Any]:
        """Several answers of a model that gives one, asked for at once, as one.

        Raises InvalidRequest where that may not be: routing saw to it, but may not have known that
        the model gives one.
        """
        request, record = asked
        count = int(request.body["n"])
        if not attempt.fans_out or count > MOST_FANNED_OUT:
            raise InvalidRequest("This model gives one choice only.", "n", "unsupported_value")
        started, single = attempt.clock(), (fan_out.single(request), record)
        tasks = [
            asyncio.ensure_future(self._one(mode, attempt, single, params)) for _ in range(count)
        ]
        try:
            results = await asyncio.gather(*tasks)
        except BaseException:
            for result in await fan_out.ended(tasks):
                if isinstance(result.answer, UpstreamStream):
                    result.answer.hang_up()
            raise
        if mode == "complete":
            attempt.set_upstream_seconds(attempt.clock() - started)
        return merged_result(results, attempt.notes, mode == "complete")

    async def _one(
        self, mode: Mode, attempt: Attempt, asked: Asked, params: str
    ) -> AttemptResult[Any]:
        """One of several answers."""
        prepared = await self._prepare(attempt, asked, params)
        return await (
            complete_with_retry(prepared)
            if mode == "complete"
            else open_stream(prepared, _tap(attempt, asked[0]))
        )

    def _asked(self, attempt: Attempt, request: ChatRequest, caller: str) -> Asked:
        """The request with the reasoning its history had, and the facts about the target as they
        are known by now.
        """
        candidate = attempt.candidate
        configured = candidate.model.record
        wrong, corrected = self._corrected.get(candidate.name, (configured, configured))
        # What was wrong may be from another revision of the files, which may say better now.
        record = corrected if wrong is configured else configured
        if attempt.overlay is not None:
            return request, record
        if attempt.origin is not None:
            request, notes = unsealed(request, candidate.name)
            attempt.add_notes(notes)
        if len(request.body["messages"]) > 1:
            request = self._reasoning.restore(caller, candidate.name, request)
        return request, record

    def _lost_reasoning(self, attempt: Attempt, asked: Asked, caller: str) -> tuple[Note, ...]:
        """Of reasoning that the model needed and did not get back. Not before it has answered: in
        strict mode, too, the request was sent as it came.
        """
        request, record = asked
        target = attempt.candidate
        if not wants_reasoning_back(target.provider.dialect, record, request):
            return ()
        loss = self._reasoning.lost(caller, target.name, request)
        return () if loss is None else (_LOSSES[loss],)

    def _correction(self, attempt: Attempt, asked: Asked, error: UpstreamError) -> Repair:
        """What to ask instead, where the provider refused because facts about the model are wrong.
        Raises `error` if it did not.
        """
        correction = repair(*asked, error.failure)
        if attempt.overlay is not None and refuses_signatures(error.failure):
            correction = Repair(*asked, learned=False) if attempt.overlay.keeps_reasoning else None
            attempt.drop_reasoning()
        if correction is None:
            self._note_lack(attempt, asked[0], error.failure)
            raise error
        failure = attempt.cleaned(error.failure)
        target, fact = attempt.candidate.name, failure.upstream_code or failure.code
        _log.warning(
            "%s refused a request (%s): sent again, mended. Its row in capabilities.yaml may be"
            " wrong.",
            target,
            fact,
        )
        attempt.clear_notes()
        return correction

    def _note_lack(self, attempt: Attempt, request: ChatRequest, failure: UpstreamFailure) -> None:
        """If the model does not have what the request needs: plans know it from now on."""
        capability = lacking(failure)
        if capability is None or "x_provider" in request.body:
            return
        needs, _ = derive(request, None)
        if any(need.capability == capability for need in needs):
            target = attempt.candidate.name
            self._state.lacks.learn(
                target, attempt.candidate.model.record, capability, self._state.now()
            )
            _log.warning(
                "%s has no %s: it is not asked for it for an hour. Its row in capabilities.yaml may"
                " be wrong.",
                target,
                capability,
            )

    async def _prepare(self, attempt: Attempt, asked: Asked, params: str) -> PreparedRequest:
        """The request in the target's dialect; raises InvalidRequest if it cannot be said there, or
        in strict mode not without loss.
        """
        provider = attempt.candidate.provider
        request, record = asked
        target, dialect = self._target(attempt, record)
        if attempt.overlay is None:
            if not CALLING.isdisjoint(request.body):
                dialect = dialect_for(provider.dialect, record, request.body)
            if provider.media_urls != "pass":
                request = await self._without_urls(request, attempt)
            if attempt.origin is not None:
                attempt.add_notes(attempt.origin.notes)
                if attempt.origin.optional:
                    request, lost = without_lacking(
                        request, attempt.origin.optional, record.capabilities
                    )
                    attempt.add_notes(lost)
        else:
            assert attempt.origin is not None
            dialect = attempt.origin.relay(attempt.overlay)
        upstream: UpstreamRequest | None = None
        if request.size <= BIG:
            try:
                upstream = dialect.build_request(request, target)
            except GrownTooLarge:
                target = replace(target, max_growth=MAX_GROWTH)
        if upstream is None:  # it is big, or stands for more than it shows
            upstream = await off_loop(dialect.build_request, request, target)
        if upstream.notes:
            attempt.add_notes(upstream.notes)
        if params == "strict" and (refused := losses((*attempt.persona_notes, *attempt.notes))):
            raise strict(refused, attempt.candidate.name)
        number = unique()
        envelope = Envelope(
            f"chatcmpl-{number}", int(time.time()), target.model, f"call_{number}", upstream.shape
        )
        return PreparedRequest(self._client, dialect, upstream, envelope, attempt)

    def _target(self, attempt: Attempt, record: ModelRecord) -> Addressed:
        """Where the attempt goes: made anew only where a file, or what is known of the model, has
        changed since the last one. And the dialect of requests that call nothing.
        """
        candidate, key = attempt.candidate, attempt.key
        provider, model = candidate.provider, candidate.model
        at = candidate.name, "" if key is None else key.variable
        known = self._targets.get(at)
        if known is not None:
            of_provider, of_model, addressed = known
            if of_provider is provider and of_model is model and addressed[0].record is record:
                return addressed
        target = Target(
            provider.name,
            provider.dialect,
            provider.base_url if model.base_url is None else model.base_url,
            model.id,
            record,
            "" if key is None else key.secret.get_secret_value(),
            provider.key_header,
            provider.query,
            _AT_ONCE,
            provider.relay_limits,
        )
        addressed = target, dialect_for(provider.dialect, record, {})
        self._targets[at] = provider, model, addressed
        return addressed

    async def _without_urls(self, request: ChatRequest, attempt: Attempt) -> ChatRequest:
        """The request for a provider that fetches no images itself. Raises InvalidRequest where
        nobody does.
        """
        if attempt.candidate.provider.media_urls == "refuse":
            refuse_urls(request)
            return request
        limit = attempt.limit()
        try:
            return await self._media.inlined(request, limit.seconds, attempt.hold)
        except TimeoutError:
            raise UpstreamError(limit.failure) from None


def _tap(attempt: Attempt, request: ChatRequest) -> AnswerTap | None:
    """What looks for reasoning in a streamed answer, where the next turn of a tool loop may need
    it: not in one that is relayed, whose caller is given all of it.
    """
    if attempt.overlay is not None or not request.body.get("tools"):
        return None
    return AnswerTap(request.messages, kept_of(attempt.candidate))


def strict(lost: list[Note], target: str) -> InvalidRequest:
    """The refusal of a request that strict mode forbids to change."""
    names = ", ".join(dict.fromkeys(f"'{note.param}' ({note.why})" for note in lost))
    return InvalidRequest(
        f"In strict mode nothing may be dropped or changed, but {target} cannot take {names}.",
        lost[0].param,
        "unsupported_parameter",
    )
