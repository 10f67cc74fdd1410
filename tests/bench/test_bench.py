"""The benchmark can be run: the gateway that it configures answers every work, and its table hides
nothing.
"""

import asyncio
from pathlib import Path

from tests.bench.load import run
from tests.bench.processes import PYTHON, cores, free_port, process, wait_ready
from tests.bench.report import markdown
from tests.bench.systems import OURS, Provider, gateway
from tests.bench.works import BURSTS, INBOUND


def test_the_gateway_answers_every_work(tmp_path: Path) -> None:
    provider, own = Provider(free_port(), free_port()), cores()[0]
    with process(
        (*PYTHON, "tests.bench.upstream", str(provider.port), str(provider.tls_port)), own
    ):
        wait_ready(provider.port)
        system = gateway(provider, tmp_path / "gateway")
        with system.running(own):
            for work in (*BURSTS, *INBOUND):
                assert len(asyncio.run(run(work, system.port, system.ways[work.route], 4, 10))) >= 4


def test_what_could_not_be_measured_is_in_the_table() -> None:
    values = {OURS: 200.0, "nginx": 25.0, "Portkey": 2000.0}
    figures = [
        {"name": "relay", "unit": "µs", "digits": 1, "values": values, "failed": {}, "like": None},
        {
            "name": "translated",
            "unit": "µs",
            "digits": 1,
            "values": {OURS: 300.0},
            "failed": {"Portkey": "500\nno"},
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
    assert "| translated | µs | **300** | 12.0× | – | **failed** | **not measured** |" in table
    assert "**Portkey failed** at “translated”: 500 no" in table
    assert "**litellm could not be measured**: no network" in table
    assert "| ten times | 1 | 2 | 2.00 |" in table
