"""The benchmark can be run: the gateway that it configures answers every work, and its table hides
nothing.
"""

import asyncio
import math
import socket
from collections import Counter
from collections.abc import Iterator
from itertools import islice

import pytest

from tests.bench import open_loop
from tests.bench.load import TooFast, run
from tests.bench.measuring import Running
from tests.bench.processes import PYTHON, cores, free_port, must_be_free, process, wait_ready
from tests.bench.report import markdown
from tests.bench.systems import OURS, Provider, gateway
from tests.bench.works import BURSTS, INBOUND, SMALL, Content, Way, Work


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    ports = Provider(free_port(), free_port())
    command = (*PYTHON, "tests.bench.upstream", str(ports.port), str(ports.tls_port))
    with process(command, cores()[0]):
        wait_ready(ports.port)
        yield ports


@pytest.fixture(scope="module")
def ours(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    system = gateway(provider, tmp_path_factory.mktemp("bench") / "gateway")
    with system.running(cores()[0]) as (pid, _):
        yield Running(system, pid)


def test_the_gateway_answers_every_work(ours: Running) -> None:
    for work in (*BURSTS, *INBOUND):
        way = ours.system.ways[work.route]
        assert len(asyncio.run(run(work, ours.system.port, way, 4, 10))) >= 4


def test_each_shipped_persona_asks_the_provider_of_its_route(ours: Running) -> None:
    """Whatever it is asked: else a row would be of another dialect than it says."""
    for work in BURSTS:
        way = ours.system.ways[work.route]
        with socket.create_connection(("127.0.0.1", ours.system.port), timeout=30) as connection:
            connection.sendall(work.http(way))
            head = connection.recv(65536).lower()
        asked = {"bare": "openai"}.get(work.route, work.route)
        assert f"x-llm-router-provider: {asked}\r\n".encode() in head, work.name


def test_requests_of_people_and_agents_are_never_the_same_and_equally_long() -> None:
    contents: tuple[Content, ...] = ("conversation", "first turn")
    for content in contents:
        work = Work("", "openai", messages=5, kilobytes=2, content=content)
        asked = [*islice(work.requests_of(Way("m")), 5)]
        assert len(set(asked)) == 5
        assert len(set(map(len, asked))) == 1


def test_an_open_loop_counts_from_when_a_request_was_due(ours: Running) -> None:
    port, way = ours.system.port, ours.system.ways[SMALL.route]
    seconds, share = open_loop.ask(SMALL, port, way, rate=100, seconds=0.3)
    assert len(seconds) == 30
    assert min(seconds) > 0
    assert share > 0


def test_a_rate_that_nobody_can_do_is_told(ours: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_loop, "BEHIND", 0.05)
    port, way = ours.system.port, ours.system.ways[SMALL.route]
    with pytest.raises(TooFast, match=r"of 1,000,000 requests a second"):
        open_loop.ask(SMALL, port, way, rate=1e6, seconds=0.01)


def test_the_longest_collection_is_the_last_bucket_with_any_of_its_own(ours: Running) -> None:
    assert math.inf in open_loop.pauses(ours)
    assert open_loop.longest_pause(Counter({0.001: 3, 0.002: 5, 0.005: 5, math.inf: 5})) == 0.002
    assert open_loop.longest_pause(Counter()) == 0
    with pytest.raises(RuntimeError, match="longer than the metric tells"):
        open_loop.longest_pause(Counter({0.001: 3, math.inf: 4}))


def test_a_port_that_somebody_listens_at_is_no_place_for_a_system(provider: Provider) -> None:
    with pytest.raises(RuntimeError, match=f"port {provider.port} is taken"):
        must_be_free(provider.port)
    must_be_free(free_port())


def test_what_could_not_be_measured_is_in_the_table() -> None:
    values = {OURS: 200.0, "nginx": 25.0, "Portkey": 2000.0}
    figures = [
        {"name": "relay", "unit": "µs", "digits": 1, "values": values, "failed": {}, "like": None},
        {
            "name": "translated",
            "unit": "µs",
            "digits": 1,
            "values": {OURS: 300.0},
            "failed": {"Portkey": "500\nno", "nginx": "TooFast: 900 of 1,000 requests a second"},
            "like": "relay",
        },
    ]
    table = markdown(
        {
            "date": "2026-01-02T03:04:05+00:00", "quick": False, "others": 0.0,
            "machine": {"cpu": "a", "cores": 2, "kernel": "b"},
            "systems": {OURS: "1", "nginx": "2", "Portkey": "3"},
            "missing": {"litellm": "no network"}, "figures": figures,
            "growth": [{"name": "ten times", "before": 1.0, "after": 2.0, "ratio": 2.0}],
        }
    )  # fmt: skip
    assert "| relay | µs | **200** | 8.0× | 25.0 | 2,000 (10.0×) | **not measured** |" in table
    assert (
        "| translated | µs | **300** | 12.0× | **too fast** | **failed** | **not measured** |"
        in table
    )
    assert "**Portkey failed** at “translated”: 500 no" in table
    assert "**litellm could not be measured**: no network" in table
    assert "| ten times | 1 | 2 | 2.00 |" in table
