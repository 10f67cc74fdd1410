"""What operators do while the gateway runs: on the store's thread, and known here at once."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, TypeVar

from gateway.admission import administration
from gateway.admission.amounts import NANO, shown
from gateway.admission.counters import Counter
from gateway.admission.leases import StoreDown, StoreThread
from gateway.admission.refusals import resets_at
from gateway.admission.scopes import CallerRules
from gateway.config.limits import LimitsPolicy, duration
from gateway.errors import LimitsUnavailable
from gateway.store import keys, ledger
from gateway.store.database import Database
from gateway.store.limits_rows import Author, Raise

_MONTH: Final = 31
_WHO: Final = "admin"
T = TypeVar("T")


class Known(NamedTuple):
    """What of the running gateway an operator changes or asks."""

    policy: Callable[[], LimitsPolicy]
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

    @property
    def _now(self) -> int:
        return int(self._clock())

    async def create_key(self, body: Any, ip: str) -> dict[str, Any]:
        """Raises ValueError, LimitsUnavailable."""
        policy = self._known.policy()
        row, key = await self._changed(
            administration.create_key, body, policy, self._now, Author(_WHO, ip)
        )
        return {**administration.key_document(row), "key": key}

    async def list_keys(self, team: str | None, after: str, most: int) -> list[dict[str, Any]]:
        rows = await self._call(keys.page, team, after, most)
        return [administration.key_document(row) for row in rows]

    async def key(self, key_id: str) -> dict[str, Any]:
        """Raises KeyNotFound."""
        return administration.key_document(await self._call(administration.key_of, key_id))

    async def change_key(self, key_id: str, body: Any, ip: str) -> dict[str, Any]:
        """Raises KeyNotFound, ValueError."""
        policy = self._known.policy()
        row = await self._changed(
            administration.change_key, key_id, body, policy, self._now, Author(_WHO, ip)
        )
        return administration.key_document(row)

    async def set_state(self, key_id: str, action: str, ip: str) -> dict[str, Any]:
        """Raises KeyNotFound, ValueError."""
        row = await self._changed(
            administration.set_state, key_id, action, self._now, Author(_WHO, ip)
        )
        return administration.key_document(row)

    async def rotate_key(self, key_id: str, grace: int, ip: str) -> dict[str, Any]:
        """Raises KeyNotFound."""
        row, key = await self._changed(
            administration.rotate_key, key_id, grace, self._now, Author(_WHO, ip)
        )
        return {**administration.key_document(row), "key": key}

    async def limits(self, key_id: str | None) -> tuple[CallerRules, list[dict[str, Any]]]:
        """What holds for a key, and how each limit stands."""
        counters = self._known.counters(key_id)
        try:
            await self._known.refresh(counters)
        except StoreDown:
            raise LimitsUnavailable from None
        return self._known.rules(key_id), [counter_document(counter) for counter in counters]

    async def raise_limit(self, body: Any, ip: str) -> Raise:
        """`body`: {scope, on, per, by, for}. Raises ValueError."""
        more = raise_of(body, self._now)
        await self._changed(administration.raise_limit, more, self._now, Author(_WHO, ip))
        return more

    def said(self, more: Raise) -> str:
        """Until when it holds."""
        return administration.moment(more.until) or ""

    async def spend(
        self, by: Sequence[str], since: str | None, until: str | None, key: str | None
    ) -> tuple[str, str, list[dict[str, Any]]]:
        """The first day, the day after the last, and the sums. Raises ValueError."""
        first, last = days(since, until, self._now)
        check_groups(by)
        rows = await self._call(ledger.spend, by, first, last, key)
        return _day(first), _day(last), [administration.spend_document(row) for row in rows]

    async def ledger(
        self, key: str | None, after: str, since: str | None, most: int
    ) -> list[dict[str, Any]]:
        """Raises ValueError."""
        first = 0 if since is None else administration.day_of(since) * administration.DAY * 1000

        def work(database: Database) -> list[Any]:
            return ledger.rows(database, key=key, after=after, since=first, most=most)

        return [administration.ledger_document(row) for row in await self._call(work)]

    async def audit(self, after: int, most: int) -> list[dict[str, Any]]:
        return [audit_document(row) for row in await self._call(keys.audit_rows, after, most)]


def _day(number: int) -> str:
    return datetime.fromtimestamp(number * administration.DAY, UTC).date().isoformat()


def days(since: str | None, until: str | None, now: int) -> tuple[int, int]:
    """The first day, and the day after the last, since 1970: by default the last 31. Raises
    ValueError.
    """
    last = now // administration.DAY + 1 if until is None else administration.day_of(until)
    return (last - _MONTH if since is None else administration.day_of(since)), last


def check_groups(by: Sequence[str]) -> None:
    """Raises ValueError."""
    for name in by:
        if name not in ledger.GROUPS:
            raise ValueError(f"by: must be of {', '.join(ledger.GROUPS)}, not {name[:40]!r}")


def raise_of(body: Any, now: int) -> Raise:
    """Raises ValueError."""
    scope, on, per, by = (body.get(name) for name in ("scope", "on", "per", "by"))
    if not isinstance(scope, str) or not isinstance(on, str) or not scope or not on:
        raise ValueError("scope: it and 'on' are required, as GET /api/v1/limits shows them")
    if isinstance(by, bool) or not isinstance(by, int | float) or not 0 < by <= 10**12:
        raise ValueError("by: must be a number above 0")
    name = on if per is None else f"{on}/{per}"
    amount = round(by * NANO) if on == "usd" else int(by)
    return Raise(scope, name, amount, now + duration(str(body.get("for", "24h"))))


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
