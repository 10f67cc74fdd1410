"""CORS on real sockets: what a browser is told of pages that may call, and that nothing of it is
there where no origin is configured.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest

from gateway.api.auth import read, read_admin
from gateway.api.cors import MOST_HEADERS
from gateway.api.routes import ROUTES
from tests.api.failing import BROKEN, said, world
from tests.fakes import Answer, fake_upstream, json_answer, openai_chunk, openai_completion, sse
from tests.serving import POLICY, Running, serving
from translators.json_codec import dumps

APP: Final = "https://app.example"
LISTED: Final = f"cors_origins: [{APP}, 'http://localhost:3000', 'null']"
EVERYBODY: Final = "cors_origins: ['*']"
CHAT: Final = "/v1/chat/completions"
ASKING: Final = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type,x-stainless-lang",
}
ACCESS: Final = read({"LLM_ROUTER_API_KEYS": "key-one"})
BODY: Final = {"model": "on_openai", "messages": [{"role": "user", "content": "hi"}]}


@asynccontextmanager
async def gateway(cors: str, answer: Answer | None = None) -> AsyncIterator[Running]:
    """One that callers need a key for, with a line of `server`."""
    policy = POLICY.replace(
        "drain_delay: 0", f"drain_delay: 0, {cors}" if cors else "drain_delay: 0"
    )
    admin = read_admin({"LLM_ROUTER_ADMIN_KEY": "key-of-operator"})
    async with (
        fake_upstream(openai=answer or json_answer(openai_completion())) as fake,
        serving(fake.environ(), policy, access=ACCESS, admin=admin) as running,
    ):
        yield running


Got = tuple[int, dict[str, str], bytes]


async def ask(
    running: Running,
    method: str,
    path: str,
    body: Any = None,
    lines: Sequence[str] = (),
    **headers: str,
) -> Got:
    """Status, headers (names in small letters) and whatever else comes, by a caller that adds
    nothing of its own.
    """
    data = b"" if body is None else dumps(body)
    fields = {
        "host": "gateway",
        "connection": "close",
        **({"content-length": str(len(data))} if data else {}),
        **headers,
    }
    reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
    head = "\r\n".join(
        [
            f"{method} {path} HTTP/1.1",
            *(f"{name}: {value}" for name, value in fields.items()),
            *lines,
        ]
    )
    writer.write(head.encode() + b"\r\n\r\n" + data)
    async with asyncio.timeout(20):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    first, *rest = answer.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    told = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest)}
    assert len(told) == len(rest), "each header once"
    return int(first.split(" ")[1]), told, answer.partition(b"\r\n\r\n")[2]


def cors_of(headers: dict[str, str]) -> dict[str, str]:
    return {
        name.removeprefix("access-control-"): value
        for name, value in headers.items()
        if name.startswith("access-control-")
    }


@pytest.mark.parametrize("origin", [APP, "http://localhost:3000", "null"])
async def test_a_preflight_of_a_listed_origin_is_answered_without_a_key(origin: str) -> None:
    async with gateway(LISTED) as running:
        status, headers, rest = await ask(running, "OPTIONS", CHAT, origin=origin, **ASKING)
    assert (status, rest, headers["vary"]) == (204, b"", "origin")
    assert {
        name: value for name, value in cors_of(headers).items() if name != "expose-headers"
    } == {
        "allow-origin": origin,
        "allow-methods": "POST",
        "allow-headers": "authorization, content-type, x-stainless-lang",
        "max-age": "7200",
    }
    assert not {"content-length", "content-type", "transfer-encoding"} & set(headers)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
async def test_a_preflight_tells_the_methods_of_its_route(route: Any) -> None:
    path = route.path.replace("{id:.+}", "a/b").replace("{id}", "a")
    async with gateway(LISTED) as running:
        status, headers, _ = await ask(running, "OPTIONS", path, origin=APP, **ASKING)
    methods = {
        name
        for other in ROUTES
        if other.path == route.path
        for name in (("GET", "HEAD") if other.method == "GET" else (other.method,))
    }
    assert (status, cors_of(headers)["allow-methods"]) == (204, ",".join(sorted(methods)))


@pytest.mark.parametrize(
    ("asked", "allowed"),
    [
        ("", None),
        ("Authorization, X-Request-ID", "authorization, x-request-id"),
        ("x-a,x-a,,x-b", "x-a, x-b"),
        ("x-a, b c, d:e, é, x-b", "x-a, x-b"),
        ("x" * 65, None),
        (
            ",".join(f"x-{n}" for n in range(MOST_HEADERS)),
            ", ".join(f"x-{n}" for n in range(MOST_HEADERS)),
        ),
        (",".join(f"x-{n}" for n in range(MOST_HEADERS + 1)), None),
    ],
    ids=["none", "capitals", "twice", "no names", "long", "many", "too many"],
)
async def test_the_headers_that_are_asked_for_are_allowed_as_far_as_they_are_names(
    asked: str, allowed: str | None
) -> None:
    async with gateway(LISTED) as running:
        asking = {"access-control-request-method": "POST", "access-control-request-headers": asked}
        status, headers, _ = await ask(running, "OPTIONS", CHAT, origin=APP, **asking)
    assert (status, cors_of(headers).get("allow-headers")) == (204, allowed)


@pytest.mark.parametrize(
    "origin",
    [
        "https://other.example",
        "https://app.example:8443",
        "http://app.example",
        "https://app.example/",
        APP.upper(),
    ],
)
async def test_an_origin_that_is_not_listed_is_told_nothing(origin: str) -> None:
    async with gateway(LISTED) as running:
        asked, preflight, _ = await ask(running, "OPTIONS", CHAT, origin=origin, **ASKING)
        status, headers, _ = await ask(
            running, "POST", CHAT, BODY, origin=origin, authorization="Bearer key-one"
        )
    assert (asked, cors_of(preflight), preflight["vary"]) == (204, {}, "origin")
    assert (status, cors_of(headers), headers["vary"]) == (200, {}, "origin")


async def test_whoever_is_no_browser_is_told_nothing_but_that_it_depends() -> None:
    """A cache that keeps an answer without an origin must not give it to a page."""
    async with gateway(LISTED) as running:
        status, headers, _ = await ask(running, "POST", CHAT, BODY, authorization="Bearer key-one")
    assert (status, cors_of(headers), headers["vary"]) == (200, {}, "origin")


async def test_every_origin() -> None:
    """But `null`, which anything may call itself that is no page of anybody."""
    async with gateway(EVERYBODY) as running:
        found = []
        for origin in (APP, "https://other.example", "null"):
            status, headers, _ = await ask(running, "OPTIONS", CHAT, origin=origin, **ASKING)
            found.append((status, cors_of(headers).get("allow-origin")))
    assert found == [(204, "*"), (204, "*"), (204, None)]


async def test_every_origin_and_null() -> None:
    async with gateway("cors_origins: ['*', 'null']") as running:
        found = [
            cors_of((await ask(running, "OPTIONS", CHAT, origin=o, **ASKING))[1])["allow-origin"]
            for o in (APP, "null")
        ]
    assert found == ["*", "null"]


async def test_an_answer_shows_a_page_its_headers() -> None:
    async with gateway(LISTED) as running:
        status, headers, _ = await ask(
            running, "POST", CHAT, BODY, origin=APP, authorization="Bearer key-one"
        )
    assert (status, cors_of(headers)["allow-origin"]) == (200, APP)
    exposed = cors_of(headers)["expose-headers"].split(", ")
    assert set(exposed) == {name for name in headers if name.startswith("x-llm-router-")} | {
        "x-request-id"
    }
    assert {"x-llm-router-provider", "x-llm-router-decision"} <= set(exposed)


async def test_a_stream_shows_a_page_its_headers() -> None:
    answer = sse(openai_chunk({"content": "hi"}), openai_chunk({}, "stop"), b"data: [DONE]\n\n")
    async with gateway(LISTED, answer) as running:
        status, headers, rest = await ask(
            running,
            "POST",
            CHAT,
            {**BODY, "stream": True},
            origin=APP,
            authorization="Bearer key-one",
        )
    assert (status, headers["content-type"], cors_of(headers)["allow-origin"]) == (
        200,
        "text/event-stream; charset=utf-8",
        APP,
    )
    assert "x-llm-router-provider" in cors_of(headers)["expose-headers"]
    assert rest.count(b"[DONE]") == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "key", "status"),
    [
        ("POST", CHAT, BODY, "", 401),
        ("POST", CHAT, BODY, "Bearer wrong", 401),
        ("POST", CHAT, {**BODY, "messages": []}, "Bearer key-one", 400),
        ("POST", CHAT, {**BODY, "model": "nobody"}, "Bearer key-one", 404),
        ("GET", CHAT, None, "Bearer key-one", 405),
        ("GET", "/nope", None, "Bearer key-one", 404),
        ("OPTIONS", "/nope", None, "Bearer key-one", 404),
        ("OPTIONS", CHAT, None, "Bearer key-one", 405),
        ("POST", "/-/reload", None, "", 401),
        ("GET", "/v1/models", None, "Bearer key-one", 200),
        ("GET", "/health", None, "", 200),
        ("GET", "/metrics", None, "", 200),
    ],
)
async def test_whatever_is_answered_a_page_may_read_it(
    method: str, path: str, body: Any, key: str, status: int
) -> None:
    async with gateway(LISTED) as running:
        got, headers, _ = await ask(
            running, method, path, body, origin=APP, **({"authorization": key} if key else {})
        )
    assert (got, cors_of(headers)["allow-origin"]) == (status, APP)
    assert "x-request-id" in cors_of(headers)["expose-headers"].split(", ")


@pytest.mark.parametrize("mode", ["json", "stream"])
async def test_a_page_sees_when_to_ask_again(mode: str) -> None:
    slow_down = json_answer(
        {"error": {"message": "slow down"}}, "429 Too Many Requests", retry_after="7"
    )
    async with world(
        policy={"server": {"drain_delay": 0, "cors_origins": [APP]}}, one=slow_down
    ) as there:
        reply = await there.ask(mode, {"origin": APP})
    assert (
        reply.status,
        reply.headers["retry-after"],
        reply.headers["access-control-allow-origin"],
    ) == (429, "7", APP)
    assert {"retry-after", "x-request-id", "x-llm-router-attempts"} <= set(
        reply.headers["access-control-expose-headers"].split(", ")
    )


async def test_a_failed_stream_is_an_answer_that_a_page_may_read() -> None:
    async with world(
        policy={"server": {"drain_delay": 0, "cors_origins": [APP]}}, one=BROKEN
    ) as there:
        reply = await there.native("stream")
        assert "access-control-allow-origin" not in reply.headers, "nobody said what origin it is"
        reply = await there.ask("stream", {"origin": APP})
    assert (reply.status, reply.headers["access-control-allow-origin"]) == (502, APP)


@pytest.mark.parametrize("cors", ["", "cors_origins: []"], ids=["unsaid", "empty"])
async def test_where_no_origin_is_configured_nothing_is_said(cors: str) -> None:
    async with gateway(cors) as running:
        answers = [
            await ask(
                running, "OPTIONS", CHAT, origin=APP, **ASKING, authorization="Bearer key-one"
            ),
            await ask(running, "OPTIONS", CHAT, origin=APP, **ASKING),
            await ask(running, "POST", CHAT, BODY, origin=APP, authorization="Bearer key-one"),
            await ask(running, "POST", CHAT, BODY, origin=APP),
        ]
    assert [status for status, _, _ in answers] == [405, 401, 200, 401]
    assert [
        {**cors_of(headers), **({"vary": headers["vary"]} if "vary" in headers else {})}
        for _, headers, _ in answers
    ] == [{}] * 4


async def test_browsers_are_never_told_to_add_credentials() -> None:
    async with gateway(LISTED) as running:
        answers = [
            await ask(running, "OPTIONS", CHAT, origin=APP, **ASKING),
            await ask(running, "POST", CHAT, BODY, origin=APP, authorization="Bearer key-one"),
        ]
    assert not any("allow-credentials" in cors_of(headers) for _, headers, _ in answers)


async def test_an_origin_of_two_lines_splits_no_header() -> None:
    async with gateway(EVERYBODY) as running:
        status, headers, _ = await ask(
            running, "OPTIONS", CHAT, lines=["origin: a\rx-bad: b"], **ASKING
        )
    assert "x-bad" not in headers
    assert status in (204, 400)


async def test_a_change_of_the_origins_holds_from_the_next_request_on() -> None:
    async with world(policy={"server": {"drain_delay": 0, "watch": 0}}, one=said("hi")) as there:
        assert "vary" not in (await there.ask(headers={"origin": APP})).headers
        file = there.running.files.directory / "persona_policy.yaml"
        file.write_text(
            file.read_text("utf-8").replace('"watch":0', f'"watch":0,"cors_origins":["{APP}"]'),
            "utf-8",
        )
        assert (await there.running.gateway.reloader.reload("request")).changed
        assert (await there.ask(headers={"origin": APP})).headers[
            "access-control-allow-origin"
        ] == APP


async def test_answered_preflights_are_no_requests_of_anybody() -> None:
    """They are in no log and in no count; those that are refused are, as ever."""
    async with gateway(LISTED) as running:
        await ask(running, "OPTIONS", CHAT, origin=APP, **ASKING)
        assert running.events == []
        await ask(running, "OPTIONS", "/nope", origin=APP, **ASKING)
        assert [type(event).__name__ for event in running.events] == ["RequestEnded"]
