#!/usr/bin/env python3
"""Writes llm-router.json, the Grafana dashboard, from the tables beside it.

A test evaluates every expression against a Prometheus that scrapes a running gateway.
"""

import json
from pathlib import Path
from typing import Any, Final

import gateway_rows
import requests_rows
from queries import JOB, TARGET, Panel

FILE: Final = Path(__file__).with_name("llm-router.json")
ROWS: Final = {**requests_rows.ROWS, **gateway_rows.ROWS}

ANNOTATIONS: Final = (
    ("Configuration reloaded", "blue",
     f'sum by (result) (changes(llm_router_config_reloads_total{{{JOB}}}[$__interval])) > 0'),
    ("Target set aside", "red",
     f"llm_router_target_availability{{{TARGET}}} == 0"),
)  # fmt: skip


_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}


def _variable(name: str, metric: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": name,
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": f"label_values({metric}, {name})", "refId": name},
        "refresh": 2,
        "includeAll": True,
        "multi": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
        "sort": 1,
    }


def _panel(panel: Panel, number: int, x: int, y: int) -> dict[str, Any]:
    custom: dict[str, Any] = {}
    if panel.kind == "timeseries":
        custom = {"fillOpacity": 20 if panel.stacked else 0, "showPoints": "never"}
        if panel.stacked:
            custom["stacking"] = {"mode": "normal", "group": "A"}
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": _SOURCE,
        "gridPos": {"x": x, "y": y, "w": panel.width, "h": 8},
        "fieldConfig": {"defaults": {"unit": panel.unit, "custom": custom}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + n), "datasource": _SOURCE, "expr": query, "legendFormat": told}
            for n, (query, told) in enumerate(panel.queries)
        ],
    }


def dashboard() -> dict[str, Any]:
    """Grafana's dashboard model, schema version 39 (Grafana 11)."""
    panels: list[dict[str, Any]] = []
    y = 0
    for title, row in ROWS.items():
        place = {"x": 0, "y": y, "w": 24, "h": 1}
        panels.append(
            {"id": len(panels) + 1, "type": "row", "title": title, "gridPos": place, "panels": []}
        )
        y += 1
        x = 0
        for panel in row:
            if x + panel.width > 24:
                x, y = 0, y + 8
            panels.append(_panel(panel, len(panels) + 1, x, y))
            x += panel.width
        y += 8
    return {
        "uid": "llm-router",
        "title": "LLM Router",
        "tags": ["llm-router"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "annotations": {
            "list": [
                {
                    "name": name,
                    "datasource": _SOURCE,
                    "enable": True,
                    "iconColor": color,
                    "expr": query,
                    "titleFormat": name,
                }
                for name, color, query in ANNOTATIONS
            ]
        },
        "templating": {
            "list": [
                {"name": "datasource", "type": "datasource", "query": "prometheus", "current": {}},
                _variable("job", "llm_router_build_info"),
                _variable("persona", "llm_router_requests_total"),
                _variable("provider", "llm_router_upstream_attempts_total"),
                _variable("target", "llm_router_stream_chunks_total"),
            ]
        },
        "panels": panels,
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(dashboard(), indent=2) + "\n", "utf-8")
