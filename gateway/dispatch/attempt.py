"""One target asked once: the request in its dialect, sent with a key, and the answer read until it can be shown.

Raises UpstreamError for what the provider did and InvalidRequest for what its dialect cannot say; who is asked next is not decided here.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeVar

from gateway.dispatch import fan_out
from gateway.dispatch.continuation import Question, whole_or_again
from gateway.dispatch.exchange import Trial
from gateway.dispatch.reasoning_cache import RELAYED, SIGNED, AnswerTap, Loss, ReasoningStore
from gateway.dispatch.streams import LiveAnswer, MergedAnswer, OneAnswer, begun
from gateway.http.offload import BIG, off_loop
from gateway.routing.candidates import Candidate
from gateway.routing.plan import MOST_FANNED_OUT
from gateway.routing.requirements import derive
from gateway.routing.state import Memory
from gateway.telemetry.ids import unique
from gateway.upstream.client import UpstreamClient
from gateway.upstream.media import MediaFetcher, refuse_urls
from gateway.upstream.response import UpstreamResponse
from translators.capabilities import ModelRecord
from translators.chat.request import ChatRequest
from translators.dialect import MAX_GROWTH, Dialect, Envelope, Target, UpstreamRequest
from translators.errors import GrownTooLarge, InvalidRequest, UpstreamError, UpstreamFailure
from translators.notes import Note, losses
from translators.registry import dialect_for, wants_reasoning_back
from translators.repair import Repair, lacking, repair

Asked = tuple[ChatRequest, ModelRecord]
"""The request and the facts it is built with."""

_log: Final = logging.getLogger("llm_router")

T = TypeVar("T")

_AT_ONCE: Final = 500
"""Nodes that a small request's references may add to it on the loop: they take some milliseconds."""

_LOSSES: Final[dict[Loss, Note]] = {
    "edited": Note("dropped", "messages.reasoning", "an assistant message with tool calls was edited: the reasoning before it is lost"),
    "unknown": Note(
        "dropped",
        "messages.reasoning",
        "of these tool calls nothing is known here (another worker, a restart, or too long ago): if the model reasoned before them, that "
        "is lost unless assistant messages are sent back whole",
    ),
}
_REFUSED: Final = Note("dropped", "messages.reasoning", "the provider refused the signed reasoning of this conversation: it was left out")

MAX_ERROR_BYTES: Final = 1024 * 1024
MOST_MENDED: Final = 3
"""How often one request is mended for a target: a server names one parameter at a time."""


class Asking:
    """Asks targets. One for a running gateway."""

    def __init__(self, client: UpstreamClient, media: MediaFetcher, memory: Memory) -> None:
        self._client = client
        self._media = media
        self._memory = memory
        self._reasoning = ReasoningStore(time.monotonic)
        self._corrected: dict[str, tuple[ModelRecord, ModelRecord]] = {}
        """The facts about targets that their providers corrected, and what they were corrected to; until the next start or reload."""

    async def complete(self, trial: Trial, request: ChatRequest, caller: str, params: str) -> dict[str, Any]:
        """A whole chat.completion."""
        asked = self._asked(trial, request, caller)
        try:
            completion = await self._complete(trial, asked, params)
        except UpstreamError as error:
            completion = await self._mended(trial, asked, error, lambda mended: self._complete(trial, mended, params))
        self._note_loss(trial, asked, caller)
        trial.usage = completion.get("usage")
        trial.model = completion.get("model")
        trial.finish_reason = completion["choices"][0].get("finish_reason")
        if "x_llm_router" in completion:
            trial.warnings += completion["x_llm_router"]["warnings"]
        return completion

    async def open(self, trial: Trial, request: ChatRequest, caller: str, params: str) -> OneAnswer:
        """A stream whose first content is in hand; the caller closes it."""
        asked = self._asked(trial, request, caller)
        try:
            answer = await self._open(trial, asked, params)
        except UpstreamError as error:
            answer = await self._mended(trial, asked, error, lambda mended: self._open(trial, mended, params))
        self._note_loss(trial, asked, caller)
        return answer

    def remember(self, caller: str, target: Candidate, messages: Sequence[dict[str, Any]], answer: dict[str, Any]) -> None:
        """Keep what the next turn will need of an answer to `messages`: its reasoning."""
        if answer.get("tool_calls"):
            self._reasoning.remember(caller, target.name, messages, answer, _kept(target))

    def _asked(self, trial: Trial, request: ChatRequest, caller: str) -> Asked:
        """The request with the reasoning its history had, and the facts about the target as they are known by now."""
        candidate = trial.candidate
        configured = candidate.model.record
        wrong, corrected = self._corrected.get(candidate.name, (configured, configured))
        # What was wrong may be from another revision of the files, which may say better now.
        return self._reasoning.restore(caller, candidate.name, request), corrected if wrong is configured else configured

    def _note_loss(self, trial: Trial, asked: Asked, caller: str) -> None:
        """Tell of reasoning that the model needed and did not get back. Not before it has answered: in strict mode, too, the request was
        sent as it came.
        """
        request, record = asked
        target = trial.candidate
        if not wants_reasoning_back(target.provider.dialect, record, request):
            return
        loss = self._reasoning.lost(caller, target.name, request)
        if loss is not None:
            trial.notes.append(_LOSSES[loss])

    async def _mended(self, trial: Trial, asked: Asked, error: UpstreamError, ask: Callable[[Asked], Awaitable[T]]) -> T:
        """What is answered once what was refused is mended, where the provider refused because facts about the model are wrong."""
        first = asked[0]
        learned = "x_provider" not in first.body  # what a caller's own passthrough may have provoked is no fact
        for _ in range(MOST_MENDED):
            mended = self._way_out(trial, asked, error)
            learned, asked = learned and mended.learned, (mended.request, mended.record)
            try:
                value = await ask(asked)
            except UpstreamError as again:
                error = again
                continue
            if learned:  # only what helped is a fact
                self._corrected[trial.candidate.name] = (trial.candidate.model.record, mended.record)
            if mended.request is not first:
                trial.notes.append(_REFUSED)
            return value
        raise error

    def _way_out(self, trial: Trial, asked: Asked, error: UpstreamError) -> Repair:
        """What to ask instead; raises `error` if there is no such thing."""
        mended = repair(*asked, error.failure)
        if mended is None:
            self._note_lack(trial, asked[0], error.failure)
            raise error
        failure = trial.cleaned(error.failure)
        target, fact = trial.candidate.name, failure.upstream_code or failure.code
        _log.warning("%s refused a request (%s): sent again, mended. Its row in capabilities.yaml may be wrong.", target, fact)
        trial.notes[:] = trial.persona_notes
        return mended

    def _note_lack(self, trial: Trial, request: ChatRequest, failure: UpstreamFailure) -> None:
        """If the model does not have what the request needs: plans know it from now on."""
        capability = lacking(failure)
        if capability is None or "x_provider" in request.body:
            return
        needs, _ = derive(request, None)
        if any(need.capability == capability for need in needs):
            target = trial.candidate.name
            self._memory.lacks.learn(target, trial.candidate.model.record, capability, self._memory.now())
            _log.warning("%s has no %s: it is not asked for it for an hour. Its row in capabilities.yaml may be wrong.", target, capability)

    async def _prepare(self, trial: Trial, asked: Asked, params: str) -> Question:
        """The request in the target's dialect; raises InvalidRequest if it cannot be said there, or in strict mode not without loss."""
        provider = trial.candidate.provider
        request, record = asked
        dialect = dialect_for(provider.dialect, record, request)
        match provider.media_urls:
            case "fetch":
                request = await self._inlined(request, trial)
            case "refuse":
                refuse_urls(request)
        key = "" if trial.key is None else trial.key.secret.get_secret_value()
        model = trial.candidate.model
        base_url = provider.base_url if model.base_url is None else model.base_url
        target = Target(provider.name, provider.dialect, base_url, model.id, record, key, provider.key_header, provider.query, _AT_ONCE)
        upstream = await _built(dialect, request, target)
        if upstream.notes:
            trial.notes.extend(upstream.notes)
        if params == "strict" and (lost := losses(trial.notes)):
            raise _strict(lost, trial.candidate.name)
        number = unique()
        envelope = Envelope(f"chatcmpl-{number}", int(time.time()), target.model, f"call_{number}", upstream.shape)
        return Question(dialect, upstream, envelope, trial, partial(self._send, trial, dialect))

    async def _inlined(self, request: ChatRequest, trial: Trial) -> ChatRequest:
        limit = trial.limit()
        try:
            return await self._media.inlined(request, limit.seconds, trial.hold)
        except TimeoutError:
            raise UpstreamError(limit.failure) from None

    async def _send(self, trial: Trial, dialect: Dialect, upstream: UpstreamRequest) -> UpstreamResponse:
        """The answer's headers, with a status that means success. Raises UpstreamError."""
        provider = trial.candidate.provider
        response = await self._client.send(upstream, trial.clocks, trial.limit(more=True), provider.headers, provider.link)
        if trial.first_chunk_at is not None:
            response.allow(trial.limit())
        trial.heard(response.headers)
        if 200 <= response.status < 300:
            return response
        try:
            body = await response.read(MAX_ERROR_BYTES)
            raise UpstreamError(trial.cleaned(dialect.parse_error(response.status, response.headers, body)))
        finally:
            response.close()

    def _complete(self, trial: Trial, asked: Asked, params: str) -> Awaitable[dict[str, Any]]:
        count, asked = _fanned_out(trial, asked)
        return self._complete_one(trial, asked, params) if count == 1 else self._complete_several(count, trial, asked, params)

    async def _complete_several(self, count: int, trial: Trial, asked: Asked, params: str) -> dict[str, Any]:
        started = trial.clock()
        answers = await fan_out.together(count, lambda: self._complete_one(trial, asked, params), lambda _: None)
        trial.upstream_seconds = trial.clock() - started
        _note_fan_out(trial)
        return fan_out.merged(answers)

    async def _complete_one(self, trial: Trial, asked: Asked, params: str) -> dict[str, Any]:
        question = await self._prepare(trial, asked, params)
        started = trial.clock()
        try:
            return await whole_or_again(question)
        finally:
            trial.upstream_seconds += trial.clock() - started

    def _open(self, trial: Trial, asked: Asked, params: str) -> Awaitable[OneAnswer]:
        count, asked = _fanned_out(trial, asked)
        return self._open_one(trial, asked, params) if count == 1 else self._open_several(count, trial, asked, params)

    async def _open_several(self, count: int, trial: Trial, asked: Asked, params: str) -> OneAnswer:
        answers = await fan_out.together(count, lambda: self._open_one(trial, asked, params), LiveAnswer.hang_up)
        _note_fan_out(trial)
        if trial.unfollowed is not None:  # the others go on, so they are shown
            trial.warnings.append(trial.unfollowed)
            trial.unfollowed = None
        return MergedAnswer(answers, trial)

    async def _open_one(self, trial: Trial, asked: Asked, params: str) -> LiveAnswer:
        question = await self._prepare(trial, asked, params)
        request = asked[0]
        return await begun(question, AnswerTap(request.messages, _kept(trial.candidate)) if request.body.get("tools") else None)


async def _built(dialect: Dialect, request: ChatRequest, target: Target) -> UpstreamRequest:
    """The request in its dialect; off the loop if it is big, or stands for more than it shows."""
    build = dialect.build_request
    if request.size <= BIG:
        try:
            return build(request, target)
        except GrownTooLarge:
            target = replace(target, max_growth=MAX_GROWTH)
    return await off_loop(build, request, target)


def _kept(target: Candidate) -> frozenset[str]:
    """What is kept of a target's answers: what it signed, and of the hub's own dialect whatever its server takes back."""
    if target.provider.dialect != "openai":
        return SIGNED
    taken = target.model.record.message_fields
    return RELAYED if taken is None else SIGNED | (RELAYED & taken)


def _fanned_out(trial: Trial, asked: Asked) -> tuple[int, Asked]:
    """How often a request is sent, and as what: several times for `n` answers of a model that gives one.

    Raises InvalidRequest where that may not be: routing saw to it, but may not have known that the model gives one.
    """
    request, record = asked
    count = request.body.get("n") or 1
    if count <= 1 or record.can("multiple_choices"):
        return 1, asked
    if not trial.fans_out or count > MOST_FANNED_OUT:
        raise InvalidRequest("This model gives one choice only.", "n", "unsupported_value")
    return int(count), (fan_out.single(request), record)


def _note_fan_out(trial: Trial) -> None:
    """Each of the requests made the same notes: keep them once."""
    trial.notes[:] = [*dict.fromkeys(trial.notes), Note("emulated", "n", "this model gives one answer: it was asked several times")]


def _strict(lost: list[Note], target: str) -> InvalidRequest:
    names = ", ".join(dict.fromkeys(f"'{note.param}' ({note.why})" for note in lost))
    return InvalidRequest(
        f"In strict mode nothing may be dropped or changed, but {target} cannot take {names}.", lost[0].param, "unsupported_parameter"
    )
