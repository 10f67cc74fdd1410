"""gateway.console.decisions: the newest, what comes after a cursor, and several workers as one."""

import pytest

from gateway.console.decisions import KEPT, MOST_TOLD, Decisions, merged, read_cursor
from gateway.telemetry.events import AttemptEnded
from tests.console.test_stats import PROTOTYPE, Clock
from translators.errors import InvalidRequest


def ended(decisions: Decisions, *names: str) -> None:
    for name in names:
        decisions.on_event(PROTOTYPE._replace(decision=f'{{"id":"{name}"}}'.__str__))


def names(document: object) -> list[str]:
    assert isinstance(document, dict)
    return [decision["id"] for decision in document["decisions"]]


def test_the_newest_come_first_and_later_ones_by_the_cursor() -> None:
    decisions = Decisions(Clock())
    ended(decisions, "a", "b")
    first = merged([(0, decisions.after(0))], {})
    ended(decisions, "c")
    cursor = read_cursor(first["next"])
    second = merged([(0, decisions.after(cursor[0]))], cursor)
    assert (names(first), names(second)) == (["b", "a"], ["c"])
    third = read_cursor(second["next"])
    assert names(merged([(0, decisions.after(third[0]))], third)) == []


def test_what_is_kept_and_what_is_told_is_bounded() -> None:
    decisions = Decisions(Clock())
    ended(decisions, *map(str, range(KEPT + 10)))
    document = merged([(0, decisions.after(0))], {})
    assert len(document["decisions"]) == MOST_TOLD
    assert document["left_off"] == KEPT - MOST_TOLD
    assert names(document)[0] == str(KEPT + 9)


def test_a_request_that_was_not_routed_is_no_decision() -> None:
    decisions = Decisions(Clock())
    decisions.on_event(PROTOTYPE)
    decisions.on_event(AttemptEnded("openai", "m", "ok", 1))
    assert decisions.after(0)["told"] == []


def test_workers_are_merged_by_time_and_each_has_its_place_in_the_cursor() -> None:
    clock = Clock()
    first, second = Decisions(clock), Decisions(clock)
    ended(first, "a")
    clock.now += 1
    ended(second, "b")
    clock.now += 1
    ended(first, "c")
    document = merged([(1, first.after(0)), (2, second.after(0))], {})
    assert names(document) == ["c", "b", "a"]
    assert read_cursor(document["next"]) == {1: first.last, 2: second.last}


def test_a_worker_that_does_not_answer_keeps_its_place() -> None:
    decisions = Decisions(Clock())
    ended(decisions, "a")
    document = merged([(1, decisions.after(0))], {2: 77})
    assert read_cursor(document["next"])[2] == 77


def test_no_content_and_no_target_of_a_failure_is_told() -> None:
    decisions = Decisions(Clock())
    decisions.on_event(
        PROTOTYPE._replace(
            decision=lambda: '{"id":"x"}', status=502, outcome="upstream_error", cost_nano_usd=None
        )
    )
    (document,) = merged([(0, decisions.after(0))], {})["decisions"]
    assert (document["served"], document["cost_usd"]) == (None, None)


@pytest.mark.parametrize("text", ["x", "1", "1-", "-1", "1-x", "1-1,x", "1-" + "9" * 30, "²-1"])
def test_a_cursor_of_somebody_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_cursor(text)
    assert caught.value.param == "after"
