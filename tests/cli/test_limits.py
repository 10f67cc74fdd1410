"""Keys, limits, spend, ledger and audit from the command line, without a running server."""

import asyncio
import json
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.main import main
from gateway.store import limits_schema, postgres_schema
from gateway.store.engine import STORE_URL, open_store, store_url
from tests.api.limited import limited
from tests.cluster.gateways import cluster_of, until
from tests.serving import ROOT

LIMITS = """
version: 1
teams: {blue: {limits: [{on: usd, per: day, amount: 2}]}}
personas: {p: {description: d, targets: [openai/gpt-4.1]}}
"""


class Shell:
    """The command line in a directory of its own."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.directory = directory
        self._capsys = capsys

    def run(self, *arguments: str) -> tuple[int, str]:
        """The exit status, and what was printed."""
        with ThreadPoolExecutor(1) as thread:  # a command has no event loop around it
            status = thread.submit(main, [*arguments, "--config", str(self.directory)]).result()
        printed = self._capsys.readouterr()
        return status, printed.out + printed.err

    def json(self, *arguments: str) -> Any:
        status, text = self.run(*arguments)
        assert status == 0, text
        return json.loads(text)


@pytest.fixture(params=["sqlite", "postgres"])
def shell(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Shell:
    (tmp_path / "persona_policy.yaml").write_text(LIMITS, "utf-8")
    shipped = (ROOT / "config" / "capabilities.yaml").read_text("utf-8")
    (tmp_path / "capabilities.yaml").write_text(shipped, "utf-8")
    monkeypatch.setenv("LLM_ROUTER_STATE_DIR", str(tmp_path / "state"))
    if request.param == "postgres":
        monkeypatch.setenv(STORE_URL, request.getfixturevalue("postgres_url"))
    return Shell(tmp_path, capsys)


def spoil(state: Path, sql: str) -> None:
    """Behind the back of the gateway."""

    def work() -> None:
        with closing(open_store(store_url(None, os.environ), state)) as database:
            database.execute(sql)

    with ThreadPoolExecutor(1) as thread:
        thread.submit(work).result()


def test_a_key_is_made_changed_and_revoked(shell: Shell) -> None:
    made = shell.json("keys", "create", "ann", "--team", "blue", "--limit", "usd/day=0.5",
                      "--persona", "p", "--expires-in", "9d")  # fmt: skip
    assert made["key"].startswith(f"sk-llmr-{made['id']}-")
    assert made["limits"] == [{"on": "usd", "per": "day", "amount": 0.5}]
    assert (made["team"], made["personas"], made["state"]) == ("blue", ["p"], "active")
    assert shell.json("keys", "list")["id"] == made["id"]
    assert shell.run("keys", "list", "--team", "red") == (0, "")
    assert shell.json("keys", "rotate", made["id"], "--grace", "0")["key"] != made["key"]
    assert shell.json("keys", "disable", made["id"])["state"] == "disabled"
    assert shell.json("keys", "enable", made["id"])["state"] == "active"
    assert shell.json("keys", "revoke", made["id"])["state"] == "revoked"
    assert shell.json("keys", "show", made["id"])["state"] == "revoked"
    actions = [json.loads(line)["action"] for line in shell.run("audit", "list")[1].splitlines()]
    assert actions == ["create", "rotate", "disable", "enable", "revoke"]
    assert shell.run("audit", "verify")[0] == 0


def test_limits_are_shown_and_raised(shell: Shell) -> None:
    key = shell.json("keys", "create", "ann", "--team", "blue", "--limit", "requests/day=5")["id"]
    status, text = shell.run("limits", "show", "--key", key)
    assert (status, text.splitlines()) == (0, [
        f"key/{key}  requests/day  0 used, 0 held, of 5",
        "team/blue  usd/day  0 used, 0 held, of 2",
    ])  # fmt: skip
    status, text = shell.run("limits", "raise", "team/blue", "usd/day", "3", "--for", "2h")
    assert (status, text.startswith("team/blue usd/day until ")) == (0, True)


def test_what_cannot_be_done_is_told_in_a_line(shell: Shell) -> None:
    for arguments, said in (
        (("keys", "create", "ann", "--team", "red"), "team: unknown team 'red' (known: blue)\n"),
        (
            ("keys", "create", "ann", "--limit", "much"),
            "--limit: must be like usd/day=5, not 'much'\n",
        ),
        (("keys", "show", "nobody"), "There is no key 'nobody'.\n"),
        (
            ("spend", "--by", "colour"),
            "by: must be of day, key, team, persona, model, not 'colour'\n",
        ),
        (
            ("ledger", "amend", "x", "--cost", "1", "--why", "w"),
            "there is no row 'x' in the ledger\n",
        ),
        *(
            (
                ("ledger", "amend", "x", f"--cost={cost}", "--why", "w"),
                f"--cost: must be USD, like 0.0123, not '{cost}'\n",
            )
            for cost in ("nan", "inf", "-1", "much", "1e9")
        ),
        (
            ("ledger", "list", "--since", "now"),
            "since: must be a day like 2026-11-30, not 'now'\n",
        ),
        (
            ("limits", "raise", "team/blue", "usd/fortnight", "3"),
            "per: must be one of second, minute, hour, day, week, month, ever; none for concurrency"
            "\n",
        ),
    ):
        assert shell.run(*arguments) == (1, said)


def test_without_limits_there_is_no_store(shell: Shell) -> None:
    text = LIMITS.replace("teams:", "#")
    (shell.directory / "persona_policy.yaml").write_text(text, "utf-8")
    status, said = shell.run("keys", "list")
    assert (status, "says nothing of limits" in said) == (1, True)
    assert not (shell.directory / "state").exists()


async def test_what_a_gateway_spent_is_told_verified_and_amended(
    shell: Shell, tmp_path: Path
) -> None:
    limits = "limits: [{on: usd, per: day, amount: 2}]"
    url = os.environ.get(STORE_URL)
    async with limited(tmp_path / "state", limits, store=url) as gateway:
        for _ in range(3):
            assert (await gateway.chat()).status == 200
        rows = await gateway.rows()
    assert shell.json("spend", "--by", "team")["cost_usd"] == 66e-6
    header, line = shell.run("spend", "--by", "key,model", "--csv")[1].splitlines()
    assert header == "key,model,requests,input,cached,output,estimated,unpriced,cost_usd"
    assert line == "-,openai/gpt-4.1,3,9,0,6,0,0,6.6e-05"
    assert shell.run("ledger", "verify")[0] == 0
    lines = shell.run("ledger", "list")[1].splitlines()
    assert [json.loads(line)["id"] for line in lines] == [row.id for row in rows]
    header, *lines = shell.run("ledger", "list", "--key", "-", "--csv")[1].splitlines()
    assert header.startswith("id,at,key,team,persona,user,target,state,")
    assert [line.partition(",")[0] for line in lines] == [row.id for row in rows]
    assert shell.run("ledger", "list", "--key", "nobody") == (0, "")
    assert shell.run("ledger", "list", "--until", "2026-01-01") == (0, "")
    for cost, by in ((0.5, 500_000_000 - 22_000), (0.2, -300_000_000)):
        amended = shell.json(
            "ledger", "amend", rows[0].id, "--cost", str(cost), "--why", "the invoice says so"
        )
        assert (amended["cost_nano_usd"], amended["amends"]) == (by, rows[0].id)
    assert shell.json("spend", "--by", "team")["cost_usd"] == pytest.approx(0.2 + 44e-6)
    assert shell.run("ledger", "verify")[0] == 0
    spoil(tmp_path / "state", "UPDATE counters SET spent = spent + 1")
    status, said = shell.run("ledger", "verify")
    assert (status, said.startswith("all usd/day ")) == (1, True)


def test_the_store_is_checked(shell: Shell) -> None:
    on_postgres = STORE_URL in os.environ
    known = len(postgres_schema.STEPS if on_postgres else limits_schema.STEPS)
    assert shell.run("store", "migrate") == (0, f"schema {known}\n")
    assert shell.run("store", "check") == (0, f"schema {known}: ok\n")
    newer = f"PRAGMA user_version={known + 2}"
    if on_postgres:
        newer = f"UPDATE schema_version SET version = {known + 2}"
    spoil(shell.directory / "state", newer)
    status, said = shell.run("store", "check")
    assert (status, "was written by a newer one" in said) == (1, True)


async def test_processes_on_the_store_are_listed_with_what_they_have(
    shell: Shell, tmp_path: Path
) -> None:
    assert await asyncio.to_thread(shell.run, "instances") == (1, "")
    url = os.environ.get(STORE_URL)
    async with limited(tmp_path / "state", "store: {}", store=url) as gateway:
        await until(lambda: bool(cluster_of(gateway.running).members))
        status, text = await asyncio.to_thread(shell.run, "instances")
        told = json.loads(text)
        ready = (await gateway.ask("/health/ready", method="GET")).body
        assert ready["instances"] == {
            "live": 1, "versions": [told["version"]], "revisions": [ready["revision"]],
        }  # fmt: skip
    names = ("id", "host", "pid", "revision", "live")
    assert (status, [told[name] for name in names]) == (
        0,
        [cluster_of(gateway.running).name, socket.gethostname(), os.getpid(), ready["revision"],
         True],
    )  # fmt: skip
    assert told["age_s"] <= 2
    assert await asyncio.to_thread(shell.run, "instances") == (1, "")  # it has said goodbye
