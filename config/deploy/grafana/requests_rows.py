"""Rows of the dashboard that tell of callers' requests: how they went, and what they cost."""

from typing import Final

from queries import FAILED, JOB, MINE, SERVED, TARGET, Panel, quantiles, rate

ROWS: Final[dict[str, tuple[Panel, ...]]] = {
    "Is it well?": (
        Panel(
            "Requests",
            "reqps",
            ((rate("requests_total", by="outcome"), "{{outcome}}"),),
            stacked=True,
        ),
        Panel(
            "Failures that callers see",
            "percentunit",
            (
                (
                    f"(sum (rate(llm_router_requests_total{{{MINE},{FAILED}}}[$__rate_interval]))"
                    f" or vector(0)) / {rate('requests_total')}",
                    "failed",
                ),
            ),
            about="5xx answers and streams that broke, of all requests.",
        ),
        Panel("Duration", "s", quantiles("request_duration")),
        Panel("First content of streams", "s", quantiles("time_to_first_chunk")),
        Panel(
            "Waits within streams",
            "s",
            quantiles("time_per_output_chunk", SERVED),
            about="Between two pieces of an answer: a stall that callers see.",
        ),
        Panel(
            "Streams",
            "Bps",
            ((rate("stream_bytes_total", SERVED, "target"), "{{target}}"),),
            stacked=True,
        ),
        Panel(
            "In flight and waiting",
            "short",
            (
                (f"sum(llm_router_in_flight_requests{{{JOB}}})", "in flight"),
                (f"sum(llm_router_waiting_requests{{{JOB}}}) or vector(0)", "waiting"),
            ),
        ),
        Panel(
            "Own time",
            "s",
            quantiles("overhead", JOB),
            about="Time of a JSON request that was not spent waiting for providers.",
        ),
    ),
    "What went wrong, unseen": (
        Panel(
            "Attempts beside the first",
            "reqps",
            ((rate("extra_attempts_total", by="why"), "{{why}}"),),
            stacked=True,
        ),
        Panel(
            "Failed attempts by target",
            "reqps",
            (
                (
                    rate(
                        "upstream_attempts_total",
                        f'{TARGET},outcome!~"ok|cancelled"',
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
                    f"avg by (provider, model) (llm_router_target_availability{{{TARGET}}})",
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
                    f"avg by (provider, variable) (llm_router_key_availability{{{TARGET}}})",
                    "{{provider}}: {{variable}}",
                ),
            ),
            kind="state-timeline",
        ),
        Panel(
            "Hedges won, streams resumed",
            "reqps",
            (
                (f"{rate('hedges_won_total')} or vector(0)", "hedges won"),
                (f"{rate('streams_resumed_total')} or vector(0)", "streams resumed"),
            ),
        ),
        Panel(
            "Aborted streams",
            "reqps",
            ((rate("stream_aborted_total", JOB, "reason"), "{{reason}}"),),
            stacked=True,
        ),
    ),
    "What it costs": (
        Panel(
            "USD an hour, by persona",
            "currencyUSD",
            ((f"{rate('cost_usd_total', by='persona')} * 3600", "{{persona}}"),),
            stacked=True,
        ),
        Panel(
            "USD an hour, by model",
            "currencyUSD",
            (
                (
                    f"{rate('cost_usd_total', by='provider, model')} * 3600",
                    "{{provider}}/{{model}}",
                ),
            ),
            stacked=True,
        ),
        Panel(
            "Tokens",
            "short",
            ((rate("tokens_total", by="kind"), "{{kind}}"),),
            about="A second, as providers counted them.",
        ),
        Panel(
            "Prompt tokens from the provider's cache",
            "percentunit",
            (
                (
                    rate("tokens_total", f'{MINE},kind="cached"')
                    + " / "
                    + rate("tokens_total", f'{MINE},kind="prompt"'),
                    "cached",
                ),
            ),
        ),
        Panel(
            "Tokens from and into caches",
            "short",
            ((rate("cache_tokens_total", SERVED, "kind, target"), "{{target}}: {{kind}}"),),
            about="A second. Reading is cheaper than a fresh prompt, writing is dearer.",
        ),
        Panel(
            "USD for 1,000 requests",
            "currencyUSD",
            (
                (
                    f"1000 * {rate('cost_usd_total', by='persona')}"
                    f" / {rate('requests_total', by='persona')}",
                    "{{persona}}",
                ),
            ),
        ),
        Panel(
            "Answers without a price",
            "reqps",
            (
                (
                    rate("unpriced_requests_total", by="provider, model"),
                    "{{provider}}/{{model}}",
                ),
            ),
        ),
    ),
}
