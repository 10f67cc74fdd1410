"""Tables for spreadsheets: the names of their columns first, and nothing that a spreadsheet would
take for a formula.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

LEDGER_COLUMNS: Final = (
    "id", "at", "key", "team", "persona", "user", "target", "state", "attempts", "input", "cached",
    "written", "output", "reasoning", "cost_nano_usd", "cost_usd", "revision", "decision",
    "request", "amends", "why",
)  # fmt: skip
_SPENT: Final = (
    "requests", "input", "cached", "output", "estimated", "unpriced", "cost_usd",
)  # fmt: skip
_BEGINS_A_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_NO_KEY: Final = "-"


def spend_columns(by: Sequence[str]) -> tuple[str, ...]:
    """Of sums that are told by these."""
    return (*by, *_SPENT)


def as_csv(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """As RFC 4180 has it, but for the ends of lines. A text that a spreadsheet would calculate
    begins with an apostrophe.
    """
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _plain(row[name]) for name in columns} for row in rows)
    return out.getvalue()


def _plain(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    begins = "'" if value.startswith(_BEGINS_A_FORMULA) and value != _NO_KEY else ""
    return begins + value.replace("\r", " ")  # a lone one ends a line for some
