"""Teams in the store, beside those of the policy."""

import json
from typing import Final

from gateway.store.database import Database, transaction
from gateway.store.keys import note_change, note_in_audit
from gateway.store.limits_rows import Author, TeamRow

_COLUMNS: Final = ", ".join(TeamRow._fields)


def every(database: Database) -> list[TeamRow]:
    """In the order of their names."""
    query = f"SELECT {_COLUMNS} FROM teams ORDER BY id"
    return [TeamRow(*found) for found in database.execute(query)]


def put(database: Database, row: TeamRow, now: int, author: Author) -> TeamRow:
    """The team as it stands from now on."""
    with transaction(database):
        before = _find(database, row.id)
        row = row._replace(rev=note_change(database, now, "team", row.id))
        if before is None:
            database.execute(f"INSERT INTO teams({_COLUMNS}) VALUES(?, ?, ?, ?, ?)", row)
        else:
            database.execute(
                "UPDATE teams SET personas = ?, limits = ?, metadata = ?, rev = ? WHERE id = ?",
                (*row[1:], row.id),
            )
        action = "create" if before is None else "change"
        note_in_audit(database, now, author, action, f"team/{row.id}", _shown(before), _shown(row))
    return row


def remove(database: Database, name: str, now: int, author: Author) -> TeamRow | None:
    """The team that there was. Raises ValueError as long as it has keys that are not revoked."""
    with transaction(database):
        row = _find(database, name)
        query = "SELECT 1 FROM keys WHERE team = ? AND state <> 'revoked' LIMIT 1"
        if row is None:
            return None
        if database.execute(query, (name,)).fetchone() is not None:
            raise ValueError(f"team: {name!r} has keys: revoke them, or give them another team")
        database.execute("DELETE FROM teams WHERE id = ?", (name,))
        note_change(database, now, "team", name)
        note_in_audit(database, now, author, "delete", f"team/{name}", _shown(row), None)
    return row


def _find(database: Database, name: str) -> TeamRow | None:
    query = f"SELECT {_COLUMNS} FROM teams WHERE id = ?"
    found = database.execute(query, (name,)).fetchone()
    return None if found is None else TeamRow(*found)


def _shown(row: TeamRow | None) -> str | None:
    return None if row is None else json.dumps(row._asdict(), sort_keys=True)
