"""tests.bench.calls: the calls of one request are counted, and only those of the gateway's own
thread.
"""

from tests.bench.admissions import LIMITS
from tests.bench.calls import WARM_UP, count
from tests.bench.works import INBOUND


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
    plain = count().total
    for work in INBOUND[:3]:  # Messages, Responses and Gemini, each to its own provider
        calls = count(work)
        assert calls.by_file["gateway/api/chat.py"] > 0
        assert calls.total < 1.35 * plain


def test_six_limits_are_some_dozens_of_calls_and_none_without_them() -> None:
    plain, limited = count(), count(limits=LIMITS)
    assert not any(file.startswith("gateway/admission/") for file in plain.by_file)
    assert limited.by_file["gateway/admission/reservation.py"] > 0
    assert limited.total - plain.total < 90
