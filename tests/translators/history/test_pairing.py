"""translators.history.pairing: which result answers which call, and ids that are the call's own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translators.dialect import Report
from translators.history.pairing import CallIds, Pairs, Step

IDS = st.lists(st.sampled_from(["a", "a_2", "a_2_2", "b", "", "x" * 12]), max_size=12)


@given(IDS, st.none() | st.just(8))
def test_no_two_calls_share_an_id(wanted: list[str], longest: int | None) -> None:
    ids = CallIds(longest)
    own = [ids.own(id) for id in wanted]
    assert len(set(own)) == len(own)
    for at, id in enumerate(wanted):
        assert own[at] == id or id in own[:at]
        assert longest is None or own[at] == id or len(own[at]) <= longest


@given(IDS)
def test_a_longer_history_begins_with_the_same_ids(wanted: list[str]) -> None:
    ids, shorter = CallIds(), CallIds()
    own = [ids.own(id) for id in wanted]
    assert [shorter.own(id) for id in wanted[:-1]] == own[:-1]


def test_many_calls_of_one_id_take_no_time() -> None:
    ids = CallIds()
    assert [ids.own("a") for _ in range(50_000)][-1] == "a_50000"


def pairs_of(*steps: Step) -> tuple[dict[int, list[int | None]], list[str]]:
    report = Report()
    pairs = Pairs(steps, report)
    return pairs.of, [f"{note.param}: {note.why}" for note in report.notes]


def asked(*calls: str, at: int = 0) -> Step:
    return Step(at, True, calls)


def told(id: str, at: int = 0) -> Step:
    return Step(at, False, (), id)


def said(assistant: bool = False) -> Step:
    return Step(0, assistant)


MOVED = "messages[7]: a tool result was moved in front of what stood before it"
BEHIND = "messages[7]: a tool result was moved behind the call it answers"
LAST = "messages[7]: a tool call had several results: the last one is kept"


@pytest.mark.parametrize(
    ("steps", "pairs", "notes"),
    [
        ([asked("a", "b"), told("b"), told("a")], {0: [2, 1]}, []),
        ([asked("a"), told("a"), asked("a"), told("a")], {0: [1], 2: [3]}, []),
        ([asked("a", "a"), told("a"), told("a")], {0: [1, 2]}, []),
        ([asked("a"), said(), told("a", 7)], {0: [2]}, [MOVED]),
        ([asked("a"), said(), said(True), told("a", 7)], {0: [3]}, [BEHIND]),
        ([asked("a"), said(True), asked("a"), told("a"), told("a", 7)], {0: [None], 2: [4]}, ["messages[0]: " + LAST.partition(": ")[2]]),
        ([asked("a"), told("a", 7), told("a")], {0: [2]}, [LAST]),
        ([told("a"), asked("a")], {1: [None]}, []),
        ([asked("a", "a"), told("a")], {0: [1, None]}, []),
        ([said(), told("x")], {}, []),
    ],
)
def test_results_find_their_calls(steps: list[Step], pairs: dict[int, list[int | None]], notes: list[str]) -> None:
    assert pairs_of(*steps) == (pairs, notes)
    again = Pairs(steps, Report())
    assert {place for found in pairs.values() for place in found if place is not None} <= again.claimed


STEPS = st.lists(
    st.builds(lambda ids: Step(0, True, tuple(ids)), st.lists(st.sampled_from("ab"), max_size=3))
    | st.builds(lambda id: Step(0, False, (), id), st.sampled_from("abc"))
    | st.just(Step(0, False)),
    max_size=10,
)


@given(STEPS)
def test_a_result_answers_one_call_that_stands_before_it(steps: list[Step]) -> None:
    pairs = Pairs(steps, Report())
    answers = [(t, place, found) for t, places in pairs.of.items() for place, found in enumerate(places) if found is not None]
    assert len({found for _, _, found in answers}) == len(answers)
    for t, place, found in answers:
        assert found > t
        assert steps[found].result == steps[t].calls[place]
        assert found in pairs.claimed
    unclaimed = {t for t, step in enumerate(steps) if step.result is not None} - pairs.claimed
    for t in unclaimed:  # none of its calls before it still waits
        assert all(
            steps[c].calls[place] != steps[t].result or found is not None
            for c, places in pairs.of.items()
            if c < t
            for place, found in enumerate(places)
        )


@given(STEPS, st.integers(0, 10))
def test_what_was_told_to_an_earlier_request_holds(steps: list[Step], length: int) -> None:
    """A result that a call had in the shorter history is still its own, or another stands behind it."""
    shorter, longer = Pairs(steps[:length], Report()), Pairs(steps, Report())
    for t, places in shorter.of.items():
        assert all(now is not None for before, now in zip(places, longer.of[t], strict=True) if before is not None)
