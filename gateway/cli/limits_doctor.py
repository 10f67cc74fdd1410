"""What stands between this machine and limits that hold: their store, and their journal."""

import json
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

from gateway.admission import journal
from gateway.admission.upkeep import journal_directory
from gateway.cli.diagnosis import Finding
from gateway.config.limits import LimitsPolicy
from gateway.store import engine, keys
from gateway.store.database import Look, StoreFailed, StoreUnusable

_STORE: Final = "store of limits"
_JOURNAL: Final = "journal of limits"
_DISK: Final = "disk of the journal"
_MIB: Final = 1024 * 1024
_LITTLE: Final = 1024 * _MIB
"""Bytes; a million requests while the store is away."""
_HAS_TEAMS: Final = 2
"""The first schema with teams."""
_MOST_NAMED: Final = 5
_SKEW: Final = 2.0
"""Seconds between two clocks that are worth a look."""


def examined(
    policy: LimitsPolicy, state: Path, environ: Mapping[str, str], clock: Callable[[], float]
) -> list[Finding]:
    """Nothing is made or changed. `clock`: Unix seconds by this machine."""
    try:
        url = engine.store_url(policy.store.url, environ)
    except StoreUnusable as error:
        return [Finding("bad", _STORE, f"{error.setting} {error}")]
    return [*_store(url, state, clock, policy), *_journal(journal_directory(url, state))]


def _store(
    url: str, state: Path, clock: Callable[[], float], policy: LimitsPolicy
) -> Iterator[Finding]:
    try:
        look = engine.look_at(url, state)
    except StoreUnusable as error:
        yield Finding("bad", _STORE, str(error))
        return
    place = engine.shown(url, state)
    if look.schema > look.newest:
        told = f"{place} has schema {look.schema}, and this program knows {look.known}"
        yield Finding("bad", _STORE, f"{told}: it was written by a newer one")
    else:
        yield Finding("ok", _STORE, f"{place}, {_schema(look)}")
    if look.moment is not None:
        yield _skew(clock() - look.moment)
    if _HAS_TEAMS <= look.schema <= look.newest:
        yield from _personas(url, state, policy)


def _personas(url: str, state: Path, policy: LimitsPolicy) -> Iterator[Finding]:
    """What keys and teams of the store may ask, and is not there any more."""
    try:
        with closing(engine.open_to_read(url, state)) as database:
            lists = keys.allowed(database)
    except (sqlite3.Error, StoreFailed) as error:
        yield Finding("bad", _STORE, str(error))
        return
    gone: Counter[str] = Counter()
    for names, count in lists:
        for name in {*json.loads(names)} - policy.known_personas - policy.known_models:
            gone[name] += count
    for name, count in sorted(gone.items())[:_MOST_NAMED]:
        told = f"it is not in the policy; keys and teams of the store that name it: {count}"
        yield Finding("look", f"persona {name}", told)
    if len(gone) > _MOST_NAMED:
        yield Finding("look", "personas", f"{len(gone) - _MOST_NAMED} more are only in the store")


def _schema(look: Look) -> str:
    if look.schema == 0:
        return "which the first start makes"
    if look.schema < look.known:
        return f"schema {look.schema}: the next start brings it to {look.known}"
    return f"schema {look.schema}"


def _skew(seconds: float) -> Finding:
    """Windows and keys follow the store's clock, the log and prices this machine's."""
    told = f"this machine's is {abs(seconds):.1f} s {'ahead of' if seconds > 0 else 'behind'} it"
    return Finding("look" if abs(seconds) > _SKEW else "ok", "clock of the store", told)


def _journal(directory: Path) -> Iterator[Finding]:
    there = next(path for path in (directory, *directory.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there) as tried:
            tried.write(b"{}")
    except OSError as error:
        told = f"{there} cannot be written to: {error.strerror or error}"
        yield Finding("bad", _JOURNAL, told)
    else:
        yield Finding("ok", _JOURNAL, str(directory))
    yield _disk(shutil.disk_usage(there).free)


def _disk(free: int) -> Finding:
    told = f"{free // _MIB} MiB are free"
    if free < journal.LARGEST:
        return Finding("bad", _DISK, told)
    return Finding("look" if free < _LITTLE else "ok", _DISK, told)
