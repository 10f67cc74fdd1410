"""A request for embeddings cut into parts: none empty, all inputs in order, each within its
limits."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.dispatch.parts import TOKENS_FACTOR, PartLimits, size_of, spans

INPUTS = st.lists(st.tuples(st.integers(1, 50), st.integers(1, 400)), min_size=1, max_size=60)
LIMITS = st.builds(
    PartLimits, st.integers(1, 20), st.none() | st.integers(1, 120), st.none() | st.integers(1, 900)
)


@given(INPUTS, LIMITS)
def test_the_parts_put_together_are_the_whole(
    inputs: list[tuple[int, int]], limits: PartLimits
) -> None:
    found = list(spans([tokens for tokens, _ in inputs], [size for _, size in inputs], limits))
    assert [item for start, end in found for item in inputs[start:end]] == inputs
    assert all(start < end for start, end in found)


@given(INPUTS, LIMITS)
def test_no_part_but_a_single_input_is_above_a_limit(
    inputs: list[tuple[int, int]], limits: PartLimits
) -> None:
    for start, end in spans([tokens for tokens, _ in inputs], [size for _, size in inputs], limits):
        part = inputs[start:end]
        assert len(part) <= limits.inputs
        if len(part) > 1:
            assert (
                limits.tokens is None
                or sum(tokens * TOKENS_FACTOR for tokens, _ in part) <= limits.tokens
            )
            assert limits.bytes is None or sum(size for _, size in part) <= limits.bytes


def test_parts_are_as_large_as_they_may_be() -> None:
    assert list(spans([1] * 250, [1] * 250, PartLimits(100))) == [(0, 100), (100, 200), (200, 250)]


def test_an_input_is_held_to_be_no_smaller_than_its_utf_8() -> None:
    assert size_of("ä" * 10) - size_of("a" * 10) == 10
    assert size_of([100_000] * 3) > len("[100000,100000,100000]")
