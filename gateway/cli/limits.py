"""Keys, limits, spend, ledger and audit from the command line: on the store alone."""

import argparse
import getpass
import json
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import Any, Final

from gateway.admission import administration
from gateway.admission.administrator import check_groups, days, moments, raise_of
from gateway.admission.amounts import NANO, shown
from gateway.admission.keys import StoredKey
from gateway.admission.scopes import NO_KEY, OwnRules, applied, rules_of
from gateway.admission.teams import with_stored
from gateway.admission.windows import began
from gateway.api.csv_tables import LEDGER_COLUMNS, as_csv, spend_columns
from gateway.config import Config
from gateway.config.limits import LimitsPolicy, duration
from gateway.errors import KeyNotFound
from gateway.store import counters, keys, ledger, shared, spend, teams
from gateway.store.database import Database, StoreFailed, StoreUnusable
from gateway.store.engine import open_shared, open_store, store_url
from gateway.store.limits_rows import Author, CounterId

_EVERY: Final = 1_000_000
_MOST_USD: Final = 10**6
"""Of one request."""


class Command:
    """One command: the store, the policy, and what was asked."""

    def __init__(
        self,
        database: Database,
        policy: LimitsPolicy,
        options: argparse.Namespace,
        shared: Callable[[], Database],
    ) -> None:
        """`shared`: opens what processes share."""
        self.shared = shared
        self.database = database
        self.policy = with_stored(policy, teams.every(database))
        self.options = options
        self.now = int(time.time())
        self.author = Author(f"command line ({_user()})")

    def create(self) -> int:
        options = self.options
        body = {
            "name": options.name,
            "team": options.team,
            "personas": options.persona,
            "direct_models": options.direct_models,
            "limits": [_limit(text) for text in options.limit],
            "expires_in": options.expires_in,
            "scopes": options.scope,
        }
        body = {name: value for name, value in body.items() if value is not None}
        row, key = administration.create_key(
            self.database, body, self.policy, self.now, self.author
        )
        return _print({**administration.key_document(row), "key": key})

    def list(self) -> int:
        for row in keys.page(self.database, self.options.team, most=_EVERY):
            print(json.dumps(administration.key_document(row)))
        return 0

    def show(self) -> int:
        row = administration.key_of(self.database, self.options.id)
        return _print(administration.key_document(row))

    def set_state(self) -> int:
        row = administration.set_state(
            self.database,
            self.options.id,
            self.options.action,
            self.now,
            self.author,
            cut=getattr(self.options, "cut", False),
        )
        return _print(administration.key_document(row))

    def rotate(self) -> int:
        grace = self.options.grace
        seconds = 0 if grace == "0" else duration(grace)
        row, key = administration.rotate_key(
            self.database, self.options.id, seconds, self.now, self.author
        )
        return _print({**administration.key_document(row), "key": key})

    def show_limits(self) -> int:
        key_id = self.options.key or NO_KEY
        row = keys.find(self.database, key_id)
        own = OwnRules() if row is None else StoredKey(row, None).own
        caller = rules_of(self.policy, key_id, own)
        for limit, scope, _ in applied(self.policy, caller, ""):
            window = began(limit.per, self.now, limit.timezone)
            spent, leased = counters.used(self.database, CounterId(scope, limit.name, window))
            of = shown(limit.on, limit.most)
            used, held = shown(limit.on, spent), shown(limit.on, leased)
            print(f"{scope}  {limit.name}  {used:g} used, {held:g} held, of {of:g}")
        return 0

    def raise_limit(self) -> int:
        on, _, per = self.options.name.partition("/")
        body = {
            "scope": self.options.scope, "on": on, "per": per or None, "by": self.options.by,
            "for": self.options.time,
        }  # fmt: skip
        more = raise_of(body, self.now)
        administration.raise_limit(self.database, more, self.now, self.author)
        print(f"{more.scope} {more.name} until {administration.moment(more.until)}")
        return 0

    def spend(self) -> int:
        options = self.options
        by = [name for name in options.by.split(",") if name]
        check_groups(by)
        rows = [
            administration.spend_document(row)
            for row in spend.spent(self.database, by, *days(options.since, options.until, self.now))
        ]
        if options.csv:
            print(as_csv(rows, spend_columns(by)), end="")
        else:
            for row in rows:
                print(json.dumps(row))
        return 0

    def list_ledger(self) -> int:
        """Rows a page at a time: as JSON lines, or as one table."""
        options = self.options
        since, until = moments(options.since, options.until)
        after, head = "", True
        while page := ledger.rows(
            self.database, key=options.key, after=after, since=since, until=until
        ):
            after = page[-1].id
            documents = [administration.ledger_document(row) for row in page]
            if options.csv:
                table = as_csv(documents, LEDGER_COLUMNS)
                print(table if head else table.partition("\n")[2], end="")
            else:
                print(*map(json.dumps, documents), sep="\n")
            head = False
        return 0

    def verify_ledger(self) -> int:
        found = ledger.differences(self.database)
        for difference in found:
            said = f"counted {difference.counted}, rows add up to {difference.added_up}"
            print(f"{difference.what}: {said}")
        if not found:
            print("Every counter and every day is the sum of the ledger's rows.")
        return 1 if found else 0

    def amend(self) -> int:
        cost = _nano_usd(self.options.cost)
        row = administration.amend_row(
            self.database, self.options.id, cost, self.options.why, self.now, self.author
        )
        return _print(administration.ledger_document(row))

    def list_audit(self) -> int:
        names = ("id", "at", "who", "ip", "action", "what", "before", "after")
        for row in keys.audit_rows(self.database, most=_EVERY):
            print(json.dumps(dict(zip(names, row, strict=True))))
        return 0

    def verify_audit(self) -> int:
        broken = keys.first_broken_audit_row(self.database)
        print("Every row is as it was written." if broken is None else f"Row {broken} was changed.")
        return 0 if broken is None else 1

    def instances(self) -> int:
        """Exit status 1 if none is alive."""
        now = self.database.moment() or time.time()
        with closing(self.shared()) as database:
            shared.create(database)
            found = shared.members(database, 0)
        for member in found:
            age = max(0, int(now) - member.seen)
            times = {name: administration.moment(getattr(member, name))
                     for name in ("started", "seen")}  # fmt: skip
            told = {**member._asdict(), **times, "age_s": age, "live": age < counters.LIVE}
            print(json.dumps(told))
        return 0 if any(int(now) - member.seen < counters.LIVE for member in found) else 1

    def check_store(self) -> int:
        found = self.database.check()
        print(f"schema {self.database.version()}: {found}")
        return 0 if found == "ok" else 1

    def migrate(self) -> int:
        print(f"schema {self.database.version()}")  # opening it has brought it there
        return 0


_ACTIONS: Final[Mapping[tuple[str, str | None], Callable[[Command], int]]] = {
    ("keys", "create"): Command.create,
    ("keys", "list"): Command.list,
    ("keys", "show"): Command.show,
    ("keys", "revoke"): Command.set_state,
    ("keys", "disable"): Command.set_state,
    ("keys", "enable"): Command.set_state,
    ("keys", "rotate"): Command.rotate,
    ("limits", "show"): Command.show_limits,
    ("limits", "raise"): Command.raise_limit,
    ("spend", None): Command.spend,
    ("ledger", "list"): Command.list_ledger,
    ("ledger", "verify"): Command.verify_ledger,
    ("ledger", "amend"): Command.amend,
    ("audit", "list"): Command.list_audit,
    ("audit", "verify"): Command.verify_audit,
    ("instances", None): Command.instances,
    ("store", "check"): Command.check_store,
    ("store", "migrate"): Command.migrate,
}


def run(
    config: Config, state: Path, environ: Mapping[str, str], options: argparse.Namespace
) -> int:
    """Exit status: 1 if it could not be done. `state`: the directory of what outlives processes."""
    policy = config.limits
    if policy is None:
        print(
            "persona_policy.yaml says nothing of limits, and has no 'store': there is no store yet",
            file=sys.stderr,
        )
        return 1
    action = _ACTIONS[options.command, getattr(options, "action", None)]
    try:
        url = store_url(policy.store.url, environ)
        with closing(open_store(url, state, patient=True)) as database:
            return action(Command(database, policy, options, partial(open_shared, url, state)))
    except (StoreUnusable, ValueError, sqlite3.Error, StoreFailed) as error:
        print(error, file=sys.stderr)
    except KeyNotFound as error:
        print(error.message, file=sys.stderr)
    return 1


def _limit(text: str) -> dict[str, Any]:
    """`usd/day=5` as persona_policy.yaml would say it. Raises ValueError."""
    name, _, amount = text.partition("=")
    on, _, per = name.partition("/")
    try:
        number = float(amount)
    except ValueError:
        raise ValueError(f"--limit: must be like usd/day=5, not {text[:60]!r}") from None
    limit: dict[str, Any] = {"on": on, "amount": number}
    if per:
        limit["per"] = per
    return limit


def _nano_usd(text: str) -> int:
    """Raises ValueError."""
    try:
        usd = Decimal(text)
        good = 0 <= usd <= _MOST_USD
    except InvalidOperation:
        good = False
    if not good:
        raise ValueError(f"--cost: must be USD, like 0.0123, not {text[:40]!r}")
    return int(usd * NANO)


def _print(document: Mapping[str, Any]) -> int:
    print(json.dumps(document, indent=2))
    return 0


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        return "unknown"
