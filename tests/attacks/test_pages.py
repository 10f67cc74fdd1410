"""Web pages that a developer visits, where callers need no key: they spend nothing and read
nothing. With callers' keys nothing changes.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.api.auth import Access, read
from tests.fakes import fake_upstream, json_answer, openai_completion
from tests.serving import POLICY, Running, serving
from translators.json_codec import dumps

BODY = dumps({"model": "on_openai", "messages": [{"role": "user", "content": "hi"}]})
CHAT = "POST /v1/chat/completions"
JSON = {"content-type": "application/json"}


@asynccontextmanager
async def running_with(server: str = "", access: Access | None = None) -> AsyncIterator[Running]:
    policy = POLICY.replace("drain_delay: 0", f"drain_delay: 0{server}")
    async with (
        fake_upstream(openai=json_answer(openai_completion())) as fake,
        serving(fake.environ(), policy, access=access) as running,
    ):
        yield running


async def status_of(running: Running, first: str, **headers: str) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
    data = BODY if first.startswith("POST") else b""
    lines = {
        "host": f"127.0.0.1:{running.server.port}",
        "content-length": str(len(data)),
        **headers,
    }
    text = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items())
    writer.write(f"{first} HTTP/1.1\r\n{text}\r\n".encode() + data)
    async with asyncio.timeout(5):
        status = int((await reader.readuntil(b"\r\n")).split(b" ")[1])
    writer.close()
    return status


FOREIGN = {
    "a form's type": ({"content-type": "text/plain;charset=UTF-8"}, 415),
    "no type, from another origin": ({"origin": "https://evil.example"}, 403),
    "no type, from its own origin": ({"sec-fetch-site": "same-origin"}, 415),
    "a form": ({"content-type": "application/x-www-form-urlencoded"}, 415),
    "another origin": ({**JSON, "origin": "https://evil.example"}, 403),
    "another port": ({**JSON, "origin": "http://127.0.0.1:1"}, 403),
    "the origin of a file": ({**JSON, "origin": "null"}, 403),
    "a cross-site fetch": ({**JSON, "sec-fetch-site": "cross-site"}, 403),
    "a rebound name": ({**JSON, "host": "evil.example"}, 421),
    "a rebound name with a port": (
        {**JSON, "host": "evil.example:8001", "origin": "http://evil.example:8001"},
        421,
    ),
    "a name that looks like an address": ({**JSON, "host": "127.0.0.1.evil.example"}, 421),
    "a name that ends like this machine's": ({**JSON, "host": "notlocalhost.example"}, 421),
}


@pytest.mark.parametrize(("headers", "status"), FOREIGN.values(), ids=FOREIGN.keys())
async def test_a_page_is_refused_without_callers_keys(headers: dict[str, str], status: int) -> None:
    async with running_with() as running:
        assert await status_of(running, CHAT, **headers) == status
        assert [event for event in running.events if getattr(event, "provider", None)] == []


@pytest.mark.parametrize("path", ["/api/v1/providers", "/v1/models", "/openapi.json"])
async def test_nor_does_it_read_a_catalog(path: str) -> None:
    async with running_with() as running:
        assert await status_of(running, f"GET {path}", host="evil.example") == 421
        assert await status_of(running, f"GET {path}", origin="https://evil.example") == 403
        assert await status_of(running, "GET /health", host="evil.example") == 200


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8001",
        "app.localhost",
        "127.0.0.1",
        "127.0.0.1:8001",
        "[::1]:8001",
        "10.0.0.5",
        "router",
        "router:80",
    ],
)
async def test_names_of_this_machine_and_addresses_are_served(host: str) -> None:
    async with running_with() as running:
        assert await status_of(running, CHAT, host=host, origin=f"http://{host}", **JSON) == 200
        assert await status_of(running, CHAT, host=host, **JSON) == 200


async def test_listed_names_and_origins_are_served() -> None:
    async with running_with(
        ", hosts: [llm.example], cors_origins: ['https://app.example']"
    ) as running:
        assert await status_of(running, CHAT, host="llm.example:443", **JSON) == 200
        assert await status_of(running, CHAT, host="other.example", **JSON) == 421
        assert (
            await status_of(
                running, CHAT, origin="https://app.example", sec_fetch_site="cross-site", **JSON
            )
            == 200
        )
        assert await status_of(running, CHAT, origin="https://other.example", **JSON) == 403


@pytest.mark.parametrize(
    "declared", ["application/json; charset=utf-8", "Application/JSON", "application/vnd.api+json"]
)
async def test_json_may_be_declared_in_any_form(declared: str) -> None:
    async with running_with() as running:
        assert await status_of(running, CHAT, **{"content-type": declared}) == 200


async def test_a_client_that_is_no_browser_need_not_declare_its_body() -> None:
    """Every browser names the origin of a POST to another one: who names none is no page."""
    async with running_with() as running:
        assert await status_of(running, CHAT) == 200


@pytest.mark.parametrize(("headers", "status"), FOREIGN.values(), ids=FOREIGN.keys())
async def test_with_callers_keys_the_key_decides(headers: dict[str, str], status: int) -> None:
    async with running_with(access=read({"LLM_ROUTER_API_KEYS": "right"})) as running:
        assert await status_of(running, CHAT, x_api_key="right", **headers) == 200
        assert await status_of(running, CHAT, x_api_key="wrong", **headers) == 401
