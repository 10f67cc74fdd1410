"""GET /openapi.json: the routes as an OpenAPI 3.1 document, made from the types of the answers and
the table of parameters.

Specification: https://spec.openapis.org/oas/v3.1.1. It is made when it is first asked for, not at
start: that takes a tenth of a second.
"""

import ast
import inspect
from functools import cache
from itertools import pairwise
from types import ModuleType
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from gateway import errors
from gateway.api import (
    admin_schemas,
    chat_schemas,
    console_schemas,
    embeddings_schemas,
    limits_schemas,
    schemas,
)
from gateway.api.openapi_operations import OPERATIONS, Operation
from gateway.api.request import VERSION, Request
from gateway.health import documents as health_documents
from gateway.http.offload import off_loop
from gateway.http.response import Response
from gateway.routing import documents as routing_documents
from gateway.workers import peers
from translators.chat import wire
from translators.chat.parameter_schemas import MESSAGE, SCHEMAS
from translators.json_codec import dumps

_Json = dict[str, Any]

_MODULES: Final = (
    errors,
    health_documents,
    routing_documents,
    peers,
    wire,
    chat_schemas,
    embeddings_schemas,
    limits_schemas,
    schemas,
    admin_schemas,
    console_schemas,
)
"""Where the types of the answers stand: each before those that extend its types."""
_SUFFIX: Final = "Document"
"""Ends the name of each type, and is left out of the component's."""
_RELAYED: Final = frozenset(
    {
        "Usage",
        "NativeUsage",
        "ToolCall",
        "Function",
        "Message",
        "NativeMessage",
        "Delta",
        "Choice",
        "ChunkChoice",
        "ChatCompletion",
    }
    | {"ChatCompletionChunk"}
)
"""Components of what providers answer: they may have further fields, which are relayed."""

_ERRORS: Final = {
    400: "The request breaks a rule, or no target can serve it: `param` names the field.",
    401: "The key is missing or unknown.",
    403: (
        "The page of another origin may not call, or the key may not ask the persona; of operators'"
        " routes: no admin key is configured."
    ),
    404: "There is no persona, model, decision or key of that name; no limits are configured.",
    408: "The request body did not arrive in time.",
    413: "The request body is too large.",
    415: "The request body is no JSON, or has an encoding that is not read.",
    417: "An `expect` other than 100-continue.",
    421: "The host name is not served to web pages.",
    429: (
        "A limit of the caller's, or the provider's rate limit or quota, is used up: `retry-after`"
        " says when to ask again."
    ),
    500: "The gateway failed.",
    502: "The provider cannot be reached, or failed.",
    503: (
        "Nothing can serve the request now, or the gateway is stopping or out of memory for bodies."
    ),
    504: "The provider did not answer in time.",
}
_EVENTS: Final = {
    "ChatCompletion": (
        (
            "data: chat.completion.chunk events, ended by `data: [DONE]`; a failure is one `data:"
            ' {"error": …}` event without it.'
        ),
        {"chunk": "ChatCompletionChunk", "error": "Error"},
    ),
    "NativeChatAnswer": (
        "Named events: route, delta, tool_call, then exactly one of done and error.",
        {
            "route": "RouteEvent",
            "delta": "DeltaEvent",
            "tool_call": "ToolCall",
            "done": "DoneEvent",
            "error": "Error",
        },
    ),
    **console_schemas.EVENTS,
}
"""What the stream of an answer is, and the component of each of its events."""
_HEADERS: Final = {
    "x-llm-router-params": (
        "report, strict or quiet: parameters that a provider cannot be told are named in a header,"
        " refused, or neither."
    ),
    "x-llm-router-strict": "true is the same as `x-llm-router-params: strict`.",
    "x-llm-router-session": (
        "Names the conversation, as `prompt_cache_key` does: it stays on its target and key."
    ),
    "x-session-id": "The same.",
    "x-request-id": (
        "Names the request in the log and in the answer: letters, digits, `.`, `_` and `-`."
    ),
}
_CORS: Final = (
    "Where `server.cors_origins` names origins, a browser's preflight (OPTIONS) to any path is"
    " answered 204 without a key, and every answer to an allowed origin carries"
    " `access-control-allow-origin` and `access-control-expose-headers`."
)


_IDS: Final = {
    "models": "As `GET /v1/models` lists it: a slash is written as it is.",
    "decisions": "As `x-llm-router-decision` says it.",
    "keys": "12 hex digits, as `GET /api/v1/keys` lists them.",
    "teams": "Its name.",
}
"""What `{id}` stands for in a path."""
_OF_ITS_OWN: Final[dict[str, _Json]] = {
    "Metrics": {
        "text/plain": {
            "schema": {
                "type": "string",
                "description": "Prometheus text, or OpenMetrics by Accept.",
            }
        }
    },
    "OpenApi": {"application/json": {"schema": {"type": "object", "description": "OpenAPI 3.1."}}},
}
"""Answers that have no component."""


class _Generator(GenerateJsonSchema):
    """Components are named as the types are, without the suffix; fields have no titles."""

    def normalize_name(self, name: str) -> str:
        return super().normalize_name(name).removesuffix(_SUFFIX)

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


@cache
def document() -> _Json:
    """The whole document."""
    paths: dict[str, _Json] = {}
    for (path, method), operation in OPERATIONS.items():
        paths.setdefault(path, {})[method] = _operation(path, operation)
    info = {
        "title": "LLM Router",
        "version": VERSION,
        "description": _CORS,
        "license": {"name": "MIT", "identifier": "MIT"},
    }
    return {
        "openapi": "3.1.0",
        "info": info,
        "security": [{"bearer": []}, {"apiKey": []}],
        "paths": paths,
        "components": {
            "schemas": {**_answers(), **_requests()},
            "responses": {
                str(status): {"description": about, "content": _content("Error")}
                for status, about in _ERRORS.items()
            },
            "parameters": {name: _header(name, about) for name, about in _HEADERS.items()},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            },
        },
    }


def _operation(path: str, operation: Operation) -> _Json:
    content = _OF_ITS_OWN.get(operation.answer) or _content(operation.answer, *operation.also)
    if (stream := _EVENTS.get(operation.answer)) is not None:
        about, events = stream
        shown = {
            "schema": {"type": "string", "description": about},
            "x-events": {name: _ref(of) for name, of in events.items()},
        }
        content = {**content, "text/event-stream": shown}
    responses: _Json = {str(operation.status): {"description": "OK", "content": content}}
    for status in sorted(operation.errors):
        responses[str(status)] = {"$ref": f"#/components/responses/{status}"}
    for status, about, component in operation.others:
        responses[str(status)] = {"description": about, "content": _content(component)}
    made: _Json = {"summary": operation.summary, "responses": responses}
    if operation.body:
        if operation.chats:
            made["parameters"] = [{"$ref": f"#/components/parameters/{name}"} for name in _HEADERS]
        made["requestBody"] = {"required": True, "content": _content(*operation.body)}
    if "{id}" in path:
        about = next(text for part, text in _IDS.items() if part in path)
        made["parameters"] = [
            {
                "name": "id",
                "in": "path",
                "required": True,
                "description": about,
                "schema": {"type": "string"},
            }
        ]
    if query := console_schemas.QUERY.get(path) or operation.query:
        made["parameters"] = [
            {**_header(name, about), "in": "query"} for name, about in query.items()
        ]
    if operation.public:
        made["security"] = []
    return made


def _ref(name: str) -> _Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _content(*components: str) -> _Json:
    refs = [_ref(name) for name in components]
    return {"application/json": {"schema": refs[0] if len(refs) == 1 else {"anyOf": refs}}}


def _header(name: str, about: str) -> _Json:
    return {"name": name, "in": "header", "description": about, "schema": {"type": "string"}}


def _requests() -> dict[str, _Json]:
    """The two forms of a chat request."""
    shared = {
        name: _or_null(schema)
        for name, schema in SCHEMAS.items()
        if name not in ("model", "messages")
    }
    shared = {"messages": {**SCHEMAS["messages"], "items": _ref("RequestMessage")}, **shared}
    persona = {
        **SCHEMAS["model"],
        "description": (
            "What answers: a persona, or provider/model where `direct_models` allows it."
        ),
    }
    about = (
        "OpenAI's chat completion request{}. Further parameters are relayed to servers that speak"
        " OpenAI's language."
    )
    return {
        **limits_schemas.REQUESTS,
        "EmbeddingsRequest": embeddings_schemas.REQUEST,
        "RequestMessage": {**MESSAGE, "additionalProperties": True},
        "ChatCompletionRequest": {
            "type": "object",
            "description": about.format(""),
            "properties": {"model": SCHEMAS["model"], **shared},
            "required": ["model", "messages"],
            "additionalProperties": True,
        },
        "NativeChatRequest": {
            "type": "object",
            "description": about.format(" with `persona` for `model`"),
            "properties": {"persona": persona, **shared},
            "required": ["persona", "messages"],
            "additionalProperties": True,
        },
    }


def _or_null(schema: _Json) -> _Json:
    """The same, or null, which stands for leaving the parameter out."""
    if "type" in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return (
        {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]} if "anyOf" in schema else schema
    )


def _answers() -> dict[str, _Json]:
    """A component for each type that is answered, and for each type inside one, with the texts of
    its fields.
    """
    named = {
        name.removesuffix(_SUFFIX): kind
        for module in _MODULES
        for name, kind in vars(module).items()
        if name.endswith(_SUFFIX)
    }
    answered = {operation.answer for operation in OPERATIONS.values()} - _OF_ITS_OWN.keys()
    answered |= {component for operation in OPERATIONS.values() for component in operation.also}
    answered |= {
        component for operation in OPERATIONS.values() for _, _, component in operation.others
    }
    answered |= {component for _, events in _EVENTS.values() for component in events.values()}
    types = [named[name] for name in sorted(answered)]
    adapter = TypeAdapter(tuple[*types])  # type: ignore[valid-type]
    whole = adapter.json_schema(
        ref_template="#/components/schemas/{model}", schema_generator=_Generator
    )
    made: dict[str, _Json] = whole["$defs"]
    texts: dict[str, dict[str, str]] = {}
    for module in _MODULES:
        _read_field_texts(module, texts)
    for name, schema in made.items():
        schema.pop("title", None)
        if name in _RELAYED:
            schema["additionalProperties"] = True
        for field, described in schema["properties"].items():
            described["description"] = texts[name][field]
    return dict(sorted(made.items()))


def _read_field_texts(module: ModuleType, texts: dict[str, dict[str, str]]) -> None:
    """Add to `texts`, by component and field, the texts under the fields as they stand in the
    source. (Nothing keeps them at run time.)
    """
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.ClassDef):
            own = texts[node.name.removesuffix(_SUFFIX)] = {}
            for base in node.bases:
                own |= texts.get(ast.unparse(base).removesuffix(_SUFFIX), {})
            for field, text in pairwise(node.body):
                if (
                    isinstance(field, ast.AnnAssign)
                    and isinstance(field.target, ast.Name)
                    and isinstance(text, ast.Expr)
                ):
                    own[field.target.id] = inspect.cleandoc(ast.literal_eval(text.value))


@cache
def _text() -> bytes:
    return dumps(document())


async def openapi(http: Request) -> Response:
    """GET /openapi.json. The first one makes it, in a thread, so that no other request waits."""
    return Response(await off_loop(_text))
