"""gateway.telemetry.key_metrics: by key and team, bounded, behind a switch."""

import subprocess
import sys
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from gateway.api.auth import read
from gateway.lint.advice import metrics_by_key
from gateway.telemetry.events import ConfigReloaded, Event, Usage
from gateway.telemetry.key_metrics import MOST, KeyMetrics
from tests.fakes import fake_upstream, json_answer, openai_completion
from tests.serving import POLICY, config_of, serving
from tests.telemetry.test_events_and_logs import ENDED

KEY: Final = "sk-mine"
ANSWERED: Final = ENDED._replace(
    key_id="abc", usage=Usage(prompt=7, completion=5), cost_nano_usd=250_000_000
)
SWITCHED: Final = POLICY.replace("server: {", "server: {metrics: {by_key: true}, ", 1)


def measured(*events: Event, teams: dict[str, str] | None = None) -> dict[str, float]:
    """Values by their names and labels."""
    metrics = KeyMetrics()
    if teams is not None:
        metrics.team_of = lambda key_id: teams.get(key_id, "")
    for event in events:
        metrics.on_event(event)
    return {
        f"{sample.name}{{{','.join(sample.labels.values())}}}": sample.value
        for family in metrics.collect()
        for sample in family.samples
    }


def test_a_request_is_counted_with_its_key_and_its_team() -> None:
    assert measured(ANSWERED, ANSWERED, teams={"abc": "blue"}) == {
        "llm_router_key_requests_total{abc,blue}": 2,
        "llm_router_key_failed_requests_total{abc,blue}": 0,
        "llm_router_key_input_tokens_total{abc,blue}": 14,
        "llm_router_key_output_tokens_total{abc,blue}": 10,
        "llm_router_key_cost_usd_total{abc,blue}": 0.5,
    }


def test_failures_that_a_caller_sees_are_told_apart() -> None:
    broken = ANSWERED._replace(outcome="stream_aborted")
    failed = ANSWERED._replace(status=502, outcome="upstream_error", usage=None)
    refused = ANSWERED._replace(status=429, outcome="refused", usage=None)
    found = measured(ANSWERED, broken, failed, refused)
    assert found["llm_router_key_requests_total{abc,none}"] == 4
    assert found["llm_router_key_failed_requests_total{abc,none}"] == 2


def test_requests_without_a_key_are_of_none() -> None:
    found = measured(ANSWERED._replace(key_id=None, usage=None, cost_nano_usd=None))
    assert found["llm_router_key_requests_total{none,none}"] == 1


def test_a_key_that_changes_its_team_is_counted_with_the_new_one_from_then_on() -> None:
    teams = {"abc": "blue"}
    metrics = KeyMetrics()
    metrics.team_of = teams.__getitem__
    metrics.on_event(ANSWERED)
    teams["abc"] = "green"
    metrics.on_event(ANSWERED)
    requests = next(iter(metrics.collect()))
    assert [(sample.labels["team"], sample.value) for sample in requests.samples] == [
        ("blue", 1),
        ("green", 1),
    ]


def test_each_metric_has_two_hundred_series_at_most() -> None:
    events = [ANSWERED._replace(key_id=f"k{n}") for n in range(3 * MOST)]
    found = measured(*events, teams={"k599": "blue"})
    assert len(found) == 5 * MOST
    assert found["llm_router_key_requests_total{other,other}"] == 3 * MOST - (MOST - 1)
    assert found["llm_router_key_requests_total{k0,none}"] == 1


def test_reloads_are_not_counted() -> None:
    assert measured(ConfigReloaded("watch", "changed", "a", "b", 0)) == {}


async def told(policy: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Lines of GET /metrics by key, after one request with a key of a team."""
    access = read({"LLM_ROUTER_API_KEYS": KEY})
    headers = {"authorization": f"Bearer {KEY}"}
    async with (
        fake_upstream(openai=json_answer(openai_completion())) as fake,
        serving({**fake.environ(), **environ}, policy, access=access) as running,
        aiohttp.ClientSession(running.url, headers=headers) as http,
    ):
        body = {"model": "on_openai", "messages": [{"role": "user", "content": "hi"}]}
        await (await http.post("/v1/chat/completions", json=body)).read()
        text = await (await http.get("/metrics")).text()
    lines = (line.rpartition(" ") for line in text.splitlines() if line[:15] == "llm_router_key_")
    return {name: value for name, _, value in lines if "availability" not in name}


async def test_they_are_there_where_the_policy_says_so(tmp_path: Path) -> None:
    name = sha256(KEY.encode()).hexdigest()[:8]
    teams = f'teams: {{blue: {{}}}}\nkeys: {{"{name}": {{team: blue}}}}\n'
    environ = {"LLM_ROUTER_STATE_DIR": str(tmp_path)}
    assert await told(POLICY, environ) == {}
    labels = f'{{key="{name}",team="none"}}'
    assert (await told(SWITCHED, environ))[f"llm_router_key_requests_total{labels}"] == "1.0"
    found = await told(SWITCHED.replace("personas:", f"{teams}personas:", 1), environ)
    assert found == {
        f'llm_router_key_{metric}{{key="{name}",team="blue"}}': value
        for metric, value in {
            "requests_total": "1.0",
            "failed_requests_total": "0.0",
            "input_tokens_total": "3.0",
            "output_tokens_total": "2.0",
            "cost_usd_total": "2.2e-05",
        }.items()
    }


def test_the_module_is_not_loaded_unless_it_is_asked_for() -> None:
    code = "import sys, gateway.app; print('gateway.telemetry.key_metrics' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert found.stdout == "False\n"


@pytest.mark.parametrize(("keys", "lines"), [(MOST - 1, 0), (MOST, 1)])
def test_more_keys_in_the_policy_than_have_series_are_worth_a_look(keys: int, lines: int) -> None:
    named = ", ".join(f"k{n}: {{}}" for n in range(keys))
    policy = SWITCHED.replace("personas:", f"keys: {{{named}}}\npersonas:", 1)
    assert len(list(metrics_by_key(config_of(policy, {})))) == lines
    assert list(metrics_by_key(config_of(policy.replace("by_key: true", ""), {}))) == []
