"""Three instances on Postgres behind nginx under load: each is stopped and started again, then one
is killed.
"""

import asyncio
import contextlib
import resource
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, NamedTuple

from tests.bench.processes import cpu_seconds
from tests.postgres import free_port
from tests.rolling_restart.callers import OK, Callers
from tests.rolling_restart.provider import Provider
from tests.serving import ROOT, clean_environ
from tests.three_instances import command, nginx

INSTANCES: Final = 3
_LOG: Final = (
    "log_format held '$msec $request_time $http_x_session_id $upstream_addr | $status"
    " $upstream_status';"
    " access_log {} held; keepalive_requests 100000;"
)
_AROUND: Final = 2.0
"""Seconds for which nginx, while it is busy, may not see what has happened to its connections."""
_POLICY: Final = """
version: 1
limits:
  - {on: requests, per: day, amount: 10000000}
  - {on: usd, per: day, amount: 1000}
personas:
  helper: {targets: [openai/gpt-4.1], caps: {max_tokens: 100}}
"""


class Scale(NamedTuple):
    streams: int
    """Open at any time."""
    rate: float
    """Further requests a second."""
    chunks: int
    pause: float
    """Of a stream: seconds between two of its chunks."""


class Outcome(NamedTuple):
    """What came of it. Of the kill: names of requests."""

    answered: int
    rate: float
    """Answers a second, streams beside."""
    statuses: list[int]
    """Of the instances that were told to stop."""
    failed: dict[str, int]
    """While they were restarted: why, and how many."""
    killed_held: set[str]
    """What was at the killed instance by nginx's log."""
    provider_cut: set[str]
    """What the provider was answering to it."""
    killed_failed: set[str]
    """What failed for its caller from the kill on."""
    silent: set[str]
    """Failures that look like an answer, or like nothing."""
    verified: str
    """What `llm-router ledger verify` says in the end."""
    spent: "Spent | None" = None


class Spent(NamedTuple):
    """Seconds of CPU, and of the clock. What Postgres takes is not among them."""

    clock: float
    gateways: float
    """Their starts included, which are most of it where there are few requests."""
    nginx: float
    callers: float
    """With the provider: this process."""

    @classmethod
    def until_now(cls, proxy: int) -> "Spent":
        """Of processes that have ended, and of `proxy`."""
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        gateways = ended.ru_utime + ended.ru_stime
        return cls(time.monotonic(), gateways, cpu_seconds(proxy), time.process_time())

    def since(self, before: "Spent") -> "Spent":
        return Spent(*(now - then for now, then in zip(self, before, strict=True)))


class Instance:
    """One gateway, again and again on the same port, with the same state."""

    def __init__(self, directory: Path, environ: Mapping[str, str]) -> None:
        self.port = free_port()
        self.environ = {
            **environ, "PORT": str(self.port), "LLM_ROUTER_STATE_DIR": str(directory)
        }  # fmt: skip
        self.process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """It is ready when this ends."""
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway", env=clean_environ(**self.environ),
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        async with asyncio.timeout(60):
            while not await self._ready():
                assert self.process.returncode is None, "the gateway ended before it was ready"
                await asyncio.sleep(0.05)

    async def _ready(self) -> bool:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(b"GET /health/ready HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            status = (await reader.readuntil(b"\r\n"))[9:12]
            writer.close()
            return status == b"200"
        return False

    async def end(self, number: signal.Signals) -> int:
        """Its status."""
        assert self.process is not None
        self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), 60)


async def run(directory: Path, store_url: str, scale: Scale) -> Outcome:
    config = directory / "config"
    config.mkdir()
    (config / "persona_policy.yaml").write_text(_POLICY, "utf-8")
    shutil.copy(ROOT / "config" / "capabilities.yaml", config)
    log = directory / "access.log"
    async with AsyncExitStack() as stack:
        provider = await stack.enter_async_context(Provider(scale.chunks, scale.pause))
        environ = {
            "LLM_ROUTER_CONFIG_DIR": str(config),
            "LLM_ROUTER_STORE_URL": store_url,
            **provider.environ(),
        }
        instances = [Instance(directory / f"state-{n}", environ) for n in range(INSTANCES)]
        for instance in instances:
            stack.callback(_kill, instance)
        await asyncio.gather(*(instance.start() for instance in instances))
        urls = [instance.url for instance in instances]
        url, proxy = await stack.enter_async_context(nginx(directory, urls, _LOG.format(log)))
        callers = Callers(int(url.rpartition(":")[2]), scale.streams, scale.rate)
        began = Spent.until_now(proxy)
        async with callers.calling():
            statuses = await _restarted(instances)
            before, after = await _killed(instances[0], provider)
        statuses += await asyncio.gather(*(each.end(signal.SIGTERM) for each in instances))
        spent = Spent.until_now(proxy).since(began)
    held = _held_by(log, f"127.0.0.1:{instances[0].port}", before, after)
    verified = await command(instances[0].environ, "ledger", "verify")
    return _outcome(callers, statuses, before, held, provider.cut, verified)._replace(spent=spent)


async def _restarted(instances: list[Instance]) -> list[int]:
    """One after the other."""
    statuses = []
    await asyncio.sleep(1.2)  # all streams are open
    for instance in instances:
        statuses.append(await instance.end(signal.SIGTERM))
        await instance.start()
        await asyncio.sleep(0.2)
    return statuses


async def _killed(instance: Instance, provider: Provider) -> tuple[float, float]:
    """Between which moments it was."""
    await asyncio.sleep(0.5)
    provider.cut.clear()
    before = time.time()
    await instance.end(signal.SIGKILL)
    after = time.time()
    await asyncio.sleep(0.5)
    await instance.start()
    return before, after


def _kill(instance: Instance) -> None:
    if instance.process is not None:
        with contextlib.suppress(ProcessLookupError):
            instance.process.kill()


def _held_by(log: Path, address: str, before: float, after: float) -> set[str]:
    """Requests that were at the instance between these moments."""
    found = set()
    for line in log.read_text("utf-8").splitlines():
        ended, took, name, asked = line.split(" ", 3)
        began = float(ended) - float(took)
        if address in asked and began <= after + _AROUND and float(ended) >= before - _AROUND:
            found.add(name)
    return found


def _outcome(
    callers: Callers,
    statuses: list[int],
    killed: float,
    held: set[str],
    cut: set[str],
    verified: str,
) -> Outcome:
    answers = callers.answers
    failures = [answer for answer in answers if answer.came != OK]
    return Outcome(
        answered=len(answers) - len(failures),
        rate=sum(not answer.streamed for answer in answers) / callers.seconds,
        statuses=statuses,
        failed=dict(Counter(f"{a.came}: {a.why}" for a in failures if a.ended < killed)),
        killed_held=held,
        provider_cut=cut,
        killed_failed={answer.name for answer in failures if answer.ended >= killed},
        silent={answer.name for answer in failures if answer.came == "silent"},
        verified=verified,
    )
