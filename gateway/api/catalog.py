"""What there is: models as OpenAI lists them, personas, providers, and the plan for a request that
is not sent.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, cast

from gateway.api.decision import asking_of, counted_near, decided
from gateway.api.native_chat import native_request
from gateway.api.request import Gateway, Request
from gateway.api.schemas import (
    CapabilitiesDocument,
    CodexCatalogDocument,
    ModelDocument,
    ModelListDocument,
    PersonaDocument,
    PersonasDocument,
    PriceDocument,
    ProviderDocument,
    ProvidersDocument,
)
from gateway.api.visibility import visible, visible_personas
from gateway.config import Config, Model, Persona, Price, Provider
from gateway.errors import DecisionNotFound, ModelNotFound
from gateway.http.offload import BIG, off_loop
from gateway.http.response import Response, json_response
from gateway.routing.decision_log import KEPT, record_document
from gateway.routing.documents import DecisionDocument
from gateway.routing.facts import NOBODY, facts_of
from gateway.routing.plan import DISCOVERED, Plan, plan, plan_document, policy_of, resolve
from gateway.routing.state import RoutingContext
from translators.chat.request import ChatRequest, parse


async def list_models(http: Request) -> Response:
    """GET /v1/models: personas, and direct models where they are allowed."""
    models: ModelListDocument = {
        "object": "list",
        "data": [_model(http, name) for name in visible_names(http)],
    }
    return json_response(models)


def is_asked_by_codex(http: Request) -> bool:
    """Whether Codex asks for a list that several APIs have."""
    return "client_version=" in http.raw_path and "client_version" in http.query


async def list_for_codex(http: Request) -> Response:
    """GET /v1/models?client_version=: nothing beside what Codex knows itself.

    It takes personas by their names without being told of them. Instructions of a catalog's entry
    replace its own, and an entry without any is refused, with all others.
    """
    models: CodexCatalogDocument = {"models": []}
    return json_response(models)


async def get_model(http: Request) -> Response:
    """GET /v1/models/{id}; a direct model's id has a slash in it."""
    name = http.id
    if not may_name(http, name):
        raise ModelNotFound(
            f"The model {name[:100]!r} does not exist. The personas are:"
            f" {', '.join(sorted(visible_personas(http)))}."
        )
    return json_response(_model(http, name))


def model_names(config: Config) -> list[str]:
    """What callers may name as their model: personas, and direct models where they are allowed."""
    direct = (
        [f"{p.name}/{m}" for p in config.providers.values() for m in p.models]
        if config.direct_models
        else []
    )
    return [*config.personas, *direct]


def visible_names(http: Request) -> list[str]:
    """What the caller may name as its model."""
    return [*filter(visible(http), model_names(http.config))]


def may_name(http: Request, name: str) -> bool:
    """Whether the caller may: also a name that is not listed, as aliases are not. A name for
    discovery is one where there is discovery.
    """
    try:
        asked = resolve(http.config, name)
    except ModelNotFound:
        return False
    meant = asked.name if isinstance(asked, Persona) else str(asked)
    if name == f"{DISCOVERED}{meant}" and not http.config.messages_discovery:
        return False
    return visible(http)(meant)


def _model(http: Request, name: str) -> ModelDocument:
    asked = resolve(http.config, name)
    owner = "llm-router" if isinstance(asked, Persona) else asked.provider
    return {"id": name, "object": "model", "created": http.gateway.started, "owned_by": owner}


async def list_personas(http: Request) -> Response:
    """GET /api/v1/personas."""
    config, context = http.config, http.gateway.state.view()
    personas: PersonasDocument = {
        "revision": config.revision,
        "personas": [_persona(config, config.personas[p], context) for p in visible_personas(http)],
    }
    return json_response(personas)


def standing(config: Config, persona: Persona, context: RoutingContext) -> Plan:
    """The plan for the smallest request the persona can get: what can serve it now."""
    request = ChatRequest({"model": persona.name, "messages": []})
    return plan(config, policy_of(persona), facts_of(request, persona, NOBODY), context)


def _persona(config: Config, persona: Persona, context: RoutingContext) -> PersonaDocument:
    now = standing(config, persona, context)
    return {
        "name": persona.name,
        "description": persona.description,
        "system_prompt_mode": persona.system_prompt_mode,
        "requires": sorted(persona.requires),
        "defaults": dict(persona.defaults),
        "caps": dict(persona.caps),
        "max_cost_tier": persona.max_cost_tier,
        "strategy": persona.strategy,
        "rules": [rule.name for rule in persona.rules],
        "hedge": persona.hedge is not None,
        "resume": persona.resume,
        "available": bool(now.eligible),
        "targets": [
            {
                "provider": c.provider.name,
                "model": c.model.id,
                "available": c.verdict != "rejected",
                "reasons": list(c.reasons),
            }
            for c in now.candidates
        ],
    }


async def list_providers(http: Request) -> Response:
    """GET /api/v1/providers: what they can do, and how they and their keys are doing. Never a
    key."""
    gateway, config = http.gateway, http.config
    document: ProvidersDocument = {
        "revision": config.revision,
        "simulated": gateway.simulated,
        "providers": [
            _provider(provider, gateway, gateway.state.now())
            for provider in config.providers.values()
        ],
    }
    return json_response(document)


def _provider(provider: Provider, gateway: Gateway, now: float) -> ProviderDocument:
    health, day = gateway.state.health, gateway.state.clock().date()
    down = health.checks.down.get(provider.name)
    return {
        "name": provider.name,
        "dialect": provider.dialect,
        "available": provider.available and down is None,
        "reason": provider.unavailable_reason if down is None else f"health check: {down.outcome}",
        "simulated": gateway.simulated,
        "region": provider.region,
        "health_check": (
            None if provider.health_check is None else health.checks.document(provider.name, now)
        ),
        "key_variables": list(provider.key_variables),
        "keys": [health.key_document(provider, key, now) for key in provider.keys],
        "models": [
            {
                **_capabilities(model, day),
                "health": health.document(f"{provider.name}/{model.id}", now),
            }
            for model in provider.models.values()
        ],
    }


def _capabilities(model: Model, day: date) -> CapabilitiesDocument:
    record = model.record
    price = model.price_at(day)
    return {
        "id": model.id,
        "capabilities": sorted(record.capabilities),
        "context_window": record.context_window,
        "max_output_tokens": record.max_output_tokens,
        "cost_tier": model.cost_tier,
        "region": model.region,
        "prices": None if price is None else price_document(price),
    }


def price_document(price: Price) -> PriceDocument:
    """A price row in USD per million tokens; decimal numbers as text, so that none is rounded."""
    return cast(PriceDocument, {"currency": "USD", "per_tokens": 1_000_000, **price.document()})


async def route(http: Request) -> Response:
    """POST /api/v1/route: the plan for a chat request of either form. No provider is called."""
    document, size = await http.read_json()
    native = document.__class__ is dict and "persona" in document
    read = native_request if native else parse
    request = read(document, size) if size <= BIG else await off_loop(read, document, size)
    decision, _ = await decided(http, request)
    gateway = http.gateway
    if gateway.admission is not None:
        asking = asking_of(http, request)
        budget = await gateway.admission.budget(asking, decision.plan, gateway.state.learned)
        tokens = await counted_near(http, asking, decision)
        decision, _ = await decided(http, request, None, budget, tokens)
    return json_response(plan_document(decision.plan))


async def decision(http: Request) -> Response:
    """GET /api/v1/decisions/{id}: one of the last thousand decisions of each worker, or one that
    instances keep for each other, without content, and what came of it.
    """
    name, gateway = http.id, http.gateway
    document: Mapping[str, Any] | None = decision_document(gateway, name)
    if document is None and gateway.peers is not None:
        document = await gateway.peers.decision(name)
    if document is None:
        document = await _elsewhere(gateway, name)
    return json_response(document)


async def _elsewhere(gateway: Gateway, name: str) -> Mapping[str, Any]:
    """A decision of another instance. Raises DecisionNotFound, which says whose it is, if that is
    known.
    """
    said, cluster = f"There is no decision {name[:100]!r} among the last {KEPT}.", gateway.cluster
    if cluster is not None:
        found = await cluster.decisions.find(name)
        if found is not None:
            return found
        said = f"{said} {await cluster.decisions.maker_of(name, cluster.members)}".rstrip()
    raise DecisionNotFound(said)


def decision_document(gateway: Gateway, name: str) -> DecisionDocument | None:
    """A decision of this process as JSON, None if it keeps none of that name."""
    record = gateway.records.find(name)
    return None if record is None else record_document(record)
