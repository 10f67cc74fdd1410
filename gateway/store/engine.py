"""Which database keeps keys, counters and the ledger, by its URL. The client of one that is not
asked for is not imported.
"""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from gateway.store import answers, limits_database
from gateway.store.database import Database, Look, StoreFailed, StoreUnusable

STORE_URL: Final = "LLM_ROUTER_STORE_URL"
"""The environment variable whose URL wins over the policy's: it may hold a password."""
FILE: Final = "limits.sqlite"
ANSWERS_FILE: Final = "answers.sqlite"
"""Beside it: answers that are given again are many bytes, and nobody waits for them."""
SHARED_FILE: Final = "shared.sqlite"
"""Beside it: what processes tell each other must not hold up what they count."""
_POSTGRES: Final = ("postgresql:", "postgres:")


def store_url(written: str | None, environ: Mapping[str, str]) -> str:
    """The URL that holds, the environment's before the policy's; `sqlite:` if nobody says anything.
    Raises StoreUnusable for one of neither kind, which it does not repeat.
    """
    url = environ.get(STORE_URL) or written or "sqlite:"
    if not url.startswith(("sqlite:", *_POSTGRES)):
        raise StoreUnusable("must be sqlite: and a path, or postgresql://…", STORE_URL)
    return url


def file_of(url: str, state: Path) -> Path | None:
    """The file of a `sqlite:` URL, None of others. `state`: the directory of what outlives the
    process.
    """
    if url.startswith(_POSTGRES):
        return None
    path = url.removeprefix("sqlite:")
    if not path:
        return state / FILE
    return Path("/" + path.lstrip("/")) if path.startswith("/") else Path(path)


def open_store(url: str, state: Path, *, patient: bool = False) -> Database:
    """With the newest schema. `patient`: statements may take minutes. Raises StoreUnusable; of a
    server that does not answer StoreUnreachable.
    """
    path = file_of(url, state)
    if path is not None:
        return limits_database.opened(path)
    postgres = _postgres()
    within = postgres.PATIENT if patient else postgres.STATEMENT
    database: Database = postgres.opened(url, within)
    return database


def open_unseen(url: str) -> Database:
    """The same of a store that cannot be reached yet: `bring_up` is called once it can be."""
    database: Database = _postgres().PostgresDatabase(url)
    return database


def bring_up(database: Database) -> None:
    """Give it the newest schema. Raises StoreFailed."""
    try:
        _postgres().migrate(database)
    except StoreUnusable as error:
        raise StoreFailed(str(error), refused=True) from None


def open_answers(url: str, state: Path) -> Database:
    """The database of answers that are given again, its table made. Raises StoreUnusable."""
    path = file_of(url, state)
    if path is not None:
        return answers.prepared(limits_database.connected(path.with_name(ANSWERS_FILE)))
    return answers.prepared(_postgres().PostgresDatabase(url))


def look_at(url: str, state: Path) -> Look:
    """Nothing is made or changed. Raises StoreUnusable."""
    path = file_of(url, state)
    if path is not None:
        return limits_database.look_at(path)
    seen: Look = _postgres().look_at(url)
    return seen


def open_to_read(url: str, state: Path) -> Any:
    """A database that there is; only read from it. Raises sqlite3.Error."""
    path = file_of(url, state)
    if path is not None:
        return limits_database.to_be_read(path)
    return _postgres().PostgresDatabase(url)


def open_shared(url: str, state: Path) -> Database:
    """Where processes tell each other what they know, without its tables: on Postgres nothing is
    connected yet. Raises StoreUnusable.
    """
    path = file_of(url, state)
    if path is not None:
        return limits_database.connected(path.with_name(SHARED_FILE))
    database: Database = _postgres().PostgresDatabase(url)
    return database


def signals_of(url: str) -> Any:
    """What listens to the database's news; None where there is nothing of the kind."""
    return _postgres().Signals(url) if url.startswith(_POSTGRES) else None


def shown(url: str, state: Path) -> str:
    """Without user and password, as logs may have it."""
    path = file_of(url, state)
    shown: str = _postgres().place_of(url) if path is None else str(path)
    return shown


def _postgres() -> Any:
    try:
        return importlib.import_module("gateway.store.postgres")
    except ModuleNotFoundError as error:
        if error.name != "asyncpg":
            raise
        raise StoreUnusable("needs asyncpg: pip install 'llm-router[postgres]'", "store") from None
