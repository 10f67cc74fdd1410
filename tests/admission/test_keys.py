"""Keys: their form, what is kept of them, and which are good."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.admission import administration
from gateway.admission.keys import FRESH, KeyDirectory, digest_of, key_id_in, new_secret
from gateway.config.limits import LimitsPolicy, Team, WhenDown
from gateway.errors import KeyNotFound, LimitsUnavailable, NotAuthorized
from gateway.store import keys
from gateway.store.database import Database
from gateway.store.limits_rows import Author
from gateway.store.limits_schema import STEPS
from tests.admission.instances import Clock, Instance, store_in

ANN = Author("ann", "127.0.0.1")
POLICY = LimitsPolicy(
    teams={"blue": Team()},
    known_personas=frozenset({"p", "q"}),
    known_models=frozenset({"openai/gpt-4.1"}),
)


@pytest.fixture
def database(place: Path) -> Iterator[Database]:
    database: Database = store_in(place)
    yield database
    database.close()


class Directory:
    """The keys of a store, looked up at a time of the test's."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock, self.now = Clock(1000.0), Clock(0.0)
        self.keys = KeyDirectory(self.clock, self.now)
        self.read()

    def read(self) -> None:
        self.keys.apply(*keys.changed_since(self.database, self.keys.revision))
        self.keys.seen()

    def said_of(self, key: str) -> str:
        """Its id, or why it is refused."""
        self.read()
        try:
            return str(self.keys.key_id(key))
        except NotAuthorized as error:
            return error.message


def made(database: Database, **body: Any) -> tuple[str, str]:
    row, key = administration.create_key(database, {"name": "n", **body}, POLICY, 1000, ANN)
    return row.id, key


def test_a_key_has_its_id_and_a_checksum() -> None:
    key, secret = new_secret("0123456789ab")
    assert len(key) == len("sk-llmr-") + 12 + 1 + 43 + 1 + 6
    assert key_id_in(key) == "0123456789ab"
    assert secret.digest == digest_of(key)
    changed = [key[:i] + ("b" if key[i] != "b" else "c") + key[i + 1 :] for i in range(21, 65)]
    assert [key_id_in(each) for each in changed] == [None] * len(changed)
    assert key_id_in(key[:-1]) is None


def test_nothing_of_a_secret_is_kept_but_its_digest_and_its_beginning(
    database: Database,
) -> None:
    _, key = made(database)
    tables = re.findall(r"CREATE TABLE (\w+)", "".join(STEPS))
    text = "".join(
        str(row) for table in tables for row in database.execute(f"SELECT * FROM {table}")
    )
    assert key[:12] in text
    assert key[13:30] not in text
    assert key[21:] not in text


def test_a_good_key_is_known_by_its_id_and_others_are_not(database: Database) -> None:
    directory = Directory(database)
    assert directory.keys.empty
    key_id, key = made(database)
    assert directory.said_of(key) == key_id
    assert not directory.keys.empty
    assert directory.keys.key_id("some-key-of-the-environment") is None
    other, _ = new_secret(key_id)
    assert directory.said_of(other) == "Incorrect API key provided."
    assert "malformed" in directory.said_of(key[:-1])


def test_an_expired_disabled_or_revoked_key_is_refused_and_says_so(
    database: Database,
) -> None:
    directory = Directory(database)
    key_id, key = made(database, expires_in="30m")
    directory.clock.now = 1000 + 1799
    assert directory.said_of(key) == key_id
    directory.clock.now += 1
    assert directory.said_of(key) == "This API key has expired."
    directory.clock.now = 1000
    for action, said in (
        ("disable", "This API key was disabled."),
        ("enable", key_id),
        ("revoke", "This API key was revoked."),
    ):
        administration.set_state(database, key_id, action, 1001, ANN)
        assert directory.said_of(key) == said
    with pytest.raises(ValueError, match="for ever"):
        administration.set_state(database, key_id, "enable", 1002, ANN)
    assert not directory.keys.empty  # the gateway stays closed


def test_a_rotated_key_is_good_until_its_grace_is_over(database: Database) -> None:
    directory = Directory(database)
    key_id, first = made(database)
    _, second = administration.rotate_key(database, key_id, 60, 1000, ANN)
    assert (directory.said_of(first), directory.said_of(second)) == (key_id, key_id)
    directory.clock.now = 1060
    assert directory.said_of(first) == "This API key has expired."
    assert directory.said_of(second) == key_id
    _, third = administration.rotate_key(database, key_id, 0, 1060, ANN)
    assert directory.said_of(first) == "Incorrect API key provided."
    assert directory.said_of(second) == "This API key has expired."
    assert directory.said_of(third) == key_id


def test_a_key_has_two_secrets_at_most_however_often_it_is_rotated(database: Database) -> None:
    directory = Directory(database)
    key_id, key = made(database)
    issued = [key]
    for now in (1000, 1000, 1001, 1030):
        issued.append(administration.rotate_key(database, key_id, 3600, now, ANN)[1])
        (count,) = database.execute("SELECT COUNT(*) FROM secrets").fetchone()
        assert count == 2
        said = [directory.said_of(each) for each in issued]
        wrong = "Incorrect API key provided."
        assert said == [wrong] * (len(issued) - 2) + [key_id] * 2


def test_without_the_store_known_keys_are_good_and_unknown_ones_are_not_called_wrong(
    database: Database,
) -> None:
    directory = Directory(database)
    key_id, key = made(database)
    directory.read()
    other, _ = new_secret(key_id)
    directory.now.now = FRESH + 1
    assert directory.keys.key_id(key) == key_id
    with pytest.raises(LimitsUnavailable):
        directory.keys.key_id(other)
    directory.now.now = 3601
    with pytest.raises(LimitsUnavailable):
        directory.keys.key_id(key)


@pytest.mark.parametrize(
    ("when_down", "good_for"),
    [(WhenDown(keys_max_age=60), 60), (WhenDown(keys="refuse"), FRESH)],
)
def test_how_long_keys_are_good_without_the_store_is_the_policys(
    database: Database, when_down: WhenDown, good_for: float
) -> None:
    directory = Directory(database)
    key_id, key = made(database)
    directory.keys.apply_policy(when_down)
    directory.read()
    directory.now.now = good_for
    assert directory.keys.key_id(key) == key_id
    directory.now.now = good_for + 1
    with pytest.raises(LimitsUnavailable):
        directory.keys.key_id(key)
    directory.read()
    assert directory.keys.key_id(key) == key_id


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "name: is required"),
        ({"name": "n", "team": "red"}, "team: unknown team 'red' (known: blue)"),
        ({"name": "n", "colour": "red"}, "colour: unknown key 'colour'"),
        ({"name": "n", "expires_in": "soon"}, "expires_in: must be a time like 30m"),
        ({"name": "n", "limits": [{"on": "usd", "amount": 1}]}, "limits[0]: 'per' is required"),
        ({"name": "n", "personas": ["p", "r"]}, "personas: unknown persona 'r' (known: p, q)"),
        ({"name": "n", "personas": ["openai/none"]}, "personas: unknown persona 'openai/none'"),
        (
            {"name": "n", "limits": [{"on": "tokens", "per": "day", "amount": 1, "persona": "r"}]},
            "limits[0].persona: unknown persona 'r' (known: p, q)",
        ),
        ({"name": "n", "direct_models": "yes"}, "direct_models: must be true or false"),
    ],
    ids=str,
)
def test_a_key_that_cannot_be_is_refused_with_field_and_rule(
    database: Database, body: Any, said: str
) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - its text is looked at
        administration.create_key(database, body, POLICY, 1000, ANN)
    assert str(refused.value).startswith(said)
    assert keys.page(database) == []


def test_a_change_is_a_merge_patch(database: Database) -> None:
    limits = [{"on": "usd", "per": "day", "amount": 5}]
    key_id, _ = made(database, team="blue", personas=["p"], limits=limits)
    changed = administration.change_key(
        database, key_id, {"team": None, "limits": None, "name": "m"}, POLICY, 1001, ANN
    )
    assert (changed.name, changed.team, changed.personas, json.loads(changed.limits)) == (
        "m", None, '["p"]', [],
    )  # fmt: skip
    with pytest.raises(KeyNotFound):
        administration.change_key(database, "nothing", {"name": "m"}, POLICY, 1001, ANN)


def test_names_that_are_there_are_taken_and_those_that_went_do_not_stop_other_changes(
    database: Database,
) -> None:
    key_id, _ = made(database, personas=["p", "openai/gpt-4.1"], direct_models=True)
    less = LimitsPolicy(known_personas=frozenset({"q"}))
    changed = administration.change_key(database, key_id, {"name": "m"}, less, 1001, ANN)
    assert (changed.name, changed.personas, changed.direct_models) == (
        "m", '["openai/gpt-4.1", "p"]', 1,
    )  # fmt: skip
    with pytest.raises(ValueError, match="unknown persona 'p'"):
        administration.change_key(database, key_id, {"personas": ["p"]}, less, 1001, ANN)
    changed = administration.change_key(database, key_id, {"direct_models": None}, less, 1001, ANN)
    assert changed.direct_models is None


def test_every_change_is_audited_and_a_changed_audit_is_seen(
    database: Database,
) -> None:
    key_id, _ = made(database)
    administration.set_state(database, key_id, "disable", 1001, ANN)
    administration.rotate_key(database, key_id, 0, 1002, ANN)
    assert [row[4] for row in keys.audit_rows(database)] == ["create", "disable", "rotate"]
    assert keys.first_broken_audit_row(database) is None
    database.execute("UPDATE audit SET who = 'eve' WHERE id = 2")
    assert keys.first_broken_audit_row(database) == 2
    database.execute("UPDATE audit SET who = 'ann' WHERE id = 2")
    database.execute("DELETE FROM audit WHERE id = 1")
    assert keys.first_broken_audit_row(database) == 2


async def test_keys_are_read_a_page_at_a_time_each_with_its_secrets(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "PAGE", 3)
    monkeypatch.setattr(keys.changed_since, "__defaults__", (3,))
    process = Instance(place, ())
    made = [
        administration.create_key(process.database, {"name": "n"}, POLICY, 1000, ANN)
        for _ in range(7)
    ]
    directory = KeyDirectory(Clock(1000.0), Clock(0.0))
    before = process.thread.trips
    await directory.learn(process.thread)
    assert process.thread.trips - before == 3
    directory.seen()
    assert [directory.key_id(key) for _, key in made] == [row.id for row, _ in made]
    administration.set_state(process.database, made[0][0].id, "revoke", 1000, ANN)
    await directory.learn(process.thread)
    with pytest.raises(NotAuthorized):
        directory.key_id(made[0][1])
    await process.close()
