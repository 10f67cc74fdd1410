"""config/deploy/README.md is true: its metrics, outcomes and limits are the real ones, its alerts
and manifest name what there is.
"""

import ast
import re

import pytest
import yaml

from gateway.api.routes import ROUTES
from gateway.cli.main import MOST_WORKERS
from gateway.config import ServerSettings
from gateway.routing.affinity import CAPACITY as CONVERSATIONS
from gateway.routing.decision_log import KEPT
from gateway.server.file_descriptors import ENOUGH, FEW
from gateway.server.listener import KEEP_ALIVE_TIMEOUT
from gateway.telemetry import messages, request_log
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.multiprocess import CACHE_GAUGES, GAUGES, LIMIT_GAUGES
from gateway.upstream import media, media_lookups
from gateway.upstream.response import HIGH_WATER, MAX_ANSWER_BYTES
from tests.pages import Form, nodes, page, section, spans
from tests.serving import ROOT
from translators.json_codec import MAX_DEPTH

README = page("config/deploy/README.md")
CHART = ROOT / "tests" / "deploy" / "helm" / "golden" / "default.yaml"
(MANIFEST,) = (
    found for found in yaml.safe_load_all(CHART.read_text("utf-8")) if found["kind"] == "Deployment"
)
RULES = yaml.safe_load(page("config/deploy/prometheus/llm-router.rules.yaml"))
OF_LIMITS = {
    "limit_rejections_total", "store_op_seconds", "store_facts_total", "store_states_total",
    "store_shared_seconds",
    *(name.removeprefix("llm_router_") for name in LIMIT_GAUGES),
}  # fmt: skip
OF_CACHES = {
    "response_cache_total", "response_cache_store_errors_total",
    *(name.removeprefix("llm_router_") for name in CACHE_GAUGES),
}  # fmt: skip
OF_WORKERS = {"worker_up", "worker_restarts_total"}
OF_TRACES = {"spans_exported_total", "spans_dropped_total"}


def families() -> set[str]:
    """The names of all metrics without what they begin with, counters with their ending."""
    metrics = Metrics([], [], [])
    metrics.tell_lost_lines(lambda: 0)
    return {
        family.name.removeprefix("llm_router_") + ("_total" if family.type == "counter" else "")
        for family in metrics.registry.collect()
        if not family.name.startswith("process_")
    }


def test_the_metrics_are_the_documented_ones() -> None:
    table = "\n".join(
        line.split(" | ")[0]
        for line in section(README, "## Metrics").splitlines()
        if line.startswith("| `")
    )
    assert families() | OF_WORKERS | OF_TRACES | OF_LIMITS | OF_CACHES == spans(table)


def test_what_a_gauge_is_over_several_workers_is_documented() -> None:
    ours = {name for name in (*GAUGES, *LIMIT_GAUGES) if not name.startswith("process_")}
    gauges = {name.removeprefix("llm_router_") for name in ours} - {"build_info"}
    assert gauges <= spans(section(README, "## Several processes"))


def test_the_alerts_ask_for_metrics_that_there_are() -> None:
    rules = RULES["groups"][0]["rules"]
    asked = {
        name
        for rule in rules
        for name in re.findall(r"llm_router_(\w+?)(?:_bucket)?\b", rule["expr"])
    }
    assert asked <= families() | OF_WORKERS | OF_LIMITS | OF_CACHES
    assert len({rule["alert"] for rule in rules}) == len(rules)


def test_the_outcomes_of_the_log_are_documented() -> None:
    """Those that the event lists, each of which the code gives somewhere."""
    listed = re.search(r'"""(ok · [^"]*)"""', page("gateway/telemetry/events.py"))
    assert listed is not None
    outcomes = set(re.findall(r"\w+", listed[1]))
    named = spans(
        "\n".join(
            line.split(" | ")[0]
            for line in section(README, "## Logs").splitlines()
            if line.startswith("| `")
        )
    )
    assert named == outcomes
    given = {
        node.value
        for node in nodes()
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert outcomes <= given


def test_the_manifest_asks_for_routes_that_there_are_and_waits_for_a_stop() -> None:
    pod = MANIFEST["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    paths = {container[probe]["httpGet"]["path"] for probe in ("livenessProbe", "readinessProbe")}
    assert paths <= {route.path for route in ROUTES}
    assert pod["terminationGracePeriodSeconds"] > ServerSettings().drain_grace + 5
    assert {mount["name"] for mount in container["volumeMounts"]} == {
        volume["name"] for volume in pod["volumes"]
    }


LIMITS = section(README, "## What is bounded by what")
_MIB = 1024 * 1024


def row(limit: str) -> str:
    return next(line for line in LIMITS.splitlines() if line.startswith(f"| {limit}"))


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ("a request body", f"{ServerSettings().max_body_bytes // _MIB} MiB"),
        ("all bodies in memory", f"{ServerSettings().max_bodies_bytes // _MIB} MiB"),
        ("between two reads", f"{ServerSettings().body_timeout:g} s"),
        ("all of a body", f"{ServerSettings().body_total_timeout:g} s"),
        ("nesting of JSON", f"| {MAX_DEPTH} |"),
        ("a caller who takes nothing", f"{ServerSettings().write_timeout:g} s"),
        ("an idle caller's connection", f"{KEEP_ALIVE_TIMEOUT:g} s"),
        ("open files", f"{ENOUGH:,}"),
        ("open files", f"{FEW:,}"),
        ("one answer of a provider", f"{MAX_ANSWER_BYTES // _MIB} MiB"),
        ("what is read ahead", f"{HIGH_WATER // 1024} KB"),
        ("URLs that are fetched", f"| {media.MAX_FETCHES};"),
        (
            "URLs that are fetched",
            (
                f"{ServerSettings().media_fetch.max_bytes // _MIB} MiB and"
                f" {ServerSettings().media_fetch.timeout:g} s"
            ),
        ),
        ("lookups of callers' URLs", f"{media_lookups.MOST} at a time, {media_lookups.TIME:g} s"),
        ("lines of the request log", f"{request_log.CAPACITY:,}"),
        ("messages on standard error", f"{messages.CAPACITY:,}"),
        ("conversations", f"{CONVERSATIONS:,}"),
        ("conversations", f"{KEPT:,}"),
    ],
)
def test_a_limit_is_what_the_table_says(limit: str, said: str) -> None:
    assert said in row(limit)


def test_the_table_names_settings_that_there_are() -> None:
    named = {span.removeprefix("server.") for span in spans(LIMITS) if span.startswith("server.")}
    assert named <= Form(ServerSettings).keys()


def test_the_number_of_workers_is_the_documented_one() -> None:
    assert f"1 to {MOST_WORKERS})" in README
