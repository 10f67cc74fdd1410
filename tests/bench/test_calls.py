"""tests.bench.calls: the calls of one request are counted, and only those of the gateway's own
thread.
"""

import pytest

from tests.bench.admissions import LIMITS
from tests.bench.calls import CHUNKS_COUNTED, WARM_UP, count
from tests.bench.works import INBOUND, PACED, SMALL, Work


def test_the_calls_of_one_request_are_counted_by_file() -> None:
    calls = count()
    assert calls.by_file["gateway/api/chat.py"] < WARM_UP
    assert calls.by_file["gateway/api/chat.py"] > 0
    assert not any(file.startswith("tests/") for file in calls.by_file)
    assert calls.total == sum(calls.by_file.values())
    assert 40 < calls.total < 400
    assert calls.files <= len(calls.by_file)
    assert 3 < calls.depth < 12


def test_a_relay_calls_little_more_than_a_plain_request() -> None:
    """Of personas that say nothing: what one says, a relay has to write into the caller's text."""
    plain = count(SMALL, "bare").total
    for work, persona in zip(INBOUND[:3], ("bare_claude", "bare", "bare_gemini"), strict=True):
        calls = count(work, persona)
        assert calls.by_file["gateway/api/chat.py"] > 0
        assert calls.total < 1.35 * plain


@pytest.mark.parametrize("work", PACED, ids=lambda work: work.name)
def test_a_paced_chunk_is_written_without_waking_a_task(work: Work) -> None:
    """And what is translated costs little more than what is relayed."""
    calls = count(work)
    assert calls.units >= CHUNKS_COUNTED
    assert 7 < calls.total / calls.units < 16
    assert calls.by_file["gateway/api/middleware.py"] < calls.units / 10
    assert calls.by_file["gateway/upstream/connection.py"] >= calls.units


def test_six_limits_are_some_dozens_of_calls_and_none_without_them() -> None:
    plain, limited = (count(SMALL, "bare", limits) for limits in ("", LIMITS))
    assert not any(file.startswith("gateway/admission/") for file in plain.by_file)
    assert limited.by_file["gateway/admission/reservation.py"] > 0
    assert 20 < limited.total - plain.total < 90
