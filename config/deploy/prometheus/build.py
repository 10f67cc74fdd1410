#!/usr/bin/env python3
"""Writes llm-router.rules.yaml, the alerts for Prometheus, from the table here.

A test evaluates every expression against a Prometheus that scrapes a running gateway, and lets
promtool say of each alert when it fires.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

FILE: Final = Path(__file__).with_name("llm-router.rules.yaml")

FAILED: Final = 'outcome=~"upstream_error|no_target|stream_aborted|internal_error",persona!="other"'
"""What a caller sees as a failure of the service: 5xx answers and streams that broke. Of persona
"other" are requests for models that nobody knows: the caller's fault.
"""


class Alert(NamedTuple):
    """One alert: it fires while `value` is `bound`, and has been for `lasting`."""

    name: str
    value: str
    bound: str
    lasting: str
    severity: str
    summary: str
    unless: str = ""
    """PromQL that must hold too, with its `and`; or that is enough, with its `or`."""

    @property
    def expression(self) -> str:
        return " ".join(filter(None, (f"({self.value})", self.bound, self.unless)))


def _failed(window: str) -> str:
    return (
        f"(sum(rate(llm_router_requests_total{{{FAILED}}}[{window}])) or vector(0))"
        f" / sum(rate(llm_router_requests_total[{window}]))"
    )


def _first_content(window: str) -> str:
    bucket = f"rate(llm_router_time_to_first_chunk_seconds_bucket[{window}])"
    return f"histogram_quantile(0.95, sum by (le, persona) ({bucket}))"


def _burning(long: str, short: str, times: float) -> tuple[str, str, str]:
    bound = f"{times * 0.005:.4g}"
    return _failed(long), f"> {bound}", f"and ({_failed(short)}) > {bound}"


_FAST: Final = _burning("1h", "5m", 14.4)
_SLOW: Final = _burning("6h", "30m", 6)

ALERTS: Final = (
    Alert(
        "RouterErrorsHigh", _failed("5m"), "> 0.02", "5m", "page",
        "{{ $value | humanizePercentage }} of requests fail for callers.",
        "and sum(rate(llm_router_requests_total[5m])) > 0.2",
    ),
    Alert(
        "RouterErrorBudgetBurnFast", _FAST[0], _FAST[1], "0m", "page",
        "A month's error budget (99.5 %) would be spent in two days.", _FAST[2],
    ),
    Alert(
        "RouterErrorBudgetBurnSlow", _SLOW[0], _SLOW[1], "0m", "page",
        "A month's error budget (99.5 %) would be spent in five days.", _SLOW[2],
    ),
    Alert(
        "RouterPersonaUnserved", "max by (persona) (llm_router_persona_availability)", "== 0",
        "1m", "page", "No target of persona {{ $labels.persona }} may be sent to.",
    ),
    Alert(
        "RouterSlowFirstContent", _first_content("10m"), "> 5", "10m", "ticket",
        "Persona {{ $labels.persona }} takes {{ $value | humanizeDuration }} to its first content.",
        f"and ({_first_content('10m')}) > 3 * ({_first_content('7d')})",
    ),
    Alert(
        "RouterTargetAside", "avg by (provider, model) (llm_router_target_availability)", "== 0",
        "10m", "ticket", "{{ $labels.provider }}/{{ $labels.model }} is set aside.",
    ),
    Alert(
        "RouterKeyRefused", "avg by (provider, variable) (llm_router_key_availability)", "== 0",
        "1m", "ticket", "The key in {{ $labels.variable }} is refused or has no quota left.",
    ),
    Alert(
        "RouterFailoverStorm",
        "sum(rate(llm_router_extra_attempts_total[10m]))"
        " / sum(rate(llm_router_requests_total[10m]))",
        "> 0.2", "10m", "ticket", "{{ $value | humanizePercentage }} attempts a request beside the"
        " first.",
    ),
    Alert(
        "RouterSaturated",
        "histogram_quantile(0.99, sum by (le, instance)"
        " (rate(llm_router_event_loop_lag_seconds_bucket[5m])))",
        "> 0.1", "5m", "page", "The event loop of {{ $labels.instance }} runs late: add instances.",
    ),
    Alert(
        "RouterReloadFailed", "min by (instance) (llm_router_config_last_reload_successful)",
        "== 0", "2m", "ticket", "{{ $labels.instance }} cannot use its configuration files.",
    ),
    Alert(
        "RouterSpendFast", "sum(increase(llm_router_cost_usd_total[1h]))", "> 10", "15m", "ticket",
        "{{ $value | humanize }} USD in an hour, three times that of a week ago.",
        "and sum(increase(llm_router_cost_usd_total[1h]))"
        " > 3 * sum(increase(llm_router_cost_usd_total[1h] offset 1w))",
    ),
    Alert(
        "RouterLimitNear",
        'max by (scope, limit) (llm_router_limit_used_ratio{limit=~"usd.*"})', "> 0.9", "5m",
        "info", "{{ $value | humanizePercentage }} of {{ $labels.limit }} of {{ $labels.scope }}"
        " is used.",
    ),
    Alert(
        "RouterLedgerBehind", "max by (instance) (llm_router_journal_age_seconds)", "> 60",
        "2m", "page", "{{ $labels.instance }} cannot write what was used into the ledger.",
        "or min by (instance) (llm_router_store_up) == 0",
    ),
    Alert(
        "RouterLedgerBacklog", "max by (instance) (llm_router_journal_backlog_rows)", "> 100000",
        "5m", "ticket", "{{ $value }} requests wait in the journal of {{ $labels.instance }}.",
    ),
    Alert(
        "RouterSharingDown", "min by (instance) (llm_router_store_shared_up)", "== 0", "5m",
        "ticket", "{{ $labels.instance }} shares nothing with other instances.",
    ),
    Alert(
        "RouterRevisionsDiffer", "max(llm_router_revisions)", "> 1", "10m", "ticket",
        "Instances serve {{ $value }} revisions of the configuration.",
    ),
    Alert(
        "RouterUnpriced",
        "sum by (provider, model) (increase(llm_router_unpriced_requests_total[15m]))", "> 0",
        "15m", "info", "{{ $labels.provider }}/{{ $labels.model }} has no price in the"
        " capabilities.",
    ),
    Alert(
        "RouterWorkerRestarting", "sum(increase(llm_router_worker_restarts_total[10m]))", "> 3",
        "0m", "page", "Workers end and are started again.",
    ),
    Alert(
        "RouterLogLinesLost", "sum by (instance) (increase(llm_router_log_lines_lost_total[15m]))",
        "> 0", "0m", "info", "Who reads the log of {{ $labels.instance }} is too slow.",
    ),
    Alert(
        "RouterCacheStoreFailing",
        "sum by (instance) (increase(llm_router_response_cache_store_errors_total[15m]))", "> 0",
        "15m", "info", "{{ $labels.instance }} keeps answers in memory alone: the store is away.",
    ),
)  # fmt: skip


def rules(alerts: Sequence[Alert] = ALERTS) -> str:
    """These as YAML that needs no library to write: strings as JSON writes them."""
    lines = [
        "# Written by build.py beside it. What to do at each alert: config/deploy/ALERTS.md.",
        "groups:",
        "  - name: llm-router",
        "    rules:",
    ]
    for alert in alerts:
        lines += [
            f"      - alert: {alert.name}",
            f"        expr: {json.dumps(alert.expression)}",
            f"        for: {alert.lasting}",
            f"        labels: {{severity: {alert.severity}}}",
            "        annotations:",
            f"          summary: {json.dumps(alert.summary)}",
            f"          runbook: config/deploy/ALERTS.md#{alert.name.lower()}",
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    FILE.write_text(rules(), "utf-8")
