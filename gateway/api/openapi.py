"""GET /openapi.json: the routes as an OpenAPI 3.1 document. A test holds it against the routes that are served."""

from typing import Any, Final

from gateway.api.context import VERSION, Request
from gateway.api.responses import Response, json_response

_Json = dict[str, Any]


def _ref(name: str) -> _Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _content(schema: _Json, media_type: str = "application/json") -> _Json:
    return {media_type: {"schema": schema}}


def _object(properties: _Json, required: list[str] | None = None, description: str | None = None) -> _Json:
    schema: _Json = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    if description:
        schema["description"] = description
    return schema


def _array(items: _Json) -> _Json:
    return {"type": "array", "items": items}


_STRING: Final[_Json] = {"type": "string"}
_NULLABLE: Final[_Json] = {"type": ["string", "null"]}
_INTEGER: Final[_Json] = {"type": "integer"}
_NUMBER: Final[_Json] = {"type": "number"}
_BOOLEAN: Final[_Json] = {"type": "boolean"}

_USAGE: Final = _object(
    {
        "prompt_tokens": _INTEGER,
        "completion_tokens": _INTEGER,
        "total_tokens": _INTEGER,
        "prompt_tokens_details": {"type": "object"},
        "completion_tokens_details": {"type": "object"},
    }
)
_NATIVE_USAGE: Final = _object(
    {**_USAGE["properties"], "cost_usd": {"type": ["number", "null"], "description": "By the price list; null where it is not known."}}
)
_PARAMETERS: Final[_Json] = {
    "messages": {**_array(_ref("Message")), "minItems": 1},
    "stream": {"type": "boolean", "default": False},
    "temperature": _NUMBER,
    "top_p": _NUMBER,
    "max_tokens": _INTEGER,
    "max_completion_tokens": _INTEGER,
    "stop": {"anyOf": [_STRING, _array(_STRING)]},
    "tools": _array({"type": "object"}),
    "tool_choice": {
        "anyOf": [_STRING, {"type": "object"}],
        "description": "none, auto, required, or an object that names tools; some servers have more words.",
    },
    "parallel_tool_calls": _BOOLEAN,
    "response_format": {"type": "object"},
    "reasoning_effort": {"type": "string", "description": "none, minimal, low, medium, high, xhigh or max; some servers have more words."},
}
_ATTEMPT: Final = _object({"provider": _STRING, "model": _STRING, "outcome": _STRING, "ms": _NUMBER})
_TARGET: Final = _object({"provider": _STRING, "model": _STRING, "available": _BOOLEAN, "reasons": _array(_STRING)})

_PLAN: Final[_Json] = {
    "persona": _STRING,
    "revision": _STRING,
    "rule": _NULLABLE,
    "strategy": {"enum": ["priority", "weighted", "cost", "latency", "balanced"]},
    "conversation": _NULLABLE,
    "pinned": _NULLABLE,
    "estimated_tokens": {"type": ["integer", "null"], "description": "null where the size alone shows that the prompt fits everywhere."},
    "tokens_exact": _BOOLEAN,
    "retry_in_seconds": {"type": ["number", "null"]},
    "requirements": _array(_object({"capability": _STRING, "cause": _STRING})),
    "features": _array(_STRING),
    "targets": _array(
        _object(
            {
                "provider": _STRING,
                "model": _STRING,
                "verdict": {"enum": ["chosen", "eligible", "rejected"]},
                "reasons": _array(_STRING),
                "score": {"type": ["number", "null"], "description": "By the strategy: a position, a share, USD, seconds or a balance."},
                "prompt_tokens": {"type": ["integer", "null"]},
                "expected_cost_usd": {"type": ["number", "null"]},
            }
        )
    ),
}
_TIME: Final = {"type": "string", "format": "date-time"}
_PLACE: Final = {"file": _STRING, "line": {"type": ["integer", "null"]}}
_RELOADED_WORKERS: Final = _array(
    _object({"worker": _INTEGER, "result": {"enum": ["changed", "unchanged", "failed", "no_answer"]}, "revision": _NULLABLE})
)
_LAST_RELOAD: Final = _object(
    {
        "ok": _BOOLEAN,
        "at": _TIME,
        "trigger": {"enum": ["SIGHUP", "request", "watch"]},
        "problems": _array(_object(_PLACE)),
        "problem_count": _INTEGER,
    },
    ["ok", "at", "trigger"],
)

SCHEMAS: Final[_Json] = {
    "Error": _object(
        {
            "error": _object(
                {"message": _STRING, "type": _STRING, "param": _NULLABLE, "code": _NULLABLE}, ["message", "type", "param", "code"]
            )
        },
        ["error"],
    ),
    "Message": _object(
        {
            "role": {"enum": ["developer", "system", "user", "assistant", "tool", "function"]},
            "content": {"anyOf": [_STRING, _array({"type": "object"}), {"type": "null"}]},
            "tool_calls": _array({"type": "object"}),
            "tool_call_id": _STRING,
        },
        ["role"],
    ),
    "Usage": _USAGE,
    "ChatCompletionRequest": {
        **_object(
            {"model": {"type": "string", "description": "A persona, or provider/model where allowed."}, **_PARAMETERS},
            ["model", "messages"],
        ),
        "additionalProperties": True,
        "description": "OpenAI's chat completion request; every parameter of it is accepted, what a provider cannot be told is reported. "
        "Ranges are the target's: a value that it would refuse is a 400 if no other target takes it.",
    },
    "ChatCompletion": _object(
        {
            "id": _STRING,
            "object": {"const": "chat.completion"},
            "created": _INTEGER,
            "model": {"type": "string", "description": "The upstream model that served."},
            "choices": _array(_object({"index": _INTEGER, "message": _ref("Message"), "finish_reason": _STRING})),
            "usage": _ref("Usage"),
        },
        ["id", "object", "created", "model", "choices"],
    ),
    "NativeChatRequest": {
        **_object({"persona": _STRING, **_PARAMETERS}, ["persona", "messages"]),
        "additionalProperties": True,
    },
    "NativeChatAnswer": _object(
        {
            "id": _STRING,
            "persona": _STRING,
            "provider": _STRING,
            "model": _STRING,
            "message": _object(
                {
                    "role": {"const": "assistant"},
                    "content": _NULLABLE,
                    "reasoning": _STRING,
                    "refusal": _STRING,
                    "tool_calls": _array({"type": "object"}),
                }
            ),
            "finish_reason": _STRING,
            "usage": {"anyOf": [_NATIVE_USAGE, {"type": "null"}]},
            "attempts": _array(_ATTEMPT),
            "warnings": _array(_object({"kind": _STRING, "param": {"type": ["string", "null"]}, "message": _STRING})),
        },
        ["id", "persona", "provider", "model", "message", "finish_reason", "usage", "attempts", "warnings"],
    ),
    "Model": _object({"id": _STRING, "object": {"const": "model"}, "created": _INTEGER, "owned_by": _STRING}),
    "ModelList": _object({"object": {"const": "list"}, "data": _array(_ref("Model"))}),
    "Personas": _object(
        {
            "revision": _STRING,
            "personas": _array(
                _object(
                    {
                        "name": _STRING,
                        "description": _STRING,
                        "requires": _array(_STRING),
                        "defaults": {"type": "object"},
                        "caps": {"type": "object"},
                        "strategy": _STRING,
                        "rules": _array(_STRING),
                        "hedge": _BOOLEAN,
                        "resume": _BOOLEAN,
                        "available": _BOOLEAN,
                        "targets": _array(_TARGET),
                    }
                )
            ),
        }
    ),
    "Providers": _object(
        {
            "revision": _STRING,
            "simulated": _BOOLEAN,
            "providers": _array(
                _object(
                    {
                        "name": _STRING,
                        "dialect": _STRING,
                        "available": _BOOLEAN,
                        "reason": _NULLABLE,
                        "health_check": {
                            **_object(
                                {
                                    "state": _STRING,
                                    "outcome": _STRING,
                                    "status": {"type": ["integer", "null"]},
                                    "failures": _INTEGER,
                                    "checked_seconds_ago": _NUMBER,
                                    "next_check_in_seconds": _NUMBER,
                                }
                            ),
                            "type": ["object", "null"],
                        },
                        "key_variables": _array(_STRING),
                        "keys": _array(_object({"variable": _STRING, "state": _STRING, "reason": _STRING, "retry_in_seconds": _NUMBER})),
                        "models": _array({"type": "object"}),
                    }
                )
            ),
        }
    ),
    "Plan": _object(_PLAN),
    "Decision": _object(
        {
            "id": _STRING,
            "time": _STRING,
            "request_id": _STRING,
            "facts": {"type": "object", "description": "What the decision was made from; no content."},
            **_PLAN,
            "attempts": _array(_object({"target": _STRING, "why": _STRING, "outcome": _STRING, "ms": _NUMBER})),
            "served": _NULLABLE,
            "resumed": _array({"type": "object"}),
            "prompt_tokens": {"type": ["integer", "null"], "description": "As the provider counted them."},
            "completion_tokens": {"type": ["integer", "null"]},
            "status": _INTEGER,
            "outcome": _STRING,
            "error_code": _NULLABLE,
        },
        description="attempts and what follows are there once the request is over.",
    ),
    "Tokens": _object(
        {
            "persona": _STRING,
            "estimated_tokens": {"type": "integer", "description": "Of o200k_base: what routing decides by."},
            "exact": {
                "anyOf": [_object({"encoding": {"const": "o200k_base"}, "tokens": _INTEGER}, ["encoding", "tokens"]), {"type": "null"}],
                "description": "null if the tokens could not be counted in time.",
            },
            "targets": _array(
                _object(
                    {
                        "provider": _STRING,
                        "model": _STRING,
                        "tokens": {"type": "integer", "description": "The estimate in the model's own tokens."},
                        "context_window": _INTEGER,
                        "max_output_tokens": _INTEGER,
                        "fits": {"type": "boolean", "description": "Whether the prompt and the answer asked for fit into the window."},
                    }
                )
            ),
        },
        ["persona", "estimated_tokens", "exact", "targets"],
    ),
    "Health": _object({"status": _STRING, "version": _STRING, "simulated": _BOOLEAN}),
    "Readiness": _object(
        {
            "status": {"enum": ["ready", "draining", "no_persona_available"]},
            "revision": _STRING,
            "personas": _array(_STRING),
            "config": _object({"revision": _STRING, "loaded_at": _TIME, "last_reload": {"anyOf": [_LAST_RELOAD, {"type": "null"}]}}),
            "workers": {"anyOf": [_object({"configured": _INTEGER, "listening": _INTEGER}), {"type": "null"}]},
        }
    ),
    "Reloaded": _object(
        {"revision": _STRING, "previous": _STRING, "changed": _BOOLEAN, "needs_restart": _array(_STRING), "workers": _RELOADED_WORKERS},
        ["revision", "previous", "changed", "needs_restart"],
    ),
    "NotReloaded": {
        "allOf": [
            _ref("Error"),
            _object(
                {
                    "revision": {"type": "string", "description": "What goes on being served."},
                    "problems": _array(_object({**_PLACE, "path": _STRING, "message": _STRING})),
                    "workers": _RELOADED_WORKERS,
                },
                ["revision", "problems"],
            ),
        ]
    },
}


def _answers(schema: str, stream: str | None = None, errors: tuple[int, ...] = (401,)) -> _Json:
    content = _content(_ref(schema))
    if stream is not None:
        content["text/event-stream"] = {"schema": {"type": "string", "description": stream}}
    answers: _Json = {"200": {"description": "OK", "content": content}}
    for status in errors:
        answers[str(status)] = {"description": "An error in the one error shape.", "content": _content(_ref("Error"))}
    return answers


def _operation(summary: str, responses: _Json, body: _Json | None = None, *, public: bool = False, path_id: bool = False) -> _Json:
    operation: _Json = {"summary": summary, "responses": responses}
    if body is not None:
        operation["requestBody"] = {"required": True, "content": _content(body)}
    if path_id:
        operation["parameters"] = [{"name": "id", "in": "path", "required": True, "schema": _STRING}]
    if public:
        operation["security"] = []
    return operation


_CHAT_ERRORS: Final = (400, 401, 404, 408, 413, 429, 500, 502, 503, 504)
_CHUNKS: Final = 'data: chat.completion.chunk events, ended by `data: [DONE]`; a failure is one `data: {"error": …}` event without it.'
_EVENTS: Final = "Named events: route, delta, tool_call, then exactly one of done and error."
_CORS: Final = (
    "Where `server.cors_origins` names origins, a browser's preflight (OPTIONS) to any path is answered 204 without a key, and every "
    "answer to an allowed origin carries `access-control-allow-origin` and `access-control-expose-headers`."
)
_EITHER: Final = {"anyOf": [_ref("ChatCompletionRequest"), _ref("NativeChatRequest")]}

DOCUMENT: Final[_Json] = {
    "openapi": "3.1.0",
    "info": {
        "title": "LLM Router",
        "version": VERSION,
        "description": _CORS,
        "license": {"name": "MIT", "identifier": "MIT"},
    },
    "security": [{"bearer": []}, {"apiKey": []}],
    "paths": {
        "/v1/chat/completions": {
            "post": _operation(
                "OpenAI chat completions; model names a persona",
                _answers("ChatCompletion", _CHUNKS, _CHAT_ERRORS),
                _ref("ChatCompletionRequest"),
            )
        },
        "/v1/models": {"get": _operation("Personas as models", _answers("ModelList"))},
        "/v1/models/{id}": {"get": _operation("One persona as a model", _answers("Model", errors=(401, 404)), path_id=True)},
        "/api/v1/chat": {
            "post": _operation("Native chat", _answers("NativeChatAnswer", _EVENTS, _CHAT_ERRORS), _ref("NativeChatRequest")),
        },
        "/api/v1/personas": {"get": _operation("Personas and what can serve them now", _answers("Personas"))},
        "/api/v1/providers": {"get": _operation("Providers, models, capabilities, prices", _answers("Providers"))},
        "/api/v1/route": {
            "post": _operation("The plan for a request; no provider is called", _answers("Plan", errors=(400, 401, 404, 413)), _EITHER),
        },
        "/api/v1/decisions/{id}": {
            "get": _operation("One of the last decisions, and what came of it", _answers("Decision", errors=(401, 404)), path_id=True),
        },
        "/api/v1/tokens": {
            "post": _operation("The tokens of a request; no provider is called", _answers("Tokens", errors=(400, 401, 404, 413)), _EITHER),
        },
        "/-/reload": {
            "post": _operation(
                "Read the configuration's files again; wants the admin key",
                {
                    **_answers("Reloaded", errors=(401, 403)),
                    "422": {"description": "They cannot be used; nothing has changed.", "content": _content(_ref("NotReloaded"))},
                },
            )
        },
        "/health": {"get": _operation("Liveness", _answers("Health", errors=()), public=True)},
        "/health/ready": {
            "get": _operation(
                "Readiness",
                {
                    **_answers("Readiness", errors=()),
                    "503": {"description": "Stopping, or no persona can be served.", "content": _content(_ref("Readiness"))},
                },
                public=True,
            )
        },
        "/metrics": {
            "get": _operation(
                "Prometheus metrics",
                {"200": {"description": "Prometheus text, or OpenMetrics by Accept.", "content": _content(_STRING, "text/plain")}},
                public=True,
            )
        },
        "/openapi.json": {
            "get": _operation("This document", {"200": {"description": "OpenAPI 3.1", "content": _content({"type": "object"})}})
        },
    },
    "components": {
        "schemas": SCHEMAS,
        "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer"},
            "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
        },
    },
}


async def openapi(http: Request) -> Response:
    return json_response(DOCUMENT)
