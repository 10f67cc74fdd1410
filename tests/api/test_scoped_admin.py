"""Keys that may administer a part, and writes that are done once however often they are sent."""

from pathlib import Path
from typing import Any, Final

import pytest

from tests.api.documented import ask
from tests.api.limited import ADMIN, Got, Limited, limited
from tests.api.test_keys_and_spend import read_files
from translators.json_codec import loads

LIMITS: Final = "teams: {blue: {}}"
RAISED: Final = {"scope": "all", "on": "usd", "per": "day", "by": 1}
ROUTES: Final[tuple[tuple[str, str, str, Any], ...]] = (
    ("keys:read", "GET", "/api/v1/keys", None),
    ("keys:read", "GET", "/api/v1/keys/{id}", None),
    ("keys:read", "GET", "/api/v1/limits", None),
    ("keys:read", "GET", "/api/v1/audit", None),
    ("keys:read", "GET", "/api/v1/teams", None),
    ("keys:read", "GET", "/api/v1/teams/blue", None),
    ("keys:write", "PUT", "/api/v1/teams/red", {}),
    ("keys:write", "DELETE", "/api/v1/teams/red", None),
    ("keys:write", "POST", "/api/v1/keys", {"name": "n"}),
    ("keys:write", "PATCH", "/api/v1/keys/{id}", {"name": "m"}),
    ("keys:write", "POST", "/api/v1/keys/{id}/rotate", {}),
    ("keys:write", "POST", "/api/v1/keys/{id}/disable", None),
    ("keys:write", "POST", "/api/v1/keys/{id}/enable", None),
    ("keys:write", "POST", "/api/v1/limits/raise", RAISED),
    ("keys:write", "DELETE", "/api/v1/keys/{id}", None),
    ("spend:read", "GET", "/api/v1/spend", None),
    ("spend:read", "GET", "/api/v1/ledger", None),
    ("config:reload", "POST", "/-/reload", None),
)
SCOPES: Final = ("keys:read", "keys:write", "spend:read", "config:reload")


async def holder(gateway: Limited, *scopes: str) -> dict[str, str]:
    """Headers of a new key that may administer so much."""
    _, key = await gateway.new_key(scopes=list(scopes))
    return {"authorization": f"Bearer {key}"}


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_scope_opens_its_routes_and_no_others(tmp_path: Path, scope: str) -> None:
    async with limited(tmp_path, LIMITS) as gateway:
        mine = await holder(gateway, scope)
        key_id, _ = await gateway.new_key()
        for needed, method, path, body in ROUTES:
            got = await ask(gateway.running, method, path.replace("{id}", key_id), body, mine)
            allowed = (200, 201) if needed == scope else (403,)
            assert (path, got.status in allowed) == (path, True)
            if needed != scope:
                assert loads(got.body)["error"]["code"] == "scope_missing"


async def test_a_key_without_scopes_administers_nothing(tmp_path: Path) -> None:
    async with limited(tmp_path, LIMITS) as gateway:
        key_id, key = await gateway.new_key()
        mine = {"authorization": f"Bearer {key}"}
        for _, method, path, body in ROUTES:
            got = await gateway.ask(path.replace("{id}", key_id), body, mine, method)
            assert (path, got.status) == (path, 401)


async def test_nobody_gives_or_takes_over_what_he_may_not_do(tmp_path: Path) -> None:
    async with limited(tmp_path, LIMITS) as gateway:
        mine = await holder(gateway, "keys:write")
        stronger, _ = await gateway.new_key(scopes=["keys:write", "spend:read"])
        plain, _ = await gateway.new_key()
        tried = [
            ("POST", "/api/v1/keys", {"name": "n", "scopes": ["spend:read"]}),
            ("PATCH", f"/api/v1/keys/{plain}", {"scopes": ["config:reload"]}),
            ("PATCH", f"/api/v1/keys/{stronger}", {"scopes": None}),
            ("POST", f"/api/v1/keys/{stronger}/rotate", {}),
            ("DELETE", f"/api/v1/keys/{stronger}", None),
        ]
        for method, path, body in tried:
            got = await gateway.ask(path, body, mine, method)
            assert (got.status, got.body["error"]["code"]) == (403, "scope_missing")
        listed = (await gateway.ask("/api/v1/keys", None, ADMIN, "GET")).body["keys"]
        assert len(listed) == 3  # nothing of what was refused stands
        assert next(k for k in listed if k["id"] == plain)["scopes"] is None
        made = await gateway.ask("/api/v1/keys", {"name": "n", "scopes": ["keys:write"]}, mine)
        assert made.status == 201


async def test_a_scoped_key_that_was_revoked_opens_nothing_and_the_audit_names_it(
    tmp_path: Path,
) -> None:
    async with limited(tmp_path, LIMITS) as gateway:
        key_id, key = await gateway.new_key(scopes=["keys:write"])
        mine = {"authorization": f"Bearer {key}"}
        assert (await gateway.ask("/api/v1/keys", {"name": "n"}, mine)).status == 201
        rows = (await gateway.ask("/api/v1/audit", None, ADMIN, "GET")).body["rows"]
        assert [row["who"] for row in rows] == ["admin", f"key/{key_id}"]
        assert (await gateway.ask(f"/api/v1/keys/{key_id}", None, ADMIN, "DELETE")).status == 200
        assert (await gateway.ask("/api/v1/keys", {"name": "n"}, mine)).status == 401


async def sent(gateway: Limited, path: str, body: Any, name: str = "once") -> Got:
    return await gateway.ask(path, body, {**ADMIN, "idempotency-key": name})


async def test_a_write_with_a_name_is_done_once(tmp_path: Path) -> None:
    async with limited(tmp_path, LIMITS) as gateway:
        first = await sent(gateway, "/api/v1/keys", {"name": "n"})
        again = await sent(gateway, "/api/v1/keys", {"name": "n"})
        assert (first.status, again.status) == (201, 201)
        assert again.body == {**first.body, "key": None}  # it is shown once
        other = await sent(gateway, "/api/v1/keys", {"name": "n"}, "another")
        assert other.body["id"] != first.body["id"]
        path = f"/api/v1/keys/{first.body['id']}/rotate"
        rotated = [(await sent(gateway, path, {}, "turn")).body["key"] is None for _ in range(2)]
        assert rotated == [False, True]
        raised = [(await sent(gateway, "/api/v1/limits/raise", RAISED, "more")).body
                  for _ in range(2)]  # fmt: skip
        assert raised[0] == raised[1]
        rows = (await gateway.ask("/api/v1/audit", None, ADMIN, "GET")).body["rows"]
        assert [row["action"] for row in rows] == ["create", "create", "rotate", "raise"]
        assert first.body["key"].encode() not in read_files(tmp_path)


async def test_a_name_that_was_used_for_another_request_is_refused(tmp_path: Path) -> None:
    async with limited(tmp_path, LIMITS) as gateway:
        assert (await sent(gateway, "/api/v1/keys", {"name": "n"})).status == 201
        other = await sent(gateway, "/api/v1/keys", {"name": "m"})
        assert (other.status, other.body["error"]["param"]) == (400, "Idempotency-Key")
        too_long = await sent(gateway, "/api/v1/keys", {"name": "m"}, "x" * 256)
        assert (too_long.status, too_long.body["error"]["param"]) == (400, "Idempotency-Key")
        refused = await sent(gateway, "/api/v1/keys", {"name": ""}, "bad")
        mended = await sent(gateway, "/api/v1/keys", {"name": "good"}, "bad")
        assert (refused.status, mended.status) == (400, 201)  # what was refused was not done
