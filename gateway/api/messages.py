"""Anthropic's routes: messages, their counts, and the list of models."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web

from gateway.accounting.token_estimate import estimate_request
from gateway.api.catalog import may_name
from gateway.api.chat import respond
from gateway.api.decision import decided, prepare
from gateway.api.exchange import exchange_of
from gateway.api.request import Request
from gateway.api.visibility import visible_personas
from gateway.config import Model, Persona, TargetRef
from gateway.dispatch.token_count import number_of
from gateway.errors import ModelNotFound
from gateway.http.offload import BIG, off_loop
from gateway.http.response import Response, json_response
from gateway.routing.candidates import Candidate
from gateway.routing.decision import Decision
from gateway.routing.plan import DISCOVERED, Plan, refusal, resolve
from gateway.telemetry.ids import unique
from translators.claude import inbound as messages
from translators.claude.inbound.writer import EVENT_STREAM
from translators.dialect.inbound import AnswerFacts, Call
from translators.errors import InvalidRequest

VERSION_HEADER: Final = "anthropic-version"
"""Sent by every client of Anthropic's: lists of models are shown to them in their own shape."""
_PATIENCE: Final = 5.0
"""Seconds for Claude's own count; agents ask dozens of times in a row."""
_PAGE: Final = 20
_MOST: Final = 1000


async def create(http: Request) -> web.StreamResponse:
    """POST /v1/messages. One that only has its prompt read into Claude's cache (`max_tokens: 0`) is
    answered without a call where another provider would be asked first.
    """
    with exchange_of(http, messages.NAME) as exchange:
        document, size = await http.read_json(messages.KEEPS_TEXT)
        call = Call(http.headers, http.raw_path, http.json_text, size, http.request_id)
        read = messages.read_request
        found = read(document, call) if size <= BIG else await off_loop(read, document, call)
        if not found.only_reads:
            return await respond(http, found, exchange)
        decision = await prepare(http, found.request, exchange, found.origin)
        plan = decision.plan
        if not plan.eligible or plan.eligible[0].provider.relays == messages.DIALECT:
            return await respond(http, found, exchange, decision=decision)
        return Response(
            found.write_nothing(_facts(plan)),
            content_type=EVENT_STREAM if found.request.stream else "application/json",
        )


def _facts(plan: Plan) -> AnswerFacts:
    """Of an answer for which nobody was asked."""
    first = plan.eligible[0]
    tokens = int(plan.facts.prompt.tokens * first.model.token_factor)
    return AnswerFacts(
        unique(24), int(time.time()), first.model.id, first.name, lambda: max(1, tokens)
    )


async def count_tokens(http: Request) -> Response:
    """What a request weighs for the target that would be asked first. No paid call is made."""
    document, size = await http.read_json(keep_text=True)
    call = Call(http.headers, http.raw_path, http.json_text, size, http.request_id)
    read = messages.read_count
    found = read(document, call) if size <= BIG else await off_loop(read, document, call)
    decision, _ = await decided(http, found.request, found.origin)
    plan = decision.plan
    if plan.facts.natives and not plan.eligible:
        raise refusal(plan)
    candidate = (plan.eligible or plan.candidates)[0]
    tokens = None
    if candidate.provider.relays == messages.DIALECT and decision.overlay is not None:
        overlay = decision.overlay
        build = found.count_request
        counted = await http.gateway.dispatcher.count_tokens(
            candidate, lambda target: build(overlay, target), _PATIENCE
        )
        tokens = number_of(counted, "input_tokens")
    if tokens is None:
        tokens = await _own_count(http, decision, candidate)
    return json_response({"input_tokens": max(1, tokens)})


async def _own_count(http: Request, decision: Decision, candidate: Candidate) -> int:
    """By the tokenizer, or estimated, in the target's own tokens."""
    request, gateway = decision.request, http.gateway
    counted = await gateway.counter.count_request(request)
    if counted is None:
        big = request.size > BIG
        counted = await off_loop(estimate_request, request) if big else estimate_request(request)
    learned = gateway.state.learned.factor(candidate.name)
    return int(counted * candidate.model.token_factor * learned)


def is_asked(http: Request) -> bool:
    """Whether a list that several APIs have is asked for by a client of Anthropic's."""
    return VERSION_HEADER in http.headers


async def list_models(http: Request) -> Response:
    """A page of GET /v1/models: every persona, and again under a name that clients of Claude
    list."""
    query, names = http.query, _names(http)
    limit = _limit(query.get("limit"))
    page = names
    if (after := query.get("after_id")) is not None:
        page = names[names.index(after) + 1 :] if after in names else []
    elif (before := query.get("before_id")) is not None:
        page = names[: names.index(before)] if before in names else []
        page = page[-limit:]
    more, page = len(page) > limit, page[:limit]
    data = [_model(http, name) for name in page]
    first, last = (page[0], page[-1]) if page else (None, None)
    return json_response({"data": data, "has_more": more, "first_id": first, "last_id": last})


async def get_model(http: Request) -> Response:
    """GET /v1/models/{id}. Raises ModelNotFound."""
    if not may_name(http, http.id):
        known = ", ".join(sorted(visible_personas(http)))
        raise ModelNotFound(f"{http.id[:100]}. The personas are: {known}.")
    return json_response(_model(http, http.id))


def _limit(given: str | None) -> int:
    if given is None:
        return _PAGE
    if not given.isascii() or not given.isdigit() or not 1 <= int(given[:9]) <= _MOST:
        raise InvalidRequest(f"limit: Input should be from 1 to {_MOST}", "limit", "invalid_value")
    return int(given)


def _names(http: Request) -> list[str]:
    names: list[str] = []
    config = http.config
    for name in visible_personas(http):
        names.append(name)
        if not config.messages_discovery:
            continue
        if "claude" not in name and f"{DISCOVERED}{name}" not in config.personas:
            names.append(f"{DISCOVERED}{name}")
    return names


def _model(http: Request, name: str) -> dict[str, Any]:
    config = http.config
    asked = resolve(config, name)
    persona = asked if isinstance(asked, Persona) else None
    refs = (asked,) if isinstance(asked, TargetRef) else asked.every_target()
    models = [config.providers[ref.provider].models[ref.model] for ref in refs]
    started = datetime.fromtimestamp(http.gateway.started, UTC)
    return {
        "type": "model",
        "id": name,
        "display_name": name if persona is None else persona.description or persona.name,
        "created_at": started.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "lifecycle": "active",
        "max_input_tokens": _largest(models, "context_window"),
        "max_tokens": _largest(models, "max_output_tokens"),
    }


def _largest(models: Sequence[Model], name: str) -> int:
    return max((getattr(model.record, name) for model in models), default=0)
