"""Models as Google lists them: personas, and direct models where they are allowed."""

from collections.abc import Iterable
from typing import Any, Final

from gateway.api.catalog import may_name, visible_names
from gateway.api.request import Request
from gateway.api.visibility import visible_personas
from gateway.config import Config, Model, Persona
from gateway.errors import ModelNotFound
from gateway.http.response import Response, json_response
from gateway.routing.plan import resolve
from translators.errors import InvalidRequest

_PAGE: Final = 50
_LARGEST_PAGE: Final = 1000
_METHODS: Final = ("generateContent", "countTokens")
_HEADERS: Final = ("x-goog-api-key", "x-goog-api-client")
_QUERY: Final = ("key", "pageSize", "pageToken")


def is_asked(http: Request) -> bool:
    """Whether a list that several APIs have is asked for by a client of Google's."""
    headers = http.headers
    return any(name in headers for name in _HEADERS) or (
        "?" in http.raw_path and any(name in http.query for name in _QUERY)
    )


async def list_models(http: Request) -> Response:
    """GET /v1beta/models, and its like: `pageSize`, and `pageToken`, which is an offset."""
    size = min(max(_number(http, "pageSize", _PAGE), 1), _LARGEST_PAGE)
    begin = _number(http, "pageToken", 0)
    names = visible_names(http)
    shown = [_model(http.config, name) for name in names[begin : begin + size]]
    document: dict[str, Any] = {"models": shown}
    if begin + size < len(names):
        document["nextPageToken"] = str(begin + size)
    return json_response(document)


async def get_model(http: Request) -> Response:
    """GET /v1beta/models/{id}, and its like."""
    return json_response(_model(http.config, _known(http)))


async def list_publisher_models(http: Request) -> Response:
    """GET /v1beta1/publishers/{publisher}/models: Vertex's list."""
    listed = [{"name": f"publishers/google/models/{name}"} for name in visible_names(http)]
    return json_response({"publisherModels": listed})


async def get_publisher_model(http: Request) -> Response:
    """GET /v1beta1/publishers/{publisher}/models/{id}."""
    return json_response({"name": f"publishers/google/models/{_known(http)}", "versionId": "001"})


def _known(http: Request) -> str:
    name = http.id.removeprefix("models/")
    if not may_name(http, name):
        known = ", ".join(sorted(visible_personas(http)))
        raise ModelNotFound(f"models/{name[:100]} is not found. Personas: {known}.")
    return name


def _number(http: Request, name: str, unsaid: int) -> int:
    """Raises InvalidRequest for what is no number."""
    given = http.query.get(name, "")
    if not given:
        return unsaid
    if not (given.isascii() and given.isdecimal() and len(given) < 10):
        raise InvalidRequest(f"Invalid '{name}': expected a whole number.", name, "invalid_value")
    return int(given)


def _model(config: Config, name: str) -> dict[str, Any]:
    asked = resolve(config, name)
    persona = asked if isinstance(asked, Persona) else None
    refs = persona.every_target() if persona is not None else (asked,)
    models = list(_models(config, refs))
    return {
        "name": f"models/{name}",
        "version": "001",
        "displayName": name,
        "description": "" if persona is None else persona.description,
        "inputTokenLimit": max(model.record.context_window for model in models),
        "outputTokenLimit": max(model.record.max_output_tokens for model in models),
        "supportedGenerationMethods": list(_METHODS),
        "temperature": 1.0,
        "maxTemperature": 2.0,
        "thinking": any(model.record.thinking.kind != "none" for model in models),
    }


def _models(config: Config, refs: Iterable[Any]) -> Iterable[Model]:
    for ref in refs:
        yield config.providers[ref.provider].models[ref.model]
