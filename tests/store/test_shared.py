"""Messages and states in every database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.store import shared
from gateway.store.database import Database
from gateway.store.engine import open_shared

NOW = 1_000_000


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    postgres = request.param == "postgres"
    url = request.getfixturevalue("postgres_url") if postgres else "sqlite:"
    opened = open_shared(url, tmp_path)
    shared.create(opened)
    shared.create(opened)  # the next one finds it
    yield opened
    opened.close()


def test_others_read_a_message_until_it_is_over(database: Database) -> None:
    shared.tell(database, "first", NOW, NOW + 10, "hello")
    (told,) = shared.told_since(database, "second", 0, NOW)
    assert told[1:] == ("first", NOW, "hello")
    assert shared.told_since(database, "first", 0, NOW) == []
    assert shared.told_since(database, "second", told.rev, NOW) == []
    assert shared.told_since(database, "third", 0, NOW + 10) == []
    shared.tell(database, "second", NOW + 10, NOW + 20, "later")
    (later,) = shared.told_since(database, "first", 0, NOW)
    assert later.rev > told.rev


def test_what_is_too_long_is_not_read(database: Database) -> None:
    shared.tell(database, "first", NOW, NOW + 10, "x" * (shared.MOST_TEXT + 1))
    shared.tell(database, "y" * 201, NOW, NOW + 10, "short")
    assert shared.told_since(database, "second", 0, NOW) == []


def state(number: int, size: int = 10, expires: int = NOW + 10) -> shared.State:
    return shared.State(b"id-%d" % number, expires, b"x" * size)


def test_states_are_kept_replaced_and_forgotten(database: Database) -> None:
    shared.keep(database, NOW, [state(1), state(2, expires=NOW)], [])
    shared.keep(database, NOW, [state(1, 20), state(3)], [b"id-none"])
    ids = [b"id-1", b"id-2", b"id-3", b"id-4"]
    found = {b"id-1": b"x" * 20, b"id-3": b"x" * 10}
    assert shared.find(database, ids, NOW) == found
    shared.keep(database, NOW, [], [b"id-1"])
    assert shared.find(database, ids, NOW) == {b"id-3": b"x" * 10}
    assert shared.find(database, [], NOW) == {}


def test_old_states_go_and_then_the_oldest_of_too_many(database: Database) -> None:
    for number in range(5):
        shared.keep(database, NOW + number, [state(number, 100, NOW + 100)], [])
    shared.keep(database, NOW, [state(9, 1, NOW + 5)], [])
    shared.forget_old(database, NOW + 5, 300)
    ids = [b"id-%d" % number for number in range(10)]
    assert sorted(shared.find(database, ids, NOW)) == [b"id-2", b"id-3", b"id-4"]


def test_one_process_probes_a_target_at_a_time(database: Database) -> None:
    assert shared.may_probe(database, "first", "target", NOW, NOW + 5)
    assert not shared.may_probe(database, "second", "target", NOW + 4, NOW + 9)
    assert shared.may_probe(database, "first", "target", NOW + 4, NOW + 5)
    assert shared.may_probe(database, "second", "other", NOW, NOW + 5)
    assert shared.may_probe(database, "second", "target", NOW + 5, NOW + 10)
    assert not shared.may_probe(database, "first", "target", NOW + 5, NOW + 10)


def test_processes_are_known_until_they_leave_or_are_long_silent(database: Database) -> None:
    first = shared.Member("b", "host", 7, "1.0", "r1", NOW, NOW)
    later = shared.Member("a", "host", 8, "1.1", "r1", NOW + 1, NOW + 1)
    for member in (later, first):
        shared.present(database, member)
    assert shared.members(database, 0) == [first, later]
    again = first._replace(seen=NOW + 9, revision="r2", started=NOW + 9)
    shared.present(database, again)
    assert shared.members(database, NOW + 1) == [again._replace(started=NOW)]
    shared.forget_members(database, NOW + 1)
    assert shared.members(database, 0) == [again._replace(started=NOW)]
    shared.remove_member(database, "b")
    assert shared.members(database, 0) == []
