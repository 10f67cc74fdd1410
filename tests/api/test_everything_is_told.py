"""Every answer makes an event (a log line, a count), also where no provider is asked, no route is
found, or no HTTP was sent.
"""

import asyncio
import logging

import aiohttp
import pytest

from gateway.api.auth import read
from gateway.dispatch.exchange import Exchange
from gateway.http.response import Response
from gateway.telemetry.events import EventBus, RequestEnded
from tests.api.failing import said, world
from tests.fakes import fake_upstream
from tests.serving import POLICY, Running, serving
from translators.json_codec import dumps, loads

SMALL = POLICY.replace("drain_delay: 0", "drain_delay: 0, max_body_bytes: 100")


def told(running: Running) -> list[tuple[str, int, str, str | None]]:
    return [
        (e.api, e.status, e.outcome, e.error_code)
        for e in running.events
        if isinstance(e, RequestEnded)
    ]


@pytest.mark.parametrize(
    ("method", "path", "key", "event"),
    [
        ("GET", "/v1/models", "k", ("/v1/models", 200, "ok", None)),
        ("GET", "/v1/models/all", "k", ("/v1/models/{id}", 200, "ok", None)),
        ("GET", "/v1/models/nobody", "k", ("/v1/models/{id}", 404, "no_target", "model_not_found")),
        ("GET", "/api/v1/personas", "k", ("/api/v1/personas", 200, "ok", None)),
        ("GET", "/v1/models", "wrong", ("/v1/models", 401, "not_authorized", "invalid_api_key")),
        (
            "POST",
            "/v1/chat/completions",
            "wrong",
            ("/v1/chat/completions", 401, "not_authorized", "invalid_api_key"),
        ),
        ("GET", "/nope/secret", "k", ("unknown", 404, "invalid_request", "not_found")),
        (
            "GET",
            "/v1/chat/completions",
            "k",
            ("unknown", 405, "invalid_request", "method_not_allowed"),
        ),
        ("DELETE", "/health", "k", ("unknown", 405, "invalid_request", "method_not_allowed")),
        ("POST", "/v1/chat/completions", "k", ("chat", 413, "refused", "request_too_large")),
        ("POST", "/api/v1/route", "k", ("/api/v1/route", 413, "refused", "request_too_large")),
    ],
)
async def test_answers_without_an_exchange(
    method: str, path: str, key: str, event: tuple[str, int, str, str | None]
) -> None:
    access = read({"LLM_ROUTER_API_KEYS": "k"})
    async with (
        fake_upstream() as fake,
        serving(fake.environ(), SMALL, access=access) as running,
        aiohttp.ClientSession() as session,
    ):
        data = b"x" * 200 if method == "POST" else None
        async with session.request(
            method,
            f"{running.url}{path}",
            data=data,
            headers={"x-api-key": key, "x-request-id": "mine", "content-type": "application/json"},
        ) as answer:
            assert answer.status == event[1]
        assert told(running) == [event]
        (ended,) = running.events
        assert isinstance(ended, RequestEnded)
        assert (ended.request_id, ended.key_id is not None) == (
            "mine",
            key == "k" and path != "/health",
        )
        async with session.get(f"{running.url}/metrics") as answer:
            labels = f'model="other",outcome="{event[2]}",persona="other",provider="other"'
            assert f"llm_router_requests_total{{{labels}}} 1.0" in await answer.text()


@pytest.mark.parametrize("path", ["/health", "/health/ready", "/metrics"])
async def test_probes_are_not_told(path: str) -> None:
    """They come every few seconds, and say nothing that the next one does not."""
    async with (
        fake_upstream() as fake,
        serving(fake.environ()) as running,
        aiohttp.ClientSession() as session,
    ):
        async with session.get(f"{running.url}{path}") as answer:
            assert answer.status == 200
        assert running.events == []


KEY = b"sk-very-secret"


@pytest.mark.parametrize(
    ("data", "status", "api"),
    [
        (b"what is this " + KEY + b"\r\n\r\n", 400, "unknown"),
        (b"GET /health HTTP/1.1\r\nHost: x\r\nbad header " + KEY + b"\r\n\r\n", 400, "unknown"),
        (
            b"GET /health HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + KEY * 2000 + b"\r\n\r\n",
            400,
            "unknown",
        ),
        (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 400, "unknown"),
        (b"GET /v1/models HTTP/1.1\r\nHost: x\r\nExpect: wonders\r\n\r\n", 417, "/v1/models"),
    ],
    ids=["request line", "header", "long header", "long path", "expectation"],
)
async def test_what_no_handler_is_asked_about(
    data: bytes, status: int, api: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The one shape, an id, an event; and nothing of the bytes in a log, for a key may stand in
    them.
    """
    caplog.set_level(logging.DEBUG)
    async with fake_upstream() as fake, serving(fake.environ()) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
        writer.write(data)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(head.lower().partition("content-length: ")[2].partition("\r\n")[0])
        body = loads(await reader.readexactly(length))
        writer.close()
        await writer.wait_closed()
        (event,) = told(running)
        (ended,) = running.events
    assert head.split()[1] == str(status)
    assert "content-type: application/json" in head.lower()
    assert isinstance(ended, RequestEnded)
    assert f"x-request-id: {ended.request_id}" in head.lower()
    assert event[:3] == (api, status, "invalid_request")
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert KEY.decode() not in caplog.text + dumps(body).decode()


async def test_a_whole_answer_goes_out_before_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for the books; and whoever has the answer finds it in them."""
    order: list[str] = []
    write, publish = Response.write_eof, Exchange.publish

    async def written(response: Response, data: bytes = b"") -> None:
        await write(response, data)
        order.append("written")

    def published(exchange: Exchange, bus: EventBus) -> None:
        order.append("told")
        publish(exchange, bus)

    monkeypatch.setattr(Response, "write_eof", written)
    monkeypatch.setattr(Exchange, "publish", published)
    async with (
        world(one=said("one", "complete")) as w,
        aiohttp.ClientSession(w.running.url) as asking,
        aiohttp.ClientSession(w.running.url) as looking,
    ):
        for number in range(1, 20):
            order.clear()
            body = {"model": "p", "messages": [{"role": "user", "content": "hi"}]}
            async with asking.post("/v1/chat/completions", json=body) as answer:
                assert answer.status == 200
                await answer.read()
            assert order == ["written", "told"]
            name = answer.headers["x-llm-router-decision"]
            async with looking.get(f"/api/v1/decisions/{name}") as found:
                assert (await found.json())["outcome"] == "ok"
            async with looking.get("/metrics") as metrics:
                counts = (await metrics.text()).splitlines()
            (count,) = [
                line
                for line in counts
                if line.startswith("llm_router_requests_total{") and 'persona="p"' in line
            ]
            assert count.endswith(f" {number}.0")
