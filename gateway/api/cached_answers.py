"""Chat requests of personas with a cache: the same request is given the same answer, and the second
of two that are on their way at once waits for the first. Loaded only where a persona has one.
"""

import time
from typing import Final, NamedTuple

from aiohttp import web

from gateway.api.cache_rules import Wishes, document_of, key_for, reason_against, wishes_of
from gateway.api.chat import Settle, failed, opened, respond, streamed
from gateway.api.decision import asking_of, decided, params_mode, prepare
from gateway.api.recorder import AnswerRecorder
from gateway.api.replay import replay_stream, replay_whole, show
from gateway.api.request import Request
from gateway.cache.answer import CachedAnswer
from gateway.cache.flight import Flight, Landing
from gateway.cache.key import AnswerKey
from gateway.cache.response_cache import ResponseCache
from gateway.config import Config, Persona
from gateway.config.cache import CacheSettings
from gateway.dispatch.cache_use import CacheUse, Reason
from gateway.dispatch.exchange import Exchange
from gateway.errors import ModelNotFound, RequestFailed
from gateway.http.event_stream import EventStream
from gateway.http.offload import sized
from gateway.routing.candidates import Candidate
from gateway.routing.decision import Decision
from gateway.routing.plan import resolve
from gateway.routing.state import RoutingContext
from gateway.routing.timeouts import ASKED_BY, total_asked
from gateway.telemetry.ids import unique
from translators.chat.request import ChatRequest
from translators.dialect.inbound import AnswerWriter, InboundRequest
from translators.errors import InvalidRequest

_MOST_WAITS: Final = 2
"""Requests of others that a request waits for in vain; then it goes on by itself."""


class Asked(NamedTuple):
    """A request that the cache has to do with."""

    http: Request
    read: InboundRequest
    exchange: Exchange
    settle: Settle | None
    decision: Decision
    context: RoutingContext
    persona: str
    settings: CacheSettings
    key: AnswerKey
    wishes: Wishes

    @property
    def time_left(self) -> float:
        """Seconds until the time of the whole request is over."""
        origin, plan = self.decision.origin, self.decision.plan
        header = None if origin is None else ASKED_BY.get(origin.dialect)
        asked = None if header is None else plan.facts.header(header)
        total = total_asked(plan.policy.persona, asked)
        return self.exchange.started + total - self.exchange.clock()


class Found(NamedTuple):
    """What a look into the cache came to."""

    answer: CachedAnswer | None = None
    candidate: Candidate | None = None
    """Whose answer it is."""
    flight: Flight | None = None
    """The request leads, and others wait for it; None: it goes by itself."""
    waited: float | None = None
    """Seconds, for another caller's."""


class CachedAnswers:
    """One for a process."""

    def __init__(self, cache: ResponseCache) -> None:
        self.cache = cache

    def concerns(self, config: Config, request: ChatRequest) -> bool:
        """Whether the request is for a persona with a cache."""
        try:
            asked = resolve(config, request.model)
        except ModelNotFound:
            return False
        return isinstance(asked, Persona) and asked.cache is not None

    def apply_config(self, config: Config) -> None:
        """Another revision holds: nothing of before is asked for again."""
        self.cache.memory.clear()

    async def respond(
        self, http: Request, read: InboundRequest, exchange: Exchange, settle: Settle | None
    ) -> web.StreamResponse:
        """From the cache, or as gateway.api.chat.respond does it."""
        exchange.set_stream(read.request.stream)
        made = await decided(http, read.request, read.origin)
        asked = await self._asked(http, read, exchange, settle, *made)
        if not isinstance(asked, Asked):
            exchange.set_cache(CacheUse("bypass", reason=asked))
            self.cache.metrics.count(made[0].plan.policy.name, "bypass")
            decision = await prepare(http, read.request, exchange, read.origin, made)
            return await respond(http, read, exchange, settle, decision)
        if not asked.wishes.look:
            return await self._ask(asked, Found())
        if exchange.stream and self._must_wait(asked):
            return await self._stream_after_another(asked)
        found = await self._found(asked)
        if found.answer is None:
            return await self._ask(asked, found)
        await self._admit(asked, found)
        if not exchange.stream:
            return await replay_whole(read, found.answer, exchange, settle)
        writer = _writer(asked)
        with opened(http, writer, exchange) as out:
            return await replay_stream(writer, found.answer, out, exchange, settle)

    async def _asked(
        self,
        http: Request,
        read: InboundRequest,
        exchange: Exchange,
        settle: Settle | None,
        decision: Decision,
        context: RoutingContext,
    ) -> Asked | Reason:
        """The request with what it is known by, or why the cache has nothing to do with it."""
        persona, wishes = decision.plan.policy.persona, wishes_of(http.headers)
        assert persona is not None
        assert persona.cache is not None
        if not wishes.store:
            return "no-store"
        settings, size = persona.cache, read.request.size
        document = await sized(size, document_of, http, decision)
        if (reason := reason_against(http, read, decision, settings, document)) is not None:
            return reason
        key = await sized(size, key_for, http, decision, settings, document)
        if key is None:
            return "body"
        return Asked(
            http, read, exchange, settle, decision, context, persona.name, settings, key, wishes
        )  # fmt: skip

    def _look(self, asked: Asked) -> Found | None:
        """What is in memory."""
        wished = asked.wishes.max_age
        return _usable(asked, self.cache.find(asked.persona, asked.settings, asked.key, wished))

    def _must_wait(self, asked: Asked) -> bool:
        flying = self.cache.flights.find(asked.key.own) is not None
        return flying and self._look(asked) is None

    async def _found(self, asked: Asked) -> Found:
        """An answer that is there, or comes while the request waits; or that it leads, or goes by
        itself: nobody asks the same, or those who did gave nothing that can be given again.
        """
        waited, clock, waits = None, asked.exchange.clock, 0
        while True:
            if (found := self._look(asked)) is not None:
                return found._replace(waited=waited)
            flight = self.cache.flights.find(asked.key.own)
            if flight is None:
                return (await self._lead(asked))._replace(waited=waited)
            if waits == _MOST_WAITS:
                return Found(waited=waited)
            began = clock()
            landing = await flight.landing(asked.time_left)
            waited, waits = (waited or 0.0) + clock() - began, waits + 1
            if landing is Landing.UNKEPT:
                return Found(waited=waited)

    async def _lead(self, asked: Asked) -> Found:
        """What is in the store; else all who ask the same wait from now on."""
        flight = self.cache.flights.lead(asked.key.own)
        landing: Landing | None = Landing.FAILED
        try:
            wished = asked.wishes.max_age
            answer = await self.cache.find_stored(asked.persona, asked.settings, asked.key, wished)
            found = _usable(asked, answer)
            if found is None:
                landing = None
                return Found(flight=flight)
            landing = Landing.KEPT
            return found
        finally:
            if landing is not None:
                flight.land(landing)

    async def _stream_after_another(self, asked: Asked) -> web.StreamResponse:
        """A stream that waits for the same request of another caller, and shows that it is there
        meanwhile.
        """
        http, exchange, settle = asked.http, asked.exchange, asked.settle
        writer = _writer(asked)
        exchange.set_cache(CacheUse("wait"))
        with opened(http, writer, exchange) as out:
            try:
                found = await self._found(asked)
                if found.answer is None:
                    return await self._ask(asked, found, writer, out)
                await self._admit(asked, found)
            except (RequestFailed, InvalidRequest) as error:
                if not out.started:
                    raise
                return await failed(http, error, writer, out, exchange, settle)
            return await replay_stream(writer, found.answer, out, exchange, settle)

    async def _admit(self, asked: Asked, found: Found) -> None:
        """The answer is about to be shown: it counts as a request, and stands on record. Raises
        LimitExceeded, LimitsUnavailable.
        """
        http, exchange, decision = asked.http, asked.exchange, asked.decision
        answer, candidate, gateway = found.answer, found.candidate, http.gateway
        assert answer is not None
        assert candidate is not None
        if gateway.admission is not None:
            asking = asking_of(http, asked.read.request)
            held = await gateway.admission.reserve_cached(asking, decision.plan, candidate)
            exchange.set_reservation(held)
        record = gateway.records.add(decision.plan, asked.context.moment, exchange.request_id)
        params = params_mode(http, decision.params)
        exchange.record_decision(decision, record, params, decision.notes)
        age = max(0, int(self.cache.clock() - answer.at))
        show(answer, candidate, CacheUse("hit", age, waited=found.waited or 0.0), exchange)
        result = "hit" if found.waited is None else "waited"
        self.cache.metrics.count(asked.persona, result)

    async def _ask(
        self,
        asked: Asked,
        found: Found,
        writer: AnswerWriter | None = None,
        out: EventStream | None = None,
    ) -> web.StreamResponse:
        """Nothing is there: a target is asked, and its answer kept. `writer`, `out`: of a stream
        that has waited.
        """
        http, exchange, flight = asked.http, asked.exchange, found.flight
        exchange.set_cache(CacheUse("miss", waited=found.waited or 0.0))
        self.cache.metrics.count(asked.persona, "miss")
        request, settle, recorder = asked.read.request, asked.settle, self._recorder(asked, flight)
        made = (asked.decision, asked.context) if found.waited is None else None
        answered = False
        try:
            decision = await prepare(http, request, exchange, asked.read.origin, made)
            if writer is not None and out is not None:
                shown = await streamed(http, decision, writer, out, exchange, settle, recorder)
            else:
                shown = await respond(http, asked.read, exchange, settle, decision, recorder)
            answered = exchange.outcome == "ok"
            return shown
        finally:
            if flight is not None:
                flight.land(Landing.UNKEPT if answered else Landing.FAILED)

    def _recorder(self, asked: Asked, flight: Flight | None) -> AnswerRecorder:
        cache, exchange, planned = self.cache, asked.exchange, asked.decision.plan.policy.rule

        def keep(answer: CachedAnswer | None) -> None:
            plan = exchange.plan
            kept = (
                answer is not None
                and plan is not None
                and plan.policy.rule is planned  # it may have been decided anew
                and cache.keep(asked.persona, asked.settings, asked.key, answer)
            )
            cache.metrics.count(asked.persona, "stored" if kept else "unstored")
            if flight is not None:
                flight.land(Landing.KEPT if kept else Landing.UNKEPT)

        limited = asked.decision.request.max_tokens is not None
        return AnswerRecorder(exchange, keep, cache.clock, limited, asked.settings.max_bytes)


def _usable(asked: Asked, answer: CachedAnswer | None) -> Found | None:
    """The answer, if the plan knows its target."""
    if answer is None:
        return None
    for candidate in asked.decision.plan.candidates:
        if candidate.name == answer.target:
            return Found(answer, candidate)
    return None


def _writer(asked: Asked) -> AnswerWriter:
    """Of the stream in which the request is answered."""
    writer = asked.http.answer_writer = asked.read.open_writer(unique(24), int(time.time()))
    return writer
