"""Limits in real processes: several workers as one, and processes that are killed."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from tests.fakes import Pause, fake_upstream, json_answer, openai_completion
from tests.serving import ROOT
from tests.test_process import gateway_process

PERSONA: Final = "personas: {p: {description: d, targets: [openai/gpt-4.1]}}\n"
BODY: Final = {"model": "p", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 50}
ADMIN: Final = {"authorization": "Bearer operator"}
IMPORTED: Final = """
import asyncio, os, sys
from gateway.app import running_gateway
from gateway.revisions.load import ConfigFiles
from gateway.cli import main
from pathlib import Path

async def run():
    files = ConfigFiles(Path(os.environ["DIRECTORY"]), os.environ)
    async with running_gateway(files.load(), files):
        pass

asyncio.run(run())
rooms = ("gateway.admission", "gateway.cache", "gateway.cli.limits", "gateway.cluster",
         "gateway.console", "gateway.store.counters", "gateway.store.decisions",
         "gateway.store.engine", "gateway.store.keys",
         "gateway.store.ledger", "gateway.store.limits_", "gateway.store.partitions",
         "gateway.store.postgres", "gateway.store.presumed", "gateway.store.retention",
         "gateway.store.shared", "gateway.store.sqlite", "gateway.simulator", "sqlite3",
         "gateway.telemetry.genai_names", "gateway.telemetry.traces",
         "asyncpg", "cryptography", "opentelemetry")
print(*sorted(name for name in sys.modules if name.startswith(rooms)))
"""


def configured(directory: Path, limits: str) -> dict[str, str]:
    """Files, and the environment that names them."""
    (directory / "config").mkdir(parents=True, exist_ok=True)
    policy = f"version: 1\nserver: {{drain_delay: 0}}\n{limits}\n{PERSONA}"
    (directory / "config" / "persona_policy.yaml").write_text(policy, "utf-8")
    shipped = (ROOT / "config" / "capabilities.yaml").read_text("utf-8")
    (directory / "config" / "capabilities.yaml").write_text(shipped, "utf-8")
    return {
        "LLM_ROUTER_CONFIG_DIR": str(directory / "config"),
        "LLM_ROUTER_STATE_DIR": str(directory / "state"),
        "LLM_ROUTER_ADMIN_KEY": "operator",
    }


async def imported(directory: Path) -> set[str]:
    environ = {**os.environ, "DIRECTORY": str(directory / "config"),
               "LLM_ROUTER_STATE_DIR": str(directory / "state")}  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", IMPORTED, env=environ, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await asyncio.wait_for(process.communicate(), 50)
    assert process.returncode == 0
    return set(output.decode().split())


async def test_of_what_is_off_nothing_is_imported(tmp_path: Path) -> None:
    configured(tmp_path, "")
    assert await imported(tmp_path) == {"gateway.cli.limits_options"}  # of the command's --help
    assert not (tmp_path / "state").exists()
    configured(tmp_path, "limits: [{on: requests, per: day, amount: 1}]")
    counting = await imported(tmp_path)
    assert {"gateway.admission.service", "gateway.cluster.service"} <= counting
    assert not counting & {"asyncpg", "gateway.store.postgres"}
    assert not counting & {"cryptography", "gateway.cluster.seal", "gateway.cluster.states"}


async def ask(session: aiohttp.ClientSession, url: str, key: str | None = None) -> int:
    headers = {"connection": "close"}
    if key is not None:
        headers["authorization"] = f"Bearer {key}"
    async with session.post(f"{url}/v1/chat/completions", json=BODY, headers=headers) as answer:
        await answer.read()
        return answer.status


async def new_key(session: aiohttp.ClientSession, url: str) -> str:
    async with session.post(f"{url}/api/v1/keys", json={"name": "n"}, headers=ADMIN) as made:
        return str((await made.json())["key"])


async def test_a_key_that_is_revoked_is_refused_by_every_worker(tmp_path: Path) -> None:
    environ = configured(tmp_path, "key_defaults: {}")
    async with (
        fake_upstream(openai=json_answer(openai_completion())) as fake,
        gateway_process("--workers", "2", patience=60, **environ, **fake.environ()) as (_, url),
        aiohttp.ClientSession() as session,
    ):
        key = await new_key(session, url)
        await asyncio.sleep(2.2)
        assert {await ask(session, url, key) for _ in range(8)} == {200}
        key_id = key.split("-")[2]
        async with session.delete(f"{url}/api/v1/keys/{key_id}", headers=ADMIN) as revoked:
            assert (await revoked.json())["state"] == "revoked"
        await asyncio.sleep(2)
        assert {await ask(session, url, key) for _ in range(8)} == {401}


async def test_a_worker_that_is_killed_is_found_by_the_others(tmp_path: Path) -> None:
    """What it held is booked, and what it had leased is there again."""
    first = configured(tmp_path, "limits: [{on: concurrency, amount: 1}]")
    async with fake_upstream(openai=[Pause(30)]) as fake:
        async with (
            gateway_process(patience=60, **first, **fake.environ()) as (process, url),
            aiohttp.ClientSession() as session,
        ):
            asked = asyncio.ensure_future(ask(session, url))
            await asyncio.wait_for(fake.arrived.wait(), 10)
            process.kill()
            with pytest.raises(aiohttp.ClientError):
                await asked
        fake.answers = {"/openai": json_answer(openai_completion())}
        async with (
            gateway_process(patience=60, **first, **fake.environ()) as (_, url),
            aiohttp.ClientSession() as session,
        ):
            assert await ask(session, url) == 200
