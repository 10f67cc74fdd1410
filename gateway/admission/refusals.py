"""What a caller is told of a limit that has no room, and of the limits that hold."""

import math
from datetime import UTC, datetime
from typing import Final

from gateway.admission.accounts import Rates
from gateway.admission.amounts import NANO, Counts, said, shown
from gateway.admission.counters import Counter
from gateway.admission.scopes import in_words
from gateway.errors import LimitExceeded

LIMIT_HEADER: Final = "x-llm-router-limit"
_LONG: Final = ("day", "week", "month", "ever")
_WORTH_WAITING: Final = 60.0
"""Seconds; an SDK is told not to wait for longer."""
_NEVER: Final = 86_400.0
_MINUTE: Final = 60


def exceeded(counter: Counter, needs: Counts, now: float) -> LimitExceeded:
    """The refusal of a request. `now`: Unix seconds."""
    limit, need = counter.limit, needs[counter.index]
    left, held = min(counter.left, need), counter.used - counter.spent
    where = f"{in_words(counter.id.scope)}{f', {limit.per}' if limit.per else ''}"
    if need > counter.cap:
        error = LimitExceeded(
            f"This request may need {said(limit.on, need)}, more than the limit of"
            f" {said(limit.on, counter.cap)} ({where}) ever allows.",
            400, "invalid_request_error", "request_exceeds_limit",
        )  # fmt: skip
        error.headers["x-should-retry"] = "false"
    else:
        of_money = limit.on == "usd" or limit.per in _LONG
        kind = "insufficient_quota" if of_money else _kind(limit.on)
        error = LimitExceeded(
            f"The limit of {said(limit.on, counter.cap)} ({where}) is reached: this request may"
            f" need {said(limit.on, need)}, and {said(limit.on, left)} are left.",
            429, kind, "insufficient_quota" if of_money else "rate_limit_exceeded",
        )  # fmt: skip
        wait = 1.0 if limit.per is None else counter.ends - now
        error.again_in(wait if math.isfinite(wait) else _NEVER, of_money or wait > _WORTH_WAITING)
    error.limit = {
        "scope": counter.id.scope,
        "on": limit.on,
        "per": limit.per,
        "amount": shown(limit.on, counter.cap),
        "used": shown(limit.on, counter.spent + counter.unbooked),
        "held": shown(limit.on, max(0, held - counter.free - counter.unbooked)),
        "needs": shown(limit.on, need),
        "resets_at": resets_at(counter),
    }  # fmt: skip
    error.headers[LIMIT_HEADER] = f"{counter.id.scope}/{counter.id.name}"
    return error


def _kind(on: str) -> str:
    """OpenAI's type of a rate limit's error: what ran out."""
    return "tokens" if "tokens" in on else "requests"


def resets_at(counter: Counter) -> str | None:
    """When its window ends."""
    if not math.isfinite(counter.ends):
        return None
    return datetime.fromtimestamp(counter.ends, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rate_headers(rates: Rates, now: int) -> dict[str, str]:
    """OpenAI's headers for the tightest limits of a minute, on requests and on tokens; and of the
    tightest budget, where callers are told of it. `now`: Unix seconds.
    """
    headers = rates.caps.copy()
    if rates.budgets:
        tightest = min(rates.budgets, key=_left)
        headers["x-llm-router-budget-limit-usd"] = f"{tightest.cap / NANO:.6f}"
        headers["x-llm-router-budget-remaining-usd"] = f"{tightest.left / NANO:.6f}"
    if rates.single or rates.several:
        wait = rates.ends - now
        reset_in = _RESETS[wait if 0 <= wait <= _MINUTE else _MINUTE if wait > 0 else 0]
        for remaining, reset, counter in rates.single:
            left = counter.cap - counter.used + counter.free
            headers[remaining] = str(left) if left > 0 else "0"
            headers[reset] = reset_in
        for on, counters in rates.several:
            counter = min(counters, key=_left)
            headers[f"x-ratelimit-limit-{on}"] = str(counter.cap)
            headers[f"x-ratelimit-remaining-{on}"] = str(counter.left)
            headers[f"x-ratelimit-reset-{on}"] = reset_in
    return headers


_RESETS: Final = (*(f"{wait}s" for wait in range(_MINUTE)), "1m0s")


def _left(counter: Counter) -> int:
    return counter.left
