"""tests.bench.instructions: the replay does what its record is about, and a comparison says what
has changed.
"""

import json

import pytest

from tests.bench.inbound_replay import inbound_sections
from tests.bench.instructions import RECORD, Change, NotComparable, compare
from tests.bench.replay import YARDSTICK, sections


def test_every_section_of_the_replay_works_and_is_on_record() -> None:
    listed = [*sections(), *inbound_sections()]
    for section in listed:
        section.work()
    assert list(json.loads(RECORD.read_text("utf-8"))["instructions"]) == [
        section.name for section in listed
    ]


def test_the_replay_is_two_hundred_requests_and_fifty_streams() -> None:
    times = {section.name: section.times for section in sections()}
    for part in ("parse", "decide", "build", "answer"):
        assert sum(n for name, n in times.items() if name.startswith(part)) == 200
    for part in ("read", "write"):
        assert sum(n for name, n in times.items() if name.startswith(part)) == 50


def test_a_comparison_names_what_left_the_band_and_what_is_new_or_gone() -> None:
    before = {YARDSTICK: 1000, "same": 1000, "more": 1000, "less": 1000, "gone": 1000}
    now = {YARDSTICK: 1001, "same": 1050, "more": 1051, "less": 949, "new": 5}
    assert {change.name: change.verdict for change in compare(before, now)} == {
        YARDSTICK: "", "same": "", "more": "TOO MUCH", "less": "less", "new": "NOT ON RECORD",
        "gone": "GONE",
    }  # fmt: skip


def test_another_build_is_not_compared() -> None:
    with pytest.raises(NotComparable, match="yardstick"):
        compare({YARDSTICK: 1000}, {YARDSTICK: 1100})


def test_a_change_shows_both_counts_and_the_difference() -> None:
    assert str(Change("read", 1000, 1500)).split() == [
        "read",
        "1,000",
        "1,500",
        "+50.0%",
        "TOO",
        "MUCH",
    ]
