"""Keys and their secrets in the store, and who changed what: an audit in which each row seals the
one before it.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Final

from gateway.store.database import Database, snapshot, transaction
from gateway.store.limits_rows import Author, KeyRow, Raise, SecretRow

_COLUMNS: Final = ", ".join(KeyRow._fields)
PAGE: Final = 5_000
"""Keys that are read at a time."""
_MARKS: Final = ",".join("?" * len(KeyRow._fields))


def find(database: Database, key_id: str) -> KeyRow | None:
    found = database.execute(f"SELECT {_COLUMNS} FROM keys WHERE id = ?", (key_id,)).fetchone()
    return None if found is None else KeyRow(*found)


def page(
    database: Database, team: str | None = None, after: str = "", most: int = 100
) -> list[KeyRow]:
    """In the order of their ids."""
    which, values = "id > ?", [after]
    if team is not None:
        which, values = "id > ? AND team = ?", [after, team]
    query = f"SELECT {_COLUMNS} FROM keys WHERE {which} ORDER BY id LIMIT ?"
    return [KeyRow(*found) for found in database.execute(query, (*values, most))]


def changed_since(
    database: Database, revision: int, most: int = PAGE
) -> tuple[list[KeyRow], list[SecretRow]]:
    """Keys with a newer revision, and all of their secrets. Where there are `most` of them there
    may be more: no statement takes long, however many keys there are.
    """
    query = f"SELECT {_COLUMNS} FROM keys WHERE rev > ? ORDER BY rev LIMIT ?"
    with snapshot(database):  # or a key that changes in between would have no secrets
        rows = [KeyRow(*found) for found in database.execute(query, (revision, most))]
        if not rows:
            return [], []
        secrets = database.execute(
            "SELECT digest, key_id, hint, s.valid_until FROM secrets s JOIN keys k ON"
            " k.id = s.key_id WHERE k.rev > ? AND k.rev <= ?",
            (revision, rows[-1].rev),
        )
        return rows, [SecretRow(*found) for found in secrets]


def allowed(database: Database) -> list[tuple[str, int]]:
    """What keys that are not revoked, and teams, may ask: each list that one of them has, as JSON,
    and how many have it.
    """
    query = (
        "SELECT personas, COUNT(*) FROM (SELECT personas FROM keys WHERE state <> 'revoked' UNION"
        " ALL SELECT personas FROM teams) AS lists WHERE personas IS NOT NULL GROUP BY personas"
        " ORDER BY personas"
    )
    return [(names, count) for names, count in database.execute(query)]


def cut_since(database: Database, revision: int) -> list[tuple[int, str]]:
    """Revisions and ids of keys whose running requests were to be ended since then."""
    query = "SELECT rev, id FROM changes WHERE what = 'cut' AND rev > ? ORDER BY rev"
    return [(rev, key_id) for rev, key_id in database.execute(query, (revision,))]


def create(database: Database, row: KeyRow, secret: SecretRow, author: Author) -> KeyRow:
    """The key as it stands in the store."""
    with transaction(database):
        revision = note_change(database, row.created_at, "key", row.id)
        row = row._replace(rev=revision)
        database.execute(f"INSERT INTO keys VALUES({_MARKS})", row)
        _add_secret(database, secret, row.created_at)
        note_in_audit(database, row.created_at, author, "create", f"key/{row.id}", None, shown(row))
    return row


def update(database: Database, row: KeyRow, now: int, author: Author, action: str) -> KeyRow:
    """Replace what is known of a key."""
    with transaction(database):
        before = find(database, row.id)
        row = row._replace(rev=note_change(database, now, "key", row.id))
        fields = ", ".join(f"{name} = ?" for name in KeyRow._fields)
        database.execute(f"UPDATE keys SET {fields} WHERE id = ?", (*row, row.id))
        note_in_audit(
            database, now, author, action, f"key/{row.id}",
            None if before is None else shown(before), shown(row),
        )  # fmt: skip
    return row


def rotate(database: Database, secret: SecretRow, until: int, now: int, author: Author) -> None:
    """Add a secret. The one before is good until `until`; one before that, which an earlier
    rotation has left, is not any more: a key has two at most.
    """
    with transaction(database):
        revision = note_change(database, now, "key", secret.key_id)
        database.execute("UPDATE keys SET rev = ? WHERE id = ?", (revision, secret.key_id))
        database.execute(
            "DELETE FROM secrets WHERE key_id = ? AND valid_until IS NOT NULL", (secret.key_id,)
        )
        database.execute(
            "UPDATE secrets SET valid_until = ? WHERE key_id = ?", (until, secret.key_id)
        )
        _add_secret(database, secret, now)
        after = json.dumps({"hint": secret.hint, "others_until": until})
        note_in_audit(database, now, author, "rotate", f"key/{secret.key_id}", None, after)


def add_raise(database: Database, more: Raise, now: int, author: Author) -> None:
    """Raise a limit for a while."""
    with transaction(database):
        note_change(database, now, "raise", f"{more.scope} {more.name}")
        database.execute("INSERT INTO raises VALUES(?, ?, ?, ?, ?)", (*more, now))
        after = json.dumps({"by": more.by, "until": more.until})
        of = f"limit/{more.scope}/{more.name}"
        note_in_audit(database, now, author, "raise", of, None, after)


def used_at(database: Database, used: Sequence[tuple[str, int]]) -> None:
    """When keys were used last: Unix seconds by their ids."""
    with transaction(database):
        database.executemany(
            "UPDATE keys SET last_used_at = ?2 WHERE id = ?1 AND COALESCE(last_used_at, 0) < ?2",
            used,
        )


def audited(database: Database, what: str, now: int, author: Author, after: str) -> None:
    """Write down a change that stands elsewhere."""
    with transaction(database):
        note_in_audit(database, now, author, "amend", what, None, after)


def audit_rows(
    database: Database, after: int = 0, most: int = 1000, *, newest: bool = False
) -> list[Any]:
    """id, at, who, ip, action, what, before, after; in order, or the newest first."""
    query = (
        "SELECT id, at, who, ip, action, what, before, after FROM audit WHERE id > ? ORDER BY id"
        f"{' DESC' if newest else ''} LIMIT ?"
    )
    return database.execute(query, (after, most)).fetchall()


def first_broken_audit_row(database: Database) -> int | None:
    """The id of the first row that was changed, or before which one was taken out; None if all is
    well. Ids may be missing where nothing was: Postgres counts on for a change that was not made.
    """
    chain = ""
    for *row, sealed in database.execute(
        "SELECT id, at, who, ip, action, what, before, after, chain FROM audit ORDER BY id"
    ):
        chain = _sealed(chain, row[1:])
        if chain != sealed:
            return int(row[0])
    return None


def shown(row: KeyRow) -> str:
    """A key as the audit has it."""
    return json.dumps(row._asdict(), sort_keys=True)


def _add_secret(database: Database, secret: SecretRow, now: int) -> None:
    database.execute(
        "INSERT INTO secrets VALUES(?, ?, ?, ?, ?)",
        (secret.digest, secret.key_id, secret.hint, now, secret.valid_until),
    )


def note_change(database: Database, now: int, what: str, name: str) -> int:
    """The revision that tells other processes of a change."""
    (revision,) = database.execute(
        "INSERT INTO changes(at, what, id) VALUES(?, ?, ?) RETURNING rev", (now, what, name)
    ).fetchone()
    return int(revision)


def note_in_audit(
    database: Database,
    now: int,
    author: Author,
    action: str,
    what: str,
    before: str | None,
    after: str | None,
) -> None:
    """A row that seals the one before it. Inside a transaction."""
    last = database.execute("SELECT chain FROM audit ORDER BY id DESC LIMIT 1").fetchone()
    row = (now, author.who, author.ip, action, what, before, after)
    chain = _sealed("" if last is None else last[0], row)
    database.execute(
        "INSERT INTO audit(at, who, ip, action, what, before, after, chain)"
        " VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
        (*row, chain),
    )


def _sealed(previous: str, row: Sequence[Any]) -> str:
    return hashlib.sha256((previous + json.dumps(list(row))).encode()).hexdigest()
