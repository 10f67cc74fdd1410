"""What the gateway answers is what /openapi.json says: every documented route is asked, and its
real answer held against the document.
"""

from typing import Any, Final

import aiohttp
import pytest

from gateway.api import console_schemas
from gateway.api.openapi import document
from gateway.api.routes import ROUTES
from gateway.routing.state import RouterState
from gateway.workers.peers import WorkersDocument
from tests.api.documented import (
    ADMIN,
    KEY,
    MESSAGES,
    POLICY,
    TOOL,
    ask,
    check_component,
    everything,
)
from tests.api.failing import BROKEN, World, chunks_of, said, world
from tests.api.test_keys_and_spend import ROUTES_OF_LIMITS
from tests.fakes import End, json_answer, openai_chunk, sse
from tests.matrix import TABLES
from tests.serving import serving
from translators.chat.parameters import PARAMETERS
from translators.errors import FailureKind
from translators.failures import failure
from translators.json_codec import dumps, loads
from translators.openai import inbound as chat

CHAT: Final = {"model": "plain", "messages": MESSAGES}
NATIVE: Final = {"persona": "plain", "messages": MESSAGES}
GOOD: Final[dict[str, tuple[str, str, str, Any]]] = {
    "chat, OpenAI": ("POST", "/v1/chat/completions", "/v1/chat/completions", CHAT),
    "chat, Claude": (
        "POST",
        "/v1/chat/completions",
        "/v1/chat/completions",
        {**CHAT, "model": "thinker", "tools": [TOOL]},
    ),
    "chat, Gemini": (
        "POST",
        "/v1/chat/completions",
        "/v1/chat/completions",
        {**CHAT, "model": "painter", "tools": [TOOL]},
    ),
    "chat, direct": (
        "POST",
        "/v1/chat/completions",
        "/v1/chat/completions",
        {**CHAT, "model": "openai/gpt-4.1", "stop": None},
    ),
    "native, OpenAI": (
        "POST",
        "/api/v1/chat",
        "/api/v1/chat",
        {**NATIVE, "reasoning_effort": "high", "seed": 1},
    ),
    "native, Claude": (
        "POST",
        "/api/v1/chat",
        "/api/v1/chat",
        {**NATIVE, "persona": "thinker", "tools": [TOOL]},
    ),
    "native, Gemini": (
        "POST",
        "/api/v1/chat",
        "/api/v1/chat",
        {**NATIVE, "persona": "painter", "tools": [TOOL]},
    ),
    "embeddings": (
        "POST",
        "/v1/embeddings",
        "/v1/embeddings",
        {"model": "openai/text-embedding-3-small", "input": "seven geese"},
    ),
    "models": ("GET", "/v1/models", "/v1/models", None),
    "model": ("GET", "/v1/models/{id}", "/v1/models/plain", None),
    "personas": ("GET", "/api/v1/personas", "/api/v1/personas", None),
    "providers": ("GET", "/api/v1/providers", "/api/v1/providers", None),
    "route": (
        "POST",
        "/api/v1/route",
        "/api/v1/route",
        {**CHAT, "model": "rich", "tools": [TOOL], "metadata": {"team": "vip"}},
    ),
    "route, native": (
        "POST",
        "/api/v1/route",
        "/api/v1/route",
        {**NATIVE, "persona": "rich", "max_tokens": 5},
    ),
    "tokens": ("POST", "/api/v1/tokens", "/api/v1/tokens", {**CHAT, "model": "rich"}),
    "tokens, native": ("POST", "/api/v1/tokens", "/api/v1/tokens", NATIVE),
    "reload": ("POST", "/-/reload", "/-/reload", None),
    "health": ("GET", "/health", "/health", None),
    "ready": ("GET", "/health/ready", "/health/ready", None),
    "metrics": ("GET", "/metrics", "/metrics", None),
    "openapi": ("GET", "/openapi.json", "/openapi.json", None),
}
"""Method, the route's own path, path, body. Decisions have a test of their own."""


@pytest.mark.parametrize(("method", "_", "path", "body"), GOOD.values(), ids=GOOD.keys())
async def test_a_good_answer_is_as_documented(method: str, _: str, path: str, body: Any) -> None:
    async with everything() as running:
        got = await ask(running, method, path, body, ADMIN if path == "/-/reload" else KEY)
    assert got.status == 200


@pytest.mark.parametrize("name", ["thinker", "painter"])
async def test_a_translated_answer_has_documented_fields_only(name: str) -> None:
    async with everything() as running:
        chat = await ask(
            running, "POST", "/v1/chat/completions", {**CHAT, "model": name, "tools": [TOOL]}, KEY
        )
        native = await ask(
            running, "POST", "/api/v1/chat", {**NATIVE, "persona": name, "tools": [TOOL]}, KEY
        )
    check_component("ChatCompletion", loads(chat.body), relayed=False)
    check_component("NativeChatAnswer", loads(native.body), relayed=False)


def test_every_documented_route_is_served_and_asked_here() -> None:
    """Routes of other APIs are documented by those who made them."""
    documented = {
        (path, method) for path, operations in document()["paths"].items() for method in operations
    } - console_schemas.OPERATIONS.keys()  # tests/console asks them
    own = [
        route for route in ROUTES if route.dialect is chat
    ]  # other dialects are documented by those whose they are
    assert documented == {
        (route.path.replace("{id:.+}", "{id}"), route.method.lower()) for route in own
    }
    asked = {(path, method.lower()) for method, path, *_ in GOOD.values()}
    of_limits = {
        (path, method)
        for path, method in documented
        if path.startswith(
            ("/api/v1/keys", "/api/v1/teams", "/api/v1/limits", "/api/v1/me", "/api/v1/spend")
        )
        or path in ("/api/v1/ledger", "/api/v1/audit")
    }
    assert of_limits == {(path, method.lower()) for method, path, *_ in ROUTES_OF_LIMITS}
    assert documented - asked - of_limits == {("/api/v1/decisions/{id}", "get")}


BAD: Final[dict[str, tuple[int, str, str, Any, dict[str, str]]]] = {
    "no key": (401, "GET", "/v1/models", None, {}),
    "no key for a chat": (401, "POST", "/v1/chat/completions", CHAT, {}),
    "no admin key": (401, "POST", "/-/reload", None, KEY),
    "no messages": (400, "POST", "/v1/chat/completions", {"model": "plain"}, KEY),
    "no persona": (400, "POST", "/api/v1/chat", {"messages": MESSAGES}, KEY),
    "a wrong type": (400, "POST", "/api/v1/route", {**CHAT, "stream": "yes"}, KEY),
    "no target": (
        400,
        "POST",
        "/v1/chat/completions",
        {**CHAT, "model": "thinker", "logprobs": True},
        KEY,
    ),
    "unknown persona": (404, "POST", "/v1/chat/completions", {**CHAT, "model": "nobody"}, KEY),
    "unknown persona of tokens": (404, "POST", "/api/v1/tokens", {**CHAT, "model": "nobody"}, KEY),
    "unknown model": (404, "GET", "/v1/models/nobody", None, KEY),
    "unknown decision": (404, "GET", "/api/v1/decisions/dec_none", None, KEY),
    "large": (413, "POST", "/v1/chat/completions", {**CHAT, "user": "x" * 30_000}, KEY),
    "large, native": (413, "POST", "/api/v1/chat", {**NATIVE, "user": "x" * 30_000}, KEY),
    "encoding": (
        415,
        "POST",
        "/v1/chat/completions",
        CHAT,
        {**KEY, "content-encoding": "compress"},
    ),
    "expectation": (417, "GET", "/health", None, {"expect": "the unexpected"}),
}


@pytest.mark.parametrize(
    ("status", "method", "path", "body", "headers"), BAD.values(), ids=BAD.keys()
)
async def test_an_error_is_as_documented(
    status: int, method: str, path: str, body: Any, headers: dict[str, str]
) -> None:
    async with everything() as running:
        got = await ask(running, method, path, body, headers)
    assert got.status == status


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nope", 404), ("DELETE", "/health", 405), ("GET", "/api/v1/chat", 405)],
)
async def test_what_is_no_route_has_the_one_error_shape(
    method: str, path: str, status: int
) -> None:
    async with (
        everything() as running,
        aiohttp.ClientSession() as session,
        session.request(method, f"{running.url}{path}", headers=KEY) as answer,
    ):
        assert answer.status == status
        check_component("Error", await answer.json())


async def test_a_page_of_another_origin_is_refused_as_documented() -> None:
    async with serving({"OPENAI_API_KEY": "k"}, POLICY) as running:
        assert (
            await ask(running, "GET", "/v1/models", headers={"origin": "https://example.org"})
        ).status == 403
        assert (
            await ask(running, "GET", "/v1/models", headers={"host": "example.org"})
        ).status == 421
        assert (
            await ask(running, "POST", "/api/v1/tokens", CHAT, {"content-type": "text/plain"})
        ).status == 415


async def test_where_nothing_can_serve_it_is_said_as_documented() -> None:
    async with everything(OPENAI_BASE_URL="http://127.0.0.1:1") as running:
        assert (await ask(running, "GET", "/health/ready")).status == 503
        assert (await ask(running, "POST", "/v1/chat/completions", CHAT, KEY)).status == 503
        for path in ("/api/v1/personas", "/api/v1/providers"):
            assert (await ask(running, "GET", path, headers=KEY)).status == 200
        assert (await ask(running, "POST", "/api/v1/route", CHAT, KEY)).status == 200


async def test_a_slow_body_and_a_fault_of_our_own_are_as_documented(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fault(state: RouterState) -> None:
        raise RuntimeError("a fault")

    async with everything() as running:
        assert (await ask(running, "POST", "/api/v1/tokens", CHAT, KEY, pause=5)).status == 408
        monkeypatch.setattr(RouterState, "view", fault)
        for path in ("/health/ready", "/api/v1/personas"):
            assert (await ask(running, "GET", path, headers=KEY)).status == 500


async def test_while_it_stops_it_is_as_documented() -> None:
    async with everything() as running:
        running.gateway.draining = running.gateway.closing = True
        got = await ask(running, "GET", "/health/ready")
        assert (got.status, loads(got.body)["status"]) == (503, "draining")
        assert (await ask(running, "POST", "/api/v1/chat", NATIVE, KEY)).status == 503
        running.gateway.draining = False


def test_a_providers_failure_has_a_documented_status() -> None:
    for path in ("/v1/chat/completions", "/api/v1/chat"):
        documented = {int(status) for status in document()["paths"][path]["post"]["responses"]}
        assert {failure(kind, "m").status for kind in FailureKind} <= documented


async def test_a_reload_is_as_documented_whatever_comes_of_it() -> None:
    async with everything() as running:
        path = running.files.directory / "persona_policy.yaml"
        path.write_text(POLICY + "  more: {targets: [openai/gpt-4.1]}\n", "utf-8")
        got = await ask(running, "POST", "/-/reload", headers=ADMIN)
        assert (got.status, loads(got.body)["changed"]) == (200, True)
        path.write_text(POLICY + "  more: {targets: [openai/nothing], strategy: none}\n", "utf-8")
        assert (await ask(running, "POST", "/-/reload", headers=ADMIN)).status == 422
        assert (await ask(running, "GET", "/health/ready")).status == 200
    async with serving({"OPENAI_API_KEY": "k"}, POLICY) as running:
        assert (await ask(running, "POST", "/-/reload", headers=ADMIN)).status == 403


class Siblings:
    """Two other workers: one reloads as we do, one does not answer."""

    number = 1

    async def standing(self) -> WorkersDocument:
        return {"configured": 3, "listening": 2}

    async def reload(self) -> list[tuple[int, Any]]:
        done = {
            "result": "unchanged",
            "revision": "r",
            "previous": "r",
            "changed": False,
            "needs_restart": [],
            "problems": [],
        }
        return [(2, done), (3, None)]

    async def decision(self, name: str) -> None:
        return None


async def test_several_workers_are_as_documented() -> None:
    async with everything() as running:
        running.gateway.peers = Siblings()  # type: ignore[assignment]
        assert loads((await ask(running, "GET", "/health/ready")).body)["workers"] == {
            "configured": 3,
            "listening": 2,
        }
        assert (
            len(loads((await ask(running, "POST", "/-/reload", headers=ADMIN)).body)["workers"])
            == 3
        )
        (running.files.directory / "persona_policy.yaml").write_text("version: 2\n", "utf-8")
        assert (await ask(running, "POST", "/-/reload", headers=ADMIN)).status == 422
        assert (await ask(running, "GET", "/api/v1/decisions/dec_none", headers=KEY)).status == 404


async def test_decisions_are_as_documented() -> None:
    """With all the facts that there can be, and before their request ends."""
    body = {
        **CHAT, "model": "rich", "tools": [TOOL], "tool_choice": "required", "max_tokens": 5,
        "metadata": {"team": "vip"},
        "messages": [{"role": "user", "content": "hi " * 100}, {"role": "assistant",
         "content": "hi"}, *MESSAGES],
    }  # fmt: skip
    async with everything() as running:
        first = await ask(running, "POST", "/v1/chat/completions", body, {**KEY, "x-team": "vip"})
        last = await ask(running, "POST", "/v1/chat/completions", CHAT, KEY)
        for name in (first.decision, last.decision):
            got = await ask(running, "GET", f"/api/v1/decisions/{name}", headers=KEY)
            assert (got.status, loads(got.body)["status"]) == (200, 200)
        record = running.gateway.records.find(last.decision or "")
        assert record is not None
        record.ended = None
        got = await ask(running, "GET", f"/api/v1/decisions/{last.decision}", headers=KEY)
        assert (got.status, "status" in loads(got.body)) == (200, False)


async def test_an_answer_that_was_continued_is_as_documented() -> None:
    """In its stream and in its decision."""
    async with world(
        {"resume": True}, one=sse(*chunks_of("one ", finish=None)), two=said("two", "stream")
    ) as there:
        got = await ask(
            there.running, "POST", "/v1/chat/completions", {**CHAT, "model": "p", "stream": True}
        )
        check_chunks(got.body)
        decision = loads(
            (await ask(there.running, "GET", f"/api/v1/decisions/{got.decision}")).body
        )
    assert [resumed["provider"] for resumed in decision["resumed"]] == ["two"]


async def test_providers_that_fail_are_as_documented() -> None:
    """Breakers of targets, of keys, and of keys at a target; and a health check."""
    limited = json_answer(
        {"error": {"message": "slow down"}}, "429 Too Many Requests", retry_after="30"
    )
    refused = json_answer({"error": {"message": "no"}}, "401 Unauthorized")
    keys = {"ONE": "a", "TWO": "b"}
    targets = {
        "limited": {"keys": list(keys)},
        "refused": {"keys": list(keys)},
        "broken": {"health_check": {"path": "/models", "every": 60}},
    }
    async with world(None, targets, keys, limited=limited, refused=refused, broken=BROKEN) as there:
        seen, statuses = "", set()
        for _ in range(12):
            statuses.add(
                (
                    await ask(there.running, "POST", "/v1/chat/completions", {**CHAT, "model": "p"})
                ).status
            )
            got = await ask(there.running, "GET", "/api/v1/providers")
            await ask(there.running, "GET", "/api/v1/personas")
            await ask(there.running, "POST", "/api/v1/route", {**CHAT, "model": "p"})
            seen += got.body.decode()
        there.time_passes(3600)
        seen += (await ask(there.running, "GET", "/api/v1/providers")).body.decode()
    for word in (
        '"targets":{"limited/m"',
        '"state":"open"',
        '"state":"half_open"',
        '"retry_in_seconds"',
        '"checked_seconds_ago"',
    ):
        assert word in seen
    assert statuses == {502, 503}


def check_chunks(stream: bytes) -> list[dict[str, Any]]:
    """Every event of a chat completion's stream, held against the component that the document names
    for it.
    """
    events = [loads(line[6:]) for line in stream.split(b"\n\n") if line.startswith(b"data: {")]
    shown = document()["paths"]["/v1/chat/completions"]["post"]["responses"]["200"]["content"][
        "text/event-stream"
    ]["x-events"]
    for event in events:
        check_component(
            shown["error" if "error" in event else "chunk"]["$ref"].rpartition("/")[2], event
        )
    return events


def check_events(stream: bytes) -> list[str]:
    """The same of a native stream: the names of its events."""
    pairs = [
        block.split(b"\n", 1) for block in stream.split(b"\n\n") if block.startswith(b"event:")
    ]
    shown = document()["paths"]["/api/v1/chat"]["post"]["responses"]["200"]["content"][
        "text/event-stream"
    ]["x-events"]
    for name, data in pairs:
        check_component(shown[name[7:].decode()]["$ref"].rpartition("/")[2], loads(data[6:]))
    return [name[7:].decode() for name, _ in pairs]


CALL: Final = {
    "index": 0,
    "id": "a",
    "type": "function",
    "function": {"name": "look", "arguments": "{}"},
}
USAGE: Final = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "x_of_its_own": 1}
WHOLE: Final = sse(
    openai_chunk({"role": "assistant", "reasoning_content": "hm"}),
    openai_chunk({"content": "hi", "x_of_its_own": 1}),
    openai_chunk({"tool_calls": [CALL]}),
    openai_chunk({}, "tool_calls"),
    openai_chunk({}).replace(
        b'[{"index":0,"delta":{},"finish_reason":null}]', b'[],"usage":' + dumps(USAGE)
    ),
    b"data: [DONE]\n\n",
)
BROKEN_OFF: Final = [*sse(openai_chunk({"content": "hi"}), end=False), End()]


def claude_events() -> list[bytes]:
    message = {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "claude-served",
        "content": [],
        "stop_reason": None,
    }
    blocks: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
        (
            {"type": "thinking", "thinking": "", "signature": ""},
            [
                {"type": "thinking_delta", "thinking": "hm"},
                {"type": "signature_delta", "signature": "c2ln"},
            ],
        ),
        ({"type": "text", "text": ""}, [{"type": "text_delta", "text": "hi"}]),
        (
            {"type": "tool_use", "id": "t", "name": "look", "input": {}},
            [{"type": "input_json_delta", "partial_json": "{}"}],
        ),
    ]
    events: list[dict[str, Any]] = [
        {
            "type": "message_start",
            "message": {**message, "usage": {"input_tokens": 3, "output_tokens": 0}},
        }
    ]
    for i, (block, deltas) in enumerate(blocks):
        events.append({"type": "content_block_start", "index": i, "content_block": block})
        events += [{"type": "content_block_delta", "index": i, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": i})
    events.append(
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use"},
            "usage": {"output_tokens": 2},
        }
    )
    events.append({"type": "message_stop"})
    return [b"event: %s\ndata: %s\n\n" % (event["type"].encode(), dumps(event)) for event in events]


async def streams(there: World) -> tuple[bytes, bytes]:
    """The streams of both chat routes."""
    chat = {
        "messages": MESSAGES,
        "stream": True,
        "stream_options": {"include_usage": True},
        "tools": [TOOL],
    }
    one = await ask(there.running, "POST", "/v1/chat/completions", {"model": "p", **chat})
    other = await ask(there.running, "POST", "/api/v1/chat", {"persona": "p", **chat})
    return one.body, other.body


async def test_the_events_of_streams_are_as_documented() -> None:
    async with world(one=WHOLE) as there:
        chunks, events = await streams(there)
    assert check_chunks(chunks)[-1]["usage"] == USAGE
    assert check_events(events) == ["route", "delta", "delta", "tool_call", "done"]


async def test_the_events_of_a_translated_stream_are_as_documented() -> None:
    """Claude's answer, whose chunks are all the gateway's own."""
    async with world(None, {"one": {"dialect": "claude"}}, one=sse(*claude_events())) as there:
        chunks, events = await streams(there)
    assert check_chunks(chunks)[-1]["usage"]["completion_tokens"] == 2
    assert check_events(events) == ["route", "delta", "delta", "tool_call", "done"]


async def test_the_events_of_streams_that_break_off_are_as_documented() -> None:
    async with world(one=BROKEN_OFF) as there:
        chunks, events = await streams(there)
    assert "error" in check_chunks(chunks)[-1]
    assert check_events(events) == ["route", "delta", "error"]


@pytest.mark.parametrize("name", ["ChatCompletionRequest", "NativeChatRequest"])
def test_every_parameter_of_a_request_is_documented(name: str) -> None:
    """What the hub checks, and what any dialect looks at."""
    looked_at = {field for table in TABLES.values() for field in table if "." not in field}
    properties = document()["components"]["schemas"][name]["properties"]
    known = {"messages"} | PARAMETERS.keys() | looked_at
    assert properties.keys() == (
        known if name == "ChatCompletionRequest" else known - {"model"} | {"persona"}
    )
    assert [field for field, schema in properties.items() if not schema.get("description")] == []


def test_every_field_of_an_answer_is_described_and_every_component_is_used() -> None:
    components = document()["components"]["schemas"]
    for name, schema in components.items():
        assert schema["description"], name
        for field, described in schema["properties"].items():
            assert described["description"], f"{name}.{field}"
    text = dumps(document()).decode()
    used = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert used == components.keys()


async def test_it_is_served_as_it_is_made_and_made_once() -> None:
    async with serving({"OPENAI_API_KEY": "k"}, POLICY) as running:
        bodies = {(await ask(running, "GET", "/openapi.json")).body for _ in range(2)}
    assert bodies == {dumps(document())}
