"""What each way to end costs: rows of the ledger, worked out by hand from the price list.

gpt-4.1: 2 USD a million tokens read, 0.50 from a cache, 8 written: 2,000, 500 and 8,000 nano-USD a
token. claude-sonnet-5: 2, 0.20, 10; cache writes 2.50 and, for an hour, 4; a search 0.01 USD.
gpt-6-luna: 0.10 and 0.50, above 272,000 tokens of prompt 0.20 and 0.75 for all of it.
"""

from pathlib import Path
from typing import Any

import pytest

from gateway.admission.amounts import of_call
from gateway.admission.bounds import Bound
from gateway.admission.store_thread import StoreDown
from gateway.store import ledger
from gateway.store.counters import used
from gateway.store.limits_rows import CounterId, LedgerRow
from tests.admission.instances import NOON, TARGET, Instance, ending, limit_of, model_of

USD = limit_of(on="usd", per="day", amount=10)
TOKENS = limit_of(on="tokens", per="minute", amount=1_000_000)
REQUESTS = limit_of(on="requests", per="ever", amount=100)
CLAUDE = "claude/claude-sonnet-5"
LUNA = "openai/gpt-6-luna"
MIDNIGHT = int(NOON) - 43_200


async def settled(
    directory: Path, *outcomes: str, target: str = TARGET, **known: Any
) -> tuple[LedgerRow, dict[str, int]]:
    """The row of a request that was held with 1,000 tokens in and 500 out, and what was counted."""
    process = Instance(directory, (USD, TOKENS, REQUESTS))
    model = model_of(target)
    bound = Bound(model, 1000, of_call(1150, 500, 1_000_000_000), True, 1)
    reservation = await process.admit(target=target, bound=bound)
    assert reservation is not None
    reservation.settle(ending(outcomes, target=target, **known))
    await process.close()
    reader = Instance(directory, ())
    (row,) = ledger.rows(reader.database)
    counted = {
        limit.name: sum(used(reader.database, CounterId("all", limit.name, window)))
        for limit, window in ((USD, MIDNIGHT), (TOKENS, int(NOON)), (REQUESTS, 0))
    }
    assert ledger.differences(reader.database) == []
    await reader.close()
    return row, counted


def usage(prompt: int, completion: int, **more: Any) -> dict[str, Any]:
    return {"prompt_tokens": prompt, "completion_tokens": completion, **more}


CASES = {
    "plain": (TARGET, usage(1000, 100), "settled", 1000 * 2000 + 100 * 8000),
    "read from a cache": (
        TARGET, usage(1000, 100, prompt_tokens_details={"cached_tokens": 600}), "settled",
        400 * 2000 + 600 * 500 + 100 * 8000,
    ),
    "written to a cache": (
        CLAUDE,
        usage(1000, 100, prompt_tokens_details={"cached_tokens": 200, "cache_write_tokens": 500},
              cache_creation={"ephemeral_1h_input_tokens": 100}),
        "settled",
        300 * 2000 + 200 * 200 + 400 * 2500 + 100 * 4000 + 100 * 10_000,
    ),
    "with searches": (
        CLAUDE, usage(10, 10, server_tool_use={"web_search_requests": 3}), "settled",
        10 * 2000 + 10 * 10_000 + 3 * 10_000_000,
    ),
    "of a higher tier": (
        LUNA, usage(300_000, 10), "settled", 300_000 * 200 + 10 * 750,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("target", "counted", "state", "cost"), CASES.values(), ids=CASES)
async def test_an_answer_with_usage_costs_what_it_counts(
    place: Path, target: str, counted: Any, state: str, cost: int
) -> None:
    row, totals = await settled(place, "ok", target=target, usage=counted, served=True)
    assert (row.state, row.cost) == (state, cost)
    assert totals == {
        "usd/day": cost,
        "tokens/minute": counted["prompt_tokens"] + counted["completion_tokens"],
        "requests/ever": 1,
    }


ENDINGS: dict[str, tuple[tuple[str, ...], dict[str, Any], str, int, int]] = {
    "refused by the provider": (("rate_limit",), {}, "free", 0, 0),
    "never sent": (("connect",), {}, "free", 0, 0),
    "sent, and nothing heard": (("first_content_timeout",), {}, "presumed", 1000, 0),
    "left before an answer": (("cancelled",), {}, "estimated", 1000, 0),
    "broken, nothing counted": (
        ("truncated",), {"served": True, "received": 400}, "estimated", 1000, 100
    ),
    "broken after usage": (
        ("truncated",), {"served": True, "usage": usage(900, 7)}, "settled", 900, 7
    ),
    "a hedge that lost": (
        ("ok", "cancelled"), {"served": True, "usage": usage(900, 7)}, "estimated", 1900, 7
    ),
    "the second after a timeout": (
        ("total_timeout", "ok"), {"shown": 1, "served": True, "usage": usage(900, 7)}, "presumed",
        1900, 7,
    ),
    "resumed, both counted": (
        ("truncated", "ok"),
        {"shown": 1, "served": True, "usage": usage(1800, 9), "counted_before": 1}, "settled",
        1800, 9,
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("outcomes", "known", "state", "read", "written"), ENDINGS.values(), ids=ENDINGS
)
async def test_every_other_end_has_its_state(
    place: Path, outcomes: tuple[str, ...], known: Any, state: str, read: int, written: int
) -> None:
    row, totals = await settled(place, *outcomes, **known)
    cost = read * 2000 + written * 8000
    assert (row.state, row.input, row.output, row.cost) == (state, read, written, cost)
    assert totals == {"usd/day": cost, "tokens/minute": read + written, "requests/ever": 1}


async def test_an_unknown_price_is_never_nothing(place: Path) -> None:
    """All that was held of money is spent; the row says that the cost is not known."""
    row, totals = await settled(
        place, "ok", served=True,
        usage=usage(10, 10, completion_tokens_details={"audio_tokens": 5}),
    )  # fmt: skip
    assert (row.state, row.cost) == ("unpriced", None)
    assert totals["usd/day"] == 1_000_000_000


async def test_a_killed_process_has_spent_what_it_held(place: Path) -> None:
    first = Instance(place, (USD, TOKENS))
    bound = Bound(model_of(), 1000, of_call(1150, 500, 6_300_000), True, 1)
    assert await first.admit(bound=bound) is not None
    first.crash()
    second = Instance(place, (USD, TOKENS))
    assert await second.recover() == 1
    assert await second.recover() == 0
    (row,) = ledger.rows(second.database)
    assert (row.state, row.cost, row.input) == ("presumed", 6_300_000, 1150)
    assert used(second.database, CounterId("all", "usd/day", MIDNIGHT)) == (6_300_000, 0)
    assert ledger.differences(second.database) == []
    await second.close()


async def test_a_row_is_booked_once_however_often_it_is_tried(place: Path) -> None:
    process = Instance(place, (USD,))
    reservation = await process.admit(100, bound=Bound(
        model_of(), 100, of_call(100, 0, 1_000_000), True, 1))  # fmt: skip
    assert reservation is not None
    process.settle(reservation, 100)
    ((settled, form, _, _),) = process.queue._waiting
    booking = form.booking(settled)
    for _ in range(3):
        ledger.book_all(process.database, process.name, [booking])
    with pytest.raises(StoreDown):  # it took the row for a new one, and looks for it next time
        await process.queue.book()
    await process.queue.book()
    spent, leased = used(process.database, CounterId("all", "usd/day", MIDNIGHT))
    (counter,) = process.pool
    assert (spent, counter.spent, counter.lease) == (200_000, 200_000, leased)
    await process.close()
