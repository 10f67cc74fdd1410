"""Gateways whose answers are held against their own /openapi.json.

In a strict copy of the document, where a component has no fields but those it names: a field that
is answered and not documented fails.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import deepcopy
from functools import cache
from typing import Any, Final, NamedTuple

import aiohttp
from openapi_core import Config, OpenAPI
from openapi_core.testing import MockRequest, MockResponse
from openapi_schema_validator import OAS31Validator

from gateway.api.auth import read, read_admin
from gateway.api.openapi import document
from tests.fakes import fake_upstream, json_answer, openai_completion
from tests.serving import Running, serving
from translators.json_codec import dumps

KEY: Final = {"authorization": "Bearer caller"}
ADMIN: Final = {"authorization": "Bearer operator"}
POLICY: Final = """
version: 1
direct_models: true
server: {drain_delay: 0, max_body_bytes: 20000, body_timeout: 0.2}
personas:
  plain: {description: d, targets: [openai/gpt-4.1], on_failure: {retries: 0}}
  thinker: {description: d, targets: [claude/claude-sonnet-5], on_failure: {retries: 0}}
  painter: {description: d, targets: [gemini/gemini-3.5-flash], on_failure: {retries: 0}}
  rich:
    description: everything that a persona can have
    targets: [openai/gpt-4.1, claude/claude-sonnet-5, gemini/gemini-3.5-flash]
    strategy: cost
    system_prompt: be kind
    system_prompt_mode: default
    requires: [tool_calling]
    defaults: {temperature: 0.5}
    caps: {max_tokens: 100}
    max_cost_tier: high
    resume: true
    hedge: {after: 20s}
    rules:
      - {name: vip, when: {header: {x-team: [vip]}, metadata: {team: vip}}, targets: [openai/gpt-4.1, claude/claude-sonnet-5]}
"""  # noqa: E501
MESSAGES: Final = [{"role": "user", "content": "hi"}]
TOOL: Final = {
    "type": "function",
    "function": {
        "name": "look",
        "parameters": {"type": "object", "properties": {"at": {"type": "string"}}},
    },
}
OPENAI: Final = {
    **openai_completion(),
    "system_fingerprint": "fp",
    "service_tier": "default",
    "x_of_its_own": {"a": 1},
}
CLAUDE: Final = json_answer({
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-served",
    "stop_reason": "tool_use", "stop_sequence": None,
    "content": [
        {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
        {"type": "text", "text": "hi"},
        {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": "x"}},
    ],
    "usage": {"input_tokens": 3, "output_tokens": 2, "cache_read_input_tokens": 1,
     "service_tier": "standard"},
})  # fmt: skip
GEMINI: Final = json_answer({
    "candidates": [{
        "content": {"role": "model", "parts": [
            {"text": "hm", "thought": True},
            {"text": "hi", "thoughtSignature": "c2ln"},
            {"functionCall": {"name": "look", "args": {"at": "x"}}, "thoughtSignature": "c2ln"},
        ]},
        "finishReason": "STOP",
    }],
    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5,
     "thoughtsTokenCount": 1},
    "modelVersion": "gemini-served",
})  # fmt: skip


@cache
def strict(relayed: bool = True) -> dict[str, Any]:
    """The document without room for fields that it does not name. `relayed`: but where it says that
    there may be others.
    """
    made = deepcopy(document())
    for name, schema in made["components"]["schemas"].items():
        if "Request" not in name and not (relayed and schema.get("additionalProperties") is True):
            schema["additionalProperties"] = False
    return made


@cache
def validator() -> OpenAPI:
    """Raises OpenAPIError if the document is no OpenAPI 3.1."""
    return OpenAPI.from_dict(
        strict(), config=Config(extra_media_type_deserializers={"text/event-stream": bytes.decode})
    )


def check_component(name: str, value: Any, relayed: bool = True) -> None:
    OAS31Validator({"$ref": f"#/components/schemas/{name}", **strict(relayed)}).validate(value)


class Got(NamedTuple):
    status: int
    body: bytes
    decision: str | None


async def ask(
    running: Running,
    method: str,
    path: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
    pause: float = 0,
) -> Got:
    """The answer to a request of a documented route, held against the document; if it is a good
    one, so is the request.

    `pause`: seconds in the middle of the body.
    """
    sent = None if body is None else dumps(body)
    said = {**({"content-type": "application/json"} if sent is not None else {}), **(headers or {})}
    async with (
        aiohttp.ClientSession() as session,
        session.request(
            method,
            f"{running.url}{path}",
            data=halves(sent, pause) if sent and pause else sent,
            headers=said,
        ) as answer,
    ):
        status, content, kind = (
            answer.status,
            await answer.read(),
            answer.headers["content-type"].partition(";")[0],
        )
        decision = answer.headers.get("x-llm-router-decision")
    keyed = {
        **KEY,
        **said,
    }  # the document asks for a key, the gateway only where keys are configured
    request = MockRequest(
        running.url,
        method.lower(),
        path,
        headers=keyed,
        data=sent,
        content_type=said.get("content-type", ""),
    )
    try:
        validator().validate_response(request, MockResponse(content, status, content_type=kind))
        if status == 200 and body is not None:
            validator().validate_request(request)
    except Exception as error:
        raise AssertionError(
            f"{method} {path} {status}: {error.__cause__ or error}\n{content[:2000]!r}"
        ) from error
    return Got(status, content, decision)


async def halves(body: bytes, pause: float) -> AsyncIterator[bytes]:
    yield body[:10]
    await asyncio.sleep(pause)
    yield body[10:]


EMBEDDINGS: Final = {
    "object": "list",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.6, -0.8]}],
    "model": "served-embedder",
    "usage": {"prompt_tokens": 4, "total_tokens": 4},
}


@asynccontextmanager
async def everything(**environ: str) -> AsyncIterator[Running]:
    """A gateway with callers' keys and an operator's, at providers that answer."""
    access, admin = (
        read({"LLM_ROUTER_API_KEYS": "caller"}),
        read_admin({"LLM_ROUTER_ADMIN_KEY": "operator"}),
    )
    async with (
        fake_upstream(
            **{"openai/v1/embeddings": json_answer(EMBEDDINGS)},
            openai=json_answer(OPENAI),
            claude=CLAUDE,
            gemini=GEMINI,
        ) as fake,
        serving(environ or fake.environ(), POLICY, access=access, admin=admin) as running,
    ):
        yield running
