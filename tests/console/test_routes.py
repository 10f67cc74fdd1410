"""The console's routes: what they answer, who may ask, and that they are not there without it."""

import asyncio
from typing import Any, Final

import aiohttp
import pytest

from tests.api.documented import check_component
from tests.console.gateways import ADMIN_KEY, console
from translators.json_codec import loads

ENABLED: Final = "{enabled: true}"
KEY: Final = {"authorization": f"Bearer {ADMIN_KEY}"}
PAGES: Final = ("/console", "/console/session", "/api/v1/stats", "/api/v1/decisions")
HTML: Final = {"accept": "text/html,application/xhtml+xml"}


async def get(http: aiohttp.ClientSession, path: str, **headers: str) -> tuple[int, Any]:
    async with http.get(path, headers=headers) as answer:
        return answer.status, loads(await answer.read())


async def test_stats_and_decisions_are_as_documented() -> None:
    async with console(ENABLED) as world:
        assert await world.chat("hi") == 200
        assert await world.chat("hi [[sim: fail openai]]", stream=True) == 200
        assert await world.chat("[[sim: error 500]]") == 502
        status, stats = await get(world.http, "/api/v1/stats?window=5m&step=1m", **KEY)
        check_component("Stats", stats)
        assert (status, stats["window_seconds"], stats["step_seconds"]) == (200, 300, 60)
        assert (stats["total"]["requests"], stats["total"]["errors"]) == (3, 1)
        assert (stats["in_flight"], stats["workers"]) == (0, None)
        assert stats["personas"]["first"]["extra_attempts"] == 2
        assert stats["targets"]["claude/claude-sonnet-5"]["requests"] == 2
        status, listed = await get(world.http, "/api/v1/decisions", **KEY)
        check_component("Decisions", listed)
        assert [d["outcome"] for d in listed["decisions"]] == ["upstream_error", "ok", "ok"]
        moved = listed["decisions"][1]
        assert [(a["why"], a["outcome"]) for a in moved["attempts"]] == [
            ("first", "overloaded"),
            ("failover", "ok"),
        ]
        assert (moved["served"], moved["stream"]) == ("claude/claude-sonnet-5", True)
        status, whole = await get(world.http, f"/api/v1/decisions/{moved['id']}")
        assert (status, whole["served"]) == (200, moved["served"])
        _, later = await get(world.http, f"/api/v1/decisions?after={listed['next']}", **KEY)
        assert later["decisions"] == []


@pytest.mark.parametrize(
    "query", ["window=2h", "window=15s", "window=0m", "window=x", "step=11s", "step=1h", "window="]
)
async def test_a_window_or_step_that_cannot_be_is_named(query: str) -> None:
    async with console(ENABLED) as world:
        status, refused = await get(world.http, f"/api/v1/stats?{query}", **KEY)
    assert (status, refused["error"]["param"]) == (400, query.partition("=")[0])


async def test_decisions_are_streamed_as_they_end_and_taken_up_where_a_stream_was_lost() -> None:
    async def events(answer: aiohttp.ClientResponse, number: int) -> list[tuple[str, list[str]]]:
        found: list[tuple[str, list[str]]] = []
        name = ""
        async for line in answer.content:
            if line.startswith(b"id: "):
                name = line[4:].decode().strip()
            if line.startswith(b"data: "):
                found.append((name, [d["persona"] for d in loads(line[6:])["decisions"]]))
                if len(found) == number:
                    break
        return found

    accept = {**KEY, "accept": "text/event-stream"}
    async with console(ENABLED) as world, asyncio.timeout(20):
        await world.chat("hi")
        async with world.http.get("/api/v1/decisions", headers=accept) as answer:
            assert answer.headers["content-type"] == "text/event-stream"
            (name, first), *_ = await events(answer, 1)
            await world.chat("hi", model="img_src")
            (_, second), *_ = await events(answer, 1)
        assert (first, second) == (["first"], ["img_src"])
        again = {**accept, "last-event-id": name}
        async with world.http.get("/api/v1/decisions", headers=again) as answer:
            assert [p for _, p in await events(answer, 1)] == [["img_src"]]


async def test_without_the_console_there_is_nothing_of_it() -> None:
    async with console() as world:
        for path in (*PAGES, "/console/", "/console/api/v1/personas"):
            status, refused = await get(world.http, path, **KEY)
            assert (status, refused["error"]["code"]) == (404, "not_found"), path
        assert world.running.gateway.console is None


async def test_only_the_admin_key_opens_it_and_callers_keys_do_not() -> None:
    async with console(ENABLED, keys={"LLM_ROUTER_API_KEYS": "callers-key"}) as world:
        for path in PAGES[1:]:
            assert (await get(world.http, path))[0] == 401
            assert (await get(world.http, path, **{"x-api-key": "callers-key"}))[0] == 401
            assert (await get(world.http, path, **KEY))[0] == 200
        assert (await get(world.http, "/console/api/v1/personas"))[0] == 401
        assert (await get(world.http, "/v1/models", **KEY))[0] == 401


async def test_without_an_admin_key_it_says_how_to_set_one() -> None:
    async with console(ENABLED, keys={"LLM_ROUTER_ADMIN_KEY": ""}) as world:
        status, refused = await get(world.http, "/api/v1/stats")
    assert status == 403
    assert "LLM_ROUTER_ADMIN_KEY" in refused["error"]["message"]


async def test_a_browser_is_led_to_it_and_programs_are_not() -> None:
    async with console(opened=True) as world:
        async with world.http.get("/", headers=HTML, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["location"]) == (303, "/console")
        for accept in ("*/*", "application/json"):
            assert (await get(world.http, "/", accept=accept))[0] == 404
        async with world.http.get("/", headers=HTML) as answer:
            assert "<title>LLM Router console</title>" in await answer.text()


async def test_open_on_loopback_pages_of_others_and_their_names_stay_outside() -> None:
    async with console(opened=True) as world:
        for headers in (
            {"host": "evil.example"},
            {"origin": "https://evil.example"},
            {"sec-fetch-site": "cross-site"},
        ):
            for path in PAGES[1:]:
                assert (await get(world.http, path, **headers))[0] in (403, 421)


async def test_the_page_asks_the_routes_it_needs_under_its_own_door() -> None:
    page = {"x-llm-router-console": "1", "sec-fetch-site": "same-origin"}
    body = {"model": "first", "messages": [{"role": "user", "content": "hi"}]}
    async with console(opened=True, keys={"LLM_ROUTER_API_KEYS": "callers-key"}) as world:
        for path in ("personas", "providers", "stats", "decisions"):
            async with world.http.get(f"/console/api/v1/{path}") as answer:
                assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
        for path in ("/api/v1/route", "/v1/chat/completions"):
            async with world.http.post(f"/console{path}", json=body) as answer:
                assert answer.status == 403
            async with world.http.post(f"/console{path}", json=body, headers=page) as answer:
                assert answer.status == 200
        assert (await get(world.http, "/console/v1/models"))[0] == 404


async def test_its_own_looks_stand_in_no_log() -> None:
    async with console(opened=True) as world:
        await get(world.http, "/api/v1/stats")
        await get(world.http, "/console/session")
    assert world.running.events == []


async def test_a_page_that_is_open_does_not_hold_up_the_end() -> None:
    async with console(ENABLED) as world, asyncio.timeout(10):
        headers = {**KEY, "accept": "text/event-stream"}
        async with world.http.get("/api/v1/decisions", headers=headers) as answer:
            await answer.content.readany()
            await world.running.server.drain()
            await answer.read()
            assert answer.content.at_eof()


async def test_the_streams_of_a_worker_are_bounded() -> None:
    async with console(ENABLED) as world:
        headers = {**KEY, "accept": "text/event-stream"}
        open_ones = [await world.http.get("/api/v1/decisions", headers=headers) for _ in range(32)]
        async with world.http.get("/api/v1/decisions", headers=headers) as answer:
            assert answer.status == 503
        for answer in open_ones:
            answer.close()
