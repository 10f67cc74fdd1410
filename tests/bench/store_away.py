"""What a store of limits that goes away adds to the latency of requests: the same load while it
answers and while it does not, in turns.

    python -m tests.bench.store_away [--rounds 4] [--seconds 10] [--rate 100] [--minute]

Callers of a key with six limits ask for what is leased. The file of SQLite is locked by somebody
else; Postgres is behind a proxy that swallows everything (`hangs`), or that nobody can connect to
(`refused`). It goes away as the load begins, so that what is noticed late is in it. With --minute
it does so two seconds before a minute ends, and with it the windows of two limits.

A round's p99 while it is away is compared with that of the same round while it answers: other work
on the machine is in both.
"""

import argparse
import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from gateway.store.engine import FILE
from tests.bench.admissions import KEY, LIMITS
from tests.bench.load import PATIENCE, percentile
from tests.bench.open_loop import ask
from tests.bench.processes import PYTHON, cores, free_port, process, wait_ready
from tests.bench.systems import Provider, System, gateway
from tests.bench.works import SMALL, Way
from tests.postgres import NOT_CHECKED, running_server
from tests.tcp_proxy import Mode, TcpProxy

BEFORE: Final = 2.0
"""Seconds before a minute's end at which the store goes away."""
BACK: Final = 3.0
"""Seconds in which everything is as before once it answers again."""
_PERSONA: Final = "bare"


class Fault(NamedTuple):
    """How a store goes away, and comes back."""

    name: str
    begin: Callable[[], None]
    end: Callable[[], None]


class Seconds(NamedTuple):
    """Of the requests of each round."""

    answers: list[list[float]]
    away: list[list[float]]


@contextmanager
def proxied(target: int) -> Iterator[tuple[int, Callable[[Mode], None]]]:
    """The port of a proxy in a thread of its own, and what makes it fail."""
    loop, proxy = asyncio.new_event_loop(), TcpProxy(target)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def become(mode: Mode) -> None:
        asyncio.run_coroutine_threadsafe(proxy.become(mode), loop).result(5)

    asyncio.run_coroutine_threadsafe(proxy.listen(), loop).result(5)
    try:
        yield proxy.port, become
    finally:
        asyncio.run_coroutine_threadsafe(proxy.close(), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


def locked(state: Path) -> Fault:
    holding: list[sqlite3.Connection] = []

    def begin() -> None:
        connection = sqlite3.connect(state / FILE, isolation_level=None, timeout=20)
        connection.execute("BEGIN IMMEDIATE")
        holding.append(connection)

    return Fault("SQLite, locked", begin, lambda: holding.pop().close())


@contextmanager
def limited(provider: Provider, directory: Path, store: str) -> Iterator[tuple[System, Way]]:
    """A gateway with limits, and how a key of it asks."""
    system = gateway(provider, directory / "gateway")
    configured = Path(system.environ["LLM_ROUTER_CONFIG_DIR"])
    with (configured / "persona_policy.yaml").open("a", encoding="utf-8") as policy:
        policy.write(LIMITS)
    environ = {
        **system.environ, "LLM_ROUTER_STATE_DIR": str(directory / "state"),
        "LLM_ROUTER_STORE_URL": store,
    }  # fmt: skip
    words = ("keys", "create", KEY["name"], "--team", KEY["team"])
    made = subprocess.run(
        [*PYTHON, "gateway", *words],
        env={**os.environ, **environ},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    headers = {"authorization": f"Bearer {json.loads(made)['key']}"}
    way = replace(system.ways["openai"], model=_PERSONA, headers=headers)
    served = replace(system, environ=environ, ways={**system.ways, "openai": way})
    with served.running(cores()[0]):
        yield served, way


def measured(on: System, way: Way, fault: Fault, options: argparse.Namespace) -> Seconds:
    def load() -> list[float]:
        seconds, _ = ask(SMALL, on.port, way, options.rate, options.seconds, PATIENCE)
        return seconds

    found = Seconds([], [])
    load()
    for _ in range(options.rounds):
        wait_for_minute(options.minute)
        found.answers.append(load())
        wait_for_minute(options.minute)
        fault.begin()
        try:
            found.away.append(load())
        finally:
            fault.end()
        time.sleep(BACK)
    return found


def wait_for_minute(wanted: bool) -> None:
    if wanted:
        time.sleep((-BEFORE - time.time()) % 60)


def show(name: str, found: Seconds) -> None:
    added = [
        percentile(away, 0.99) - percentile(answers, 0.99)
        for answers, away in zip(found.answers, found.away, strict=True)
    ]
    told = []
    for of in found:
        seconds = [each for round_ in of for each in round_]
        p50, p99 = (percentile(seconds, share) * 1000 for share in (0.5, 0.99))
        told.append(f"p50 {p50:.2f}, p99 {p99:.2f}, slowest {max(seconds) * 1000:.0f} ms")
    print(f"{name}\n  answers: {told[0]}\n  away:    {told[1]}")
    rounds = ", ".join(f"{each * 1000:+.2f}" for each in added)
    print(f"  added p99: {median(added) * 1000:+.2f} ms (by round: {rounds})", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.store_away")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each load")
    parser.add_argument("--rate", type=float, default=100.0, help="requests a second")
    parser.add_argument("--minute", action="store_true", help="it is away as a minute ends")
    options = parser.parse_args()
    ports = Provider(free_port(), free_port())
    command = (*PYTHON, "tests.bench.upstream", str(ports.port), str(ports.tls_port))
    with (
        process(command, cores()[-1]), running_server() as server,
        tempfile.TemporaryDirectory() as name,
    ):  # fmt: skip
        wait_ready(ports.port)
        directory = Path(name) / "sqlite"
        with limited(ports, directory, "sqlite:") as (on, way):
            fault = locked(directory / "state")
            show(fault.name, measured(on, way, fault, options))
        if server is None:
            print(NOT_CHECKED)
            return 0
        with proxied(server.port) as (port, become):
            database = server.new_database().rpartition("/")[2]
            directory = Path(name) / "postgres"
            with limited(ports, directory, server.url(database, port)) as (on, way):
                modes: tuple[tuple[str, Mode], ...] = (("hangs", "hang"), ("refused", "refuse"))
                for told, mode in modes:
                    fault = Fault(
                        f"Postgres, {told}", lambda mode=mode: become(mode), lambda: become("pass")
                    )  # type: ignore[misc]
                    show(fault.name, measured(on, way, fault, options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
