"""Keys, counters and the ledger in Postgres, for instances on several machines.

One connection, used by one thread, on an event loop of that thread: the modules beside it work on
it as on SQLite. Nothing waits without an end, and a connection that failed is dropped and made
again by the next statement. Writing transactions happen one after another, by an advisory lock, as
SQLite's do; a process that stops in the middle of one is put out by the server.
"""

import asyncio
import contextlib
import re
from collections.abc import Callable, Coroutine, Iterator, Sequence
from functools import cache
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import asyncpg

from gateway.store.database import (
    Group,
    Look,
    StoreFailed,
    StoreUnreachable,
    StoreUnusable,
    transaction,
)
from gateway.store.partitions import VOUCH, prepare
from gateway.store.postgres_schema import CHANNEL, EXPANDED, STEPS, TOLD, WHOLE

CONNECT: Final = 1.0
"""Seconds that a connection may take."""
STATEMENT: Final = 1.0
"""Seconds that a statement may take in a running gateway."""
PATIENT: Final = 600.0
"""The same for a command that looks at all of the ledger, and for a new version of the tables."""
_WRITING: Final = 7_154_021_301
"""Names the advisory lock of writing transactions, and of migrations."""
_BEGIN: Final = f"BEGIN; SELECT pg_advisory_xact_lock({_WRITING})"
_HAS_SCHEMA: Final = (
    "SELECT 1 FROM pg_class WHERE relname = 'schema_version' AND pg_table_is_visible(oid)"
)
"""By the rows of pg_class: `to_regclass` says what it said before a wait for an advisory lock,
though another process has made the table meanwhile."""
_MARK: Final = re.compile(r"\?(\d*)")
_FAILURES: Final = (
    asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError,
    TimeoutError,
)  # fmt: skip
"""InternalClientError: also what a statement meets whose connection the server is about to close
(`cannot switch to state 13; another operation (2) is in progress`)."""
_REFUSALS: Final = ("28", "3D", "42")
"""Classes of errors that pass only once somebody changes something: who may log in, whether there
is such a database, and what may be done in it."""
T = TypeVar("T")


@cache
def _numbered(sql: str) -> str:
    """With `$1` where SQLite has `?` or `?1`."""
    count = 0

    def number(found: re.Match[str]) -> str:
        nonlocal count
        count += 1
        return f"${found[1] or count}"

    return _MARK.sub(number, sql)


def place_of(url: str) -> str:
    """The URL without user and password, as logs may have it."""
    parts = urlsplit(url)
    return f"postgresql://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _said(error: BaseException) -> str:
    """One line of it; a URL is in none of asyncpg's."""
    text = str(error).partition("\n")[0]
    return text if text else "no answer in time"


def _refused(error: BaseException) -> bool:
    return str(getattr(error, "sqlstate", None)).startswith(_REFUSALS)


class Found:
    """The rows of a statement."""

    def __init__(self, rows: Sequence[tuple[Any, ...]]) -> None:
        self._rows = iter(rows)

    def fetchone(self) -> Any:
        return next(self._rows, None)

    def fetchall(self) -> list[Any]:
        return list(self._rows)

    def __iter__(self) -> Iterator[Any]:
        return self._rows


class PostgresDatabase:
    """Made in any thread, used by one. `statement`: seconds that each may take."""

    remote = True

    def __init__(self, url: str, statement: float = STATEMENT) -> None:
        self._url = url
        self._statement = statement
        self._loop = asyncio.new_event_loop()
        self._connection: Any = None
        self.in_transaction = False

    def _run(self, work: Callable[[Any], Coroutine[Any, Any, T]], within: float) -> T:
        """Raises StoreFailed; then the connection is gone, and the transaction with it."""

        async def bounded() -> T:
            async with asyncio.timeout(within + CONNECT):
                return await work(await self._connected())

        try:
            return self._loop.run_until_complete(bounded())
        except asyncpg.IntegrityConstraintViolationError as error:
            raise StoreFailed(_said(error)) from None  # the connection is sound
        except _FAILURES as error:
            self._drop()
            raise StoreFailed(_said(error), refused=_refused(error)) from None

    async def _connected(self) -> Any:
        if self._connection is not None and self._connection.is_closed():
            within = self.in_transaction
            self._drop()
            if within:
                raise asyncpg.InterfaceError("the connection was lost in a transaction")
        if self._connection is None:
            self._connection = await connected(self._url, self._statement)
        return self._connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        self.in_transaction = False
        if connection is not None:
            connection.terminate()

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Found:
        async def work(connection: Any) -> list[tuple[Any, ...]]:
            rows = await connection.fetch(_numbered(sql), *parameters, timeout=self._statement)
            return [tuple(row) for row in rows]

        found = Found(self._run(work, self._statement))
        if sql in ("COMMIT", "ROLLBACK"):
            self.in_transaction = False
        return found

    def executemany(self, sql: str, parameters: Sequence[Any], /) -> None:
        async def work(connection: Any) -> None:
            await connection.executemany(_numbered(sql), parameters, timeout=self._statement)

        if parameters:
            self._run(work, self._statement)

    def insert(
        self, table: str, common: Sequence[str], own: Sequence[str], groups: Sequence[Group], /
    ) -> None:
        rows = [same + row for same, each in groups for row in each]

        async def work(connection: Any) -> None:
            await connection.copy_records_to_table(
                table, columns=(*common, *own), records=rows, timeout=self._statement
            )

        self._run(work, self._statement)

    def _begin(self, sql: str) -> None:
        async def work(connection: Any) -> None:
            await connection.execute(sql, timeout=self._statement)

        self._run(work, self._statement)
        self.in_transaction = True

    def begin(self) -> None:
        self._begin(_BEGIN)

    def begin_snapshot(self) -> None:
        self._begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    @contextlib.contextmanager
    def beside(self) -> Iterator[None]:
        """A transaction that others do not wait for, whose statements may take minutes."""
        self._begin("BEGIN")
        with self.patience():
            yield
        self.execute("COMMIT")

    @contextlib.contextmanager
    def patience(self) -> Iterator[None]:
        """Inside a transaction: statements may take minutes, as those that fill a table."""
        within, self._statement = self._statement, PATIENT
        try:
            self.execute(f"SET LOCAL statement_timeout = {int(PATIENT * 1000)}")
            yield
            self.execute(f"SET LOCAL statement_timeout = {int(within * 1000)}")
        finally:
            self._statement = within

    def moment(self) -> float | None:
        (seconds,) = self.execute("SELECT EXTRACT(EPOCH FROM clock_timestamp())::float8").fetchone()
        return float(seconds)

    def version(self) -> int:
        if self.execute(_HAS_SCHEMA).fetchone() is None:
            return 0
        found = self.execute("SELECT version FROM schema_version").fetchone()
        return 0 if found is None else int(found[0])

    def check(self) -> str:
        self.execute("SELECT 1 FROM counters LIMIT 1")
        return "ok"

    def close(self) -> None:
        self._drop()
        # What terminating has scheduled is done before the loop is closed.
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()


async def connected(url: str, statement: float) -> Any:
    """A connection of this gateway. The server, too, ends what takes longer, and a transaction that
    nobody goes on with.
    """
    within = int(statement * 1000)
    settings = {
        "application_name": "llm-router",
        "jit": "off",  # it takes longer than any statement of ours gains by it
        "statement_timeout": str(within),
        "lock_timeout": str(within),
        "idle_in_transaction_session_timeout": str(2 * within),
    }
    async with asyncio.timeout(CONNECT):
        return await asyncpg.connect(url, timeout=CONNECT, server_settings=settings)


def opened(url: str, statement: float = STATEMENT) -> PostgresDatabase:
    """The database of that URL, with the newest schema. Raises StoreUnusable, StoreUnreachable."""
    database = PostgresDatabase(url, statement)
    try:
        migrate(database)
    except (StoreFailed, StoreUnusable, ValueError) as error:
        database.close()
        if isinstance(error, StoreUnusable):
            raise
        later = isinstance(error, StoreFailed) and not error.refused
        raise (StoreUnreachable if later else StoreUnusable)(
            f"{place_of(url)} cannot be used as a store: {error}", "store"
        ) from None
    return database


def look_at(url: str) -> Look:
    """Raises StoreUnusable where it cannot be reached."""
    try:
        with contextlib.closing(PostgresDatabase(url)) as database:
            known, newest = len(STEPS), len(STEPS) + EXPANDED
            return Look(database.version(), known, newest, database.moment())
    except (StoreFailed, ValueError) as error:
        raise StoreUnusable(
            f"{place_of(url)} cannot be used as a store: {error}", "store"
        ) from None


def migrate(database: PostgresDatabase) -> int:
    """Bring the schema to the newest version; how many steps that took. Raises StoreFailed, and
    StoreUnusable for one that is too new.
    """
    if 0 < database.version() <= WHOLE:
        for statement in VOUCH:
            with database.beside():
                database.execute(statement)
    with transaction(database):  # others that start wait
        had = database.version()
        if had > len(STEPS) + EXPANDED:
            raise StoreUnusable(
                f"the store has schema {had}, and this program knows {len(STEPS)}: it was written"
                " by a newer one",
                "store",
            )
        if had < len(STEPS):
            # Only here, where one process is at a time: `IF NOT EXISTS` fails where two are.
            database.execute("CREATE TABLE IF NOT EXISTS schema_version(version BIGINT NOT NULL)")
            with database.patience():
                for statement in [each for step in STEPS[had:] for each in step]:
                    database.execute(statement)
            database.execute("DELETE FROM schema_version")
            database.execute("INSERT INTO schema_version VALUES(?)", (len(STEPS),))
    prepare(database, int(database.moment() or 0))
    return max(0, len(STEPS) - had)


class Signals:
    """What other processes have done since it was looked at: set by a connection that listens. As
    long as none does, everything counts as done.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self.listening = False
        self._told: set[str] = set()

    def take(self, table: str) -> bool:
        """Whether it was changed since the last time; unknown is yes."""
        told = table in self._told
        self._told.discard(table)
        return told or not self.listening

    def _tell(self, table: str) -> None:
        if table in TOLD:
            self._told.add(table)

    async def listen(self, pause: Callable[[], float]) -> None:
        """Until it is cancelled. `pause`: seconds before the next attempt."""
        while True:
            with contextlib.suppress(*_FAILURES):
                await self._listen_once()
            self.listening = False
            await asyncio.sleep(pause())

    async def _listen_once(self) -> None:
        lost = asyncio.Event()
        connection = await connected(self._url, STATEMENT)
        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(CHANNEL, lambda *said: self._tell(str(said[-1])))
            self._told.update(TOLD)  # what was told before
            self.listening = True
            while not lost.is_set():
                await connection.execute("SELECT 1", timeout=STATEMENT)  # it is there
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(lost.wait(), _LOOK)
        finally:
            connection.terminate()


_LOOK: Final = 5.0
"""Seconds between two looks at whether the listening connection is there."""
