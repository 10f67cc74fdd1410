"""What a process is told when it says that it is there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.store import counters
from gateway.store.counters import LIVE, Share
from gateway.store.database import Database
from gateway.store.engine import open_store

NOW = 1_000_000


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    postgres = request.param == "postgres"
    url = request.getfixturevalue("postgres_url") if postgres else "sqlite:"
    opened = open_store(url, tmp_path)
    yield opened
    opened.close()


def test_who_stands_divides_by_age_and_who_has_just_begun_takes_nothing(database: Database) -> None:
    shares = {}
    for moment in range(5):
        for name in ("b", "a") if moment else ("b",):
            shares[name, moment] = counters.beat(database, name, NOW + moment).share
    assert [shares["b", moment] for moment in range(5)] == [Share(1, 0)] * 4 + [Share(2, 0)]
    assert [shares["a", moment] for moment in (1, 2, 3)] == [Share(2, 1)] * 3
    assert counters.beat(database, "b", NOW + 4).peers == 2


def test_what_is_gone_is_divided_anew(database: Database) -> None:
    for moment in range(3):
        for name in ("a", "b", "c"):
            counters.beat(database, name, NOW + moment)
    assert counters.beat(database, "c", NOW + 3).share == Share(3, 2)
    counters.remove_instance(database, "a")
    assert counters.beat(database, "c", NOW + 4).share == Share(2, 1)
    assert counters.beat(database, "c", NOW + 2 + LIVE).share == Share(1, 0)
