"""Cached answers in a store: a restart finds them, instances share them, and one that is away is
one in which nothing is found.
"""

import asyncio
import os
import sqlite3
import stat
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from gateway.cache import shelf
from gateway.store import answers
from gateway.store.engine import open_answers
from tests.api.cached import POLICY, Cached, Got, cached
from tests.fakes import OPENAI_STREAM, fake_upstream, json_answer, sse
from tests.fakes import openai_completion as completion


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Of a store."""
    if request.param == "postgres":
        yield request.getfixturevalue("postgres_url")
    else:
        yield "sqlite:"


def environ(url: str, state: Path) -> dict[str, str]:
    return {"LLM_ROUTER_STORE_URL": url, "LLM_ROUTER_STATE_DIR": str(state)}


async def written(it: Cached) -> Got:
    """The answer of a chat request, once the store has it."""
    got = await it.chat()
    assert it.cache.shelf is not None
    await it.cache.shelf.written()
    return got


async def test_a_restart_finds_what_was_kept(url: str, tmp_path: Path) -> None:
    async with fake_upstream(openai=sse(*OPENAI_STREAM)) as fake:
        async with cached(fake=fake, environ=environ(url, tmp_path)) as it:
            first = await it.chat(stream=True)
        async with cached(fake=fake, environ=environ(url, tmp_path)) as it:
            second, third = await it.chat(stream=True), await it.chat()
    assert (first.cache, str(second.cache).partition(";")[0]) == ("miss", "hit")
    assert second.body == first.body
    assert str(third.cache).partition(";")[0] == "hit"
    assert len(fake.received) == 1


async def test_instances_share_what_each_has_kept(url: str, tmp_path: Path) -> None:
    places = [tmp_path / name for name in ("one", "two")]
    if url == "sqlite:":
        url = f"sqlite:{tmp_path / 'shared.sqlite'}"
    async with (
        fake_upstream(openai=json_answer(completion())) as fake,
        cached(fake=fake, environ=environ(url, places[0])) as one,
        cached(fake=fake, environ=environ(url, places[1])) as two,
    ):
        first = await written(one)
        second = await two.chat()
        other = await two.chat(user="somebody", seed=2)
    assert (first.cache, str(second.cache).partition(";")[0]) == ("miss", "hit")
    assert (first.body, other.cache) == (second.body, "miss")


async def test_a_persona_may_keep_its_answers_out_of_the_store(url: str, tmp_path: Path) -> None:
    policy = POLICY.replace("timeouts: {total: 5}, cache: {}", "cache: {persist: false}")
    async with fake_upstream(openai=json_answer(completion())) as fake:
        for _ in range(2):
            async with cached(fake=fake, policy=policy, environ=environ(url, tmp_path)) as it:
                got = [(await it.chat()).cache for _ in range(2)]
            assert got == ["miss", "hit; age=0"]


async def test_without_a_store_a_restart_begins_anew(tmp_path: Path) -> None:
    async with fake_upstream(openai=json_answer(completion())) as fake:
        for _ in range(2):
            named = {"LLM_ROUTER_STATE_DIR": str(tmp_path)}
            async with cached(fake=fake, environ=named) as it:
                got = await it.chat()
            assert got.cache == "miss"
    assert os.listdir(tmp_path) == []


async def test_only_its_owner_reads_the_file(tmp_path: Path) -> None:
    async with cached(environ=environ("sqlite:", tmp_path)) as it:
        await it.chat()
    mode = os.stat(tmp_path / "answers.sqlite").st_mode
    assert stat.S_IMODE(mode) == 0o600


async def test_a_store_that_cannot_be_reached_is_one_in_which_nothing_is_found(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    away = "postgresql://router:secret@127.0.0.1:1/nothing"
    async with cached(environ=environ(away, tmp_path)) as it:
        got = [await it.chat() for _ in range(2)]
        got += [await it.chat(seed=2) for _ in range(2)]
        errors = it.cache.shelf.failures if it.cache.shelf is not None else 0
    assert [each.cache for each in got] == ["miss", "hit; age=0"] * 2
    assert {each.status for each in got} == {200}
    assert errors > 0
    said = [record.getMessage() for record in caplog.records if "answers cannot" in record.message]
    assert len(said) == 1
    assert "secret" not in caplog.text


async def test_a_damaged_file_is_one_in_which_nothing_is_found(tmp_path: Path) -> None:
    (tmp_path / "answers.sqlite").write_bytes(b"no database" * 1000)
    async with cached(environ=environ("sqlite:", tmp_path)) as it:
        got = [await it.chat() for _ in range(2)]
    assert [each.cache for each in got] == ["miss", "hit; age=0"]


async def test_an_unreadable_answer_is_none(tmp_path: Path) -> None:
    async with cached(environ=environ("sqlite:", tmp_path)) as it:
        await it.chat()
    with sqlite3.connect(tmp_path / "answers.sqlite") as database:
        database.execute("UPDATE cached_answers SET answer = x'00000002ffff'")
    async with cached(environ=environ("sqlite:", tmp_path)) as it:
        got = [await it.chat() for _ in range(2)]
    assert [each.cache for each in got] == ["miss", "hit; age=0"]


def stored(url: str, state: Path) -> list[bytes]:
    database = open_answers(url, state)
    try:
        return [bytes(text) for (text,) in database.execute("SELECT answer FROM cached_answers")]
    finally:
        database.close()


@pytest.mark.parametrize("key", ["", "a" * 32])
async def test_with_the_operators_key_nothing_can_be_read_in_the_store(
    url: str, tmp_path: Path, key: str
) -> None:
    named = {**environ(url, tmp_path), **({"LLM_ROUTER_STATE_KEY": key} if key else {})}
    async with fake_upstream(openai=json_answer(completion("canary in the answer"))) as fake:
        async with cached(fake=fake, environ=named) as it:
            first = await written(it)
        (text,) = await asyncio.to_thread(stored, url, tmp_path)
        async with cached(fake=fake, environ=named) as it:
            second = await it.chat()
        other = {**named, "LLM_ROUTER_STATE_KEY": "b" * 32}
        async with cached(fake=fake, environ=other) as it:
            third = await it.chat()
    assert (b"canary" in text) == (not key)
    assert (first.body, str(second.cache).partition(";")[0]) == (second.body, "hit")
    assert third.cache == "miss"


async def test_a_slow_store_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: object) -> list[object]:
        time.sleep(1.0)
        return []

    monkeypatch.setattr(answers, "get", slow)
    monkeypatch.setattr(shelf, "PATIENCE", 0.02)
    async with cached(environ=environ("sqlite:", tmp_path)) as it:
        got = [await it.chat(seed=number) for number in range(3)]
        assert it.cache.shelf is not None
        failures, resting = it.cache.shelf.failures, it.cache.shelf.resting
    assert [each.cache for each in got] == ["miss"] * 3
    assert failures >= 1
    assert resting


async def test_many_instances_may_start_at_once(url: str, tmp_path: Path) -> None:
    def begin(number: int) -> None:
        place = tmp_path if url == "sqlite:" else tmp_path / str(number)
        database = open_answers(url, place)
        answers.put(database, answers.StoredAnswer("k", number, 10**10, b"x"))
        database.close()

    await asyncio.gather(*[asyncio.to_thread(begin, number) for number in range(6)])
    names: Mapping[str, int] = await asyncio.to_thread(counted, url, tmp_path)
    assert names == {"k": 1}


def counted(url: str, state: Path) -> dict[str, int]:
    database = open_answers(url, state)
    try:
        rows = database.execute("SELECT key, COUNT(*) FROM cached_answers GROUP BY key")
        return {str(key): int(count) for key, count in rows}
    finally:
        database.close()


async def test_what_is_over_or_too_much_is_pruned(url: str, tmp_path: Path) -> None:
    def run() -> list[str]:
        database = open_answers(url, tmp_path)
        try:
            for number in range(10):
                expires = 50 if number == 9 else 1000
                kept = answers.StoredAnswer(f"k{number}", number, expires, b"x" * 100)
                answers.put(database, kept)
            assert answers.get(database, ("k9", "k1"), 49)[0].key in ("k1", "k9")
            answers.prune(database, 50, 450)
            keys = database.execute("SELECT key FROM cached_answers ORDER BY key").fetchall()
            return [key for (key,) in keys]
        finally:
            database.close()

    assert await asyncio.to_thread(run) == ["k5", "k6", "k7", "k8"]


async def test_a_store_that_loses_its_table_is_one_in_which_nothing_is_found(
    url: str, tmp_path: Path
) -> None:
    def lose() -> None:
        database = open_answers(url, tmp_path)
        database.execute("DROP TABLE cached_answers")
        database.close()

    async with cached(environ=environ(url, tmp_path)) as it:
        await written(it)
        await asyncio.to_thread(lose)
        got = [await it.chat(seed=seed) for seed in (1, 1, 2)]
    assert [(each.status, each.cache) for each in got] == [
        (200, "miss"), (200, "hit; age=0"), (200, "miss"),
    ]  # fmt: skip
