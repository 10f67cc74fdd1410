"""Both stores by the same tests: eviction, expiry, other callers, restart, two processes' worth of
connections."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.store.database import StoreUnusable
from gateway.store.entry import MOST_BYTES, Entry, Store
from gateway.store.memory import MemoryStore
from gateway.store.sqlite import SqliteStore


class Clock:
    """Stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def entry(id: str = "resp_a", caller: str = "ann", size: int = 10) -> Entry:
    text = id.encode().ljust(size, b".")
    return Entry(
        id=id, caller=caller, previous=None, status="completed", target="p/m",
        input=b"[]", object=text, items=(f"msg_{id}",),
    )  # fmt: skip


@pytest.fixture(params=["memory", "sqlite"])
async def made(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[tuple[Store, Clock]]:
    clock = Clock()
    store: Store
    if request.param == "memory":
        store = MemoryStore(clock, total_bytes=1000, lifetime=60)
    else:
        store = SqliteStore(tmp_path / "state" / "kept.sqlite", clock, lifetime=60)
    yield store, clock
    await store.close()


async def test_what_was_kept_is_given_back_to_its_caller_alone(made: tuple[Store, Clock]) -> None:
    store, _ = made
    assert await store.put(entry())
    assert entry() == await store.get("resp_a", "ann")
    assert await store.get("resp_a", "bob") is None
    assert (entry(), 0) == await store.holder_of("msg_resp_a", "ann")
    assert await store.holder_of("msg_resp_a", "bob") is None
    assert not await store.put(entry(caller="bob"))
    assert not await store.delete("resp_a", "bob")
    assert await store.delete("resp_a", "ann")
    assert await store.get("resp_a", "ann") is None
    assert await store.holder_of("msg_resp_a", "ann") is None


async def test_it_is_forgotten_when_its_time_is_over(made: tuple[Store, Clock]) -> None:
    store, clock = made
    await store.put(entry())
    clock.now += 59
    assert entry() == await store.get("resp_a", "ann")
    clock.now += 2
    assert await store.get("resp_a", "ann") is None


async def test_what_is_too_large_is_not_kept(made: tuple[Store, Clock]) -> None:
    store, _ = made
    assert not await store.put(entry(size=MOST_BYTES + 1))
    assert await store.get("resp_a", "ann") is None


async def test_in_memory_the_least_recently_used_goes_first() -> None:
    store = MemoryStore(Clock(), total_bytes=250)
    for id in ("a", "b"):
        await store.put(entry(id, size=100))
    await store.get("a", "ann")
    await store.put(entry("c", size=100))
    left = [id for id in ("a", "b", "c") if await store.get(id, "ann")]
    assert left == ["a", "c"]
    assert store.size == 204


async def test_in_a_file_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    clock = Clock()
    store = SqliteStore(tmp_path / "kept.sqlite", clock, total_bytes=70)
    for id in ("a", "b"):
        await store.put(entry(id))
        clock.now += 1
    await store.get("a", "ann")
    clock.now += 1
    for id in ("c", "d"):
        await store.put(entry(id))
    left = [id for id in ("a", "b", "c", "d") if await store.get(id, "ann")]
    assert "b" not in left
    assert "d" in left
    await store.close()


async def test_a_file_outlives_its_process_and_is_shared(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "kept.sqlite"
    one, other = SqliteStore(path, clock), SqliteStore(path, clock)
    await one.put(entry("a"))
    assert entry("a") == await other.get("a", "ann")
    await other.put(entry("b"))
    await one.close()
    await other.close()
    again = SqliteStore(path, clock)
    assert entry("b") == await again.get("b", "ann")
    assert path.stat().st_mode & 0o777 == 0o600
    await again.close()


async def test_a_file_that_is_no_store_is_named(tmp_path: Path) -> None:
    path = tmp_path / "responses.sqlite"
    path.write_bytes(b"these are no pages of a database " * 100)
    with pytest.raises(StoreUnusable, match=r"responses\.sqlite cannot be used as a store: "):
        SqliteStore(path, Clock())
    (tmp_path / "a file").touch()
    with pytest.raises(StoreUnusable, match="cannot be used as a store"):
        SqliteStore(tmp_path / "a file" / "responses.sqlite", Clock())
