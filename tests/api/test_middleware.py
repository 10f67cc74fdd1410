"""The edge of the server: whatever arrives, the answer is an error in OpenAI's shape with the right
status, never a 500, never silence.
"""

import asyncio
import gzip
from typing import Any

import aiohttp
import pytest

from gateway.api.auth import read, read_admin
from gateway.api.routes import ROUTES
from gateway.config import ServerSettings
from tests.fakes import fake_upstream, json_answer, openai_completion
from tests.serving import POLICY, Running, serving
from translators.json_codec import dumps, loads

SMALL = POLICY.replace("drain_delay: 0", "drain_delay: 0, max_body_bytes: 20000, body_timeout: 0.3")
GOOD = {"model": "on_openai", "messages": [{"role": "user", "content": "hi"}]}


async def post(
    running: Running, data: bytes, path: str = "/v1/chat/completions", **headers: str
) -> tuple[int, dict[str, Any]]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"{running.url}{path}",
            data=data,
            headers={"content-type": "application/json", **headers},
        ) as answer,
    ):
        body = loads(await answer.read())
        assert answer.headers["x-request-id"]
        return answer.status, body


def nested(depth: int) -> bytes:
    return (
        b'{"model":"on_openai","messages":[{"role":"user","content":"x"}],"metadata":'
        + b"[" * depth
        + b"]" * depth
        + b"}"
    )


BAD: dict[str, tuple[bytes, int, str | None]] = {
    "empty": (b"", 400, "invalid_json"),
    "no json": (b"hello", 400, "invalid_json"),
    "cut off": (dumps(GOOD)[:-5], 400, "invalid_json"),
    "nan": (
        b'{"model":"on_openai","messages":[{"role":"user","content":"x"}],"temperature":NaN}',
        400,
        "invalid_json",
    ),
    "infinity": (
        b'{"model":"on_openai","messages":[{"role":"user","content":"x"}],"temperature":1e999}',
        400,
        "invalid_json",
    ),
    "lone surrogate and more": (
        b'{"model":"on_openai","messages":[{"role":"user","content":"\\ud800"},]}',
        400,
        "invalid_json",
    ),
    "keys that a repair makes one": (
        b'{"model":"on_openai","messages":[{"role":"user","content":"x","\\ud800":1,"\\ud801":2}]}',
        400,
        "invalid_json",
    ),
    "bad utf-8": (
        b'{"model":"on_openai","messages":[{"role":"user","content":"\xff"}]}',
        400,
        "invalid_json",
    ),
    "deep": (nested(5000), 400, "invalid_json"),
    "deep but read": (nested(150), 400, "invalid_type"),
    "key twice": (
        b'{"model":"on_openai","messages":[],"messages":[{"role":"user","content":"x"}]}',
        400,
        "invalid_json",
    ),
    "list": (b"[]", 400, "invalid_type"),
    "no messages": (b'{"model":"on_openai"}', 400, "missing_required_parameter"),
    "empty messages": (b'{"model":"on_openai","messages":[]}', 400, "empty_array"),
    "unknown role": (
        b'{"model":"on_openai","messages":[{"role":"x","content":"y"}]}',
        400,
        "invalid_value",
    ),
    "unknown model": (
        b'{"model":"nobody","messages":[{"role":"user","content":"y"}]}',
        404,
        "model_not_found",
    ),
    "flat tool": (
        dumps({**GOOD, "tools": [{"type": "function", "name": "f", "parameters": {}}]}),
        400,
        "missing_required_parameter",
    ),
    "too large": (
        b'{"model":"on_openai","messages":[{"role":"user","content":"%s"}]}' % (b"x" * 30_000),
        413,
        "request_too_large",
    ),
}


@pytest.mark.parametrize(("data", "status", "code"), BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/v1/chat", "/api/v1/route"])
async def test_bad_bodies(data: bytes, status: int, code: str, path: str) -> None:
    if path == "/api/v1/chat":
        data = data.replace(b'"model"', b'"persona"')
    async with fake_upstream() as fake, serving(fake.environ(), SMALL) as running:
        got, body = await post(running, data, path)
        assert fake.received == []
    assert (got, body["error"]["code"]) == (status, code)
    assert set(body["error"]) == {"message", "type", "param", "code"}


async def test_a_gzip_bomb_is_too_large() -> None:
    bomb = gzip.compress(b'{"model":"on_openai","messages":"' + b"x" * 5_000_000)
    async with fake_upstream() as fake, serving(fake.environ(), SMALL) as running:
        status, body = await post(running, bomb, **{"content-encoding": "gzip"})
    assert (status, body["error"]["code"]) == (413, "request_too_large")


async def test_a_body_that_is_not_what_its_encoding_says() -> None:
    async with fake_upstream() as fake, serving(fake.environ(), SMALL) as running:
        status, body = await post(running, b"not gzip at all", **{"content-encoding": "gzip"})
    assert 400 <= status < 500
    assert body["error"]["message"]


async def test_a_gzipped_body_is_read() -> None:
    async with (
        fake_upstream(openai=json_answer(openai_completion())) as fake,
        serving(fake.environ(), SMALL) as running,
    ):
        status, _ = await post(running, gzip.compress(dumps(GOOD)), **{"content-encoding": "gzip"})
    assert status == 200


async def test_half_a_body_ends_at_the_clock() -> None:
    async with fake_upstream() as fake, serving(fake.environ(), SMALL) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
        writer.write(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type:"
            b" application/json\r\nContent-Length: 100\r\n\r\n{"
        )
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        writer.close()
        await writer.wait_closed()
    assert head.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nope", 404), ("GET", "/v1/chat/completions", 405), ("DELETE", "/health", 405)],
)
async def test_unknown_routes_and_methods_have_the_one_shape(
    method: str, path: str, status: int
) -> None:
    async with (
        fake_upstream() as fake,
        serving(fake.environ()) as running,
        aiohttp.ClientSession() as session,
        session.request(method, f"{running.url}{path}") as answer,
    ):
        assert answer.status == status
        assert set((await answer.json())["error"]) == {"message", "type", "param", "code"}


async def test_keys_close_everything_but_health_and_metrics() -> None:
    access, admin = (
        read({"LLM_ROUTER_API_KEYS": "k1,k2"}),
        read_admin({"LLM_ROUTER_ADMIN_KEY": "a1"}),
    )
    answers = json_answer(openai_completion())
    async with (
        fake_upstream(openai=answers) as fake,
        serving(fake.environ(), access=access, admin=admin) as running,
        aiohttp.ClientSession() as session,
    ):
        for route in ROUTES:
            path = route.path.replace("{id:.+}", "on_openai")
            async with session.request(route.method, f"{running.url}{path}") as answer:
                is_open = path in ("/health", "/health/ready", "/metrics")
                assert (answer.status == 401) != is_open, path
        assert (await post(running, dumps(GOOD), authorization="Bearer k2"))[0] == 200
        assert (await post(running, dumps(GOOD), **{"x-api-key": "k1"}))[0] == 200
        assert (await post(running, dumps(GOOD), authorization="Bearer k3"))[0] == 401


async def test_request_ids_are_taken_over_if_clean() -> None:
    async with (
        fake_upstream() as fake,
        serving(fake.environ()) as running,
        aiohttp.ClientSession() as session,
    ):
        async with session.get(
            f"{running.url}/v1/models", headers={"x-request-id": "abc-123_x.y"}
        ) as answer:
            assert answer.headers["x-request-id"] == "abc-123_x.y"
        async with session.get(
            f"{running.url}/v1/models", headers={"x-request-id": "a b" + "x" * 200}
        ) as answer:
            assert answer.headers["x-request-id"].startswith("req_")


async def test_health_calls_no_provider() -> None:
    async with (
        fake_upstream() as fake,
        serving(fake.environ()) as running,
        aiohttp.ClientSession() as session,
    ):
        for _ in range(100):
            async with session.get(f"{running.url}/health") as answer:
                assert answer.status == 200
            async with session.get(f"{running.url}/health/ready") as answer:
                assert answer.status == 200
        assert fake.received == []


def test_defaults_suit_images_and_reasoning_models() -> None:
    settings = ServerSettings()
    assert (settings.max_body_bytes, settings.keep_alive_interval) == (32 * 1024 * 1024, 15)
