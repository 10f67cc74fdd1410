"""The other table: how the store of limits fails, and what callers see meanwhile."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from tests.chaos.outcomes import Outcome, Refused, Served

Policy = Literal["default", "open", "refuse"]
POLICIES: Final[Mapping[Policy, str]] = {
    "default": "{limits: last_known, budgets: refuse}",
    "open": "{limits: open, budgets: open}",
    "refuse": "{limits: refuse, budgets: refuse}",
}
"""`store.when_down` of each."""
UNAVAILABLE: Final = Refused(503, "limits_unavailable")


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What is seen while the store is away, by the policy."""

    leased: Mapping[Policy, Outcome]
    """Of what this process has leased."""
    limits: Mapping[Policy, Outcome]
    """Of a limit that it has leased nothing of."""
    budgets: Mapping[Policy, Outcome]
    """Of a budget that it has leased nothing of."""
    known_key: Outcome
    unknown_key: Outcome


def _each(default: Outcome, opened: Outcome, refuse: Outcome) -> Mapping[Policy, Outcome]:
    return {"default": default, "open": opened, "refuse": refuse}


AWAY: Final = Outcomes(
    leased=_each(Served(), Served(), Served()),
    limits=_each(Served(), Served(), UNAVAILABLE),
    budgets=_each(UNAVAILABLE, Served(), UNAVAILABLE),
    known_key=Served(),
    unknown_key=UNAVAILABLE,
)
AWAY_LONG: Final = replace(AWAY, leased=_each(Served(), Served(), UNAVAILABLE))
"""After 25 seconds others may have what was leased of what is no money: the policy holds then."""
LONG: Final = 25.0
UNWRITTEN: Final = Outcomes(
    leased=_each(UNAVAILABLE, Served(), UNAVAILABLE),
    limits=_each(UNAVAILABLE, Served(), UNAVAILABLE),
    budgets=_each(UNAVAILABLE, Served(), UNAVAILABLE),
    known_key=UNAVAILABLE,
    unknown_key=Refused(401, "invalid_api_key"),
)
"""What a request may use cannot be written down, so it is sent only where that is said to be
accepted."""

Fail = Callable[[Any], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class StoreFault:
    """`begin` and `end` are given the tests.chaos.store_run.Stage."""

    store: Literal["sqlite", "postgres"]
    name: str
    begin: Fail
    end: Fail
    seen: Outcomes = AWAY
    under_load: bool = False
    """For longer, while others ask."""

    @property
    def title(self) -> str:
        return f"{self.store}: {self.name}"

    @property
    def unwritten(self) -> bool:
        """The store itself can be used."""
        return self.seen is UNWRITTEN


def _becomes(mode: str) -> Fail:
    async def become(stage: Any) -> None:
        await stage.proxy.become(mode)

    return become


_WRITTEN: Final = ("instances", "counters", "leases", "ledger")
_FULL: Final = {
    "postgres": (
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION"
        " 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END$$",
        *(
            f"CREATE TRIGGER full_{name} BEFORE INSERT OR UPDATE ON {name} EXECUTE FUNCTION"
            " full_disk()"
            for name in _WRITTEN
        ),
    ),
    "sqlite": tuple(
        f"CREATE TRIGGER full_{name}_{change} BEFORE {change} ON {name} BEGIN SELECT RAISE(ABORT,"
        " 'database or disk is full'); END"
        for name in _WRITTEN
        for change in ("INSERT", "UPDATE")
    ),
}
_ROOM: Final = {
    "postgres": ("DROP FUNCTION full_disk() CASCADE",),
    "sqlite": tuple(
        f"DROP TRIGGER full_{name}_{change}" for name in _WRITTEN for change in ("INSERT", "UPDATE")
    ),
}


async def _fill_disk(stage: Any) -> None:
    await stage.run_sql(_FULL[stage.store])


async def _make_room(stage: Any) -> None:
    await stage.run_sql(_ROOM[stage.store])


def _read_only(value: Literal["on", "off"]) -> Fail:
    async def change(stage: Any) -> None:
        await stage.make_read_only(value)

    return change


async def _lock(stage: Any) -> None:
    await stage.lock()


async def _unlock(stage: Any) -> None:
    await stage.unlock()


async def _fill_journal(stage: Any) -> None:
    stage.fill_journal()


async def _free_journal(stage: Any) -> None:
    stage.free_journal()


_PASS: Final = _becomes("pass")
STORE_FAULTS: Final = (
    StoreFault("postgres", "refused", _becomes("refuse"), _PASS),
    StoreFault("postgres", "hanging", _becomes("hang"), _PASS),
    StoreFault("postgres", "slow", _becomes("slow"), _PASS),
    StoreFault("postgres", "reset", _becomes("reset"), _PASS),
    StoreFault("postgres", "read-only", _read_only("on"), _read_only("off")),
    StoreFault("postgres", "disk full", _fill_disk, _make_room),
    StoreFault("postgres", "cut off under load", _becomes("refuse"), _PASS, under_load=True),
    StoreFault("sqlite", "locked by another program", _lock, _unlock),
    StoreFault("sqlite", "read-only", _read_only("on"), _read_only("off")),
    StoreFault("sqlite", "disk full", _fill_disk, _make_room),
    StoreFault("sqlite", "the journal's disk is full", _fill_journal, _free_journal, UNWRITTEN),
)
