"""Instances that share limits through a Postgres: exact together, and with what each still knows
when the store or one of them is gone.
"""

import asyncio
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final, Literal

import aiohttp
import pytest

from gateway.store import ledger
from gateway.store.counters import used
from gateway.store.limits_rows import CounterId
from gateway.store.postgres import PATIENT, opened
from tests.fakes import fake_upstream, json_answer, openai_completion
from tests.postgres import Server, run_sql
from tests.serving import clean_environ
from tests.tcp_proxy import Mode, tcp_proxy
from tests.test_limits_process import ADMIN, ask, configured, new_key
from tests.test_process import gateway_process

URL: Final = "LLM_ROUTER_STORE_URL"


@asynccontextmanager
async def instances(
    directory: Path, count: int, limits: str, **environ: str
) -> AsyncIterator[list[tuple[asyncio.subprocess.Process, str]]]:
    """Gateways as if on machines of their own: each with a state directory of its own."""
    async with AsyncExitStack() as stack:
        starting = []
        for number in range(count):
            own = configured(directory / str(number), limits)
            process = gateway_process(patience=100, **{**own, **environ})
            starting.append(stack.enter_async_context(process))
        yield [await each for each in starting]


def verified(url: str, counter: CounterId | None = None) -> tuple[list[Any], tuple[int, int]]:
    """The ledger's rows, which the counters are the sums of; and (spent, leased) of a counter."""
    database = opened(url, PATIENT)
    try:
        assert ledger.differences(database) == []
        rows = ledger.rows(database, most=100_000)
        return rows, (0, 0) if counter is None else used(database, counter)
    finally:
        database.close()


@pytest.mark.timeout(120)
async def test_a_key_is_known_and_revoked_everywhere_within_two_seconds(
    tmp_path: Path, postgres_url: str
) -> None:
    async with (
        fake_upstream(openai=json_answer(openai_completion())) as fake,
        instances(tmp_path, 2, "key_defaults: {}", **{URL: postgres_url}, **fake.environ()) as run,
        aiohttp.ClientSession() as session,
    ):
        (_, first), (_, second) = run
        key = await new_key(session, first)
        await asyncio.sleep(2)
        assert [await ask(session, url, key) for url in (first, second)] == [200, 200]
        revoked = f"{first}/api/v1/keys/{key.split('-')[2]}"
        async with session.delete(revoked, headers=ADMIN) as answer:
            assert answer.status == 200
        await asyncio.sleep(2)
        assert [await ask(session, url, key) for url in (first, second)] == [401, 401]


async def make_read_only(server: Server, database: str, value: str) -> None:
    """As a standby is, for whoever connects from now on."""
    await run_sql(
        server.admin, f"ALTER DATABASE {database} SET default_transaction_read_only = {value}"
    )
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
    await run_sql(server.admin, f"{ended}'{database}'")


@pytest.mark.timeout(120)
@pytest.mark.parametrize("mode", ["refuse", "hang", "slow", "reset", "read-only"])
async def test_a_store_that_is_away_costs_nobody_a_request(
    tmp_path: Path, postgres_server: Server, postgres_url: str, mode: Mode | Literal["read-only"]
) -> None:
    """Away under load and back: nothing fails, and every answer is in the ledger once."""
    name = postgres_url.rpartition("/")[2]
    limits = "limits: [{on: requests, per: ever, amount: 99999}]"
    async with (
        fake_upstream(openai=json_answer(openai_completion())) as fake,
        tcp_proxy(postgres_server.port) as proxy,
        instances(
            tmp_path, 1, limits, **fake.environ(), **{URL: postgres_server.url(name, proxy.port)}
        ) as ((process, url),),
        aiohttp.ClientSession() as session,
    ):
        logged = asyncio.ensure_future(process.communicate())  # or it stops at a full pipe
        statuses = Counter([await ask(session, url) for _ in range(20)])
        if mode == "read-only":
            await make_read_only(postgres_server, name, "on")
        else:
            await proxy.become(mode)
        away = time.monotonic() + 6
        while time.monotonic() < away:
            statuses[await ask(session, url)] += 1
            await asyncio.sleep(0.01)
        if mode == "read-only":
            await make_read_only(postgres_server, name, "off")
        await proxy.become("pass")
        statuses.update([await ask(session, url) for _ in range(20)])
        await asyncio.sleep(3)
        async with session.get(f"{url}/health/ready") as ready:
            assert ready.status == 200
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 20) == 0
        log = b"".join(await logged).decode()
    assert statuses.keys() == {200}
    rows, total = await asyncio.to_thread(
        verified, postgres_url, CounterId("all", "requests/ever", 0)
    )
    assert len(rows) == len(fake.received) == statuses.total()
    assert total == (len(rows), 0)
    assert "the store of limits cannot be used" in log
    assert "the store of limits answers again" in log
    assert "a-secret" not in log


@pytest.mark.timeout(60)
async def test_a_store_that_cannot_be_reached_at_the_start_is_told_without_its_password(
    tmp_path: Path,
) -> None:
    """And asked again and again: the process stays."""
    environ = configured(tmp_path, "key_defaults: {}")
    environ[URL] = "postgresql://router:a-secret@127.0.0.1:9/router"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", env=clean_environ(PORT="0", **environ),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    said = ""
    async with asyncio.timeout(50):
        while "http://" not in said:  # it serves
            line = await process.stdout.readline()
            assert line, said
            said += line.decode()
    process.terminate()
    said += (await asyncio.wait_for(process.stdout.read(), 20)).decode()
    assert "postgresql://127.0.0.1:9/router cannot be used as a store" in said
    assert await asyncio.wait_for(process.wait(), 20) == 0
    assert "a-secret" not in said
