"""A real process reads its configuration again: by SIGHUP, by itself, and only what is fine."""

import asyncio
import signal
from pathlib import Path
from typing import Any

import aiohttp

from tests.serving import ROOT
from tests.test_process import gateway_process

POLICY = """
version: 1
server: {watch: %s, drain_delay: 0}
personas:
  p: {description: %s, targets: [openai/gpt-4.1]}
"""


def put(directory: Path, watch: float, description: str) -> None:
    draft = directory / "draft"
    draft.write_text(POLICY % (watch, description), "utf-8")
    draft.rename(directory / "persona_policy.yaml")
    if not (directory / "capabilities.yaml").exists():
        (directory / "capabilities.yaml").write_text(
            (ROOT / "config" / "capabilities.yaml").read_text("utf-8"), "utf-8"
        )


async def described(session: aiohttp.ClientSession, url: str) -> Any:
    async with session.get(f"{url}/api/v1/personas") as answer:
        return (await answer.json())["personas"][0]["description"]


async def last_reload(session: aiohttp.ClientSession, url: str, ok: bool) -> dict[str, Any]:
    """What readiness says of the last reload, once there is one that ended so."""
    async with asyncio.timeout(20):
        while True:
            async with session.get(f"{url}/health/ready") as answer:
                last: dict[str, Any] | None = (await answer.json())["config"]["last_reload"]
            if last is not None and last["ok"] is ok:
                return last
            await asyncio.sleep(0.02)


async def test_sighup_reloads_keeps_the_last_good_revision_and_the_simulator(
    tmp_path: Path,
) -> None:
    put(tmp_path, 0, "first")
    async with (
        gateway_process("--demo", "--config", str(tmp_path)) as (process, url),
        aiohttp.ClientSession() as session,
    ):
        put(tmp_path, 0, "[broken")
        process.send_signal(signal.SIGHUP)
        last = await last_reload(session, url, ok=False)
        assert (last["trigger"], last["problems"]) == (
            "SIGHUP",
            [{"file": "persona_policy.yaml", "line": 5}],
        )
        assert await described(session, url) == "first"
        put(tmp_path, 0, "second")
        process.send_signal(signal.SIGHUP)
        await last_reload(session, url, ok=True)
        assert await described(session, url) == "second"
        body = {"model": "p", "messages": [{"role": "user", "content": "hi"}]}
        async with session.post(f"{url}/v1/chat/completions", json=body) as answer:
            assert (answer.status, answer.headers["x-llm-router-simulated"]) == (200, "true")
        process.send_signal(signal.SIGTERM)
        output, errors = await asyncio.wait_for(process.communicate(), 10)
    assert process.returncode == 0
    assert b"persona_policy.yaml:5: is not YAML" in errors
    assert b"configuration reloaded (SIGHUP)" in errors
    assert b"Traceback" not in errors
    assert b'"revision":"' in output, "the decision names it"


async def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    put(tmp_path, 0.05, "first")
    async with (
        gateway_process("--demo", LLM_ROUTER_CONFIG_DIR=str(tmp_path)) as (_, url),
        aiohttp.ClientSession() as session,
    ):
        put(tmp_path, 0.05, "second")
        assert (await last_reload(session, url, ok=True))["trigger"] == "watch"
        assert await described(session, url) == "second"
        put(tmp_path, 0.05, "[broken")
        await last_reload(session, url, ok=False)
        assert await described(session, url) == "second"
        put(tmp_path, 0.05, "third")
        await last_reload(session, url, ok=True)
        assert await described(session, url) == "third"


async def test_the_admin_key_comes_from_the_environment(tmp_path: Path) -> None:
    put(tmp_path, 0, "first")
    environ = {
        "LLM_ROUTER_CONFIG_DIR": str(tmp_path),
        "LLM_ROUTER_ADMIN_KEY": "admin-canary",
        "LLM_ROUTER_API_KEYS": "caller",
    }
    async with (
        gateway_process("--demo", **environ) as (process, url),
        aiohttp.ClientSession() as session,
    ):
        put(tmp_path, 0, "second")
        for key, status in (("caller", 401), ("admin-canary", 200)):
            async with session.post(f"{url}/-/reload", headers={"x-api-key": key}) as answer:
                assert answer.status == status
        process.send_signal(signal.SIGTERM)
        output, errors = await asyncio.wait_for(process.communicate(), 10)
    assert b"configuration reloaded (request)" in errors
    assert b"canary" not in output + errors
