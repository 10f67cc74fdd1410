"""A real process: start, stop, and callers who leave.

Test servers cancel handlers by themselves; only a process shows what production does.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.bench.processes import rss_mb
from tests.fakes import OPENAI_STREAM, Hang, Pause, Step, fake_upstream, sse
from tests.serving import clean_environ
from translators.json_codec import dumps


def children(parent: int) -> list[int]:
    """The processes that `parent` started and that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has just ended
            state, started_by = stat.read_text().rpartition(")")[2].split()[:2]
            if int(started_by) == parent and state != "Z":
                found.append(int(stat.parent.name))
    return found


@asynccontextmanager
async def gateway_process(
    *arguments: str,
    session: bool = False,
    patience: float = 20,
    program: Path | None = None,
    **environ: str,
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """`python -m gateway` on a free port, in a session of its own if asked; gives the process and
    its URL, read from the banner. `patience`: seconds for it to listen. `program`: the directory of
    another version's source.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", *arguments, env=clean_environ(**{"PORT": "0", **environ}),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, start_new_session=session,
        cwd=program,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        banner = ""
        while "http://" not in banner:
            line = (await asyncio.wait_for(process.stderr.readline(), patience)).decode()
            assert line, f"the gateway ended before it listened: {banner}"
            banner = line
        yield process, banner.split(" on ")[1].split()[0]
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


def chat(stream: bool = False) -> dict[str, object]:
    return {
        "model": "openai/gpt-4.1",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": stream,
    }


DIRECT = """
version: 1
direct_models: true
server: {drain_delay: 0.3, drain_grace: 10}
personas:
  p: {description: d, targets: [openai/gpt-4.1]}
"""


@asynccontextmanager
async def direct_process(
    tmp_path: Path, environ: dict[str, str]
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A process whose personas are one, with direct models allowed."""
    (tmp_path / "persona_policy.yaml").write_text(DIRECT)
    shipped = Path(__file__).parents[1] / "config" / "capabilities.yaml"
    (tmp_path / "capabilities.yaml").write_text(shipped.read_text("utf-8"), "utf-8")
    async with gateway_process(LLM_ROUTER_CONFIG_DIR=str(tmp_path), **environ) as started:
        yield started


async def test_a_caller_who_leaves_a_stream_closes_the_upstream(tmp_path: Path) -> None:
    """Within 100 ms, also when the provider says nothing at that moment."""
    steps: list[Step] = [*sse(*OPENAI_STREAM[:2], end=False), Hang()]
    async with (
        fake_upstream(openai=steps) as fake,
        direct_process(tmp_path, fake.environ()) as (_, url),
        aiohttp.ClientSession() as session,
    ):
        answer = await session.post(f"{url}/v1/chat/completions", json=chat(stream=True))
        assert b"data: " in await answer.content.readany()
        answer.close()
        await asyncio.wait_for(fake.left_early.wait(), 0.1)


async def test_a_caller_who_leaves_a_json_call_closes_the_upstream(tmp_path: Path) -> None:
    async with (
        fake_upstream(openai=[Hang()]) as fake,
        direct_process(tmp_path, fake.environ()) as (_, url),
        aiohttp.ClientSession() as session,
    ):
        call = asyncio.ensure_future(session.post(f"{url}/v1/chat/completions", json=chat()))
        await asyncio.wait_for(fake.arrived.wait(), 5)
        call.cancel()
        await asyncio.wait_for(fake.left_early.wait(), 0.1)
        with contextlib.suppress(asyncio.CancelledError):
            await call


async def test_sigterm_fails_readiness_lets_a_stream_finish_and_exits_0(tmp_path: Path) -> None:
    steps: list[Step] = [
        *sse(*OPENAI_STREAM[:2], end=False),
        Pause(1.2),
        b"".join(OPENAI_STREAM[2:]),
    ]
    async with (
        fake_upstream(openai=[*steps, *sse()[2:]]) as fake,
        direct_process(tmp_path, fake.environ()) as (process, url),
    ):
        async with aiohttp.ClientSession() as session:
            answer = await session.post(f"{url}/v1/chat/completions", json=chat(stream=True))
            first = await answer.content.readany()
            assert (await session.get(f"{url}/health/ready")).status == 200
            process.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.1)
            ready = await session.get(f"{url}/health/ready")
            assert (ready.status, (await ready.json())["status"]) == (503, "draining")
            rest = await answer.content.read()
            assert (first + rest).endswith(b"data: [DONE]\n\n")
        assert await asyncio.wait_for(process.wait(), 5) == 0


async def test_demo_says_that_it_is_simulated() -> None:
    async with gateway_process("--demo") as (process, url), aiohttp.ClientSession() as session:
        body = {"model": "code_assistant", "messages": [{"role": "user", "content": "hi"}]}
        answer = await session.post(f"{url}/v1/chat/completions", json=body)
        assert (answer.status, answer.headers["x-llm-router-simulated"]) == (200, "true")
        assert (await (await session.get(f"{url}/api/v1/providers")).json())["simulated"] is True
        process.send_signal(signal.SIGTERM)
        _, errors = await asyncio.wait_for(process.communicate(), 10)
    assert b"SIMULATED" in errors
    assert f"console:   {url}/console".encode() in errors
    assert process.returncode == 0


async def test_without_demo_a_missing_key_is_an_unavailable_provider() -> None:
    """The simulator never starts by itself."""
    async with gateway_process() as (_, url), aiohttp.ClientSession() as session:
        providers = (await (await session.get(f"{url}/api/v1/providers")).json())["providers"]
        assert [(p["available"], p["reason"]) for p in providers if p["name"] == "openai"] == [
            (False, "OPENAI_API_KEY is not set")
        ]
        answer = await session.post(
            f"{url}/v1/chat/completions",
            json={"model": "chatbot", "messages": [{"role": "user", "content": "hi"}]},
        )
        assert (answer.status, (await answer.json())["error"]["code"]) == (
            503,
            "no_available_target",
        )
        assert (await session.get(f"{url}/health")).status == 200
        assert (await session.get(f"{url}/health/ready")).status == 503


async def test_one_json_line_a_request_without_content_or_keys() -> None:
    """Canary words and keys stand nowhere in what the process prints."""
    environ = {"OPENAI_API_KEY": "sk-canary-1", "LLM_ROUTER_API_KEYS": "caller-canary-2"}
    async with (
        gateway_process("--demo", **environ) as (process, url),
        aiohttp.ClientSession() as session,
    ):
        body = {"model": "chatbot", "messages": [{"role": "user", "content": "prompt-canary-3"}]}
        for key, status in (("caller-canary-2", 200), ("wrong-canary-4", 401)):
            answer = await session.post(
                f"{url}/v1/chat/completions",
                data=dumps(body),
                headers={"authorization": f"Bearer {key}", "content-type": "application/json"},
            )
            assert answer.status == status
        process.send_signal(signal.SIGTERM)
        output, errors = await asyncio.wait_for(process.communicate(), 10)
    assert output.count(b'"event":"request"') == 2, "the refused one too"
    assert b'"persona":"chatbot"' in output
    assert b"canary" not in output + errors


async def test_an_open_start_on_a_public_address_warns() -> None:
    async with gateway_process("--demo", HOST="0.0.0.0") as (process, _):
        process.send_signal(signal.SIGTERM)
        _, errors = await asyncio.wait_for(process.communicate(), 10)
    assert b"LLM_ROUTER_API_KEYS" in errors


async def test_a_slow_reader_slows_the_provider_and_costs_no_memory(tmp_path: Path) -> None:
    """64 MB are on offer; a caller who reads nothing makes the provider stop after a few."""
    block = (
        b"data: " + dumps({"choices": [{"index": 0, "delta": {"content": "x" * 60_000}}]}) + b"\n\n"
    )
    steps: list[Step] = [*sse(*OPENAI_STREAM[:1], end=False), *[block] * 1000]
    async with (
        fake_upstream(openai=steps) as fake,
        direct_process(tmp_path, fake.environ()) as (process, url),
    ):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", int(url.rpartition(":")[2]), limit=1000
        )
        body = dumps(chat(stream=True))
        writer.write(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type:"
            b" application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )
        await reader.read(1)
        before = -1
        while fake.sent != before:  # until nothing moves any more
            before = fake.sent
            await asyncio.sleep(0.2)
        assert fake.sent < 24_000_000
        assert rss_mb(process.pid) < 150
        writer.close()


async def test_callers_who_leave_while_being_written_to_leave_no_traceback() -> None:
    async with gateway_process("--demo") as (process, url):

        async def leave() -> None:
            message = {"role": "user", "content": "[[sim: words 5000]] [[sim: slow 0.0005]]"}
            async with aiohttp.ClientSession() as session:
                answer = await session.post(
                    f"{url}/v1/chat/completions",
                    json={"model": "chatbot", "messages": [message], "stream": True},
                )
                await answer.content.readany()
                answer.close()

        await asyncio.gather(*(leave() for _ in range(20)))
        process.send_signal(signal.SIGTERM)
        output, errors = await asyncio.wait_for(process.communicate(), 10)
    assert output.count(b'"outcome":"client_gone"') == 20
    assert b"Traceback" not in errors


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_process_that_counts_tokens_ends_quietly_with_the_gateway(
    number: signal.Signals,
) -> None:
    """Also when a terminal signals the whole group of processes, or a supervisor every single one:
    it goes on counting till the end.
    """
    async with (
        gateway_process("--demo", session=True) as (process, url),
        aiohttp.ClientSession() as session,
    ):
        body = {"model": "chatbot", "messages": [{"role": "user", "content": "hi"}]}
        assert children(process.pid) == []
        for _ in range(2):
            answer = await session.post(f"{url}/api/v1/tokens", json=body)
            assert (await answer.json())["exact"]["tokens"] > 0
            (counter,) = children(process.pid)
            os.kill(counter, number)
        os.killpg(process.pid, number)
        output, errors = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0
    assert b"Traceback" not in output + errors
    assert b"started again" not in errors
    with pytest.raises(ProcessLookupError):
        os.kill(counter, 0)


async def test_a_store_that_cannot_be_used_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    policy = DIRECT.replace("server: {", "server: {responses_store: sqlite, ")
    (tmp_path / "persona_policy.yaml").write_text(policy)
    shipped = Path(__file__).parents[1] / "config" / "capabilities.yaml"
    (tmp_path / "capabilities.yaml").write_text(shipped.read_text("utf-8"), "utf-8")
    environ = {
        "LLM_ROUTER_CONFIG_DIR": str(tmp_path),
        "LLM_ROUTER_STATE_DIR": str(tmp_path / "file"),
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "serve", "--port", "0"),
        env={**os.environ, **environ},
        stderr=asyncio.subprocess.PIPE,
    )
    _, told = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 1
    (line,) = told.decode().splitlines()
    assert line.startswith("server.responses_store: ")
    assert "cannot be used as a store" in line
