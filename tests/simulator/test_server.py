"""The simulator's server: what it records, how it breaks off, and that it stops."""

import asyncio
from typing import Any

import pytest
from aiohttp import (
    ClientConnectionError,
    ClientError,
    ClientPayloadError,
    ClientResponse,
    ClientSession,
)
from aiohttp.test_utils import TestClient, TestServer

from gateway.simulator import SIMULATOR, Simulator, make_app, running
from gateway.simulator.answer import pieces
from tests.simulator.conftest import until

ROUTES: Any = {
    "openai": (
        "/openai/v1/chat/completions",
        lambda text: {"model": "m", "messages": [{"role": "user", "content": text}]},
    ),
    "claude": (
        "/claude/v1/messages",
        lambda text: {
            "model": "m",
            "max_tokens": 99,
            "messages": [{"role": "user", "content": text}],
        },
    ),
    "gemini": (
        "/gemini/v1beta/models/m:generateContent",
        lambda text: {"contents": [{"parts": [{"text": text}]}]},
    ),
}
HEADERS = {
    "authorization": "Bearer canary",
    "x-api-key": "canary",
    "x-goog-api-key": "canary",
    "anthropic-version": "2023-06-01",
}
STREAM_PATHS = {"gemini": "/gemini/v1beta/models/m:streamGenerateContent?alt=sse"}


async def post(
    http: ClientSession, sim: Simulator, dialect: str, text: str, *, stream: bool = False
) -> ClientResponse:
    path, body = ROUTES[dialect]
    root = sim.base_urls["claude"].removesuffix("/claude")
    if not stream:
        return await http.post(root + path, json=body(text), headers=HEADERS)
    streamed = body(text) | ({} if dialect == "gemini" else {"stream": True})
    return await http.post(root + STREAM_PATHS.get(dialect, path), json=streamed, headers=HEADERS)


@pytest.mark.parametrize("dialect", ROUTES)
async def test_requests_are_recorded_without_keys(sim: Simulator, dialect: str) -> None:
    async with ClientSession() as http:
        await post(http, sim, dialect, "hi")
    (arrival,) = sim.requests
    assert (arrival.dialect, arrival.path) == (dialect, ROUTES[dialect][0])
    assert arrival.body == ROUTES[dialect][1]("hi")
    assert arrival.headers["anthropic-version"] == "2023-06-01"
    assert "canary" not in str(arrival)


async def test_the_last_hundred_requests_are_kept(sim: Simulator) -> None:
    assert sim.requests.maxlen == 100


@pytest.mark.parametrize("dialect", ROUTES)
@pytest.mark.parametrize("raw", [b"", b"[]", b"{broken"])
async def test_a_body_that_is_no_object_is_refused(
    sim: Simulator, dialect: str, raw: bytes
) -> None:
    url = sim.base_urls["claude"].removesuffix("/claude") + ROUTES[dialect][0]
    async with ClientSession() as http, http.post(url, data=raw, headers=HEADERS) as answer:
        assert answer.status == 400
    assert sim.requests[0].body == {}


@pytest.mark.parametrize(
    ("dialect", "field", "value"),
    [
        ("openai", "messages", 7),
        ("openai", "tools", 7),
        ("claude", "thinking", 7),
        ("claude", "messages", [7]),
        ("gemini", "contents", 7),
        ("gemini", "generationConfig", 7),
    ],
)
async def test_a_field_of_another_type_is_refused_by_the_inbound_dialect(
    sim: Simulator, dialect: str, field: str, value: Any
) -> None:
    path, body = ROUTES[dialect]
    url = sim.base_urls["claude"].removesuffix("/claude") + path
    async with (
        ClientSession() as http,
        http.post(url, json={**body("hi"), field: value}, headers=HEADERS) as answer,
    ):
        assert (answer.status, field in (await answer.json())["error"]["message"]) == (400, True)


@pytest.mark.parametrize("dialect", ROUTES)
async def test_one_dialect_fails_and_the_others_serve(sim: Simulator, dialect: str) -> None:
    async with ClientSession() as http:
        statuses = {
            name: (await post(http, sim, name, f"[[sim: fail {dialect}]]")).status
            for name in ROUTES
        }
    assert statuses == {name: 503 if name == dialect else 200 for name in ROUTES}


@pytest.mark.parametrize("dialect", ROUTES)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_cut_answer_breaks_the_connection(
    sim: Simulator, dialect: str, stream: bool
) -> None:
    async with ClientSession() as http:
        answer = await post(http, sim, dialect, "[[sim: words 9]] [[sim: cut 3]]", stream=stream)
        with pytest.raises(ClientPayloadError):
            await answer.read()


ENDS = {"openai": b"[DONE]", "claude": b"message_stop", "gemini": b"finishReason"}


@pytest.mark.parametrize("dialect", ROUTES)
async def test_a_truncated_stream_ends_well_formed_without_its_mark(
    sim: Simulator, dialect: str
) -> None:
    async with ClientSession() as http:
        whole = await (await post(http, sim, dialect, "[[sim: words 9]]", stream=True)).read()
        short = await (
            await post(http, sim, dialect, "[[sim: words 9]] [[sim: truncate 3]]", stream=True)
        ).read()
    assert (b" brown" in short, b" fox" in short) == (True, False)
    assert (ENDS[dialect] in whole, ENDS[dialect] in short) == (True, False)


@pytest.mark.parametrize("dialect", ROUTES)
async def test_garbage_is_not_json(sim: Simulator, dialect: str) -> None:
    async with ClientSession() as http:
        answer = await post(http, sim, dialect, "[[sim: garbage]]", stream=True)
        assert (answer.status, b'<html>{"not": json' in await answer.read()) == (200, True)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_reset_connection(sim: Simulator, stream: bool) -> None:
    async with ClientSession() as http:
        with pytest.raises(ClientConnectionError):
            await post(http, sim, "claude", "[[sim: reset]]", stream=stream)


@pytest.mark.parametrize("dialect", ROUTES)
async def test_a_client_who_leaves_a_stalled_stream_is_counted(
    sim: Simulator, dialect: str
) -> None:
    async with ClientSession() as http:
        answer = await post(http, sim, dialect, "[[sim: words 9]] [[sim: stall 2]]", stream=True)
        await answer.content.readany()
        assert (sim.open_streams, sim.closed_early) == (1, 0)
        answer.close()
        await until(lambda: not sim.open_streams)
    assert sim.closed_early == 1


@pytest.mark.parametrize("dialect", ROUTES)
async def test_a_client_who_stays_to_the_end_is_not(sim: Simulator, dialect: str) -> None:
    async with ClientSession() as http:
        await (
            await post(http, sim, dialect, "[[sim: words 9]] [[sim: slow 0.001]]", stream=True)
        ).read()
    assert (sim.open_streams, sim.closed_early) == (0, 0)


@pytest.mark.parametrize("directive", ["hang", "stall 1", "delay 3000"])
async def test_it_stops_while_clients_wait(directive: str) -> None:
    before = asyncio.all_tasks()
    async with ClientSession() as http:
        async with running() as sim:
            waiting = asyncio.ensure_future(post(http, sim, "claude", f"[[sim: {directive}]]"))
            await until(lambda: sim.requests)
        with pytest.raises(ClientError):
            await (await waiting).read()
    assert asyncio.all_tasks() == before


async def test_the_application_runs_in_any_server() -> None:
    app = make_app()
    path, body = ROUTES["openai"]
    async with TestClient(TestServer(app)) as client:
        answer = await client.post(path, json=body("hi"), headers=HEADERS)
        assert (await answer.json())["choices"][0]["message"]["content"] == "You said: hi"
    assert len(app[SIMULATOR].requests) == 1


@pytest.mark.parametrize(
    "text", ["", "a", " a  b\n", '{"a":"a long piece without any space"}', "\u2028 x"]
)
def test_pieces_are_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text
