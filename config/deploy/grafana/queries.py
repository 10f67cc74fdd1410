"""What a panel of the dashboard is, and the PromQL that panels have in common."""

from typing import Final, NamedTuple

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


MINE: Final = 'job=~"$job",persona=~"$persona"'
JOB: Final = 'job=~"$job"'
SERVED: Final = f'{MINE},target=~"$target"'
"""Of metrics that name a target as one word, `provider/model`."""
TARGET: Final = 'job=~"$job",provider=~"$provider"'


def rate(metric: str, labels: str = MINE, by: str = "") -> str:
    grouped = f" by ({by})" if by else ""
    return f"sum{grouped} (rate(llm_router_{metric}{{{labels}}}[$__rate_interval]))"


def quantile(q: float, metric: str, labels: str = MINE) -> str:
    return f"histogram_quantile({q}, {rate(f'{metric}_seconds_bucket', labels, 'le')})"


def quantiles(metric: str, labels: str = MINE) -> tuple[tuple[str, str], ...]:
    return tuple((quantile(q, metric, labels), f"p{q * 100:g}") for q in (0.5, 0.95, 0.99))
