"""One target asked once: the request in its dialect, sent with a key, and the answer read until it can be shown.

Raises UpstreamError for what the provider did and InvalidRequest for what its dialect cannot say; who is asked next is not decided here.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable
from functools import partial
from typing import Any, Final

from gateway import fan_out
from gateway.answers import LiveAnswer, MergedAnswer, OneAnswer, begun
from gateway.exchange import Trial
from gateway.ids import unique
from gateway.off_loop import BIG
from gateway.reasoning import AnswerTap, ReasoningStore
from gateway.rounds import Question, whole_or_again
from gateway.upstream.client import UpstreamClient
from gateway.upstream.connection import UpstreamResponse
from gateway.upstream.media import MediaFetcher, refuse_urls
from translators.chat.request import ChatRequest
from translators.dialect import Dialect, Envelope, ModelRecord, Note, Target, UpstreamRequest, losses
from translators.errors import InvalidRequest, UpstreamError
from translators.registry import dialect_for
from translators.repair import Repair, repair

Asked = tuple[ChatRequest, ModelRecord]
"""The request and the facts it is built with."""

_log: Final = logging.getLogger("llm_router")

MAX_ERROR_BYTES: Final = 1024 * 1024


class Asking:
    """Asks targets. One for a running gateway."""

    def __init__(self, client: UpstreamClient, media: MediaFetcher) -> None:
        self._client = client
        self._media = media
        self._reasoning = ReasoningStore(time.monotonic)
        self._corrected: dict[str, tuple[ModelRecord, ModelRecord]] = {}
        """The facts about targets that their providers corrected, and what they were corrected to; until the next start or reload."""

    async def complete(self, trial: Trial, request: ChatRequest, caller: str, params: str) -> dict[str, Any]:
        """A whole chat.completion."""
        asked = self._asked(trial, request, caller)
        try:
            completion = await self._complete(trial, asked, params)
        except UpstreamError as error:
            mended = _mended(trial, asked, error)
            completion = await self._complete(trial, (mended.request, mended.record), params)
            self._learn(trial, mended)
        trial.usage = completion.get("usage")
        trial.model = completion.get("model")
        trial.finish_reason = completion["choices"][0].get("finish_reason")
        return completion

    async def open(self, trial: Trial, request: ChatRequest, caller: str, params: str) -> OneAnswer:
        """A stream whose first content is in hand; the caller closes it."""
        asked = self._asked(trial, request, caller)
        try:
            return await self._open(trial, asked, params)
        except UpstreamError as error:
            mended = _mended(trial, asked, error)
            answer = await self._open(trial, (mended.request, mended.record), params)
            self._learn(trial, mended)
            return answer

    def remember(self, caller: str, target: str, message: dict[str, Any]) -> None:
        """Keep what the next turn will need of an answer: signed reasoning."""
        self._reasoning.remember(caller, target, message)

    def _asked(self, trial: Trial, request: ChatRequest, caller: str) -> Asked:
        """The request with the reasoning its history had, and the facts about the target as they are known by now."""
        candidate = trial.candidate
        configured = candidate.model.record
        wrong, corrected = self._corrected.get(candidate.name, (configured, configured))
        # What was wrong may be from another revision of the files, which may say better now.
        return self._reasoning.restore(caller, candidate.name, request), corrected if wrong is configured else configured

    def _learn(self, trial: Trial, mended: Repair) -> None:
        """A mended request was served: only what helped is a fact, and nothing that a caller's own passthrough may have provoked."""
        if mended.learned and "x_provider" not in mended.request.body:
            self._corrected[trial.candidate.name] = (trial.candidate.model.record, mended.record)

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
        target = Target(provider.name, provider.dialect, provider.base_url, trial.candidate.model.id, record, key)
        build = dialect.build_request
        upstream = build(request, target) if request.size <= BIG else await asyncio.to_thread(build, request, target)
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
            return await self._media.inlined(request, limit.seconds)
        except TimeoutError:
            raise UpstreamError(limit.failure) from None

    async def _send(self, trial: Trial, dialect: Dialect, upstream: UpstreamRequest) -> UpstreamResponse:
        """The answer's headers, with a status that means success. Raises UpstreamError."""
        response = await self._client.send(upstream, trial.clocks, trial.limit(more=True), trial.candidate.provider.headers)
        if trial.first_chunk_at is not None:
            response.allow(trial.limit())
        trial.heard(response.headers)
        if 200 <= response.status < 300:
            return response
        try:
            body = await response.read(MAX_ERROR_BYTES)
            raise UpstreamError(dialect.parse_error(response.status, response.headers, body))
        finally:
            response.close()

    def _complete(self, trial: Trial, asked: Asked, params: str) -> Awaitable[dict[str, Any]]:
        count, asked = _fanned_out(asked)
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
        count, asked = _fanned_out(asked)
        return self._open_one(trial, asked, params) if count == 1 else self._open_several(count, trial, asked, params)

    async def _open_several(self, count: int, trial: Trial, asked: Asked, params: str) -> OneAnswer:
        answers = await fan_out.together(count, lambda: self._open_one(trial, asked, params), LiveAnswer.hang_up)
        _note_fan_out(trial)
        return MergedAnswer(answers, trial)

    async def _open_one(self, trial: Trial, asked: Asked, params: str) -> LiveAnswer:
        question = await self._prepare(trial, asked, params)
        return await begun(question, AnswerTap() if asked[0].body.get("tools") else None)


def _mended(trial: Trial, asked: Asked, error: UpstreamError) -> Repair:
    """What to ask instead, where the provider refused because a fact about the model is wrong; else raises `error`."""
    mended = repair(*asked, error.failure)
    if mended is None:
        raise error
    fact = error.failure.upstream_code or error.failure.code
    _log.warning("%s refused a request (%s): sent again, mended. Its row in capabilities.yaml may be wrong.", trial.candidate.name, fact)
    trial.notes[:] = trial.persona_notes
    return mended


def _fanned_out(asked: Asked) -> tuple[int, Asked]:
    """How often a request is sent, and as what: several times for `n` answers of a model that gives one."""
    request, record = asked
    count = request.body.get("n") or 1
    if count <= 1 or record.can("multiple_choices"):
        return 1, asked
    return int(count), (fan_out.single(request), record)


def _note_fan_out(trial: Trial) -> None:
    """Each of the requests made the same notes: keep them once."""
    trial.notes[:] = [*dict.fromkeys(trial.notes), Note("emulated", "n", "this model gives one answer: it was asked several times")]


def _strict(lost: list[Note], target: str) -> InvalidRequest:
    names = ", ".join(dict.fromkeys(f"'{note.param}' ({note.why})" for note in lost))
    return InvalidRequest(
        f"In strict mode nothing may be dropped or changed, but {target} cannot take {names}.", lost[0].param, "unsupported_parameter"
    )
