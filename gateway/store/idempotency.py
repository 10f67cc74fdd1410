"""Writes that are done once, however often they are asked for: for a day what came of them is kept,
without secrets.
"""

import json
from collections.abc import Callable
from typing import Any, Final

from gateway.store.database import Database, transaction

KEPT: Final = 86_400
"""Seconds."""
SECRET: Final = "key"
"""The field of an answer that is shown once."""


def once(
    database: Database,
    name: str,
    request: str,
    now: int,
    work: Callable[[Database], dict[str, Any]],
) -> dict[str, Any]:
    """What `work` gives, or gave when it was asked for by that `name`, both in one transaction.
    Raises ValueError if that was for another request.
    """
    with transaction(database):
        database.execute("DELETE FROM idempotent WHERE at <= ?", (now - KEPT,))
        found = database.execute(
            "SELECT request, answer FROM idempotent WHERE id = ?", (name,)
        ).fetchone()
        if found is not None:
            if found[0] != request:
                raise ValueError("Idempotency-Key: was used for another request")
            answer: dict[str, Any] = json.loads(found[1])
            return answer
        answer = work(database)
        kept = {**answer, SECRET: None} if SECRET in answer else answer
        database.execute(
            "INSERT INTO idempotent VALUES(?, ?, ?, ?)", (name, now, request, json.dumps(kept))
        )
    return answer
