"""A webhook is told once of each step of a budget, and signed."""

import base64
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from gateway.admission.ledger_queue import Reached
from gateway.cluster.webhook import SECRET, Webhook, secret_of
from gateway.store.database import StoreUnusable
from gateway.store.limits_rows import CounterId
from tests.cluster.gateways import cluster_of, gateways, until
from tests.fakes import fake_upstream
from translators.json_codec import loads

DAY = Reached(
    CounterId("team/blue", "usd/day", 1_796_000_000), 80, 5.0, 4.1, "2026-12-01T00:00:00Z"
)
POLICY = """
version: 1
alerts: {{webhook: "{url}"}}
server: {{drain_delay: 0}}
personas: {{p: {{description: d, targets: [openai/gpt-4.1]}}}}
"""


class Receiver:
    """A server of the operator's. `statuses`: what it answers, the last one for ever."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.got: list[tuple[dict[str, str], bytes]] = []

    async def take(self, http: web.Request) -> web.Response:
        self.got.append(({k.lower(): v for k, v in http.headers.items()}, await http.read()))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return web.Response(status=status, headers={"location": "/other"})


@asynccontextmanager
async def receiving(*statuses: int) -> AsyncIterator[tuple[Receiver, str]]:
    receiver, app = Receiver(*statuses), web.Application()
    app.router.add_post("/told", receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        yield receiver, f"http://127.0.0.1:{port}/told"
    finally:
        await runner.cleanup()


async def test_what_is_told_is_signed_as_standard_webhooks_are() -> None:
    async with receiving(204) as (receiver, url):
        webhook = Webhook(b"a secret", lambda: 1_796_040_000.0)
        webhook.tell(url, DAY)
        await until(lambda: receiver.got)
        await webhook.close()
    ((headers, body),) = receiver.got
    assert loads(body) == {
        "type": "limit.reached",
        "timestamp": "2026-11-30T12:00:00+00:00",
        "data": {
            "scope": "team/blue", "limit": "usd/day", "step_percent": 80, "amount": 5.0,
            "used": 4.1, "window_began": 1_796_000_000, "resets_at": "2026-12-01T00:00:00Z",
        },
    }  # fmt: skip
    signed = b"%b.1796040000.%b" % (headers["webhook-id"].encode(), body)
    digest = base64.b64encode(hmac.digest(b"a secret", signed, "sha256")).decode()
    assert headers["webhook-signature"] == f"v1,{digest}"
    assert headers["webhook-timestamp"] == "1796040000"


@pytest.mark.parametrize(
    ("statuses", "asked"), [((500, 500, 200), 3), ((500,), 3), ((302,), 3), ((200,), 1)]
)
async def test_it_is_asked_three_times(
    statuses: tuple[int, ...], asked: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with receiving(*statuses) as (receiver, url):
        webhook = Webhook(b"s", lambda: 0.0, (0.0, 0.0, 0.0))
        webhook.tell(url, DAY)
        await until(lambda: not webhook._running)
    assert len(receiver.got) == asked
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    failed = "the webhook was not taken for limit/team/blue/usd/day/1796000000/80"
    assert (failed in caplog.text) is (statuses[-1] != 200)


async def test_two_instances_tell_once_of_each_step(environ: dict[str, str]) -> None:
    async with fake_upstream() as fake, receiving(200) as (receiver, url):
        signed = {**environ, SECRET: "whsec_" + base64.b64encode(b"x" * 24).decode()}
        policy = POLICY.format(url=url)
        async with gateways(fake, signed, signed, policy=policy) as both:
            queues = []
            for running in both:
                assert running.gateway.admission is not None
                await until(lambda running=running: cluster_of(running).members)
                queues.append(running.gateway.admission.queue)
            for queue in queues:
                queue.reached.extend([DAY, DAY._replace(step=100)])
            await until(lambda: not any(queue.reached for queue in queues))
            await until(lambda: len(receiver.got) == 2)
    steps = [loads(body)["data"]["step_percent"] for _, body in receiver.got]
    assert sorted(steps) == [80, 100]


async def test_without_a_secret_it_does_not_start(environ: dict[str, str]) -> None:
    policy = POLICY.format(url="https://ops.example/told")
    with pytest.raises(StoreUnusable, match="needs LLM_ROUTER_WEBHOOK_SECRET") as refused:
        async with fake_upstream() as fake, gateways(fake, environ, policy=policy):
            pass
    assert refused.value.setting == "alerts.webhook"


def test_a_secret_may_be_text_or_base64() -> None:
    assert secret_of({}) is None
    assert secret_of({SECRET: "abc"}) == b"abc"
    assert secret_of({SECRET: "whsec_YWJj"}) == b"abc"
    with pytest.raises(ValueError, match="must be base64 behind whsec_"):
        secret_of({SECRET: "whsec_!"})
