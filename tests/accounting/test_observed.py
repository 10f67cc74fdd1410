"""gateway.accounting.observed: averages that stay in their bounds whatever providers count."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.accounting.observed import CAPACITY, DEFAULT_OUTPUT, Learned


def usage(prompt: int, completion: int, cached: int = 0) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "prompt_tokens_details": {"cached_tokens": cached},
    }


def test_nothing_seen_nothing_assumed() -> None:
    learned = Learned()
    assert learned.factor("openai/a") == 1.0
    assert learned.expected_output("p", "openai/a") == DEFAULT_OUTPUT == 500
    assert learned.cached_share("p", "openai/a") == 0.0


def test_the_factor_comes_near_to_what_is_counted() -> None:
    """From its starting value by and by, each target for itself."""
    learned = Learned()
    path = []
    for _ in range(60):
        learned.observe("p", "claude/a", 10_000, usage(13_000, 10))
        path.append(learned.factor("claude/a"))
    assert path == sorted(path)
    assert path[0] == pytest.approx(1.06)
    assert path[-1] == pytest.approx(1.3, abs=0.01)
    assert learned.factor("claude/b") == 1.0


def test_it_follows_a_change() -> None:
    learned = Learned()
    for prompt in [13_000] * 200 + [8_000] * 100:
        learned.observe("p", "t/a", 10_000, usage(prompt, 10))
    assert learned.factor("t/a") == pytest.approx(0.8, abs=0.01)


def test_a_short_prompt_moves_the_factor_less() -> None:
    short, long = Learned(), Learned()
    short.observe("p", "t/a", 10, usage(20, 1))
    long.observe("p", "t/a", 10_000, usage(20_000, 1))
    assert 1.0 < short.factor("t/a") < 1.01 < long.factor("t/a")


def test_a_target_never_tried_is_expected_to_answer_like_the_others_of_the_persona() -> None:
    learned = Learned()
    learned.observe("short", "t/a", None, usage(10, 20))
    learned.observe("long", "t/a", None, usage(10, 4000))
    assert (
        learned.expected_output("short", "t/a") == learned.expected_output("short", "t/new") == 20
    )
    assert learned.expected_output("long", "t/new") == 4000
    assert learned.expected_output("other", "t/a") == DEFAULT_OUTPUT


def test_the_cached_share() -> None:
    learned = Learned()
    learned.observe("p", "t/a", None, usage(1000, 1, cached=800))
    learned.observe("p", "t/a", None, usage(1000, 1, cached=400))
    assert learned.cached_share("p", "t/a") == pytest.approx(0.6)
    assert learned.cached_share("p", "t/b") == 0.0


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"prompt_tokens": None},
        {"prompt_tokens": "7", "completion_tokens": 1.5},
        {"prompt_tokens": True},
    ],
)
def test_what_is_no_count_teaches_nothing(odd: dict[str, Any]) -> None:
    learned = Learned()
    learned.observe("p", "t/a", 1000, odd)
    assert len(learned) == 0


ANYTHING = st.one_of(
    st.integers(-10, 10**6),
    st.sampled_from([None, True, "7", 1.5, float("nan"), [], {}, 10**9, 10**400, -(10**400)]),
)
USAGE = st.fixed_dictionaries(
    {"prompt_tokens": ANYTHING, "completion_tokens": ANYTHING},
    optional={
        "prompt_tokens_details": st.one_of(
            ANYTHING, st.fixed_dictionaries({"cached_tokens": ANYTHING})
        )
    },
)


@given(
    st.lists(
        st.tuples(st.one_of(st.none(), st.integers(-10, 10**6), st.just(10**400)), USAGE),
        max_size=30,
    )
)
def test_bounds_hold_for_whatever_is_counted(
    observations: list[tuple[int | None, dict[str, Any]]],
) -> None:
    learned = Learned()
    for estimated, counted in observations:
        learned.observe("p", "t/a", estimated, counted)
        assert 0.5 <= learned.factor("t/a") <= 2.0
        assert 0.0 <= learned.cached_share("p", "t/a") <= 1.0
        assert learned.expected_output("p", "t/a") >= 0


def test_memory_is_bounded_and_the_longest_unseen_is_forgotten() -> None:
    learned = Learned()
    for i in range(CAPACITY + 10):
        learned.observe("kept", "t/kept", 10_000, usage(20_000, 7))
        learned.observe(f"p{i}", f"t/{i}", 10_000, usage(20_000, 1))
    assert len(learned) == 4 * CAPACITY
    assert learned.factor("t/0") == 1.0
    assert learned.factor("t/kept") > 1.5
    assert learned.expected_output("kept", "t/kept") == 7
