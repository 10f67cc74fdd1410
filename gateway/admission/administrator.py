"""What operators do while the gateway runs: on the store's thread, and known here at once."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, Protocol, TypeVar, get_args

from gateway.admission import administration, teams
from gateway.admission.amounts import NANO, shown
from gateway.admission.counters import Counter
from gateway.admission.refusals import resets_at
from gateway.admission.scopes import CallerRules
from gateway.admission.store_thread import StoreDown, StoreThread
from gateway.config.limits import LimitsPolicy, On, Per, duration
from gateway.errors import LimitsUnavailable
from gateway.store import idempotency, keys, ledger, spend
from gateway.store.database import Database, transaction
from gateway.store.limits_rows import DAY, Author, Raise

_MONTH: Final = 31
_NEVER: Final = 2**53
_SCOPE: Final = re.compile(
    r"(all|(team|key|persona)/[\w./:-]{1,128})(\+(persona|key|user)/[\w./:-]{1,128})*", re.ASCII
)
T = TypeVar("T")


class By(Protocol):
    """gateway.api.operators.Operator: who changes something, and what it may (None: all)."""

    @property
    def who(self) -> str: ...
    @property
    def ip(self) -> str: ...
    @property
    def scopes(self) -> frozenset[str] | None: ...


class Asked(Protocol):
    """gateway.api.operators.Once: by what name a write is done once, and what stands for it."""

    @property
    def id(self) -> str: ...
    @property
    def request(self) -> str: ...


def _author(by: By) -> Author:
    return Author(by.who, by.ip)


def _check_stronger(database: Database, key_id: str, by: By) -> None:
    """What may do more than `by` is not his to change. Raises KeyNotFound, ScopeMissing."""
    row = administration.key_of(database, key_id)
    administration.check_granted(by.scopes, administration.scopes_of(row))


def _whole(work: Callable[[Database], dict[str, Any]]) -> Callable[[Database], dict[str, Any]]:
    """Nothing of it stands if it is refused at its end."""

    def whole(database: Database) -> dict[str, Any]:
        with transaction(database):
            return work(database)

    return whole


class Known(NamedTuple):
    """What of the running gateway an operator changes or asks."""

    policy: Callable[[], LimitsPolicy]
    written: Callable[[], LimitsPolicy]
    """The same without teams of the store."""
    learn: Callable[[], Any]
    """Called after a change."""
    rules: Callable[[str | None], CallerRules]
    counters: Callable[[str | None], Sequence[Counter]]
    refresh: Callable[[Sequence[Counter]], Any]


class Administrator:
    """One for a running gateway. `clock`: Unix seconds."""

    def __init__(self, thread: StoreThread, clock: Callable[[], float], known: Known) -> None:
        self._thread = thread
        self._clock = clock
        self._known = known

    async def _call(self, work: Callable[..., T], *arguments: Any) -> T:
        """Raises LimitsUnavailable."""
        try:
            return await self._thread.call(work, *arguments)
        except StoreDown:
            raise LimitsUnavailable from None

    async def _changed(self, work: Callable[..., T], *arguments: Any) -> T:
        done = await self._call(work, *arguments)
        try:
            await self._known.learn()
        except StoreDown:
            raise LimitsUnavailable from None
        return done

    async def _written(
        self, asked: Asked | None, work: Callable[[Database], dict[str, Any]]
    ) -> dict[str, Any]:
        """What `work` gives, done once if so `asked`."""
        if asked is None:
            return await self._changed(work)
        return await self._changed(idempotency.once, asked.id, asked.request, self._now, work)

    @property
    def _now(self) -> int:
        return int(self._clock())

    async def create_key(self, body: Any, by: By, asked: Asked | None = None) -> dict[str, Any]:
        """Raises ValueError, ScopeMissing, LimitsUnavailable."""
        policy, now = self._known.policy(), self._now

        def work(database: Database) -> dict[str, Any]:
            row, key = administration.create_key(database, body, policy, now, _author(by))
            administration.check_granted(by.scopes, administration.scopes_of(row))
            return {**administration.key_document(row), "key": key}

        return await self._written(asked, _whole(work))

    async def list_keys(self, team: str | None, after: str, most: int) -> list[dict[str, Any]]:
        rows = await self._call(keys.page, team, after, most)
        return [administration.key_document(row) for row in rows]

    async def key(self, key_id: str) -> dict[str, Any]:
        """Raises KeyNotFound."""
        return administration.key_document(await self._call(administration.key_of, key_id))

    async def change_key(self, key_id: str, body: Any, by: By) -> dict[str, Any]:
        """Raises KeyNotFound, ValueError, ScopeMissing."""
        policy, now = self._known.policy(), self._now

        def work(database: Database) -> dict[str, Any]:
            _check_stronger(database, key_id, by)
            row = administration.change_key(database, key_id, body, policy, now, _author(by))
            administration.check_granted(by.scopes, administration.scopes_of(row))
            return administration.key_document(row)

        return await self._written(None, _whole(work))

    async def set_state(
        self, key_id: str, action: str, by: By, asked: Asked | None = None, *, cut: bool = False
    ) -> dict[str, Any]:
        """`cut`: its running requests are ended, too. Raises KeyNotFound, ValueError,
        ScopeMissing.
        """
        now = self._now

        def work(database: Database) -> dict[str, Any]:
            _check_stronger(database, key_id, by)
            row = administration.set_state(database, key_id, action, now, _author(by), cut=cut)
            return administration.key_document(row)

        return await self._written(asked, work)

    async def rotate_key(
        self, key_id: str, grace: int, by: By, asked: Asked | None = None
    ) -> dict[str, Any]:
        """Raises KeyNotFound, ScopeMissing."""
        now = self._now

        def work(database: Database) -> dict[str, Any]:
            _check_stronger(database, key_id, by)
            row, key = administration.rotate_key(database, key_id, grace, now, _author(by))
            return {**administration.key_document(row), "key": key}

        return await self._written(asked, work)

    async def teams(self) -> list[dict[str, Any]]:
        """Of the policy and of the store."""
        return await self._call(teams.listed, self._known.written())

    async def put_team(self, name: str, body: Any, by: By) -> dict[str, Any]:
        """Raises ValueError."""
        written = self._known.written()
        return await self._changed(teams.put_team, name, body, written, self._now, _author(by))

    async def remove_team(self, name: str, by: By) -> dict[str, Any]:
        """Raises TeamNotFound, ValueError."""
        written = self._known.written()
        return await self._changed(teams.remove_team, name, written, self._now, _author(by))

    async def limits(self, key_id: str | None) -> tuple[CallerRules, list[dict[str, Any]]]:
        """What holds for a key, and how each limit stands."""
        counters = self._known.counters(key_id)
        try:
            await self._known.refresh(counters)
        except StoreDown:
            raise LimitsUnavailable from None
        return self._known.rules(key_id), [counter_document(counter) for counter in counters]

    async def raise_limit(self, body: Any, by: By, asked: Asked | None = None) -> dict[str, Any]:
        """`body`: {scope, on, per, by, for}. Raises ValueError."""
        now = self._now
        more = raise_of(body, now)

        def work(database: Database) -> dict[str, Any]:
            administration.raise_limit(database, more, now, _author(by))
            return {
                "scope": more.scope, "on": body["on"], "per": body.get("per"), "by": body["by"],
                "until": administration.moment(more.until),
            }  # fmt: skip

        return await self._written(asked, work)

    async def spend(
        self, by: Sequence[str], since: str | None, until: str | None, key: str | None
    ) -> tuple[str, str, list[dict[str, Any]]]:
        """The first day, the day after the last, and the sums. Raises ValueError."""
        first, last = days(since, until, self._now)
        check_groups(by)
        rows = await self._call(spend.spent, by, first, last, key)
        return _day(first), _day(last), [administration.spend_document(row) for row in rows]

    async def ledger(
        self, key: str | None, after: str, since: str | None, until: str | None, most: int
    ) -> list[dict[str, Any]]:
        """Raises ValueError."""
        first, last = moments(since, until)

        def work(database: Database) -> list[Any]:
            return ledger.rows(database, key=key, after=after, since=first, until=last, most=most)

        return [administration.ledger_document(row) for row in await self._call(work)]

    async def note_login(self, by: By) -> None:
        """Somebody has logged in at the console. Raises LimitsUnavailable."""
        await self._call(administration.note_login, self._now, _author(by))

    async def audit(self, after: int, most: int, *, newest: bool) -> list[dict[str, Any]]:
        """Of the rows that came after one, the first `most`, or the newest, the newest first."""

        def work(database: Database) -> list[Any]:
            return keys.audit_rows(database, after, most, newest=newest)

        return [audit_document(row) for row in await self._call(work)]


def _day(number: int) -> str:
    return datetime.fromtimestamp(number * administration.DAY, UTC).date().isoformat()


def days(since: str | None, until: str | None, now: int) -> tuple[int, int]:
    """The first day, and the day after the last, since 1970: by default the last 31. Raises
    ValueError.
    """
    last = now // administration.DAY + 1 if until is None else _day_of("until", until)
    first = last - _MONTH if since is None else _day_of("since", since)
    if first >= last:
        raise ValueError("since: must be before 'until', which is the day after the last one")
    return first, last


def _day_of(name: str, text: str) -> int:
    """Raises ValueError."""
    try:
        return administration.day_of(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def moments(since: str | None, until: str | None) -> tuple[int, int]:
    """Unix milliseconds of the beginnings of two days; of all times where they are not said. Raises
    ValueError.
    """
    first = 0 if since is None else _day_of("since", since) * DAY
    last = _NEVER if until is None else _day_of("until", until) * DAY
    if first >= last:
        raise ValueError("since: must be before 'until', which is the day after the last one")
    return first, last


def check_groups(by: Sequence[str]) -> None:
    """Raises ValueError."""
    for name in by:
        if name not in spend.GROUPS:
            raise ValueError(f"by: must be of {', '.join(spend.GROUPS)}, not {name[:40]!r}")


def raise_of(body: Any, now: int) -> Raise:
    """Raises ValueError."""
    scope, on, per, by = (body.get(name) for name in ("scope", "on", "per", "by"))
    if not isinstance(scope, str) or not isinstance(on, str) or not scope or not on:
        raise ValueError("scope: it and 'on' are required, as GET /api/v1/limits shows them")
    if _SCOPE.fullmatch(scope) is None:
        raise ValueError("scope: must be as GET /api/v1/limits shows it, like all or team/blue")
    _check_name(on, per)
    if isinstance(by, bool) or not isinstance(by, int | float) or not 0 < by <= 10**12:
        raise ValueError("by: must be a number above 0")
    if on != "usd" and by != int(by):
        raise ValueError(f"by: must be a whole number of {on}")
    name = on if per is None else f"{on}/{per}"
    amount = round(by * NANO) if on == "usd" else int(by)
    try:
        more = duration(str(body.get("for", "24h")))
    except ValueError as error:
        raise ValueError(f"for: {error}") from None
    return Raise(scope, name, amount, now + more)


def _check_name(on: str, per: Any) -> None:
    """Raises ValueError."""
    if on not in get_args(On):
        raise ValueError(f"on: must be one of {', '.join(get_args(On))}")
    if (per is None) != (on == "concurrency") or (per is not None and per not in get_args(Per)):
        raise ValueError(f"per: must be one of {', '.join(get_args(Per))}; none for concurrency")


def counter_document(counter: Counter) -> dict[str, Any]:
    """How a limit stands."""
    on, used = counter.limit.on, counter.spent + counter.unbooked
    held = max(0, counter.used - counter.spent - counter.unbooked)
    return {
        "scope": counter.id.scope,
        "on": on,
        "per": counter.limit.per,
        "amount": shown(on, counter.cap),
        "used": shown(on, used),
        "held": shown(on, held),
        "remaining": shown(on, max(0, counter.cap - used - held)),
        "resets_at": resets_at(counter),
    }


def audit_document(row: Sequence[Any]) -> dict[str, Any]:
    names = ("id", "at", "who", "ip", "action", "what", "before", "after")
    return {**dict(zip(names, row, strict=True)), "at": administration.moment(row[1])}
