"""gateway.telemetry.metrics: closed label sets, both exposition formats."""

from gateway.telemetry.metrics import Metrics
from tests.telemetry.test_events_and_logs import ATTEMPT, ENDED


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
