"""A gateway that is started while its store does not answer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest

from gateway.admission.keys import new_id, new_secret
from gateway.store.database import StoreUnusable
from tests.api.limited import Limited, limited
from tests.cluster.gateways import until
from tests.fakes import json_answer, openai_completion
from tests.postgres import Server
from tests.tcp_proxy import TcpProxy, tcp_proxy

OWN: Final = "sk-of-the-environment"
TWO: Final = "limits: [{on: requests, per: day, amount: 2}]"


@asynccontextmanager
async def cold(
    server: Server,
    url: str,
    directory: Path,
    keys: str = OWN,
    *,
    allow_cold: bool,
    limits: str = TWO,
) -> AsyncIterator[tuple[TcpProxy, Limited]]:
    """Nobody listens where its store should be."""
    async with tcp_proxy(server.port) as proxy:
        await proxy.become("refuse")
        through = url.replace(f":{server.port}/", f":{proxy.port}/")
        async with limited(
            directory, limits, store=through, keys=keys, allow_cold=allow_cold
        ) as gateway:
            yield proxy, gateway


async def readiness(gateway: Limited) -> tuple[int, str, str]:
    got = await gateway.ask("/health/ready", method="GET")
    return got.status, got.body["status"], got.body["limits"]["store"]


async def test_it_is_not_ready_and_admits_nothing_until_the_store_was_seen(
    postgres_server: Server, postgres_url: str, tmp_path: Path
) -> None:
    async with cold(postgres_server, postgres_url, tmp_path, allow_cold=False) as (
        proxy,
        gateway,
    ):
        assert await readiness(gateway) == (503, "limits_unavailable", "unseen")
        refused = await gateway.chat(key=OWN)
        assert (refused.status, refused.body["error"]["code"]) == (503, "limits_unavailable")
        assert gateway.fake.received == []
        await proxy.become("pass")
        await until(lambda: not gateway.admission.unseen)
        assert await readiness(gateway) == (200, "ready", "up")
        assert [(await gateway.chat(key=OWN)).status for _ in range(3)] == [200, 200, 429]
        assert len(await gateway.rows()) == 2


async def test_it_serves_by_the_files_limits_where_that_is_allowed(
    postgres_server: Server, postgres_url: str, tmp_path: Path
) -> None:
    """What it has admitted meanwhile counts once the store is there."""
    async with cold(postgres_server, postgres_url, tmp_path, allow_cold=True) as (
        proxy,
        gateway,
    ):
        assert await readiness(gateway) == (200, "ready", "unseen")
        assert [(await gateway.chat(key=OWN)).status for _ in range(3)] == [200, 200, 503]
        await proxy.become("pass")
        await until(lambda: not gateway.admission.unseen)
        assert (await gateway.chat(key=OWN)).status == 429
        assert len(await gateway.rows()) == 2


async def test_money_is_refused_meanwhile(
    postgres_server: Server, postgres_url: str, tmp_path: Path
) -> None:
    limits = "limits: [{on: usd, per: day, amount: 5}]"
    async with cold(postgres_server, postgres_url, tmp_path, allow_cold=True, limits=limits) as (
        _,
        gateway,
    ):
        assert (await gateway.chat(key=OWN)).status == 503


async def test_money_that_was_spent_meanwhile_is_told_in_its_row(
    postgres_server: Server, postgres_url: str, tmp_path: Path
) -> None:
    limits = "limits: [{on: usd, per: day, amount: 5}]\nstore: {when_down: {budgets: open}}"
    async with cold(postgres_server, postgres_url, tmp_path, allow_cold=True, limits=limits) as (
        proxy,
        gateway,
    ):
        gone = {"error": {"message": "no"}}
        gateway.fake.answers["/openai"] = json_answer(gone, "400 Bad Request")
        assert (await gateway.chat(key=OWN)).status == 400
        gateway.fake.answers["/openai"] = json_answer(openai_completion())
        assert (await gateway.chat(key=OWN)).status == 200
        await proxy.become("pass")
        await until(lambda: not gateway.admission.unseen)
        assert (await gateway.chat(key=OWN)).status == 200
        why = "admitted beyond what was held of money: the store was down"
        assert [(row.state, row.why) for row in await gateway.rows()] == [
            ("free", why), ("unheld", why), ("settled", None),
        ]  # fmt: skip


@pytest.mark.parametrize("key", [None, new_secret(new_id())[0]], ids=["none", "unknown"])
async def test_who_may_have_a_key_of_the_store_is_not_let_in_and_not_told_it_is_wrong(
    postgres_server: Server, postgres_url: str, tmp_path: Path, key: str | None
) -> None:
    """Without keys of the environment: whether the gateway is open only the store knows."""
    async with cold(postgres_server, postgres_url, tmp_path, keys="", allow_cold=True) as (
        proxy,
        gateway,
    ):
        assert (await gateway.chat(key=key)).status == 503
        await proxy.become("pass")
        await until(lambda: not gateway.admission.unseen)
        assert (await gateway.chat()).status == 200
        _, made = await gateway.new_key()
        assert (await gateway.chat()).status == 401
        assert (await gateway.chat(key=made)).status == 200


async def test_a_store_that_refuses_ends_the_start(postgres_url: str, tmp_path: Path) -> None:
    """It would say the same again."""
    elsewhere = postgres_url.rpartition("/")[0] + "/no_such_database"
    with pytest.raises(StoreUnusable, match='database "no_such_database" does not exist'):
        async with limited(tmp_path, TWO, store=elsewhere):
            pass
