"""What the modules of keys, counters and the ledger ask of a database, whichever it is: statements
in the SQL that SQLite and Postgres share, with `?` or `?1` for values, and transactions that happen
one after another over all processes.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, Protocol, TypeVar

MOST_AT_ONCE: Final = 512
"""Conditions of one statement."""
Group = tuple[tuple[Any, ...], Sequence[tuple[Any, ...]]]
"""What rows have in common, and the rest of each."""
T = TypeVar("T")


class StoreFailed(Exception):
    """The database cannot be reached or refuses; the message holds no password."""

    def __init__(self, message: str, *, refused: bool = False) -> None:
        """`refused`: it answers, and will say the same until somebody changes it."""
        super().__init__(message)
        self.refused = refused
        self.in_doubt = False
        """It failed while a transaction was made good: all of that may stand, or nothing."""


class StoreUnusable(Exception):
    """The file of a store cannot be opened or is none; the message names it."""

    def __init__(self, message: str, setting: str = "server.responses_store") -> None:
        """`setting`: what of the policy asks for it."""
        super().__init__(message)
        self.setting = setting


class StoreUnreachable(StoreUnusable):
    """It does not answer now, and may do so later."""


class Look(NamedTuple):
    """A database as it is, nothing in it being changed."""

    schema: int
    """0: it has none yet."""
    known: int
    """The newest that this program makes."""
    newest: int
    """The newest that this program works with."""
    moment: float | None
    """Unix seconds by its clock; None if that is this machine's."""


class Rows(Protocol):
    """What a statement gives."""

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...


class Database(Protocol):
    """A connection that one thread uses. Every method raises sqlite3.Error or StoreFailed."""

    @property
    def remote(self) -> bool:
        """Processes of other machines use it, too: their journals cannot be read from here, and
        their clocks differ.
        """
        ...

    @property
    def in_transaction(self) -> bool: ...

    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Rows: ...

    def executemany(self, sql: str, parameters: Sequence[Any], /) -> object: ...

    def insert(
        self, table: str, common: Sequence[str], own: Sequence[str], groups: Sequence[Group], /
    ) -> object:
        """Add rows, of which none is there: those of a group have the same in the `common`
        columns.
        """
        ...

    def begin(self) -> None:
        """A transaction that writes; others wait until it is over."""
        ...

    def begin_snapshot(self) -> None:
        """A transaction that reads one moment of everything."""
        ...

    def moment(self) -> float | None:
        """Unix seconds by its clock; None if that is this machine's."""
        ...

    def version(self) -> int:
        """Of the schema: how many steps it has had."""
        ...

    def check(self) -> str:
        """`ok`, or what is damaged."""
        ...

    def close(self) -> None: ...


@contextmanager
def transaction(database: Database) -> Iterator[None]:
    """All of it or nothing; other processes wait. Inside another one it is a part of that."""
    if database.in_transaction:
        yield
        return
    database.begin()
    yield from _ended(database)


@contextmanager
def snapshot(database: Database) -> Iterator[None]:
    """What is read stands in one moment."""
    database.begin_snapshot()
    yield from _ended(database)


def _ended(database: Database) -> Iterator[None]:
    try:
        yield
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise
    try:
        database.execute("COMMIT")
    except StoreFailed as error:
        error.in_doubt = True
        raise


def padded(items: Sequence[T]) -> list[T]:
    """The items, with the last one again until they are a power of two: so that a database knows
    few statements, whatever the number of values.
    """
    size = 1 << max(0, len(items) - 1).bit_length()
    return [*items, *[items[-1]] * (size - len(items))]


def portions(items: Sequence[T]) -> Iterator[list[T]]:
    """As many as one statement may name, padded."""
    for start in range(0, len(items), MOST_AT_ONCE):
        yield padded(items[start : start + MOST_AT_ONCE])
