"""Keys, limits, spend, ledger and audit over HTTP: for operators, and for callers."""

import csv
import io
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.api.openapi import document
from tests.api.documented import ask
from tests.api.limited import ADMIN, HI, Limited, limited
from tests.serving import POLICY, serving
from translators.json_codec import loads

BLUE: Final = "teams: {blue: {limits: [{on: usd, per: day, amount: 2}]}}"
ID: Final = "ID"
"""Stands for the id of a key that there is."""
ROUTES_OF_LIMITS: Final[tuple[tuple[str, str, Any], ...]] = (
    ("POST", "/api/v1/keys", {"name": "n", "team": "blue", "expires_in": "9d"}),
    ("GET", "/api/v1/keys", None),
    ("GET", "/api/v1/keys/{id}", None),
    ("PATCH", "/api/v1/keys/{id}", {"name": "m", "metadata": {"a": "b"}}),
    ("POST", "/api/v1/keys/{id}/rotate", {"grace": "1h"}),
    ("POST", "/api/v1/keys/{id}/disable", None),
    ("POST", "/api/v1/keys/{id}/enable", None),
    ("PUT", "/api/v1/teams/{id}", {"limits": [{"on": "usd", "per": "day", "amount": 3}]}),
    ("GET", "/api/v1/teams", None),
    ("GET", "/api/v1/teams/{id}", None),
    ("DELETE", "/api/v1/teams/{id}", None),
    ("GET", "/api/v1/limits", None),
    (
        "POST", "/api/v1/limits/raise",
        {"scope": "team/blue", "on": "usd", "per": "day", "by": 1.5, "for": "2h"},
    ),
    ("GET", "/api/v1/spend", None),
    ("GET", "/api/v1/ledger", None),
    ("GET", "/api/v1/audit", None),
    ("GET", "/api/v1/me", None),
    ("DELETE", "/api/v1/keys/{id}", None),
)  # fmt: skip


async def test_every_answer_is_as_documented(tmp_path: Path) -> None:
    """Good ones, and what is said without the admin key."""
    async with limited(tmp_path, BLUE) as gateway:
        key_id, key = await gateway.new_key(team="blue", personas=["p"])
        assert (await gateway.chat("p", key)).status == 200
        await gateway.rows()
        mine = {"authorization": f"Bearer {key}"}
        for method, path, body in ROUTES_OF_LIMITS:
            if path == "/api/v1/keys/{id}/rotate":
                mine = {"authorization": f"Bearer {key}"}
            headers = mine if path == "/api/v1/me" else ADMIN
            got = await ask(gateway.running, method, path.replace("{id}", key_id), body, headers)
            assert (path, got.status) == (
                path,
                201 if (method, path) == ("POST", "/api/v1/keys") else 200,
            )
            refused = await ask(
                gateway.running, method, path.replace("{id}", key_id), body,
                {"authorization": "Bearer other"},
            )  # fmt: skip
            assert (path, refused.status) == (path, 401)


async def test_without_limits_there_is_nothing_to_administer() -> None:
    from_operator = {"authorization": "Bearer operator"}
    async with serving({"OPENAI_API_KEY": "k"}, POLICY) as running:
        got = await ask(running, "GET", "/api/v1/keys", None, from_operator)
        assert got.status == 403
        got = await ask(running, "GET", "/api/v1/me", None, {})
        assert (got.status, loads(got.body)["error"]["code"]) == (404, "limits_not_configured")


async def test_a_key_opens_the_gateway_and_the_first_one_closes_it(tmp_path: Path) -> None:
    async with limited(tmp_path, BLUE) as gateway:
        assert (await gateway.chat()).status == 200
        key_id, key = await gateway.new_key(team="blue")
        assert (await gateway.chat()).status == 401
        assert (await gateway.chat(key=key)).status == 200
        assert (await gateway.chat(key=key[:-1])).status == 401
        assert (
            await gateway.ask(f"/api/v1/keys/{key_id}", method="DELETE", headers=ADMIN)
        ).status == 200
        revoked = await gateway.chat(key=key)
        assert (revoked.status, revoked.body["error"]["code"]) == (401, "invalid_api_key")
        assert revoked.body["error"]["message"] == "This API key was revoked."
        assert (await gateway.chat()).status == 401


async def test_keys_of_the_environment_go_on_working_and_may_have_limits(tmp_path: Path) -> None:
    limits = 'keys: {"2b5a3d5a": {limits: [{on: requests, per: day, amount: 1}]}}'
    async with limited(tmp_path, "limits: []", keys="one,two") as gateway:
        assert [(await gateway.chat(key=key)).status for key in ("one", "two", "three")] == [
            200, 200, 401,
        ]  # fmt: skip
        ids = {row.key_id for row in await gateway.rows()}
    assert len(ids) == 2
    limits = f'keys: {{"{min(ids)}": {{limits: [{{on: requests, per: day, amount: 1}}]}}}}'
    async with limited(tmp_path, limits, keys="one,two") as gateway:
        found = sorted(
            [[(await gateway.chat(key=k)).status for _ in range(2)] for k in ("one", "two")]
        )
        assert found == [[200, 200], [200, 429]]


SENT: Final = (
    {"authorization": "Bearer KEY"}, {"x-api-key": "KEY"}, {"x-goog-api-key": "KEY"},
)  # fmt: skip


@pytest.mark.parametrize("headers", SENT, ids=lambda sent: next(iter(sent)))
async def test_a_key_is_taken_from_wherever_an_api_has_it(tmp_path: Path, headers: Any) -> None:
    async with limited(tmp_path, BLUE) as gateway:
        _, key = await gateway.new_key()
        sent = {name: value.replace("KEY", key) for name, value in headers.items()}
        body = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
        got = await gateway.ask("/v1beta/models/p:generateContent", body, sent)
        assert got.status == 200
        wrong = {
            name: value.replace("KEY", key[:-8] + "aaaaaaaa") for name, value in headers.items()
        }
        got = await gateway.ask("/v1beta/models/p:generateContent", body, wrong)
        assert (got.status, got.body["error"]["status"]) == (401, "UNAUTHENTICATED")


async def test_a_persona_that_a_key_may_not_ask_is_refused_and_not_listed(tmp_path: Path) -> None:
    async with limited(tmp_path, BLUE) as gateway:
        _, key = await gateway.new_key(personas=["p"])
        mine = {"authorization": f"Bearer {key}"}
        assert (await gateway.chat("p", key)).status == 200
        got = await gateway.chat("q", key)
        assert (got.status, got.body["error"]["code"]) == (403, "persona_not_allowed")
        body = {"model": "q", "messages": HI, "max_tokens": 5}
        got = await gateway.ask("/v1/messages", body, mine)
        assert (got.status, got.body["error"]["type"]) == (403, "permission_error")
        got = await gateway.ask("/api/v1/route", {"model": "q", "messages": HI}, mine)
        assert got.status == 403
        models = (await gateway.ask("/v1/models", None, mine, "GET")).body["data"]
        assert [model["id"] for model in models] == ["p"]
        assert (await gateway.ask("/v1/models/q", None, mine, "GET")).status == 404
        models = (await gateway.ask("/v1beta/models", None, mine, "GET")).body["models"]
        assert [model["name"] for model in models] == ["models/p"]
        claude = {**mine, "anthropic-version": "2023-06-01"}
        models = (await gateway.ask("/v1/models", None, claude, "GET")).body["data"]
        assert {model["id"] for model in models} == {"p", "claude-p"}
        personas = (await gateway.ask("/api/v1/personas", None, mine, "GET")).body["personas"]
        assert [persona["name"] for persona in personas] == ["p"]
        assert len(gateway.fake.received) == 1


DIRECT: Final = """direct_models: true
teams: {narrow: {personas: [p]}}
keys: {"0a1b2c3d": {direct_models: false}}
"""
PERSONA, MODEL, OTHER = "p", "openai/gpt-4.1", "openai/gpt-6-luna"
MAY_ASK: Final[tuple[tuple[dict[str, Any], list[str]], ...]] = (
    ({}, [PERSONA, MODEL, OTHER]),
    ({"direct_models": True}, [PERSONA, MODEL, OTHER]),
    ({"direct_models": False}, [PERSONA]),
    ({"personas": ["p"]}, [PERSONA]),
    ({"personas": ["p"], "direct_models": True}, [PERSONA, MODEL, OTHER]),
    ({"personas": ["p", MODEL]}, [PERSONA, MODEL]),
    ({"personas": [MODEL], "direct_models": False}, []),
    ({"team": "narrow"}, [PERSONA]),
    ({"team": "narrow", "direct_models": True}, [PERSONA]),
)
"""What is said of a key, and what it may ask of three."""


async def test_a_key_may_or_may_not_name_models_directly(tmp_path: Path) -> None:
    async with limited(tmp_path, DIRECT) as gateway:
        for said, may_ask in MAY_ASK:
            key_id, key = await gateway.new_key(**said)
            shown = (await gateway.ask(f"/api/v1/keys/{key_id}", None, ADMIN, "GET")).body
            assert shown["direct_models"] == said.get("direct_models")
            asked = {name: await gateway.chat(name, key) for name in (PERSONA, MODEL, OTHER)}
            assert (said, [name for name, got in asked.items() if got.status == 200]) == (
                said, may_ask,
            )  # fmt: skip
            refused = [got for got in asked.values() if got.status != 200]
            assert {got.body["error"]["code"] for got in refused} <= {"persona_not_allowed"}
            mine = {"authorization": f"Bearer {key}"}
            models = (await gateway.ask("/v1/models", None, mine, "GET")).body["data"]
            listed = {model["id"] for model in models}
            assert listed & {PERSONA, MODEL, OTHER} == {*may_ask}


async def test_the_switch_for_direct_models_is_changed_and_audited(tmp_path: Path) -> None:
    async with limited(tmp_path, DIRECT) as gateway:
        key_id, key = await gateway.new_key()
        path = f"/api/v1/keys/{key_id}"
        for value, status in ((False, 403), (True, 200), (None, 200)):
            got = await gateway.ask(path, {"direct_models": value}, ADMIN, "PATCH")
            assert (got.status, got.body["direct_models"]) == (200, value)
            assert (await gateway.chat(MODEL, key)).status == status
        rows = (await gateway.ask("/api/v1/audit", None, ADMIN, "GET")).body["rows"]
        assert [loads(row["after"].encode())["direct_models"] for row in rows] == [None, 0, 1, None]
        newest = (await gateway.ask("/api/v1/audit?newest=2", None, ADMIN, "GET")).body
        assert (newest["rows"], newest["next"]) == (rows[:1:-1], None)


async def test_a_list_that_names_nothing_is_refused_with_its_field(tmp_path: Path) -> None:
    async with limited(tmp_path, BLUE) as gateway:
        key_id, _ = await gateway.new_key(personas=["p"])
        limit = {"on": "usd", "per": "day", "amount": 1, "persona": "none"}
        for method, path, body, field in (
            ("POST", "/api/v1/keys", {"name": "n", "personas": ["p", "none"]}, "personas"),
            ("POST", "/api/v1/keys", {"name": "n", "limits": [limit]}, "limits[0].persona"),
            ("PATCH", f"/api/v1/keys/{key_id}", {"personas": ["none"]}, "personas"),
            ("PUT", "/api/v1/teams/red", {"personas": ["none"]}, "personas"),
            ("PUT", "/api/v1/teams/red", {"limits": [limit]}, "limits[0].persona"),
        ):
            got = await gateway.ask(path, body, ADMIN, method)
            assert (got.status, got.body["error"]["param"]) == (400, field)
            assert "unknown persona 'none'" in got.body["error"]["message"]


async def spend(gateway: Limited, query: str) -> Any:
    await gateway.rows()
    return (await gateway.ask(f"/api/v1/spend?{query}", None, ADMIN, "GET")).body


async def test_spend_is_told_by_what_is_asked_for(tmp_path: Path) -> None:
    async with limited(tmp_path, BLUE) as gateway:
        ann_id, ann = await gateway.new_key(team="blue")
        _, bob = await gateway.new_key()
        for model, key in (("p", ann), ("p", ann), ("q", bob)):
            assert (await gateway.chat(model, key)).status == 200
        (row,) = (await spend(gateway, ""))["rows"]
        assert (row["requests"], row["input"], row["output"], row["cost_usd"]) == (3, 9, 6, 66e-6)
        by_team = (await spend(gateway, "by=team"))["rows"]
        assert [(r["team"], r["requests"]) for r in by_team] == [("", 1), ("blue", 2)]
        (row,) = (await spend(gateway, f"by=key,model&key={ann_id}"))["rows"]
        assert (row["key"], row["model"], row["cost_usd"]) == (ann_id, "openai/gpt-4.1", 44e-6)
        text = (await spend(gateway, "by=persona&format=csv")).decode()
        assert [(r["persona"], r["cost_usd"]) for r in csv.DictReader(io.StringIO(text))] == [
            ("p", "4.4e-05"), ("q", "2.2e-05"),
        ]  # fmt: skip
        assert (await spend(gateway, "since=2020-01-01&until=2020-02-01"))["rows"] == []
        assert (await spend(gateway, "by=colour"))["error"]["param"] == "by"
        assert "must be a day" in (await spend(gateway, "since=yesterday"))["error"]["message"]


async def test_a_limit_is_seen_and_raised(tmp_path: Path) -> None:
    limits = "teams: {blue: {limits: [{on: requests, per: day, amount: 1}]}}"
    async with limited(tmp_path, limits) as gateway:
        _, key = await gateway.new_key(team="blue")
        mine = {"authorization": f"Bearer {key}"}
        assert [(await gateway.chat(key=key)).status for _ in range(2)] == [200, 429]
        (limit,) = (await gateway.ask("/api/v1/me", None, mine, "GET")).body["limits"]
        assert (limit["scope"], limit["amount"], limit["used"], limit["remaining"]) == (
            "team/blue", 1, 1, 0,
        )  # fmt: skip
        more = {"scope": "team/blue", "on": "requests", "per": "day", "by": 2}
        assert (await gateway.ask("/api/v1/limits/raise", more, ADMIN)).status == 200
        statuses = []
        for _ in range(3):
            statuses.append((await gateway.chat(key=key)).status)
        assert sorted(statuses) == [200, 200, 429]
        for body in ({}, {**more, "by": -1}, {**more, "for": "long"}):
            assert (await gateway.ask("/api/v1/limits/raise", body, ADMIN)).status == 400


def read_files(directory: Path) -> bytes:
    """All that is kept."""
    return b"".join(path.read_bytes() for path in directory.rglob("*") if path.is_file())


async def test_no_canary_is_anywhere_but_in_the_one_answer(tmp_path: Path) -> None:
    """Neither keys nor prompts nor end users stand in a file of the store."""
    async with limited(tmp_path, BLUE) as gateway:
        key_id, key = await gateway.new_key(team="blue", metadata={"note": "plain"})
        secret = "canary-prompt"
        body = {
            "model": "p",
            "messages": [{"role": "user", "content": secret}],
            "user": "canary-ann",
        }
        mine = {"authorization": f"Bearer {key}"}
        assert (await gateway.ask("/v1/chat/completions", body, mine)).status == 200
        kept = read_files(tmp_path)
        assert kept
        answers = [
            (await gateway.ask(path, None, ADMIN, "GET")).body
            for path in (
                "/api/v1/keys",
                f"/api/v1/keys/{key_id}",
                "/api/v1/ledger",
                "/api/v1/audit",
            )
        ]
    kept += read_files(tmp_path)
    told = str(answers).encode()
    for canary in (secret, "canary-ann", key[21:64], "sk-canary-openai"):
        assert canary.encode() not in kept
        assert canary.encode() not in told


async def test_no_error_tells_a_key_or_a_prompt(tmp_path: Path) -> None:
    """Whichever way a request is refused: what was sent is not said again."""
    policy = "teams: {blue: {limits: [{on: requests, per: day, amount: 1}], personas: [p]}}"
    async with limited(tmp_path, policy) as gateway:
        key_id, key = await gateway.new_key(team="blue")
        _, unscoped = await gateway.new_key()
        _, scoped = await gateway.new_key(scopes=["keys:read"])
        body = {"model": "p", "messages": [{"role": "user", "content": "canary-prompt"}]}
        changed = key[:-1] + ("B" if key.endswith("A") else "A")
        keys = (key, key, key[:-3], changed, "sk-canary-of-nobody")
        refused = [
            await gateway.ask("/v1/chat/completions", body, {"authorization": f"Bearer {each}"})
            for each in keys
        ]
        mine = {"authorization": f"Bearer {key}"}
        refused.append(await gateway.ask("/v1/chat/completions", {**body, "model": "q"}, mine))
        for administers in (unscoped, scoped, "sk-canary-of-nobody"):
            theirs = {"authorization": f"Bearer {administers}"}
            refused.append(await gateway.ask("/api/v1/keys", {"name": "canary-prompt"}, theirs))
        await gateway.ask(f"/api/v1/keys/{key_id}", None, ADMIN, "DELETE")
        refused.append(await gateway.ask("/v1/chat/completions", body, mine))
        statuses = [each.status for each in refused]
        assert statuses == [200, 429, 401, 401, 401, 403, 401, 403, 401, 401]
        told = str([(each.headers, each.body) for each in refused[1:]])
        for canary in ("canary", key[21:], unscoped[21:], scoped[21:], "operator"):
            assert canary not in told


def test_every_request_that_operators_send_is_described() -> None:
    schemas = document()["components"]["schemas"]
    for name in ("KeyRequest", "TeamRequest", "RotateRequest", "RaiseRequest"):
        assert all(field.get("description") for field in schemas[name]["properties"].values())
