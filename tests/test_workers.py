"""Real processes that serve as one gateway: `--workers 2`."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.fakes import OPENAI_STREAM, Pause, Step, fake_upstream, sse
from tests.serving import clean_environ
from tests.test_process import DIRECT, chat, children, gateway_process
from tests.test_process_reload import put

OK = (
    'llm_router_requests_total{model="gpt-6-luna",outcome="ok",persona="chatbot",provider="openai"}'
)
BODY = {"model": "chatbot", "messages": [{"role": "user", "content": "hi"}]}


@asynccontextmanager
async def two_workers(
    *arguments: str, **environ: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str, aiohttp.ClientSession]]:
    """A parent with two workers, and a session whose every request is on a connection of its own:
    any worker may get it.
    """
    async with (
        gateway_process(*arguments, LLM_ROUTER_WORKERS="2", **environ) as (process, url),
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session,
    ):
        yield process, url, session


async def metrics(session: aiohttp.ClientSession, url: str) -> dict[str, float]:
    async with session.get(f"{url}/metrics") as answer:
        assert answer.status == 200
        rows = (
            line.rpartition(" ")
            for line in (await answer.text()).splitlines()
            if not line.startswith("#")
        )
        return {name: float(value) for name, _, value in rows}


async def readiness(session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    async with session.get(f"{url}/health/ready") as answer:
        document: dict[str, Any] = await answer.json()
        return document


async def metrics_that(
    session: aiohttp.ClientSession, url: str, hold: Callable[[dict[str, float]], bool]
) -> dict[str, float]:
    """The metrics once they are so."""
    async with asyncio.timeout(40):
        while True:
            told = await metrics(session, url)
            if hold(told):
                return told
            await asyncio.sleep(0.05)


async def ask(session: aiohttp.ClientSession, url: str) -> str:
    """The id of the decision of one request."""
    async with session.post(f"{url}/v1/chat/completions", json=BODY) as answer:
        assert answer.status == 200
        return answer.headers["x-llm-router-decision"]


def running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def ended(*processes: int) -> None:
    async with asyncio.timeout(40):
        while True:
            if not any(map(running, processes)):
                return
            await asyncio.sleep(0.02)


def sockets(process: int) -> int:
    return sum("socket:" in os.readlink(link) for link in Path(f"/proc/{process}/fd").iterdir())


async def test_both_serve() -> None:
    async with two_workers("--demo") as (process, url, _), contextlib.AsyncExitStack() as stack:
        workers = children(process.pid)
        before = [*map(sockets, workers)]
        connector = aiohttp.TCPConnector(limit=0)
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        held = await asyncio.gather(
            *(stack.enter_async_context(session.get(f"{url}/health")) for _ in range(40))
        )
        assert [answer.status for answer in held] == [200] * 40
        assert len(workers) == 2
        assert all(now > then for now, then in zip(map(sockets, workers), before, strict=True))


async def test_whoever_is_asked_answers_for_all() -> None:
    """Of metrics and decisions, ten times: some of them are asked of each."""
    async with two_workers("--demo") as (_, url, session):
        decisions = await asyncio.gather(*(ask(session, url) for _ in range(20)))
        for name in decisions:
            async with session.get(f"{url}/api/v1/decisions/{name}") as answer:
                assert (answer.status, (await answer.json())["id"]) == (200, name)
        async with session.get(f"{url}/api/v1/decisions/dec_nobody") as answer:
            assert answer.status == 404
        for _ in range(10):
            told = await metrics(session, url)
            assert told[OK] == 20
            assert [told[f'llm_router_worker_up{{worker="{n}"}}'] for n in (1, 2)] == [1, 1]
            assert (await readiness(session, url))["workers"] == {"configured": 2, "listening": 2}
        headers = {"accept": "application/openmetrics-text; version=1.0.0"}
        async with session.get(f"{url}/metrics", headers=headers) as answer:
            assert answer.content_type == "application/openmetrics-text"
            assert (await answer.text()).endswith("# EOF\n")


async def test_a_worker_that_is_killed_is_started_again_and_what_it_counted_stays() -> None:
    async with two_workers("--demo") as (process, url, session):
        await asyncio.gather(*(ask(session, url) for _ in range(20)))
        assert (await metrics(session, url))[OK] == 20
        killed = min(children(process.pid))
        os.kill(killed, signal.SIGKILL)
        await ended(killed)
        assert (await metrics(session, url))[OK] == 20
        await asyncio.gather(*(ask(session, url) for _ in range(10)))
        seen = await metrics_that(
            session,
            url,
            lambda told: sum(told[f'llm_router_worker_up{{worker="{n}"}}'] for n in (1, 2)) == 2,
        )
        assert seen[OK] == 30
        assert sum(seen[f'llm_router_worker_restarts_total{{worker="{n}"}}'] for n in (1, 2)) == 1
        await asyncio.gather(*(ask(session, url) for _ in range(10)))
        assert (await metrics(session, url))[OK] == 40
        process.send_signal(signal.SIGTERM)
        output, errors = await asyncio.wait_for(process.communicate(), 10)
    assert process.returncode == 0
    assert b" has ended (Killed): it is started again" in errors
    assert b"Traceback" not in errors
    assert output.count(b'"persona":"chatbot"') <= 40


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_all_drain(tmp_path: Path, number: signal.Signals) -> None:
    """Both workers fail readiness and let their streams finish; a terminal signals every process, a
    supervisor the parent.
    """
    steps: list[Step] = [
        *sse(*OPENAI_STREAM[:2], end=False),
        Pause(1.2),
        b"".join(OPENAI_STREAM[2:]),
    ]
    (tmp_path / "persona_policy.yaml").write_text(DIRECT)
    (tmp_path / "capabilities.yaml").write_text(
        (Path(__file__).parents[1] / "config" / "capabilities.yaml").read_text("utf-8"), "utf-8"
    )
    async with (
        fake_upstream(openai=[*steps, *sse()[2:]]) as fake,
        two_workers(
            session=number == signal.SIGINT, **fake.environ(), LLM_ROUTER_CONFIG_DIR=str(tmp_path)
        ) as (process, url, session),
    ):
        workers = children(process.pid)
        streams = [
            await session.post(f"{url}/v1/chat/completions", json=chat(stream=True))
            for _ in range(8)
        ]
        began = [await stream.content.readany() for stream in streams]
        if number == signal.SIGINT:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        await asyncio.sleep(0.1)
        assert {(await readiness(session, url))["status"] for _ in range(10)} == {"draining"}
        for stream, first in zip(streams, began, strict=True):
            assert (first + await stream.content.read()).endswith(b"data: [DONE]\n\n")
        assert await asyncio.wait_for(process.wait(), 10) == 0
        assert not any(map(running, workers))


async def test_sighup_reloads_all(tmp_path: Path) -> None:
    put(tmp_path, 0, "first")
    async with two_workers("--demo", "--config", str(tmp_path)) as (process, url, session):
        put(tmp_path, 0, "second")
        process.send_signal(signal.SIGHUP)
        await metrics_that(
            session,
            url,
            lambda told: told['llm_router_config_reloads_total{result="changed"}'] == 2,
        )
        put(tmp_path, 0, "[broken")
        process.send_signal(signal.SIGHUP)
        await metrics_that(
            session, url, lambda told: told['llm_router_config_reloads_total{result="failed"}'] == 2
        )
        for _ in range(10):
            async with session.get(f"{url}/api/v1/personas") as answer:
                assert (await answer.json())["personas"][0]["description"] == "second"


async def test_a_reload_by_request_reloads_all(tmp_path: Path) -> None:
    put(tmp_path, 0, "first")
    environ = {"LLM_ROUTER_CONFIG_DIR": str(tmp_path), "LLM_ROUTER_ADMIN_KEY": "admin"}
    async with two_workers("--demo", **environ) as (_, url, session):

        async def reload() -> tuple[int, dict[str, Any]]:
            async with session.post(f"{url}/-/reload", headers={"x-api-key": "admin"}) as answer:
                return answer.status, await answer.json()

        put(tmp_path, 0, "second")
        status, document = await reload()
        assert (status, document["changed"]) == (200, True)
        result = {"result": "changed", "revision": document["revision"]}
        assert document["workers"] == [{"worker": 1, **result}, {"worker": 2, **result}]
        put(tmp_path, 0, "[broken")
        status, document = await reload()
        assert (status, document["error"]["code"], document["problems"][0]["line"]) == (
            422,
            "invalid_configuration",
            5,
        )
        assert document["error"]["message"].startswith(
            "The configuration cannot be used: persona_policy.yaml:5: is not YAML"
        )
        assert [worker["result"] for worker in document["workers"]] == ["failed", "failed"]
        assert {
            (await readiness(session, url))["config"]["last_reload"]["ok"] for _ in range(10)
        } == {False}


async def test_workers_whose_parent_is_killed_end() -> None:
    """Nobody would end them, and the next start would find the port taken."""
    async with two_workers("--demo") as (process, url, _):
        workers = children(process.pid)
        process.kill()
        await ended(*workers)
        async with gateway_process("--demo", PORT=url.rpartition(":")[2]) as (_, again):
            assert again == url


async def test_a_second_gateway_does_not_share_the_port() -> None:
    async with two_workers("--demo") as (_, url, _):
        second = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway", "--demo", "--workers", "2",
            env=clean_environ(PORT=url.rpartition(":")[2]),
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, errors = await asyncio.wait_for(second.communicate(), 40)
        assert second.returncode == 1
        assert errors.startswith(b"Cannot listen on 127.0.0.1:")


@pytest.mark.parametrize("number", ["0", "65", "two", "-1", "1.5", ""])
async def test_a_number_of_workers_that_cannot_be(number: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gateway",
        env=clean_environ(LLM_ROUTER_WORKERS=number),
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await asyncio.wait_for(process.communicate(), 40)
    assert process.returncode == 2
    assert f"argument --workers: {number!r} is no number of workers: 1 to 64" in errors.decode()
