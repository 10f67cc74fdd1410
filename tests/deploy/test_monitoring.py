"""config/deploy: every expression of the dashboard and of the alerts names what a gateway tells,
and has data in a real Prometheus; each alert fires when it is meant to, and not before.
"""

import asyncio
import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from tests.deploy.monitoring import (
    DEPLOY,
    GRAFANA,
    PROMETHEUS,
    load,
    panel_queries,
    scraped,
    used_gateway,
)
from tests.serving import ROOT, clean_environ

_METRIC: Final = re.compile(r"\b(?:llm_router|process)_[a-z_]+")
OF_A_PROCESS: Final = {
    "llm_router_worker_up",
    "llm_router_worker_restarts_total",
    "llm_router_log_lines_lost_total",
    "llm_router_spans_dropped_total",
}
"""What only a gateway that runs by itself tells: of its workers, its log and its traces."""
SERVER: Final = shutil.which("prometheus")
PROMTOOL: Final = shutil.which("promtool")
absent: Final = "NOT CHECKED: Debian's package prometheus is not installed"


def test_the_files_are_what_the_tables_say() -> None:
    dashboard = json.dumps(GRAFANA["dashboard"](), indent=2) + "\n"
    assert (DEPLOY / "grafana" / "llm-router.json").read_text("utf-8") == dashboard
    rules = (DEPLOY / "prometheus" / "llm-router.rules.yaml").read_text("utf-8")
    assert rules == PROMETHEUS["rules"]()


def test_panels_do_not_overlap_and_have_ids_of_their_own() -> None:
    panels = GRAFANA["dashboard"]()["panels"]
    assert sorted(panel["id"] for panel in panels) == list(range(1, len(panels) + 1))
    taken: set[tuple[int, int]] = set()
    for place in (panel["gridPos"] for panel in panels):
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not taken & cells
        taken |= cells


def test_what_to_do_is_written_for_every_alert() -> None:
    written = (DEPLOY / "ALERTS.md").read_text("utf-8")
    headings = re.findall(r"^## (\w+)$", written, re.MULTILINE)
    assert headings == [alert.name for alert in PROMETHEUS["ALERTS"]]


async def test_every_metric_that_is_asked_for_is_told() -> None:
    async with used_gateway() as running:
        await load(running.url)
        text = await scraped(running.url)
    told = {re.split(r"[{ ]", line)[0] for line in text.splitlines() if not line.startswith("#")}
    asked = {name for _, query in panel_queries() for name in _METRIC.findall(query)}
    asked |= {name for alert in PROMETHEUS["ALERTS"] for name in _METRIC.findall(alert.expression)}
    # nothing of these was seen, but their families are told
    described = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert asked - told - described == OF_A_PROCESS


@pytest.mark.timeout(180)
@pytest.mark.skipif(SERVER is None, reason=absent)
async def test_every_expression_has_data_in_prometheus(tmp_path: Path) -> None:
    async with used_gateway() as running:
        with _workers() as workers:
            await _answers(f"{workers}/health")
            async with _prometheus(tmp_path, [running.url, workers]) as asked:
                await _seen(asked, 2)
                for _ in range(8):
                    await load(running.url)
                    await asyncio.sleep(0.4)
                queries = panel_queries() + [(a.name, a.value) for a in PROMETHEUS["ALERTS"]]
                empty = [title for title, query in queries if not await _result(asked, query)]
    assert empty == []


@pytest.mark.skipif(PROMTOOL is None, reason=absent)
def test_promtool_takes_the_rules() -> None:
    assert PROMTOOL is not None
    subprocess.run(
        [PROMTOOL, "check", "rules", str(DEPLOY / "prometheus" / "llm-router.rules.yaml")],
        check=True,
        capture_output=True,
        timeout=30,
    )


BOUNDS: Final = "llm_router_time_to_first_chunk_seconds_bucket"
LAG: Final = "llm_router_event_loop_lag_seconds_bucket"
REQUESTS: Final = "llm_router_requests_total"
OF_WEEKS: Final = {"RouterSpendFast"}
"""Their series have a value every ten minutes, the others one a minute."""
# of each alert: series that make it fire, series that do not, and the time of asking
FIRING: Final[dict[str, tuple[dict[str, str], dict[str, str], str]]] = {
    "RouterErrorsHigh": (
        {
            f'{REQUESTS}{{persona="p",outcome="ok"}}': "0+60x60",
            f'{REQUESTS}{{persona="p",outcome="no_target"}}': "0+2x60",
        },
        {
            f'{REQUESTS}{{persona="p",outcome="ok"}}': "0+60x60",
            f'{REQUESTS}{{persona="p",outcome="no_target"}}': "0+1x60",
        },
        "30m",
    ),
    "RouterErrorBudgetBurnFast": (
        {
            f'{REQUESTS}{{persona="p",outcome="ok"}}': "0+90x90",
            f'{REQUESTS}{{persona="p",outcome="no_target"}}': "0+10x90",
        },
        {
            f'{REQUESTS}{{persona="p",outcome="ok"}}': "0+97x90",
            f'{REQUESTS}{{persona="p",outcome="no_target"}}': "0+3x90",
        },
        "70m",
    ),
    "RouterErrorBudgetBurnSlow": (
        {
            f'{REQUESTS}{{persona="p",outcome="ok"}}': "0+95x400",
            f'{REQUESTS}{{persona="p",outcome="no_target"}}': "0+5x400",
        },
        {
            f'{REQUESTS}{{persona="p",outcome="ok"}}': "0+98x400",
            f'{REQUESTS}{{persona="p",outcome="no_target"}}': "0+2x400",
        },
        "380m",
    ),
    "RouterPersonaUnserved": (
        {'llm_router_persona_availability{persona="p"}': "0x10"},
        {'llm_router_persona_availability{persona="p"}': "0.1x10"},
        "5m",
    ),
    "RouterSlowFirstContent": (
        {
            f'{BOUNDS}{{persona="p",le="1"}}': "0+60x600 36000x60",
            f'{BOUNDS}{{persona="p",le="30"}}': "0+60x660",
            f'{BOUNDS}{{persona="p",le="+Inf"}}': "0+60x660",
        },
        {
            f'{BOUNDS}{{persona="p",le="1"}}': "0x660",
            f'{BOUNDS}{{persona="p",le="30"}}': "0+60x660",
            f'{BOUNDS}{{persona="p",le="+Inf"}}': "0+60x660",
        },
        "622m",
    ),
    "RouterTargetAside": (
        {'llm_router_target_availability{provider="a",model="m"}': "0x20"},
        {'llm_router_target_availability{provider="a",model="m"}': "0x8 1x12"},
        "15m",
    ),
    "RouterKeyRefused": (
        {'llm_router_key_availability{provider="a",variable="V"}': "0x10"},
        {'llm_router_key_availability{provider="a",variable="V"}': "1x10"},
        "5m",
    ),
    "RouterFailoverStorm": (
        {REQUESTS: "0+100x60", "llm_router_extra_attempts_total": "0+30x60"},
        {REQUESTS: "0+100x60", "llm_router_extra_attempts_total": "0+10x60"},
        "40m",
    ),
    "RouterSaturated": (
        {
            f'{LAG}{{instance="i",le="0.1"}}': "0+90x60",
            f'{LAG}{{instance="i",le="1"}}': "0+100x60",
            f'{LAG}{{instance="i",le="+Inf"}}': "0+100x60",
        },
        {
            f'{LAG}{{instance="i",le="0.1"}}': "0+100x60",
            f'{LAG}{{instance="i",le="1"}}': "0+100x60",
            f'{LAG}{{instance="i",le="+Inf"}}': "0+100x60",
        },
        "30m",
    ),
    "RouterReloadFailed": (
        {'llm_router_config_last_reload_successful{instance="i"}': "0x10"},
        {'llm_router_config_last_reload_successful{instance="i"}': "1x10"},
        "6m",
    ),
    "RouterSpendFast": (
        {"llm_router_cost_usd_total": "0+1x1008 1018+10x24"},
        {"llm_router_cost_usd_total": "0+20x1040"},
        "10200m",
    ),
    "RouterLimitNear": (
        {'llm_router_limit_used_ratio{scope="team/blue",limit="usd/day"}': "0.91x20"},
        {
            'llm_router_limit_used_ratio{scope="team/blue",limit="usd/day"}': "0.9x20",
            'llm_router_limit_used_ratio{scope="all",limit="requests/minute"}': "1x20",
        },
        "10m",
    ),
    "RouterLedgerBehind": (
        {
            'llm_router_journal_age_seconds{instance="i"}': "0x10",
            'llm_router_store_up{instance="i"}': "0x10",
        },
        {
            'llm_router_journal_age_seconds{instance="i"}': "61 61 59 61 61 59 61 61 59",
            'llm_router_store_up{instance="i"}': "1x10",
        },
        "8m",
    ),
    "RouterLedgerBacklog": (
        {'llm_router_journal_backlog_rows{instance="i"}': "100001x10"},
        {'llm_router_journal_backlog_rows{instance="i"}': "100001 100001 9 100001x3 100000x9"},
        "8m",
    ),
    "RouterSharingDown": (
        {'llm_router_store_shared_up{instance="i"}': "0x10"},
        {'llm_router_store_shared_up{instance="i"}': "0x4 1x10"},
        "8m",
    ),
    "RouterRevisionsDiffer": (
        {
            'llm_router_revisions{instance="i"}': "1x15",
            'llm_router_revisions{instance="j"}': "2x15",
        },
        {'llm_router_revisions{instance="i"}': "2x8 1x7"},
        "14m",
    ),
    "RouterUnpriced": (
        {'llm_router_unpriced_requests_total{provider="a",model="m"}': "0+1x60"},
        {'llm_router_unpriced_requests_total{provider="a",model="m"}': "7x60"},
        "40m",
    ),
    "RouterWorkerRestarting": (
        {'llm_router_worker_restarts_total{worker="0"}': "0+1x30"},
        {'llm_router_worker_restarts_total{worker="0"}': "0x15 1x15"},
        "20m",
    ),
    "RouterLogLinesLost": (
        {'llm_router_log_lines_lost_total{instance="i"}': "0+1x30"},
        {'llm_router_log_lines_lost_total{instance="i"}': "3x30"},
        "20m",
    ),
    "RouterCacheStoreFailing": (
        {'llm_router_response_cache_store_errors_total{instance="i"}': "0+1x60"},
        {'llm_router_response_cache_store_errors_total{instance="i"}': "0+1x5 5x55"},
        "40m",
    ),
}


@pytest.mark.skipif(PROMTOOL is None, reason=absent)
@pytest.mark.parametrize("alert", PROMETHEUS["ALERTS"], ids=lambda alert: alert.name)
def test_an_alert_fires_when_it_is_meant_to(alert: Any, tmp_path: Path) -> None:
    firing, quiet, at = FIRING[alert.name]
    for series, fires in ((firing, True), (quiet, False)):
        text = _fired(alert, series, at, tmp_path)
        assert (f'alertname="{alert.name}"' in text) is fires, text


@pytest.mark.skipif(PROMTOOL is None, reason=absent)
def test_a_ledger_is_behind_where_the_store_is_up_and_the_journal_old(tmp_path: Path) -> None:
    (alert,) = [each for each in PROMETHEUS["ALERTS"] if each.name == "RouterLedgerBehind"]
    series = {
        'llm_router_journal_age_seconds{instance="i"}': "61x10",
        'llm_router_store_up{instance="i"}': "1x10",
    }
    assert 'alertname="RouterLedgerBehind"' in _fired(alert, series, "8m", tmp_path)


def _fired(alert: Any, series: dict[str, str], at: str, directory: Path) -> str:
    """What promtool says of an alert that is held not to fire: nothing, or the alert that did."""
    rules = directory / "rules.yaml"
    rules.write_text(PROMETHEUS["rules"]([alert]), "utf-8")
    inputs = [{"series": name, "values": values} for name, values in series.items()]
    held = {"alertname": alert.name, "eval_time": at, "exp_alerts": []}
    step = "10m" if alert.name in OF_WEEKS else "1m"
    told = {
        "rule_files": [str(rules)],
        "evaluation_interval": step,
        "tests": [{"interval": step, "input_series": inputs, "alert_rule_test": [held]}],
    }
    file = directory / "test.yaml"
    file.write_text(json.dumps(told), "utf-8")
    assert PROMTOOL is not None
    done = subprocess.run(
        [PROMTOOL, "test", "rules", str(file)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0 or "alertname=" in done.stderr + done.stdout, done.stderr
    return done.stdout + done.stderr


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@contextmanager
def _workers() -> Iterator[str]:
    """A gateway of two workers, before the simulator; its address."""
    port = _free_port()
    command = [sys.executable, "-m", "gateway", "serve", "--demo", "--workers", "2"]
    with subprocess.Popen(
        [*command, "--port", str(port)],
        cwd=ROOT,
        env=clean_environ(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(30)


@asynccontextmanager
async def _prometheus(directory: Path, urls: list[str]) -> AsyncIterator[str]:
    """A Prometheus that scrapes these gateways once a second; the address of its API."""
    assert SERVER is not None
    config = {
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [
            {
                "job_name": "llm-router",
                "static_configs": [{"targets": [url.removeprefix("http://") for url in urls]}],
            }
        ],
    }
    (directory / "prometheus.yml").write_text(json.dumps(config), "utf-8")
    port = _free_port()
    with subprocess.Popen(  # noqa: ASYNC220 - it only starts it
        [
            SERVER,
            f"--config.file={directory / 'prometheus.yml'}",
            f"--storage.tsdb.path={directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            await _answers(f"http://127.0.0.1:{port}/-/ready")
            yield f"http://127.0.0.1:{port}/api/v1/query"
        finally:
            process.terminate()
            process.wait(30)


async def _answers(url: str) -> None:
    async with aiohttp.ClientSession() as session, asyncio.timeout(60):
        while True:
            try:
                async with session.get(url) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.1)


async def _seen(api: str, targets: int) -> None:
    """Until this many have been scraped."""
    async with asyncio.timeout(60):
        while len(await _result(api, "up == 1")) < targets:  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0.2)


async def _result(api: str, query: str) -> list[Any]:
    async with aiohttp.ClientSession() as session, session.get(api, params={"query": query}) as got:
        answer = await got.json()
    assert answer["status"] == "success", (query, answer)
    result: list[Any] = answer["data"]["result"]
    return result
