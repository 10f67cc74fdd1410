"""Teams that operators make while the gateway runs."""

from pathlib import Path
from typing import Any, Final

from gateway.store import keys
from gateway.store.engine import open_store
from tests.api.limited import ADMIN, Got, Limited, limited

POLICY: Final = "teams: {blue: {limits: [{on: requests, per: day, amount: 9}], personas: [p]}}"
TWO: Final = {"limits": [{"on": "requests", "per": "day", "amount": 2.0}], "personas": ["p"]}


async def put(gateway: Limited, name: str, body: Any) -> Got:
    return await gateway.ask(f"/api/v1/teams/{name}", body, ADMIN, "PUT")


async def test_a_team_of_the_store_limits_its_keys_together_at_once(tmp_path: Path) -> None:
    async with limited(tmp_path, POLICY) as gateway:
        made = await put(gateway, "red", TWO)
        assert (made.status, made.body) == (
            200, {"id": "red", **TWO, "metadata": {}, "source": "store"}
        )  # fmt: skip
        one, other = [(await gateway.new_key(team="red"))[1] for _ in range(2)]
        statuses = [(await gateway.chat("p", key)).status for key in (one, other, one)]
        assert statuses == [200, 200, 429]
        assert (await gateway.chat("q", one)).status == 403
        more = {"limits": [{"on": "requests", "per": "day", "amount": 3}]}
        assert (await put(gateway, "red", more)).status == 200
        assert [(await gateway.chat("q", one)).status for _ in range(2)] == [200, 429]


async def test_it_is_there_after_a_restart_and_beside_the_files(tmp_path: Path) -> None:
    async with limited(tmp_path, POLICY) as gateway:
        assert (await put(gateway, "red", TWO)).status == 200
    async with limited(tmp_path, POLICY) as gateway:
        listed = (await gateway.ask("/api/v1/teams", None, ADMIN, "GET")).body["teams"]
        assert [(team["id"], team["source"]) for team in listed] == [
            ("blue", "file"), ("red", "store"),
        ]  # fmt: skip
        await gateway.new_key(team="red")
    database = open_store("sqlite:", tmp_path)
    assert keys.first_broken_audit_row(database) is None
    actions = [(row[4], row[5]) for row in keys.audit_rows(database)]
    assert actions[0] == ("create", "team/red")
    database.close()


async def test_what_a_team_cannot_be_is_told(tmp_path: Path) -> None:
    async with limited(tmp_path, POLICY) as gateway:
        twice = {"limits": TWO["limits"] * 2}
        for name, body, said in (
            ("blue", TWO, "stands in persona_policy.yaml"),
            ("red", twice, "the same limit stands in the list twice"),
            ("red", {"limits": [{"on": "usd", "amount": 1}]}, "'per' is required"),
            ("a b", TWO, "must be 1 to 64 letters"),
            ("red", {"owner": "ann"}, "owner"),
        ):
            got = await put(gateway, name.replace(" ", "%20"), body)
            assert (name, got.status) == (name, 400)
            assert said in got.body["error"]["message"]


async def test_a_team_with_keys_stays_and_one_without_goes(tmp_path: Path) -> None:
    async with limited(tmp_path, POLICY) as gateway:
        await put(gateway, "red", TWO)
        key_id, _ = await gateway.new_key(team="red")

        async def removed(name: str) -> int:
            return (await gateway.ask(f"/api/v1/teams/{name}", None, ADMIN, "DELETE")).status

        assert await removed("red") == 400
        assert (await gateway.ask(f"/api/v1/keys/{key_id}", None, ADMIN, "DELETE")).status == 200
        assert [await removed(name) for name in ("red", "red", "blue")] == [200, 404, 400]
