"""gateway.dispatch.exchange and attempt_record: what is on record of a request and its attempts, at
each moment of them.
"""

import pytest

from gateway.dispatch.attempt_record import Attempt
from gateway.dispatch.attempt_result import AttemptResult
from gateway.dispatch.exchange import Exchange
from gateway.routing.candidates import Candidate
from tests.serving import POLICY, config_of
from translators.notes import Note

DROPPED = Note("dropped", "seed", "it has none")
CAPPED = Note("changed", "max_tokens", "the persona allows less")


@pytest.fixture
def exchange() -> Exchange:
    exchange = Exchange("r-1", "chat", lambda: 10.0)
    exchange.set_params("report", (CAPPED,))
    return exchange


@pytest.fixture
def attempt() -> Attempt:
    config = config_of(POLICY, {"OPENAI_API_KEY": "k"})
    ref = config.personas["on_openai"].targets[0]
    provider = config.providers[ref.provider]
    candidate = Candidate(ref, provider, provider.models[ref.model])
    return Attempt(candidate, "first", provider.timeouts, lambda: 10.0, 100.0, 9.0, 9.0, (CAPPED,))


def test_notes_of_a_failed_attempt_are_on_record(exchange: Exchange, attempt: Attempt) -> None:
    attempt.add_notes((DROPPED,))
    exchange.ended(attempt, "timeout", None)
    assert exchange.notes == (CAPPED, DROPPED)
    assert [(event.outcome, event.seconds) for event in exchange.attempts] == [("timeout", 1.0)]


def test_a_corrected_request_makes_its_own_notes(exchange: Exchange, attempt: Attempt) -> None:
    attempt.add_notes((DROPPED,))
    attempt.clear_notes()
    exchange.ended(attempt, "ok", 200)
    assert exchange.notes == (CAPPED,)


def test_the_result_of_the_attempt_that_won_is_what_is_shown(
    exchange: Exchange, attempt: Attempt
) -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    attempt.record_result(
        AttemptResult({}, "m-1", usage, "stop", (DROPPED,), ("empty_output",), None, 9)
    )
    exchange.ended(attempt, "ok", 200)
    exchange.won(attempt)
    assert (exchange.model, exchange.usage, exchange.finish_reason) == ("m-1", usage, "stop")
    headers = exchange.headers()
    assert headers["x-llm-router-model"] == "m-1"
    assert headers["x-llm-router-warning"] == "empty_output"
    assert headers["x-llm-router-billed-prompt-tokens"] == "9"
    assert headers["x-llm-router-dropped-params"] == "max_tokens=changed, seed"


def test_usage_and_finish_reason_of_a_stream_are_known_at_its_end(
    exchange: Exchange, attempt: Attempt
) -> None:
    attempt.record_result(AttemptResult({}, "m-1", None, None, ()))
    exchange.won(attempt)
    attempt.record_stream_end({"prompt_tokens": 3}, "stop")
    assert (exchange.usage, exchange.finish_reason) == ({"prompt_tokens": 3}, "stop")


def test_usage_of_a_resumed_answer_is_the_sum_of_its_parts(
    exchange: Exchange, attempt: Attempt
) -> None:
    exchange.record_resumption(attempt.candidate, 12, {"prompt_tokens": 3})
    exchange.won(attempt)
    attempt.record_stream_end({"prompt_tokens": 4}, "stop")
    assert exchange.usage == {"prompt_tokens": 7}
    assert exchange.resumed == [{"provider": "openai", "model": "gpt-4.1", "after_characters": 12}]


def test_the_first_failure_of_an_answer_names_its_outcome(exchange: Exchange) -> None:
    exchange.mark_aborted()
    exchange.record_end(exchange.outcome, 502, "upstream_error")
    assert (exchange.outcome, exchange.status, exchange.error_code) == (
        "stream_aborted",
        502,
        "upstream_error",
    )
