#!/usr/bin/env python3
"""Writes llm-router.json, the Grafana dashboard, from the table here.

A test evaluates every expression against a Prometheus that scrapes a running gateway.
"""

import json
from pathlib import Path
from typing import Any, Final, NamedTuple

FILE: Final = Path(__file__).with_name("llm-router.json")

FAILED: Final = 'outcome=~"upstream_error|no_target|stream_aborted|internal_error",persona!="other"'
"""What a caller sees as a failure of the service: 5xx answers and streams that broke. Of persona
"other" are requests for models that nobody knows: the caller's fault.
"""


class Panel(NamedTuple):
    """One picture. `queries` are pairs of PromQL and the legend of its series; `kind` is Grafana's
    name of the panel, `unit` Grafana's name of the unit.
    """

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    width: int = 8
    kind: str = "timeseries"
    stacked: bool = False
    about: str = ""


_MINE: Final = 'job=~"$job",persona=~"$persona"'
_JOB: Final = 'job=~"$job"'
_TARGET: Final = 'job=~"$job",provider=~"$provider"'
_REQUESTS: Final = "hit|waited|miss|bypass"


def _rate(metric: str, labels: str = _MINE, by: str = "") -> str:
    grouped = f" by ({by})" if by else ""
    return f"sum{grouped} (rate(llm_router_{metric}{{{labels}}}[$__rate_interval]))"


def _quantile(q: float, metric: str, labels: str = _MINE) -> str:
    return f"histogram_quantile({q}, {_rate(f'{metric}_seconds_bucket', labels, 'le')})"


def _quantiles(metric: str, labels: str = _MINE) -> tuple[tuple[str, str], ...]:
    return tuple((_quantile(q, metric, labels), f"p{q * 100:g}") for q in (0.5, 0.95, 0.99))


ROWS: Final[dict[str, tuple[Panel, ...]]] = {
    "Is it well?": (
        Panel(
            "Requests",
            "reqps",
            ((_rate("requests_total", by="outcome"), "{{outcome}}"),),
            stacked=True,
        ),
        Panel(
            "Failures that callers see",
            "percentunit",
            (
                (
                    f"(sum (rate(llm_router_requests_total{{{_MINE},{FAILED}}}[$__rate_interval]))"
                    f" or vector(0)) / {_rate('requests_total')}",
                    "failed",
                ),
            ),
            about="5xx answers and streams that broke, of all requests.",
        ),
        Panel("Duration", "s", _quantiles("request_duration")),
        Panel("First content of streams", "s", _quantiles("time_to_first_chunk")),
        Panel(
            "Waits within streams",
            "s",
            _quantiles("time_per_output_chunk"),
            about="Between two pieces of an answer: a stall that callers see.",
        ),
        Panel(
            "Streams",
            "Bps",
            ((_rate("stream_bytes_total", by="provider"), "{{provider}}"),),
            stacked=True,
        ),
        Panel(
            "In flight and waiting",
            "short",
            (
                (f"sum(llm_router_in_flight_requests{{{_JOB}}})", "in flight"),
                (f"sum(llm_router_waiting_requests{{{_JOB}}}) or vector(0)", "waiting"),
            ),
        ),
        Panel(
            "Own time",
            "s",
            _quantiles("overhead", _JOB),
            about="Time of a JSON request that was not spent waiting for providers.",
        ),
    ),
    "What went wrong, unseen": (
        Panel(
            "Attempts beside the first",
            "reqps",
            ((_rate("extra_attempts_total", by="why"), "{{why}}"),),
            stacked=True,
        ),
        Panel(
            "Failed attempts by target",
            "reqps",
            (
                (
                    _rate(
                        "upstream_attempts_total",
                        f'{_TARGET},outcome!~"ok|cancelled"',
                        "provider, model, outcome",
                    ),
                    "{{provider}}/{{model}}: {{outcome}}",
                ),
            ),
        ),
        Panel(
            "Availability of targets",
            "percentunit",
            (
                (
                    f"avg by (provider, model) (llm_router_target_availability{{{_TARGET}}})",
                    "{{provider}}/{{model}}",
                ),
            ),
            kind="state-timeline",
        ),
        Panel(
            "Availability of keys",
            "percentunit",
            (
                (
                    f"avg by (provider, variable) (llm_router_key_availability{{{_TARGET}}})",
                    "{{provider}}: {{variable}}",
                ),
            ),
            kind="state-timeline",
        ),
        Panel(
            "Hedges won, streams resumed",
            "reqps",
            (
                (f"{_rate('hedges_won_total')} or vector(0)", "hedges won"),
                (f"{_rate('streams_resumed_total')} or vector(0)", "streams resumed"),
            ),
        ),
        Panel(
            "Aborted streams",
            "reqps",
            ((_rate("stream_aborted_total", _JOB, "reason"), "{{reason}}"),),
            stacked=True,
        ),
    ),
    "What it costs": (
        Panel(
            "USD an hour, by persona",
            "currencyUSD",
            ((f"{_rate('cost_usd_total', by='persona')} * 3600", "{{persona}}"),),
            stacked=True,
        ),
        Panel(
            "USD an hour, by model",
            "currencyUSD",
            (
                (
                    f"{_rate('cost_usd_total', by='provider, model')} * 3600",
                    "{{provider}}/{{model}}",
                ),
            ),
            stacked=True,
        ),
        Panel(
            "Tokens",
            "short",
            ((_rate("tokens_total", by="kind"), "{{kind}}"),),
            about="A second, as providers counted them.",
        ),
        Panel(
            "Prompt tokens from the provider's cache",
            "percentunit",
            (
                (
                    _rate("tokens_total", f'{_MINE},kind="cached"')
                    + " / "
                    + _rate("tokens_total", f'{_MINE},kind="prompt"'),
                    "cached",
                ),
            ),
        ),
        Panel(
            "Tokens from and into caches",
            "short",
            ((_rate("cache_tokens_total", by="kind, provider"), "{{provider}}: {{kind}}"),),
            about="A second. Reading is cheaper than a fresh prompt, writing is dearer.",
        ),
        Panel(
            "USD for 1,000 requests",
            "currencyUSD",
            (
                (
                    f"1000 * {_rate('cost_usd_total', by='persona')}"
                    f" / {_rate('requests_total', by='persona')}",
                    "{{persona}}",
                ),
            ),
        ),
        Panel(
            "Answers without a price",
            "reqps",
            (
                (
                    _rate("unpriced_requests_total", by="provider, model"),
                    "{{provider}}/{{model}}",
                ),
            ),
        ),
    ),
    "Limits": (
        Panel(
            "Used part of limits",
            "percentunit",
            (
                (
                    f"topk(10, max by (scope, limit) (llm_router_limit_used_ratio{{{_JOB}}}))",
                    "{{scope}}: {{limit}}",
                ),
            ),
            about="The ten highest of the policy's limits, with what running requests hold.",
        ),
        Panel(
            "Refused by a limit",
            "reqps",
            ((_rate("limit_rejections_total", _JOB, "scope, on"), "{{scope}}: {{on}}"),),
            stacked=True,
        ),
        Panel(
            "Store of limits",
            "short",
            ((f"min by (instance) (llm_router_limits_store_up{{{_JOB}}})", "{{instance}}"),),
            about="0 while it cannot be used.",
        ),
        Panel("Store's operations", "s", _quantiles("limits_store", _JOB)),
        Panel(
            "Ended and not yet in the ledger",
            "short",
            ((f"sum(llm_router_limits_journal_rows{{{_JOB}}})", "requests"),),
        ),
        Panel(
            "The oldest of them",
            "s",
            (
                (
                    f"max by (instance) (llm_router_limits_journal_age_seconds{{{_JOB}}})",
                    "{{instance}}",
                ),
            ),
            about="Over a minute: the store takes nothing.",
        ),
    ),
    "Answers given again": (
        Panel(
            "Requests of personas with a cache",
            "reqps",
            (
                (
                    _rate("response_cache_total", f'{_MINE},result=~"{_REQUESTS}"', "result"),
                    "{{result}}",
                ),
            ),
            stacked=True,
            about="waited: a hit, after the same request of another caller.",
        ),
        Panel(
            "Share that nobody was asked for",
            "percentunit",
            (
                (
                    _rate("response_cache_total", f'{_MINE},result=~"hit|waited"', "persona")
                    + " / "
                    + _rate("response_cache_total", f'{_MINE},result=~"{_REQUESTS}"', "persona"),
                    "{{persona}}",
                ),
            ),
        ),
        Panel(
            "Answers kept in memory",
            "bytes",
            ((f"sum by (persona) (llm_router_response_cache_bytes{{{_MINE}}})", "{{persona}}"),),
            stacked=True,
        ),
        Panel(
            "What became of answers",
            "reqps",
            (
                (
                    _rate(
                        "response_cache_total",
                        f'{_MINE},result=~"stored|unstored|evicted"',
                        "result",
                    ),
                    "{{result}}",
                ),
            ),
            about="evicted: for lack of room (max_bytes). unstored: none to give again.",
        ),
        Panel(
            "Not done by the store in time",
            "reqps",
            ((_rate("response_cache_store_errors_total", _JOB, "instance"), "{{instance}}"),),
        ),
    ),
    "Truth": (
        Panel(
            "Dropped parameters",
            "reqps",
            (
                (
                    _rate("dropped_params_total", _TARGET, "param, provider"),
                    "{{provider}}: {{param}}",
                ),
            ),
        ),
        Panel(
            "Requests refused to callers",
            "reqps",
            (
                (
                    _rate(
                        "requests_total",
                        f'{_MINE},outcome=~"invalid_request|not_authorized|refused"',
                        "outcome",
                    ),
                    "{{outcome}}",
                ),
                (
                    _rate("requests_total", f'{_JOB},persona="other",outcome="no_target"'),
                    "unknown model",
                ),
            ),
        ),
        Panel(
            "Configuration",
            "short",
            (
                (
                    f"max by (version, revision) (llm_router_build_info{{{_JOB}}})",
                    "{{version}}, revision {{revision}}",
                ),
                (
                    f"min(llm_router_config_last_reload_successful{{{_JOB}}})",
                    "last reload succeeded",
                ),
            ),
            kind="stat",
        ),
    ),
    "Machine": (
        Panel(
            "CPU",
            "percentunit",
            ((f"sum by (instance) (rate(process_cpu_seconds_total{{{_JOB}}}[$__rate_interval]))",
              "{{instance}}"),),
        ),
        Panel(
            "Resident memory",
            "bytes",
            ((f"sum by (instance) (process_resident_memory_bytes{{{_JOB}}})", "{{instance}}"),),
        ),
        Panel(
            "Event-loop lag",
            "s",
            _quantiles("event_loop_lag", _JOB),
            about="Over 40 ms at p99: add a worker or an instance.",
        ),
        Panel(
            "Collection pauses",
            "s",
            (
                (
                    "histogram_quantile(0.99, "
                    + _rate("gc_pause_seconds_bucket", _JOB, "le, generation")
                    + ")",
                    "p99, generation {{generation}}",
                ),
            ),
        ),
        Panel(
            "Open files",
            "short",
            ((f"sum by (instance) (process_open_fds{{{_JOB}}})", "{{instance}}"),),
            about="One for each connection of a caller and to a provider.",
        ),
        Panel(
            "Log lines lost",
            "short",
            (
                (
                    f"sum(increase(llm_router_log_lines_lost_total{{{_JOB}}}[$__rate_interval]))",
                    "lost",
                ),
            ),
        ),
        Panel(
            "Workers",
            "short",
            (
                (f"sum by (instance) (llm_router_worker_up{{{_JOB}}})", "{{instance}}: up"),
                (
                    "sum by (instance) (increase("
                    f"llm_router_worker_restarts_total{{{_JOB}}}[$__rate_interval]))",
                    "{{instance}}: started again",
                ),
            ),
            about="Of gateways with several.",
        ),
        Panel(
            "Spans that the receiver did not get",
            "short",
            (
                (
                    "sum by (instance) (rate("
                    f"llm_router_spans_dropped_total{{{_JOB}}}[$__rate_interval]))",
                    "{{instance}}",
                ),
            ),
            about="A second, of gateways that tell traces.",
        ),
    ),
}  # fmt: skip

ANNOTATIONS: Final = (
    ("Configuration reloaded", "blue",
     f'sum by (result) (changes(llm_router_config_reloads_total{{{_JOB}}}[$__interval])) > 0'),
    ("Target set aside", "red",
     f"llm_router_target_availability{{{_TARGET}}} == 0"),
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
            ]
        },
        "panels": panels,
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(dashboard(), indent=2) + "\n", "utf-8")
