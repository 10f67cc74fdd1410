"""gateway.telemetry.metrics: closed label sets, both exposition formats."""

from typing import Final, cast

from gateway.telemetry.events import RequestEnded, TraceSource, Usage
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.multiprocess import exposition, merged
from gateway.telemetry.trace_context import RequestTrace, TraceContext
from tests.telemetry.test_events_and_logs import ATTEMPT, ENDED
from translators.json_codec import dumps, loads

OPEN_METRICS: Final = "application/openmetrics-text; version=1.0.0"


def metrics() -> Metrics:
    return Metrics(["p"], [("claude", "opus")], ["seed"])


async def series(measured: Metrics) -> list[str]:
    text, _ = await measured.scrape("")
    return [line for line in text.decode().splitlines() if not line.startswith("#")]


async def test_a_request_is_counted() -> None:
    measured = metrics()
    measured.on_event(ATTEMPT)
    measured.on_event(ENDED)
    lines = await series(measured)
    assert (
        'llm_router_requests_total{model="opus",outcome="ok",persona="p",provider="claude"} 1.0'
        in lines
    )
    assert (
        'llm_router_upstream_attempts_total{model="opus",outcome="ok",provider="claude"} 1.0'
        in lines
    )
    assert (
        'llm_router_tokens_total{kind="prompt",model="opus",persona="p",provider="claude"} 3.0'
        in lines
    )
    assert 'llm_router_cost_usd_total{model="opus",persona="p",provider="claude"} 5.6e-05' in lines
    assert 'llm_router_dropped_params_total{param="seed",provider="claude"} 1.0' in lines
    assert (
        'llm_router_time_to_first_chunk_seconds_count{persona="p",provider="claude"} 1.0' in lines
    )


async def test_ten_thousand_random_names_add_no_series() -> None:
    measured = metrics()
    strange = ENDED._replace(persona="x", provider="y", model="z", dropped=("zap",))
    measured.on_event(strange)
    measured.on_event(ATTEMPT._replace(provider="y", outcome="weird"))
    before = len(await series(measured))
    for i in range(10_000):
        measured.on_event(
            strange._replace(persona=f"persona-{i}", model=f"m{i}", dropped=(f"param{i}",))
        )
        measured.on_event(ATTEMPT._replace(provider=f"p{i}", outcome=f"o{i}"))
    lines = await series(measured)
    assert len(lines) == before
    assert (
        'llm_router_requests_total{model="other",outcome="ok",persona="other",provider="other"}'
        " 10001.0" in lines
    )


async def test_an_answer_of_a_model_without_a_price_is_counted_as_unpriced() -> None:
    measured = metrics()
    measured.on_event(ENDED)
    measured.on_event(ENDED._replace(cost_nano_usd=None))
    labels = 'model="opus",persona="p",provider="claude"'
    assert f"llm_router_unpriced_requests_total{{{labels}}} 1.0" in await series(measured)


async def test_an_aborted_stream_says_why() -> None:
    measured = metrics()
    measured.on_event(
        ENDED._replace(outcome="stream_aborted", attempts=(ATTEMPT._replace(outcome="truncated"),))
    )
    assert 'llm_router_stream_aborted_total{reason="truncated"} 1.0' in await series(measured)


async def test_openmetrics_for_who_accepts_it() -> None:
    plain, plain_type = await metrics().scrape("text/plain")
    openmetrics, openmetrics_type = await metrics().scrape(
        "application/openmetrics-text; version=1.0.0"
    )
    assert plain_type.startswith("text/plain")
    assert openmetrics_type.startswith("application/openmetrics-text")
    assert openmetrics.endswith(b"# EOF\n")
    assert not plain.endswith(b"# EOF\n")


def cached(read: int, written: int) -> RequestEnded:
    return ENDED._replace(usage=Usage(prompt=30, cached=read, completion=2, written=written))


async def test_tokens_read_from_caches_and_written_to_them_are_counted() -> None:
    measured = metrics()
    measured.on_event(cached(0, 0))
    assert [line for line in await series(measured) if "cache_tokens" in line] == []
    measured.on_event(cached(20, 0))
    measured.on_event(cached(3, 9))
    labels = 'persona="p",target="claude/opus"'
    assert [line for line in await series(measured) if "cache_tokens_total{" in line] == [
        f'llm_router_cache_tokens_total{{kind="read",{labels}}} 23.0',
        f'llm_router_cache_tokens_total{{kind="write",{labels}}} 9.0',
    ]


class Told:
    """Stands for traces that are told to somebody."""

    exported = dropped = 0


def traced(trace_id: str, seconds: float, sampled: bool = True) -> RequestEnded:
    context = TraceContext(trace_id, "b" * 16, sampled=sampled)
    return ENDED._replace(trace=RequestTrace(context, "/v1/chat/completions"), seconds=seconds)


async def exemplars(measured: Metrics, accept: str = OPEN_METRICS) -> list[str]:
    text, _ = await measured.scrape(accept)
    return [
        line.partition(" # ")[2].rpartition(" ")[0]
        for line in text.decode().splitlines()
        if line.startswith("llm_router_request_duration_seconds_bucket") and " # " in line
    ]


async def test_with_traces_the_newest_of_each_bucket_is_an_exemplar() -> None:
    measured = metrics()
    measured.tell_spans(cast(TraceSource, Told()))
    for trace_id, seconds, sampled in (
        ("1" * 32, 0.2, True),
        ("2" * 32, 0.21, True),
        ("3" * 32, 0.22, False),
        ("4" * 32, 2.0, True),
    ):
        measured.on_event(traced(trace_id, seconds, sampled))
    assert await exemplars(measured) == [
        f'{{trace_id="{"2" * 32}"}} 0.21',
        f'{{trace_id="{"4" * 32}"}} 2.0',
    ]
    assert await exemplars(measured, "") == []


async def test_without_traces_there_are_no_exemplars() -> None:
    measured = metrics()
    measured.on_event(traced("1" * 32, 0.2))
    assert await exemplars(measured) == []


async def test_of_several_workers_the_newest_exemplar_is_told() -> None:
    workers = [metrics(), metrics()]
    for worker, trace_id in zip(workers, ("1" * 32, "2" * 32), strict=True):
        worker.tell_spans(cast(TraceSource, Told()))
        worker.on_event(traced(trace_id, 0.2))
    told = loads(dumps([await worker.snapshot() for worker in workers]))
    text, _ = exposition(merged(told), OPEN_METRICS)
    (line,) = (line for line in text.splitlines() if "request_duration" in line and " # " in line)
    assert line.startswith('llm_router_request_duration_seconds_bucket{le="0.25"')
    assert f'2.0 # {{trace_id="{"2" * 32}"}} 0.2 ' in line
