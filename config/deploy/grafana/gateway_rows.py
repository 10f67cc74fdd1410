"""Rows of the dashboard that tell of the gateway: its limits, its cache, what it changed in
requests, and the machine.
"""

from typing import Final

from queries import JOB, MINE, TARGET, Panel, quantiles, rate

_REQUESTS: Final = "hit|waited|miss|bypass"

ROWS: Final[dict[str, tuple[Panel, ...]]] = {
    "Limits": (
        Panel(
            "Used part of limits",
            "percentunit",
            (
                (
                    f"topk(10, max by (scope, limit) (llm_router_limit_used_ratio{{{JOB}}}))",
                    "{{scope}}: {{limit}}",
                ),
            ),
            about="The ten highest of the policy's limits, with what running requests hold.",
        ),
        Panel(
            "Refused by a limit",
            "reqps",
            ((rate("limit_rejections_total", JOB, "scope, on"), "{{scope}}: {{on}}"),),
            stacked=True,
        ),
        Panel(
            "Store of limits",
            "short",
            ((f"min by (instance) (llm_router_store_up{{{JOB}}})", "{{instance}}"),),
            about="0 while it cannot be used.",
        ),
        Panel("Store's operations", "s", quantiles("store_op", JOB)),
        Panel(
            "Ended and not yet in the ledger",
            "short",
            ((f"sum(llm_router_journal_backlog_rows{{{JOB}}})", "requests"),),
        ),
        Panel(
            "The oldest of them",
            "s",
            (
                (
                    f"max by (instance) (llm_router_journal_age_seconds{{{JOB}}})",
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
                    rate("response_cache_total", f'{MINE},result=~"{_REQUESTS}"', "result"),
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
                    rate("response_cache_total", f'{MINE},result=~"hit|waited"', "persona")
                    + " / "
                    + rate("response_cache_total", f'{MINE},result=~"{_REQUESTS}"', "persona"),
                    "{{persona}}",
                ),
            ),
        ),
        Panel(
            "Answers kept in memory",
            "bytes",
            ((f"sum by (persona) (llm_router_response_cache_bytes{{{MINE}}})", "{{persona}}"),),
            stacked=True,
        ),
        Panel(
            "What became of answers",
            "reqps",
            (
                (
                    rate(
                        "response_cache_total",
                        f'{MINE},result=~"stored|unstored|evicted"',
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
            ((rate("response_cache_store_errors_total", JOB, "instance"), "{{instance}}"),),
        ),
    ),
    "Truth": (
        Panel(
            "Dropped parameters",
            "reqps",
            (
                (
                    rate("dropped_params_total", TARGET, "param, provider"),
                    "{{provider}}: {{param}}",
                ),
            ),
        ),
        Panel(
            "Requests refused to callers",
            "reqps",
            (
                (
                    rate(
                        "requests_total",
                        f'{MINE},outcome=~"invalid_request|not_authorized|refused"',
                        "outcome",
                    ),
                    "{{outcome}}",
                ),
                (
                    rate("requests_total", f'{JOB},persona="other",outcome="no_target"'),
                    "unknown model",
                ),
            ),
        ),
        Panel(
            "Configuration",
            "short",
            (
                (
                    f"max by (version, revision) (llm_router_build_info{{{JOB}}})",
                    "{{version}}, revision {{revision}}",
                ),
                (
                    f"min(llm_router_config_last_reload_successful{{{JOB}}})",
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
            ((f"sum by (instance) (rate(process_cpu_seconds_total{{{JOB}}}[$__rate_interval]))",
              "{{instance}}"),),
        ),
        Panel(
            "Resident memory",
            "bytes",
            ((f"sum by (instance) (process_resident_memory_bytes{{{JOB}}})", "{{instance}}"),),
        ),
        Panel(
            "Event-loop lag",
            "s",
            quantiles("event_loop_lag", JOB),
            about="Over 40 ms at p99: add a worker or an instance.",
        ),
        Panel(
            "Collection pauses",
            "s",
            (
                (
                    "histogram_quantile(0.99, "
                    + rate("gc_pause_seconds_bucket", JOB, "le, generation")
                    + ")",
                    "p99, generation {{generation}}",
                ),
            ),
        ),
        Panel(
            "Open files",
            "short",
            ((f"sum by (instance) (process_open_fds{{{JOB}}})", "{{instance}}"),),
            about="One for each connection of a caller and to a provider.",
        ),
        Panel(
            "Log lines lost",
            "short",
            (
                (
                    f"sum(increase(llm_router_log_lines_lost_total{{{JOB}}}[$__rate_interval]))",
                    "lost",
                ),
            ),
        ),
        Panel(
            "Workers",
            "short",
            (
                (f"sum by (instance) (llm_router_worker_up{{{JOB}}})", "{{instance}}: up"),
                (
                    "sum by (instance) (increase("
                    f"llm_router_worker_restarts_total{{{JOB}}}[$__rate_interval]))",
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
                    f"llm_router_spans_dropped_total{{{JOB}}}[$__rate_interval]))",
                    "{{instance}}",
                ),
            ),
            about="A second, of gateways that tell traces.",
        ),
    ),
}  # fmt: skip
