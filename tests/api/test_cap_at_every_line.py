"""What is spent and held of a budget, by every line of the journal, is never more than the cap:
with whole answers, streams, hedges, failovers and callers who leave, and answers that are dear.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import aiohttp

from gateway.admission.journal_lines import Form, rows_of
from tests.api.limited import Limited, limited
from tests.fakes import (
    SSE_HEAD,
    End,
    Pause,
    Received,
    Step,
    json_answer,
    openai_chunk,
    openai_completion,
)
from translators.json_codec import dumps, loads

CAP: Final = 1_000_000_000
"""Nano-USD."""
TOKENS: Final = 5_000
"""Of an answer: 0.04 USD at 8,000 nano-USD each, of at most 6,000."""
USAGE: Final = {"prompt_tokens": 3, "completion_tokens": TOKENS, "total_tokens": TOKENS + 3}
PERSONAS: Final = """
personas:
  p: {description: d, targets: [openai/gpt-4.1], on_failure: {retries: 0}}
  failing:
    description: the first one is down
    targets: [claude/claude-sonnet-5, openai/gpt-4.1]
    on_failure: {retries: 0}
  hedged:
    description: the first one is slow
    targets: [gemini/gemini-3.5-flash, openai/gpt-4.1]
    on_failure: {retries: 0}
    hedge: {after: 30ms, max_extra: 100%}
"""
DOWN: Final = json_answer(
    {"type": "error", "error": {"type": "api_error", "message": "no"}}, "500 No"
)
SLOW: Final[list[Step]] = [Pause(0.5), *json_answer({"error": {"message": "no"}}, "500 No")]


def answer(received: Received) -> list[Step]:
    if not received.body.get("stream"):
        return [Pause(0.02), *json_answer({**openai_completion(), "usage": USAGE})]
    last = b"data: " + dumps({
        "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [],
        "usage": USAGE,
    }) + b"\n\n"  # fmt: skip
    begin = [openai_chunk({"role": "assistant", "content": "a"}), Pause(0.05)]
    return [SSE_HEAD, *begin, openai_chunk({}, "stop") + last + b"data: [DONE]\n\n", End()]


async def one(gateway: Limited, number: int) -> int:
    """A request of one kind; its status, 499 of a caller who left."""
    model = ("p", "p", "failing", "hedged", "p")[number % 5]
    asked = gateway.chat(model, max_tokens=6_000, stream=number % 2 == 1)
    if number % 5 != 4:
        return (await asked).status
    try:
        return (await asyncio.wait_for(asked, 0.05)).status
    except (TimeoutError, aiohttp.ClientError):
        return 499


def standing(journal: Path) -> Iterator[int]:
    """Nano-USD that are spent or held, after each line."""
    held: dict[str, int] = {}
    forms: dict[int, Form] = {}
    spent = 0
    for line in journal.read_bytes().splitlines():
        for settled, row in rows_of(loads(line.rpartition(b" ")[0]), forms):
            amount = sum(each.amount for each in row.charges if each.counter.name == "usd/day")
            if settled:
                held.pop(row.id)
                spent += amount
            else:
                held[row.id] = amount
        yield spent + sum(held.values())


async def test_no_line_of_the_journal_has_more_than_the_cap(tmp_path: Path) -> None:
    async with limited(
        tmp_path, f"limits: [{{on: usd, per: day, amount: {CAP / 10**9}}}]", answer,
        personas=PERSONAS, claude=DOWN, gemini=SLOW,
    ) as gateway:  # fmt: skip
        statuses = Counter(await asyncio.gather(*(one(gateway, n) for n in range(200))))
        await asyncio.sleep(1)  # those who were left end
        refused: Any = None
        while refused is None:
            got = await gateway.chat(max_tokens=6_000)
            refused = got.body["error"] if got.status == 429 else None
        (journal,) = (tmp_path / "journal").glob("*.journal")
        seen = list(standing(journal))
        rows = await gateway.rows()
        assert statuses[200] > 0
        assert statuses[429] > 0
        assert max(seen) <= CAP
        assert seen[-1] == sum(row.cost or 0 for row in rows) <= CAP
        unused, bound = CAP - seen[-1], refused["limit"]["needs"] * 10**9
        assert unused < bound
        assert all(counter.held == 0 for counter in gateway.admission.pool)
