"""The metrics of several processes as one: counters and histograms are added up, each gauge by its
own rule.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from statistics import fmean
from typing import Any, Final

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import Exemplar, Sample
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

Snapshot = list[Any]
"""What a registry holds at one moment, as JSON can say it: a list of `[name, kind, help, [[sample,
labels, value], …]]`; behind the value of a bucket stands its exemplar, `[labels, value, when]`, if
it has one."""

GAUGES: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {
    "llm_router_in_flight_requests": sum,
    "llm_router_waiting_requests": sum,
    # Each worker sets aside by what it saw itself: together a target may get the mean of what each
    # would send it.
    "llm_router_target_availability": fmean,
    "llm_router_key_availability": fmean,
    "llm_router_health_check_up": min,
    "llm_router_config_last_reload_successful": min,
    "llm_router_persona_availability": fmean,
    "llm_router_build_info": max,
    "process_virtual_memory_bytes": sum,
    "process_resident_memory_bytes": sum,
    "process_start_time_seconds": max,
    "process_open_fds": sum,
    "process_max_fds": sum,
}
"""What a gauge is over several workers."""
LIMIT_GAUGES: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {
    "llm_router_limit_used_ratio": max,
    "llm_router_store_up": min,
    "llm_router_journal_backlog_rows": sum,
    "llm_router_journal_age_seconds": max,
    "llm_router_instances": max,
    "llm_router_revisions": max,
    "llm_router_store_shared_up": min,
    "llm_router_store_states_waiting": sum,
}
"""The same of those that there are only with limits, and so with a store."""
CACHE_GAUGES: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {
    "llm_router_response_cache_bytes": sum,
}
"""The same of those that there are only with a cache."""


def snapshot(registry: CollectorRegistry) -> Snapshot:
    return [
        [
            family.name,
            family.type,
            family.documentation,
            [_sample(sample) for sample in family.samples],
        ]
        for family in registry.collect()
    ]


def _sample(sample: Sample) -> list[Any]:
    told = [sample.name, sample.labels, sample.value]
    return told if sample.exemplar is None else [*told, [*sample.exemplar]]


def merged(live: Iterable[Snapshot], past: Iterable[Snapshot] = ()) -> Snapshot:
    """All of them as one. Of `past` ones, whose processes are gone or silent, only what was
    counted: their gauges hold no more.
    """
    families: dict[str, tuple[str, str, dict[tuple[Any, ...], list[list[Any]]]]] = {}
    for name, kind, documentation, samples in _families(live, past):
        _, _, series = families.setdefault(name, (kind, documentation, {}))
        for sample, labels, *told in samples:
            series.setdefault((sample, *labels.items()), []).append(told)
    return [
        [name, kind, documentation, _samples(name, kind, series)]
        for name, (kind, documentation, series) in families.items()
    ]


def _samples(name: str, kind: str, series: Mapping[tuple[Any, ...], list[list[Any]]]) -> list[Any]:
    return [
        [
            sample,
            dict(labels),
            _rule(name, kind, sample)([value for value, *_ in told]),
            *_newest([exemplar for _, *exemplars in told for exemplar in exemplars]),
        ]
        for (sample, *labels), told in series.items()
    ]


def _newest(exemplars: list[list[Any]]) -> list[list[Any]]:
    """The one of the latest request, alone in a list; no more than there are."""
    return [max(exemplars, key=itemgetter(2))] if exemplars else []


def _families(live: Iterable[Snapshot], past: Iterable[Snapshot]) -> Iterable[list[Any]]:
    for told in live:
        yield from told
    for told in past:
        yield from (family for family in told if family[1] != "gauge")


def _rule(name: str, kind: str, sample: str) -> Callable[[Sequence[float]], float]:
    if kind == "gauge":
        return GAUGES.get(name) or LIMIT_GAUGES.get(name) or CACHE_GAUGES[name]
    return min if sample.endswith("_created") else sum


def exposition(told: Snapshot, accept: str) -> tuple[str, str]:
    """The text for who accepts `accept`, and its content type."""
    encode, content_type = choose_encoder(accept)
    registry = CollectorRegistry()
    registry.register(_Told(told))
    return encode(registry).decode(), content_type


class _Told(Collector):
    def __init__(self, told: Snapshot) -> None:
        self._told = told

    def collect(self) -> Iterable[Metric]:
        for name, kind, documentation, samples in self._told:
            family = Metric(name, documentation, kind)
            for sample, labels, value, *exemplars in samples:
                exemplar = Exemplar(*exemplars[0]) if exemplars else None
                family.add_sample(sample, labels, value, exemplar=exemplar)
            yield family
