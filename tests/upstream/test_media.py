"""gateway.upstream.media: what may be fetched for a provider, and what may not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from gateway.dispatch.attempt_record import uncounted
from gateway.http.body_budget import Bodies, TooManyBodies
from gateway.upstream.media import MAX_FETCHES, MediaFetcher, guarded, refuse_urls, unguarded
from translators.chat.request import ChatRequest
from translators.errors import InvalidRequest

HANG = web.AppKey("hang", asyncio.Event)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


def request(*urls: str) -> ChatRequest:
    parts = [{"type": "image_url", "image_url": {"url": url, "detail": "low"}} for url in urls]
    return ChatRequest(
        {
            "messages": [
                {"role": "system", "content": "x"},
                {"role": "user", "content": [{"type": "text", "text": "y"}, *parts]},
            ]
        }
    )


@asynccontextmanager
async def images() -> AsyncIterator[str]:
    """A server with images good and bad."""

    async def redirect(_: web.Request) -> web.Response:
        raise web.HTTPFound("/good")

    async def answer(http: web.Request) -> web.StreamResponse:
        match http.path:
            case "/good":
                return web.Response(body=PNG, content_type="text/plain")
            case "/html":
                return web.Response(text="<html>", content_type="application/octet-stream")
            case "/large":
                return web.Response(body=PNG + bytes(200_000), content_type="image/png")
            case "/slow":
                response = web.StreamResponse()
                await response.prepare(http)
                await http.read()
                await http.app[HANG].wait()
                return response
            case _:
                raise web.HTTPNotFound

    app = web.Application()
    app[HANG] = asyncio.Event()
    app.router.add_get("/redirect", redirect)
    app.router.add_get("/{any}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        app[HANG].set()
        await runner.cleanup()


@asynccontextmanager
async def fetcher(**options: Any) -> AsyncIterator[MediaFetcher]:
    made = MediaFetcher(
        **{"max_bytes": 100_000, "seconds": 0.5, "socket_factory": unguarded, **options}
    )
    try:
        yield made
    finally:
        await made.aclose()


async def test_an_image_becomes_its_data_by_what_its_bytes_say() -> None:
    async with images() as url, fetcher() as fetch:
        before = request(f"{url}/good", "data:image/png;base64,AA==", f"{url}/good")
        after = await fetch.inlined(before, 10.0, uncounted)
    parts = after.messages[1]["content"]
    assert parts[1]["image_url"]["url"].startswith("data:image/png;base64,iVBORw0KGgo")
    assert parts[1]["image_url"]["detail"] == "low"
    assert parts[2]["image_url"]["url"] == "data:image/png;base64,AA=="
    assert before.messages[1]["content"][1]["image_url"]["url"] == f"{url}/good", (
        "the request itself is not changed"
    )


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/missing", "invalid_image_url"),
        ("/redirect", "invalid_image_url"),
        ("/html", "invalid_image_format"),
        ("/large", "image_too_large"),
        ("/slow", "invalid_image_url"),
    ],
)
async def test_what_is_no_image_is_the_callers_error(path: str, code: str) -> None:
    async with images() as url, fetcher() as fetch:
        with pytest.raises(InvalidRequest) as caught:
            await fetch.inlined(request(url + path), 10.0, uncounted)
    assert (caught.value.code, caught.value.param) == (code, "messages[1].content[1].image_url.url")


INNER = [
    "https://127.0.0.1/x", "https://localhost/x", "https://0x7f.1/x", "https://2130706433/x",
    "https://[::1]/x", "https://[::ffff:127.0.0.1]/x",
    "https://10.0.0.1/x", "https://192.168.0.1/x", "https://172.16.0.1/x",
    "https://169.254.169.254/latest/meta-data", "https://100.64.0.1/x",
    "https://[fd00::1]/x", "https://[fe80::1]/x", "https://0.0.0.0/x", "https://１２７.０.０.１/x",
]  # fmt: skip


@pytest.mark.parametrize("url", INNER)
async def test_inner_addresses_are_never_connected_to(url: str) -> None:
    """Whatever their spelling: the guard sees the address that is connected to."""
    made = MediaFetcher(1000, 2)
    try:
        with pytest.raises(InvalidRequest) as caught:
            await made.inlined(request(url), 10.0, uncounted)
    finally:
        await made.aclose()
    assert caught.value.code == "invalid_image_url"


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "0x7f.1", "localhost", "[::1]", "10.0.0.5", "169.254.169.254", "192.0.0.192", "192.88.99.7", "[fec0::5]",  # noqa: E501
     "[64:ff9b::a00:5]", "[64:ff9b:1::a00:5]", "[2002:a00:5::1]", "[2001:0:a00:5::1]", "[::10.0.0.5]", "[::ffff:10.0.0.5]",  # noqa: E501
     "[::ffff:0:a00:5]", "[2a00:1450:4001::5efe:a00:5]"],
)  # fmt: skip
async def test_it_is_the_guard_that_refuses_them(host: str) -> None:
    async with fetcher(socket_factory=guarded) as fetch:
        with pytest.raises(InvalidRequest, match="not public"):
            await fetch.inlined(request(f"https://{host}/x"), 10.0, uncounted)


@pytest.mark.parametrize(
    "url", ["http://example.org/x.png", "ftp://x/y", "file:///etc/passwd", "//x/y", "x"]
)
async def test_only_https_is_fetched(url: str) -> None:
    made = MediaFetcher(1000, 1)
    try:
        with pytest.raises(InvalidRequest, match="https"):
            await made.inlined(request(url), 10.0, uncounted)
    finally:
        await made.aclose()


async def test_the_number_of_fetches_is_limited() -> None:
    async with fetcher() as fetch:
        with pytest.raises(InvalidRequest, match="At most"):
            await fetch.inlined(
                request(*["https://example.org/x.png"] * (MAX_FETCHES + 1)), 10.0, uncounted
            )


async def test_all_contents_together_are_limited() -> None:
    async with images() as url, fetcher(max_bytes=200) as fetch:
        await fetch.inlined(request(*[f"{url}/good"] * 3), 10.0, uncounted)
        with pytest.raises(InvalidRequest, match="together") as caught:
            await fetch.inlined(request(*[f"{url}/good"] * 4), 10.0, uncounted)
    assert caught.value.code == "image_too_large"


async def test_what_was_fetched_counts_for_the_size_of_the_request() -> None:
    async with images() as url, fetcher() as fetch:
        before = request(f"{url}/good")
        after = await fetch.inlined(before, 10.0, uncounted)
    assert after.size - before.size == len(after.messages[1]["content"][1]["image_url"]["url"])


async def test_what_only_the_provider_can_read_is_left_alone() -> None:
    async with fetcher() as fetch:
        asked = request(
            "gs://bucket/x.png", "https://generativelanguage.googleapis.com/v1beta/files/abc"
        )
        assert await fetch.inlined(asked, 10.0, uncounted) is asked


def test_a_provider_may_refuse_urls() -> None:
    refuse_urls(request("data:image/png;base64,AA=="))
    with pytest.raises(InvalidRequest) as caught:
        refuse_urls(request("https://example.org/x.png"))
    assert caught.value.param == "messages[1].content[1].image_url.url"


async def test_what_arrives_is_counted_as_it_comes() -> None:
    counted: list[int] = []
    async with images() as url, fetcher() as fetch:
        await fetch.inlined(request(f"{url}/good", f"{url}/good"), 10.0, counted.append)
    assert sum(counted) == 2 * len(PNG)


async def test_no_more_is_fetched_than_there_is_memory_for() -> None:
    bodies = Bodies()
    async with images() as url, fetcher() as fetch:
        with pytest.raises(TooManyBodies):
            await fetch.inlined(
                request(f"{url}/good", f"{url}/good"), 10.0, lambda size: bodies.take(size, 150)
            )
