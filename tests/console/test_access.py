"""gateway.console.access: sessions, who they belong to, what ends them, and proxies that name
users.
"""

from pathlib import Path
from typing import Any, Final

import pytest

from gateway.api.auth import read_admin
from gateway.console.access import MOST_FAILED, SESSION, Sessions
from tests.console.gateways import ADMIN_KEY, World, console
from tests.console.test_stats import Clock

PAGE: Final = {"x-llm-router-console": "1", "sec-fetch-site": "same-origin"}
BODY: Final = {"model": "first", "messages": [{"role": "user", "content": "hi"}]}
PROXY: Final = "{enabled: true, auth: proxy, trusted_proxies: [127.0.0.1], admin_groups: [ops]}"


async def login(world: World, key: str = ADMIN_KEY, **headers: str) -> Any:
    answer = await world.http.post(
        "/console/session", json={"key": key}, headers={**PAGE, **headers}
    )
    await answer.read()
    return answer


async def status(world: World, path: str = "/console/session", **headers: str) -> int:
    async with world.http.get(path, headers=headers) as answer:
        await answer.read()
        return answer.status


async def test_the_admin_key_is_typed_once() -> None:
    async with console("{enabled: true}", keys={"LLM_ROUTER_API_KEYS": "callers"}) as world:
        assert await status(world) == 401
        answer = await login(world)
        assert answer.status == 204
        cookie = answer.headers["set-cookie"]
        name, _, rest = cookie.partition("=")
        assert name == "llmr"
        assert rest.partition("; ")[2] == "Path=/; Max-Age=28800; HttpOnly; SameSite=Strict"
        sent = {"cookie": cookie.partition(";")[0]}
        for path in ("/console/session", "/console/api/v1/providers", "/api/v1/stats"):
            assert await status(world, path, **sent) == 200
        world.http.cookie_jar.clear()
        assert await status(world, "/v1/models", **sent) == 401


async def test_where_the_page_came_by_https_the_cookie_is_bound_to_it() -> None:
    async with console("{enabled: true}") as world:
        answer = await login(world, origin=world.running.url.replace("http:", "https:"))
        cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-llmr=")
    assert cookie.endswith("; Secure")


@pytest.mark.parametrize(
    "headers",
    [
        {"x-llm-router-console": "1"},
        {"sec-fetch-site": "same-origin"},
        {"x-llm-router-console": "1", "sec-fetch-site": "cross-site"},
        {"x-llm-router-console": "1", "sec-fetch-site": "same-site"},
        {"x-llm-router-console": "1", "origin": "http://evil.example"},
    ],
)
async def test_only_its_own_page_changes_anything(headers: dict[str, str]) -> None:
    async with console("{enabled: true}", keys={"LLM_ROUTER_API_KEYS": "callers"}) as world:
        cookie = (await login(world)).headers["set-cookie"].partition(";")[0]
        for method, path in (
            ("POST", "/console/session"),
            ("DELETE", "/console/session"),
            ("POST", "/console/v1/chat/completions"),
            ("POST", "/console/api/v1/route"),
        ):
            body = {"key": ADMIN_KEY} if path.endswith("session") else BODY
            sent = {**headers, "cookie": cookie}
            async with world.http.request(method, path, json=body, headers=sent) as answer:
                assert answer.status == 403, (method, path)


async def test_a_logout_ends_the_session_in_the_browser() -> None:
    async with (
        console("{enabled: true}") as world,
        world.http.delete("/console/session", headers=PAGE) as answer,
    ):
        assert answer.headers["set-cookie"].startswith("llmr=; Path=/; Max-Age=0;")


def test_a_session_ends_by_time_and_by_another_admin_key() -> None:
    clock = Clock()
    secret, other = (
        read_admin({"LLM_ROUTER_ADMIN_KEY": key}).secret("console") for key in ("one", "two")
    )
    sessions = Sessions(secret, clock)
    session = sessions.made()
    assert sessions.holds(session)
    assert not Sessions(other, clock).holds(session)
    clock.now += SESSION
    assert not sessions.holds(session)


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "9999999999.x.", "\udcff.\udcff.\udcff"])
def test_what_was_not_signed_is_no_session(text: str) -> None:
    assert not Sessions(b"secret", Clock()).holds(text)


def test_a_session_that_was_changed_is_none() -> None:
    sessions = Sessions(b"secret", Clock())
    made = sessions.made()
    expires, nonce, signature = made.split(".")
    assert not sessions.holds(f"{int(expires) + 1}.{nonce}.{signature}")
    assert not sessions.holds(f"{expires}.{nonce}0.{signature}")


async def test_failed_logins_are_counted_by_address() -> None:
    async with console("{enabled: true}") as world:
        for _ in range(MOST_FAILED):
            assert (await login(world, "wrong")).status == 401
        answer = await login(world)
    assert (answer.status, answer.headers["retry-after"]) == (429, "60")


@pytest.mark.parametrize("body", [{}, {"key": ""}, {"key": 1}, [], "x"])
async def test_a_login_without_a_key_is_told_so(body: object) -> None:
    async with (
        console("{enabled: true}") as world,
        world.http.post("/console/session", json=body, headers=PAGE) as answer,
    ):
        assert (answer.status, (await answer.json())["error"]["param"]) == (400, "key")


async def test_a_trusted_proxy_names_users_and_what_they_may() -> None:
    async with console(PROXY, keys={"LLM_ROUTER_API_KEYS": "callers"}) as world:
        assert await status(world) == 401
        viewer = {"x-forwarded-user": "ann", "x-forwarded-groups": "devs, people"}
        admin = {"x-forwarded-user": "bob", "x-forwarded-groups": "devs,ops"}
        for user, role, sent in ((viewer, "viewer", 403), (admin, "admin", 200)):
            async with world.http.get("/console/session", headers=user) as answer:
                assert (await answer.json())["role"] == role
            headers = {**user, **PAGE}
            async with world.http.post("/console/api/v1/route", json=BODY, headers=headers) as got:
                assert got.status == 200
            async with world.http.post(
                "/console/v1/chat/completions", json=BODY, headers=headers
            ) as got:
                assert got.status == sent


async def test_nobody_else_names_users() -> None:
    untrusted = PROXY.replace("127.0.0.1", "10.0.0.0/8")
    async with console(untrusted) as world:
        assert (
            await status(world, **{"x-forwarded-user": "bob", "x-forwarded-groups": "ops"}) == 403
        )
    async with console("{enabled: true}") as world:
        assert await status(world, **{"x-forwarded-user": "bob"}) == 401


LIMITS: Final = "limits: [{on: tokens, per: day, amount: 9000000}]"
COUNTED: Final = ("keys", "spend", "limits", "ledger", "audit")
KEYS_AND_SPEND: Final = tuple(f"/console/api/v1/{name}" for name in COUNTED)


async def statuses(world: World, **headers: str) -> list[int]:
    """Of every route of keys and spend under the console, and of one that changes something."""
    found = [await status(world, path, **headers) for path in KEYS_AND_SPEND]
    sent = {**PAGE, **headers}
    async with world.http.post(KEYS_AND_SPEND[0], json={"name": "n"}, headers=sent) as answer:
        return [*found, answer.status]


async def session(world: World) -> dict[str, str]:
    """What a browser sends once its reader has logged in."""
    return {"cookie": (await login(world)).headers["set-cookie"].partition(";")[0]}


async def told(world: World, **headers: str) -> tuple[bool, bool]:
    async with world.http.get("/console/session", headers=headers) as answer:
        session = await answer.json()
    return session["limits"], session["administrates"]


async def test_keys_and_spend_are_for_who_has_logged_in(tmp_path: Path) -> None:
    async with console("{enabled: true}", limits=LIMITS, state=tmp_path) as world:
        assert await statuses(world) == [401] * 6
        sent = await session(world)
        assert await told(world, **sent) == (True, True)
        assert await statuses(world, **sent) == [200] * 5 + [201]
        async with world.http.post(KEYS_AND_SPEND[0], json={"name": "n"}, headers=sent) as answer:
            assert answer.status == 403  # no page of ours has sent it


async def test_a_key_is_administered_under_the_console_as_beside_it(tmp_path: Path) -> None:
    async with console("{enabled: true}", limits=LIMITS, state=tmp_path) as world:
        at = f"/console/api/v1/keys/{await world.new_key('ann')}"
        page = {**PAGE, **await session(world)}
        states = []
        for method, path in (
            ("POST", f"{at}/disable"),
            ("POST", f"{at}/enable"),
            ("POST", f"{at}/rotate"),
            ("DELETE", at),
        ):
            async with world.http.request(method, path, headers=page) as answer:
                assert answer.headers["cache-control"] == "no-store"
                states.append((answer.status, (await answer.json())["state"]))
        assert states == [(200, "disabled"), (200, "active"), (200, "active"), (200, "revoked")]
        async with world.http.post(f"{at}/other", headers=page) as answer:
            assert answer.status == 404


async def test_who_may_look_at_an_open_console_does_not_administer_it(tmp_path: Path) -> None:
    async with console(opened=True, limits=LIMITS, state=tmp_path) as world:
        assert await told(world) == (True, False)
        assert await statuses(world) == [401] * 6
        sent = await session(world)
        assert await told(world, **sent) == (True, True)
        assert await statuses(world, **sent) == [200] * 5 + [201]
        elsewhere = {**sent, "sec-fetch-site": "cross-site"}
        assert await statuses(world, **elsewhere) == [403] * 6


async def test_of_users_that_a_proxy_names_admins_administer(tmp_path: Path) -> None:
    async with console(PROXY, limits=LIMITS, state=tmp_path) as world:
        viewer = {"x-forwarded-user": "ann", "x-forwarded-groups": "dev"}
        assert await told(world, **viewer) == (True, False)
        assert await statuses(world, **viewer) == [403] * 6
        admin = {**viewer, "x-forwarded-groups": "dev, ops"}
        assert await told(world, **admin) == (True, True)
        assert await statuses(world, **admin) == [200] * 5 + [201]
        assert await statuses(world) == [401] * 6


async def test_logins_and_changes_stand_in_the_audit_with_who_it_was(tmp_path: Path) -> None:
    async with console("{enabled: true}", limits=LIMITS, state=tmp_path) as world:
        assert (await login(world, "wrong")).status == 401
        assert await statuses(world, **await session(world)) == [200] * 5 + [201]
        assert [(row["action"], row["who"], row["ip"]) for row in await world.audit()] == [
            ("login", "admin", "127.0.0.1"),
            ("create", "admin", "127.0.0.1"),
        ]
    named = {"x-forwarded-user": "ann", "x-forwarded-groups": "ops"}
    async with console(PROXY, limits=LIMITS, state=tmp_path) as world:
        assert await statuses(world, **named) == [200] * 5 + [201]
        rows = await world.audit()
    assert [(row["action"], row["who"]) for row in rows[2:]] == [("create", "user/ann")]


async def test_without_limits_there_is_nothing_to_administer() -> None:
    async with console("{enabled: true}") as world:
        sent = await session(world)
        assert await told(world, **sent) == (False, True)
        assert await statuses(world, **sent) == [404] * 6
