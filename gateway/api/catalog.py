"""What there is: models as OpenAI lists them, personas, providers, and the plan for a request that is not sent."""

from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from gateway.api.context import GATEWAY, Gateway
from gateway.api.middleware import json_response
from gateway.api.native_chat import native_request
from gateway.api.reading import read_json
from gateway.config import Config, Model, Persona, Provider
from gateway.errors import ModelNotFound
from gateway.off_loop import off_loop
from gateway.routing import personas
from gateway.routing.selection import Plan, plan, plan_document, resolve
from translators.chat.request import ChatRequest, parse


async def list_models(http: web.Request) -> web.Response:
    """GET /v1/models: personas, and direct models where they are allowed."""
    gateway = http.app[GATEWAY]
    return json_response({"object": "list", "data": [_model(gateway, name) for name in _names(gateway.config)]})


async def get_model(http: web.Request) -> web.Response:
    """GET /v1/models/{id}; a direct model's id has a slash in it."""
    gateway, name = http.app[GATEWAY], http.match_info["id"]
    if name not in _names(gateway.config):
        raise ModelNotFound(f"The model {name[:100]!r} does not exist. The personas are: {', '.join(sorted(gateway.config.personas))}.")
    return json_response(_model(gateway, name))


def _names(config: Config) -> list[str]:
    direct = [f"{p.name}/{m}" for p in config.providers.values() for m in p.models] if config.direct_models else []
    return [*config.personas, *direct]


def _model(gateway: Gateway, name: str) -> dict[str, Any]:
    owner = "llm-router" if name in gateway.config.personas else name.partition("/")[0]
    return {"id": name, "object": "model", "created": gateway.started, "owned_by": owner}


async def list_personas(http: web.Request) -> web.Response:
    """GET /api/v1/personas."""
    gateway = http.app[GATEWAY]
    return json_response(
        {"revision": gateway.config.revision, "personas": [_persona(gateway.config, p) for p in gateway.config.personas.values()]}
    )


def standing(config: Config, persona: Persona) -> Plan:
    """The plan for the smallest request the persona can get: what can serve it now."""
    return plan(config, persona, persona.targets, ChatRequest({"model": persona.name, "messages": []}))


def _persona(config: Config, persona: Persona) -> dict[str, Any]:
    now = standing(config, persona)
    return {
        "name": persona.name,
        "description": persona.description,
        "system_prompt_mode": persona.system_prompt_mode,
        "requires": sorted(persona.requires),
        "defaults": dict(persona.defaults),
        "caps": dict(persona.caps),
        "max_cost_tier": persona.max_cost_tier,
        "available": bool(now.eligible),
        "targets": [
            {"provider": c.provider.name, "model": c.model.id, "available": c.verdict != "rejected", "reasons": list(c.reasons)}
            for c in now.candidates
        ],
    }


async def list_providers(http: web.Request) -> web.Response:
    """GET /api/v1/providers. Says whether there is a key, never the key."""
    gateway = http.app[GATEWAY]
    document = {
        "revision": gateway.config.revision,
        "simulated": gateway.simulated,
        "providers": [_provider(provider, gateway.simulated) for provider in gateway.config.providers.values()],
    }
    return json_response(document)


def _provider(provider: Provider, simulated: bool) -> dict[str, Any]:
    return {
        "name": provider.name,
        "dialect": provider.dialect,
        "available": provider.available,
        "reason": provider.unavailable_reason,
        "simulated": simulated,
        "key_variable": provider.key_variable,
        "models": [_capabilities(model) for model in provider.models.values()],
    }


def _capabilities(model: Model) -> dict[str, Any]:
    record = model.record
    price = model.price_at(datetime.now(UTC).date())
    return {
        "id": model.id,
        "capabilities": sorted(record.capabilities),
        "context_window": record.context_window,
        "max_output_tokens": record.max_output_tokens,
        "cost_tier": model.cost_tier,
        "prices": None if price is None else price_document(price),
    }


def price_document(price: Any) -> dict[str, Any]:
    """A price row in USD per million tokens; decimal numbers as text, so that none is rounded."""
    document: dict[str, Any] = price.model_dump(mode="json", exclude_none=True)
    return {"currency": "USD", "per_tokens": 1_000_000, **document}


async def route(http: web.Request) -> web.Response:
    """POST /api/v1/route: the plan for a chat request of either form. No provider is called."""
    gateway = http.app[GATEWAY]
    document, size = await read_json(http)
    return json_response(await off_loop(size, _planned, gateway.config, document, size))


def _planned(config: Config, document: Any, size: int) -> dict[str, Any]:
    native = document.__class__ is dict and "persona" in document
    request = native_request(document, size) if native else parse(document, size)
    persona, targets = resolve(config, request.model)
    if persona is not None:
        request, _ = personas.apply(persona, request)
    return plan_document(plan(config, persona, targets, request))
