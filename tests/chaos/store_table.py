"""The faults of the store of limits as a part of the page."""

from collections.abc import Mapping
from typing import Final

from tests.chaos.outcomes import Outcome
from tests.chaos.store_faults import STORE_FAULTS, Policy, StoreFault

HEAD: Final = """## The store of limits

What callers see while the store of keys, limits and the ledger is away, under three policies (`store.when_down`): the default
(`limits: last_known`, `budgets: refuse`), `open` for both, and `refuse` for both. A request may need what this process has leased already, or a
limit or a budget that it has leased nothing of. Once the store is back everything that a provider was sent is in the ledger once, and the
counters are its sums. No request waits for a store that is known to be away. The clocks of the store are shortened to a quarter of a second.
"""  # noqa: E501
COLUMNS: Final = (
    "store", "fault", "leased", "a limit", "a budget", "a known key", "an unknown key",
    "lost or twice",
)  # fmt: skip


def store_rows() -> list[str]:
    return [_row(fault) for fault in STORE_FAULTS]


def _row(fault: StoreFault) -> str:
    seen = fault.seen
    by_policy = (_told(each) for each in (seen.leased, seen.limits, seen.budgets))
    cells = (fault.store, fault.name, *by_policy, str(seen.known_key), str(seen.unknown_key), "0")
    return f"| {' | '.join(cells)} |"


def _told(outcomes: Mapping[Policy, Outcome]) -> str:
    if len(set(outcomes.values())) == 1:
        return str(outcomes["default"])
    return "; ".join(f"{policy}: {outcome}" for policy, outcome in outcomes.items())
