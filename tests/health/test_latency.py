"""gateway.health.latency: averages that forget, quantiles of the last answers."""

import math

import pytest

from gateway.health.latency import FEWEST_SAMPLES, MEMORY, SAMPLES, Ewma, Latency


def test_nothing_is_known_before_the_first_answer() -> None:
    latency = Latency()
    assert (
        latency.first_content(True, 0.0),
        latency.tokens_per_second(0.0),
        latency.quantile(True, 0.5),
    ) == (None, None, None)


def test_an_average_follows_what_it_sees() -> None:
    average = Ewma()
    average.observe(1.0, 0.0)
    assert average.value(0.0) == 1.0
    average.observe(2.0, 0.0)
    assert average.value(0.0) == pytest.approx(1.1), (
        "however close together, a new observation has a tenth of the weight"
    )
    for i in range(100):
        average.observe(2.0, i)
    assert average.value(100.0) == pytest.approx(2.0, rel=1e-3)


def test_after_a_long_silence_a_new_observation_counts_almost_alone() -> None:
    average = Ewma()
    average.observe(10.0, 0.0)
    average.observe(1.0, 10 * MEMORY)
    assert average.value(10 * MEMORY) == pytest.approx(1.0, abs=0.01)


def test_what_was_not_seen_for_long_fades_so_that_it_is_tried_again() -> None:
    average = Ewma()
    average.observe(10.0, 0.0)
    values = [average.value(now) or 0.0 for now in (0.0, MEMORY, 2 * MEMORY, 20 * MEMORY)]
    assert values[0] == values[1] == 10.0
    assert values[1] > values[2] > values[3]
    assert values[3] < 0.5


def test_streams_and_whole_answers_are_told_apart() -> None:
    latency = Latency()
    latency.observe(True, 0.2, 0.0)
    latency.observe(False, 5.0, 0.0)
    assert (latency.first_content(True, 0.0), latency.first_content(False, 0.0)) == (0.2, 5.0)


def test_the_rate_ignores_what_cannot_be_one() -> None:
    latency = Latency()
    latency.observe_rate(0, 1.0, 0.0)
    latency.observe_rate(10, 0.0, 0.0)
    assert latency.tokens_per_second(0.0) is None
    latency.observe_rate(100, 2.0, 0.0)
    assert latency.tokens_per_second(0.0) == 50.0


def test_quantiles_need_a_few_samples_and_look_at_the_last_ones() -> None:
    latency = Latency()
    for i in range(FEWEST_SAMPLES - 1):
        latency.observe(True, i, 0.0)
    assert latency.quantile(True, 0.5) is None
    latency.observe(True, FEWEST_SAMPLES - 1, 0.0)
    assert [latency.quantile(True, share) for share in (0.5, 0.9, 0.95, 0.99, 1.0)] == [
        9,
        17,
        18,
        19,
        19,
    ]
    for _ in range(SAMPLES):
        latency.observe(True, 7.0, 0.0)
    assert latency.quantile(True, 0.01) == latency.quantile(True, 0.99) == 7.0


def test_a_quantile_is_that_of_the_last_answers_whenever_it_was_asked_before() -> None:
    latency = Latency()
    seen: list[float] = []
    for number in range(3 * SAMPLES):
        seconds = (number * 37 % 11) / 7.0
        latency.observe(True, seconds, float(number))
        seen.append(seconds)
        if number % 5 == 0 and number > FEWEST_SAMPLES:
            ordered = sorted(seen[-SAMPLES:])
            assert latency.quantile(True, 0.5) == ordered[math.ceil(0.5 * len(ordered)) - 1]
    assert latency.quantile(False, 0.5) is None
