"""translators.history.tool_results: which result answers which call, and ids that are the call's
own.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translators.history.tool_results import CallIds, Pairs, Step, answered_functions
from translators.notes import Report

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
        ([asked("a"), said(), said(True), told("a", 7)], {0: [None]}, []),
        ([asked("a"), told("a"), said(True), told("a", 7)], {0: [1]}, []),
        ([asked("a"), said(True), told("a", 7)], {0: [2]}, [BEHIND]),
        ([asked("a"), asked("b"), told("b"), told("a", 7)], {0: [3], 1: [2]}, [BEHIND]),
        (
            [asked("a"), said(True), asked("a"), told("a"), told("a", 7)],
            {0: [None], 2: [4]},
            ["messages[0]: " + LAST.partition(": ")[2]],
        ),
        ([asked("a"), told("a", 7), told("a")], {0: [2]}, [LAST]),
        ([told("a"), asked("a")], {1: [None]}, []),
        ([asked("a", "a"), told("a")], {0: [1, None]}, []),
        ([said(), told("x")], {}, []),
    ],
)
def test_results_find_their_calls(
    steps: list[Step], pairs: dict[int, list[int | None]], notes: list[str]
) -> None:
    assert pairs_of(*steps) == (pairs, notes)
    again = Pairs(steps, Report())
    assert {
        place for found in pairs.values() for place in found if place is not None
    } <= again.claimed


STEPS = st.lists(
    st.builds(lambda ids: Step(0, True, tuple(ids)), st.lists(st.sampled_from("ab"), max_size=3))
    | st.builds(lambda id: Step(0, False, (), id), st.sampled_from("abc"))
    | st.just(Step(0, False)),
    max_size=10,
)


@given(STEPS)
def test_a_result_answers_one_call_that_stands_before_it(steps: list[Step]) -> None:
    pairs = Pairs(steps, Report())
    answers = [
        (t, place, found)
        for t, places in pairs.of.items()
        for place, found in enumerate(places)
        if found is not None
    ]
    assert len({found for _, _, found in answers}) == len(answers)
    for t, place, found in answers:
        assert found > t
        assert steps[found].result == steps[t].calls[place]
        assert found in pairs.claimed
    assert pairs.late.isdisjoint(pairs.claimed)
    assert sorted(pairs.order) == list(range(len(steps)))


@given(STEPS, st.integers(0, 10))
def test_what_was_told_to_an_earlier_request_holds(steps: list[Step], length: int) -> None:
    """A turn is paired and ordered by nothing that comes behind it."""
    if length < len(steps) and not (
        length and steps[length].assistant and not steps[length - 1].assistant
    ):
        return  # no request ends there: it is the middle of a turn
    shorter, longer = Pairs(steps[:length], Report()), Pairs(steps, Report())
    assert {t: longer.of[t] for t in shorter.of} == shorter.of
    assert longer.order[: len(shorter.order)] == shorter.order
    assert {t for t in longer.claimed if t < length} == shorter.claimed
    assert {t for t in longer.late if t < length} == shorter.late


@pytest.mark.parametrize(
    ("steps", "order"),
    [
        ([asked("a"), said(True), told("a")], [1, 0, 2]),
        ([asked("a"), said(True), said()], [0, 1, 2]),
        ([asked("a"), asked("b"), told("b"), told("a")], [0, 1, 2, 3]),
        (
            [said(), asked("a"), said(True), told("a"), said(True), asked("b"), told("b")],
            [0, 2, 1, 3, 4, 5, 6],
        ),
    ],
)
def test_calls_stand_where_their_results_are(steps: list[Step], order: list[int]) -> None:
    assert Pairs(steps, Report()).order == order


def test_many_calls_and_results_of_one_turn_take_no_time() -> None:
    ids = [str(n) for n in range(20_000)]
    steps = [asked(*ids), *(told(id) for id in reversed(ids))]
    assert Pairs(steps, Report()).of[0] == list(range(20_000, 0, -1))


def test_a_function_answers_the_call_of_its_turn_that_waits() -> None:
    """It names the function only: the oldest open call of that name, or else the oldest open
    call."""
    f, g = ({"role": "assistant", "function_call": {"name": name}} for name in "fg")
    of_f, of_g = ({"role": "function", "name": name} for name in "fg")
    user = {"role": "user"}
    assert answered_functions([f, g, of_g, of_f]) == {2: 1, 3: 0}
    assert answered_functions([f, of_g, of_f]) == {1: 0}
    assert answered_functions([f, f, of_f, of_f]) == {2: 0, 3: 1}
    assert answered_functions([f, user, f, of_f]) == {3: 2}
    assert answered_functions([f, user, {"role": "assistant"}, of_f]) == {}
