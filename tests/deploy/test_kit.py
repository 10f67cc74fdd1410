"""config/deploy: the compose file, the systemd unit and what Grafana and Prometheus are given name
files and settings that exist.
"""

import configparser
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.deploy.monitoring import DEPLOY

COMPOSE: Final[dict[str, Any]] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
UNIT: Final = DEPLOY / "systemd" / "llm-router.service"
PROMTOOL: Final = shutil.which("promtool")
ANALYZE: Final = shutil.which("systemd-analyze")


def test_every_file_that_compose_mounts_exists() -> None:
    mounted = [
        volume.split(":")[0]
        for service in COMPOSE["services"].values()
        for volume in service["volumes"]
        if volume.startswith(".")
    ]
    assert len(mounted) == 6
    assert [path for path in mounted if not (DEPLOY / path).exists()] == []
    assert (DEPLOY / COMPOSE["services"]["gateway"]["build"] / "Dockerfile").is_file()


def test_images_are_pinned() -> None:
    """To a whole version: of Postgres that is two numbers."""
    others = [each["image"] for name, each in COMPOSE["services"].items() if name != "gateway"]
    whole = re.compile(r".*:v?\d+\.\d+\.\d+|postgres:\d+\.\d+").fullmatch
    assert all(map(whole, others)), others


def test_the_gateway_s_store_is_the_postgres_beside_it() -> None:
    gateway, postgres = (COMPOSE["services"][name] for name in ("gateway", "postgres"))
    url = gateway["environment"]["LLM_ROUTER_STORE_URL"]
    default = "postgresql://router:${POSTGRES_PASSWORD:-router}@postgres/router"
    assert url == "${LLM_ROUTER_STORE_URL:-%s}" % default  # noqa: UP031 - the braces are compose's
    assert postgres["environment"] == {
        "POSTGRES_USER": "router",
        "POSTGRES_DB": "router",
        "POSTGRES_PASSWORD": "${POSTGRES_PASSWORD:-router}",
    }
    assert gateway["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert "ports" not in postgres


def test_grafana_finds_prometheus_and_the_dashboard() -> None:
    source = yaml.safe_load(
        (DEPLOY / "grafana/provisioning/datasources/prometheus.yaml").read_text("utf-8")
    )
    assert source["datasources"][0]["url"] == "http://prometheus:9090"
    provider = yaml.safe_load(
        (DEPLOY / "grafana/provisioning/dashboards/llm-router.yaml").read_text("utf-8")
    )
    path = provider["providers"][0]["options"]["path"]
    shown = COMPOSE["services"]["grafana"]["volumes"]
    assert f"./grafana/llm-router.json:{path}/llm-router.json:ro" in shown


def test_prometheus_scrapes_the_gateway_and_knows_the_rules() -> None:
    config = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text("utf-8"))
    (job,) = config["scrape_configs"]
    assert job["static_configs"] == [{"targets": ["gateway:8001"]}]
    assert [(DEPLOY / "prometheus" / name).is_file() for name in config["rule_files"]] == [True]


@pytest.mark.skipif(PROMTOOL is None, reason="NOT CHECKED: promtool is not installed")
def test_promtool_takes_the_configuration() -> None:
    assert PROMTOOL is not None
    file = str(DEPLOY / "prometheus" / "prometheus.yml")
    subprocess.run([PROMTOOL, "check", "config", file], check=True, capture_output=True, timeout=30)


def test_the_unit_checks_reloads_and_leaves_time_to_drain() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]  # keys keep their case
    unit.read_string(UNIT.read_text("utf-8"))
    service = unit["Service"]
    assert service["ExecStartPre"].endswith("llm-router check")
    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert int(service["TimeoutStopSec"]) >= 45
    assert service["StateDirectory"] == Path("/var/lib/llm-router").name


@pytest.mark.skipif(ANALYZE is None, reason="NOT CHECKED: systemd-analyze is not installed")
def test_systemd_knows_every_setting_of_the_unit() -> None:
    assert ANALYZE is not None
    told = subprocess.run(
        [ANALYZE, "verify", str(UNIT)], capture_output=True, text=True, timeout=60
    ).stderr
    assert not re.search(r"Unknown|Failed to parse|Invalid", told), told
