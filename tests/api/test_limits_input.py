"""What operators ask wrongly is told with the field and the rule, costs the store nothing, and
leaves it up; and what they are given can be opened in a spreadsheet.
"""

import csv
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest

from gateway.api.csv_tables import LEDGER_COLUMNS, as_csv, spend_columns
from gateway.store import keys
from tests.api.limited import ADMIN, Got, Limited, limited

LIMITS: Final = (
    "store: {decisions: {keep: 1h}}\nteams: {blue: {limits: [{on: usd, per: day, amount: 2}]}}"
)
RAISE: Final = {"scope": "team/blue", "on": "usd", "per": "day", "by": 1}
UNSTORABLE: Final = ("\0", "a\0b", "\x1b[0m")


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str | None:
    found: str | None = None
    if request.param == "postgres":
        found = request.getfixturevalue("postgres_url")
    return found


@asynccontextmanager
async def gateway_on(directory: Path, url: str | None) -> AsyncIterator[Limited]:
    async with limited(directory, LIMITS, store=url) as gateway:
        yield gateway


def told(got: Got) -> tuple[int, str | None]:
    return got.status, got.body["error"]["param"]


async def get(gateway: Limited, path: str) -> Got:
    return await gateway.ask(path, None, ADMIN, "GET")


WRONG: Final = {
    "spend?since=yesterday": "since", "spend?until=1969-12-31": "until",
    "spend?since=9999-12-31": "since", "spend?since=2026-02-02&until=2026-02-02": "since",
    "spend?since=2026-02-30": "since", "spend?by=colour": "by", "spend?format=xml": "format",
    "ledger?since=now": "since", "ledger?until=never": "until", "ledger?format=xml": "format",
    "ledger?since=2026-02-03&until=2026-02-02": "since", "audit?after=-1": "after",
    "audit?newest=all": "newest",
    f"audit?after={'9' * 30}": "after", f"keys?team={'x' * 201}": "team",
}  # fmt: skip


async def test_a_wrong_parameter_is_named(tmp_path: Path) -> None:
    async with gateway_on(tmp_path, None) as gateway:
        found = {query: told(await get(gateway, f"/api/v1/{query}")) for query in WRONG}
        assert found == {query: (400, name) for query, name in WRONG.items()}


RAISED: Final = {
    "scope": {"scope": "everything"}, "on": {"on": "euros"}, "per": {"per": "fortnight"},
    "by": {"on": "requests", "by": 0.5}, "for": {"for": "soon"},
}  # fmt: skip


async def test_a_raise_of_what_is_no_limit_is_refused(tmp_path: Path) -> None:
    async with gateway_on(tmp_path, None) as gateway:
        for name, wrong in RAISED.items():
            got = await gateway.ask("/api/v1/limits/raise", {**RAISE, **wrong}, ADMIN)
            assert told(got) == (400, name)
        for wrong in ({"on": "concurrency"}, {"per": None}):
            got = await gateway.ask("/api/v1/limits/raise", {**RAISE, **wrong}, ADMIN)
            assert told(got) == (400, "per")
        assert (await gateway.ask("/api/v1/limits/raise", RAISE, ADMIN)).status == 200


async def test_what_no_store_could_have_never_counts_as_its_failure(
    tmp_path: Path, url: str | None
) -> None:
    """Postgres refuses a NUL, and three refusals in a row are a store that is down."""
    async with gateway_on(tmp_path, url) as gateway:
        key_id, _ = await gateway.new_key()
        for text in UNSTORABLE:
            sent = quote(text)
            for query in ("keys?team=", "keys?after=", "spend?key=", "ledger?key=",
                          "ledger?after=", "limits?key="):  # fmt: skip
                got = await get(gateway, f"/api/v1/{query}{sent}")
                assert (query, got.status) == (query, 400)
            for method, path in (
                ("GET", f"keys/{sent}"), ("DELETE", f"keys/{sent}"),
                ("POST", f"keys/{sent}/rotate"), ("GET", f"teams/{sent}"),
                ("DELETE", f"teams/{sent}"),
            ):  # fmt: skip
                got = await gateway.ask(f"/api/v1/{path}", None, ADMIN, method)
                assert (method, path, got.status) == (method, path, 404)
            for method, path, body in (
                ("POST", "keys", {"name": text}), ("PATCH", f"keys/{key_id}", {"name": text}),
                ("PUT", f"teams/{sent}", {}), ("POST", "limits/raise", {**RAISE, "scope": text}),
            ):  # fmt: skip
                got = await gateway.ask(f"/api/v1/{path}", body, ADMIN, method)
                assert (method, path, got.status) == (method, path, 400)
        metadata = {"note": "a\0b"}
        _, key = await gateway.new_key(metadata=metadata, name="Zoë")
        mine = {"authorization": f"Bearer {key}"}
        asked = [await gateway.ask(f"/api/v1/decisions/{quote(text)}", None, mine, "GET")
                 for text in UNSTORABLE]  # fmt: skip
        assert [got.status for got in asked] == [404] * len(UNSTORABLE)
        cluster = gateway.running.gateway.cluster
        assert cluster is not None
        assert (gateway.admission.thread._failures, cluster._thread._failures) == (0, 0)
        assert (await gateway.chat(key=key)).status == 200


async def test_a_refused_change_leaves_an_audit_that_is_whole(
    tmp_path: Path, url: str | None
) -> None:
    """Postgres has counted on meanwhile, so that an id is missing."""
    async with gateway_on(tmp_path, url) as gateway:
        _, key = await gateway.new_key(scopes=["keys:write"])
        mine = {"authorization": f"Bearer {key}"}
        more = {"name": "n", "scopes": ["spend:read"]}
        assert (await gateway.ask("/api/v1/keys", more, mine)).status == 403
        await gateway.new_key()
        call = gateway.admission.thread.call
        assert await call(keys.first_broken_audit_row) is None
        rows = (await get(gateway, "/api/v1/audit")).body["rows"]
        assert [row["action"] for row in rows] == ["create", "create"]

        def first_gone(database: Any) -> None:
            database.execute("DELETE FROM audit WHERE id = (SELECT MIN(id) FROM audit)")

        await call(first_gone)
        assert await call(keys.first_broken_audit_row) == rows[1]["id"]


async def test_a_revoked_key_gets_no_further_secret(tmp_path: Path) -> None:
    async with gateway_on(tmp_path, None) as gateway:
        key_id, _ = await gateway.new_key()
        assert (await gateway.ask(f"/api/v1/keys/{key_id}", None, ADMIN, "DELETE")).status == 200
        got = await gateway.ask(f"/api/v1/keys/{key_id}/rotate", {}, ADMIN)
        assert (got.status, got.body["error"]["message"]) == (
            400, f"the key {key_id} was revoked, which is for ever",
        )  # fmt: skip


async def table(gateway: Limited, path: str) -> list[dict[str, str]]:
    got = await get(gateway, path)
    assert (got.status, got.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    text: bytes = got.body
    return list(csv.DictReader(io.StringIO(text.decode())))


async def test_the_ledger_is_told_as_a_table_and_between_days(tmp_path: Path) -> None:
    async with gateway_on(tmp_path, None) as gateway:
        _, key = await gateway.new_key(team="blue")
        assert (await gateway.chat(key=key)).status == 200
        (row,) = await gateway.rows()
        (told,) = await table(gateway, "/api/v1/ledger?format=csv")
        assert (told["id"], told["team"], told["cost_nano_usd"]) == (row.id, "blue", str(row.cost))
        assert told["why"] == ""
        (document,) = (await get(gateway, "/api/v1/ledger")).body["rows"]
        assert sorted(document) == sorted(LEDGER_COLUMNS)
        day = document["at"][:10]
        assert (await get(gateway, f"/api/v1/ledger?until={day}")).body["rows"] == []
        assert len((await get(gateway, f"/api/v1/ledger?since={day}")).body["rows"]) == 1


async def test_a_table_without_rows_has_its_names(tmp_path: Path) -> None:
    async with gateway_on(tmp_path, None) as gateway:
        got = await get(gateway, "/api/v1/spend?by=day,team&format=csv")
        assert got.body == (
            b"day,team,requests,input,cached,output,estimated,unpriced,cost_usd\n"
        )  # fmt: skip


FORMULAS: Final = ("=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1")


def test_no_cell_is_a_formula_and_numbers_and_words_stay() -> None:
    names = [*FORMULAS, "-", "blue", 'a "quoted", name', "two\nlines"]
    rows = [{**dict.fromkeys(spend_columns(("team",)), -1), "team": name} for name in names]
    read = list(csv.DictReader(io.StringIO(as_csv(rows, spend_columns(("team",))), newline="")))
    told = [f"'{text}" for text in (*FORMULAS[:-1], " =1")]
    assert [row["team"] for row in read] == told + names[-4:]
    assert {row["cost_usd"] for row in read} == {"-1"}
