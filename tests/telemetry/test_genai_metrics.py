"""gateway.telemetry.genai_metrics: names and labels of the conventions, closed, behind a switch."""

import subprocess
import sys
from typing import Final

import aiohttp

from gateway.telemetry.events import Event, Usage
from gateway.telemetry.genai_metrics import GenAiMetrics
from tests.fakes import fake_upstream, json_answer, openai_completion
from tests.serving import POLICY, Running, serving
from tests.telemetry.test_events_and_logs import ENDED

STREAM: Final = ENDED._replace(
    stream=True, seconds=3.0, first_chunk_seconds=1.0, usage=Usage(prompt=7, completion=5)
)
SWITCHED: Final = POLICY.replace("server: {", "server: {metrics: {gen_ai: true}, ", 1)


def measured(*events: Event) -> dict[str, float]:
    """Sums and counts by their names and labels."""
    metrics = GenAiMetrics()
    metrics.apply_config(["p"], [("claude", "opus")], {"claude": "https://api.anthropic.com"})
    for event in events:
        metrics.on_event(event)
    return {
        f"{sample.name}{{{','.join(sample.labels.values())}}}": sample.value
        for family in metrics.collect()
        for sample in family.samples
        if not sample.name.endswith("_bucket")
    }


def test_a_stream_is_told_in_the_words_of_the_conventions() -> None:
    labels = "chat,anthropic,p,opus,opus"
    assert measured(STREAM) == {
        f"gen_ai_client_token_usage_count{{{labels},input}}": 1,
        f"gen_ai_client_token_usage_sum{{{labels},input}}": 7,
        f"gen_ai_client_token_usage_count{{{labels},output}}": 1,
        f"gen_ai_client_token_usage_sum{{{labels},output}}": 5,
        f"gen_ai_server_request_duration_seconds_count{{{labels}}}": 1,
        f"gen_ai_server_request_duration_seconds_sum{{{labels}}}": 3.0,
        f"gen_ai_server_time_to_first_token_seconds_count{{{labels}}}": 1,
        f"gen_ai_server_time_to_first_token_seconds_sum{{{labels}}}": 1.0,
        f"gen_ai_server_time_per_output_token_seconds_count{{{labels}}}": 1,
        f"gen_ai_server_time_per_output_token_seconds_sum{{{labels}}}": 0.5,
    }


def test_what_no_provider_was_asked_for_is_not_told() -> None:
    assert measured(STREAM._replace(provider=None, model=None)) == {}


def test_names_that_are_not_in_the_configuration_are_other() -> None:
    strange = [STREAM._replace(persona=f"p{n}", provider=f"v{n}", model=f"m{n}") for n in range(99)]
    found = measured(*strange)
    assert found["gen_ai_server_request_duration_seconds_count{chat,other,other,other,other}"] == 99
    assert len(found) == 10


def test_embeddings_are_an_operation_of_their_own() -> None:
    found = measured(ENDED._replace(api="embeddings", stream=False, first_chunk_seconds=None))
    name = "gen_ai_server_request_duration_seconds_count{embeddings,anthropic,p,opus,opus}"
    assert found[name] == 1


async def names(running: Running) -> set[str]:
    """Families of the conventions, as GET /metrics tells them after one request."""
    async with aiohttp.ClientSession(running.url) as http:
        body = {"model": "on_openai", "messages": [{"role": "user", "content": "hi"}]}
        await (await http.post("/v1/chat/completions", json=body)).read()
        text = await (await http.get("/metrics")).text()
    types = (line.split() for line in text.splitlines() if line.startswith("# TYPE gen_ai_"))
    return {name for _, _, name, _ in types}


async def test_they_are_there_where_the_policy_says_so() -> None:
    answer = json_answer(openai_completion())
    async with fake_upstream(openai=answer) as fake:
        async with serving(fake.environ(), SWITCHED) as running:
            assert await names(running) == {
                "gen_ai_client_token_usage",
                "gen_ai_server_request_duration_seconds",
                "gen_ai_server_time_per_output_token_seconds",
                "gen_ai_server_time_to_first_token_seconds",
            }
        async with serving(fake.environ(), POLICY) as running:
            assert await names(running) == set()


def test_the_module_is_not_loaded_unless_it_is_asked_for() -> None:
    code = "import sys, gateway.app; print('gateway.telemetry.genai_metrics' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert found.stdout == "False\n"
