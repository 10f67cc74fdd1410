"""`llm-router doctor` where there are limits: their store, its clock, the journal and its disk."""

import asyncio
import os
import shutil
import time
from collections import namedtuple
from contextlib import closing
from pathlib import Path

import pytest

from gateway.admission import administration, teams
from gateway.cli.diagnosis import Finding
from gateway.cli.doctor import examined
from gateway.config.limits import LimitsPolicy
from gateway.store import limits_schema, postgres
from gateway.store.engine import FILE, open_store
from gateway.store.limits_rows import Author
from tests.postgres import free_port, run_sql
from tests.serving import POLICY, config_of

LIMITED = POLICY + "limits: [{on: usd, per: day, amount: 5}]\n"
KNOWN = len(limits_schema.STEPS)
MIB = 1024 * 1024
Usage = namedtuple("Usage", "total used free")


async def found(state: Path, url: str | None = None, ahead: float = 0.0) -> dict[str, Finding]:
    environ = {"OPENAI_API_KEY": "k", "LLM_ROUTER_STATE_DIR": str(state)}
    if url is not None:
        environ["LLM_ROUTER_STORE_URL"] = url
    told = await examined(config_of(LIMITED, environ), environ, time.time() + ahead)
    return {finding.about: finding for finding in told}


async def test_without_limits_nothing_is_said_of_them(tmp_path: Path) -> None:
    told = await examined(config_of(POLICY, {}), {"LLM_ROUTER_STATE_DIR": str(tmp_path)}, 1.0)
    assert [finding for finding in told if "limits" in finding.about] == []


async def test_what_the_first_start_makes_is_not_made(tmp_path: Path) -> None:
    told = await found(tmp_path / "state")
    place = tmp_path / "state" / FILE
    store = Finding("ok", "store of limits", f"{place}, which the first start makes")
    assert told["store of limits"] == store
    assert told["journal of limits"].level == "ok"
    assert os.listdir(tmp_path) == []


async def test_the_schema_of_a_file_is_told_and_one_of_a_newer_program_is_bad(
    tmp_path: Path,
) -> None:
    open_store("sqlite:", tmp_path).close()
    told = (await found(tmp_path))["store of limits"]
    assert told == Finding("ok", "store of limits", f"{tmp_path / FILE}, schema {KNOWN}")
    with closing(open_store("sqlite:", tmp_path)) as database:
        database.execute(f"PRAGMA user_version={KNOWN + 1}")
    told = (await found(tmp_path))["store of limits"]
    assert (told.level, "written by a newer one" in told.told) == ("bad", True)


async def test_an_older_schema_is_brought_up_by_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_store("sqlite:", tmp_path).close()
    newer = (*limits_schema.STEPS, "CREATE TABLE more(id)")
    monkeypatch.setattr("gateway.store.limits_database.STEPS", newer)
    told = (await found(tmp_path))["store of limits"]
    says = f"schema {KNOWN}: the next start brings it to {KNOWN + 1}"
    assert told == Finding("ok", "store of limits", f"{tmp_path / FILE}, {says}")


async def test_a_file_that_is_no_store_is_bad(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database" * 1000)
    assert (await found(tmp_path))["store of limits"].level == "bad"


async def test_a_url_of_no_store_is_bad(tmp_path: Path) -> None:
    told = (await found(tmp_path, "mysql://user:canary@db/router"))["store of limits"]
    assert (told.level, "canary" in told.told) == ("bad", False)


async def test_a_journal_that_cannot_be_written_is_bad(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(dir: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gateway.cli.limits_doctor.tempfile.TemporaryFile", full)
    told = (await found(tmp_path))["journal of limits"]
    says = f"{tmp_path} cannot be written to: No space left on device"
    assert told == Finding("bad", "journal of limits", says)


@pytest.mark.parametrize(
    ("free", "level"), [(63 * MIB, "bad"), (64 * MIB, "look"), (1024 * MIB, "ok")]
)
async def test_little_room_on_the_disk_is_told(
    free: int, level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(2 * free, free, free))
    told = (await found(tmp_path))["disk of the journal"]
    assert told == Finding(level, "disk of the journal", f"{free // MIB} MiB are free")


async def test_postgres_is_looked_at_and_not_changed(tmp_path: Path, postgres_url: str) -> None:
    place = postgres.place_of(postgres_url)
    told = await found(tmp_path, postgres_url)
    store = Finding("ok", "store of limits", f"{place}, which the first start makes")
    assert (told["store of limits"], told["clock of the store"].level) == (store, "ok")
    (row,) = await run_sql(postgres_url, "SELECT to_regclass('schema_version')")
    assert tuple(row) == (None,)
    await asyncio.to_thread(lambda: open_store(postgres_url, tmp_path).close())
    told = await found(tmp_path, postgres_url)
    assert told["store of limits"].told == f"{place}, schema {len(postgres.STEPS)}"


@pytest.mark.parametrize(("ahead", "says"), [(600.0, "ahead of"), (-600.0, "behind")])
async def test_a_clock_beside_that_of_postgres_is_worth_a_look(
    ahead: float, says: str, tmp_path: Path, postgres_url: str
) -> None:
    told = (await found(tmp_path, postgres_url, ahead))["clock of the store"]
    assert (told.level, f" s {says} it" in told.told) == ("look", True)


async def test_postgres_that_is_not_there_is_bad_and_its_password_is_not_told(
    tmp_path: Path,
) -> None:
    url = f"postgresql://router:canary@127.0.0.1:{free_port()}/router"
    told = await found(tmp_path, url)
    assert (told["store of limits"].level, "canary" in str(told)) == ("bad", False)
    assert "clock of the store" not in told


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str | None:
    """Of a store; None: a file."""
    return request.getfixturevalue("postgres_url") if request.param == "postgres" else None


async def test_personas_that_only_keys_and_teams_of_the_store_name_are_told(
    url: str | None, tmp_path: Path
) -> None:
    policy = LimitsPolicy(known_personas=frozenset({"all", "gone", "left"}))
    by = Author("ann")

    def fill() -> None:
        with closing(open_store(url or "sqlite:", tmp_path)) as database:
            for personas in (["all", "gone"], ["gone"], None, ["left"]):
                body = {"name": "n", "personas": personas}
                row, _ = administration.create_key(database, body, policy, 1000, by)
            administration.set_state(database, row.id, "revoke", 1000, by)
            teams.put_team(database, "blue", {"personas": ["left"]}, policy, 1000, by)

    await asyncio.to_thread(fill)
    told = await found(tmp_path, url)
    says = "it is not in the policy; keys and teams of the store that name it:"
    assert [finding for finding in told.values() if finding.told.startswith(says)] == [
        Finding("look", "persona gone", f"{says} 2"), Finding("look", "persona left", f"{says} 1"),
    ]  # fmt: skip
