"""What a request costs, in nano-USD (10^-9 USD) as a whole number: expected before it is sent, and
by what the provider counted.

Decimal arithmetic over the price rows of capabilities.yaml, rounded once at the end. What cannot be
known is None, never a guess.
"""

from datetime import date
from decimal import Decimal
from typing import Any, Final, NamedTuple

from gateway.accounting.usage import MOST, count, totals
from gateway.config import Model, Price, PriceTier

_NANO_PER_RATE: Final = 1000
"""A rate is USD per million tokens: 10^9 / 10^6 nano-USD for one token."""
_HALF: Final = Decimal("0.5")
FEMTO_PER_NANO: Final = 1_000_000
HALF_NANO: Final = 500_000
_NANO_PER_FEE: Final = 1_000_000
"""A fee is USD for a thousand: 10^9 / 10^3 nano-USD for one."""
LIST_PRICE_TIERS: Final = frozenset({None, "auto", "default", "standard", "standard_only"})


def expected_cost(
    model: Model, prompt_tokens: int, cached_share: float, output_tokens: int, day: date
) -> int | None:
    """Nano-USD for a request still to be sent. `cached_share` (0 to 1) of its prompt is expected to
    be read from a cache.

    None if the model has no price on `day`.
    """
    prices = model.prices  # the newest, nearly always: without a call for each of ten targets
    price = prices[-1] if prices and prices[-1].valid_from <= day else model.price_at(day)
    return None if price is None else _plain_cost(price, prompt_tokens, cached_share, output_tokens)


class Extras(NamedTuple):
    """What may make a request dearer than its plain tokens."""

    caches: bool = False
    """It asks for its prompt to be cached."""
    hears: bool = False
    """There is audio in its prompt."""
    fees: int = 0
    """How often each fee may fall due."""


PLAIN: Final = Extras()


def most_cost(
    model: Model, prompt_tokens: int, output_tokens: int, day: date, extras: Extras
) -> int | None:
    """The most nano-USD that a request still to be sent may cost, at the highest rates that may
    hold for it. None if the model has no price on `day`.
    """
    price = model.price_at(day)
    if price is None:
        return None
    caches, hears, fees = extras
    reads = caches + 2 * hears
    reading, writing = price.dearest[reads], price.exact[2]
    for tier in price.tiers:
        if prompt_tokens > tier.above_prompt_tokens:
            reading = max(reading, tier.dearest[reads])
            writing = max(writing, tier.exact[2])
    femto = prompt_tokens * reading + output_tokens * writing
    if model.surcharges:
        above, below = model.most_surcharge
        femto = -(-femto * above // below)
    return (femto + HALF_NANO) // FEMTO_PER_NANO + fees * model.every_fee


class FlatRates(NamedTuple):
    """Of a model for plain requests, in 10^-15 USD for one token."""

    read: tuple[int, int]
    """Of a request that marks nothing for a cache, and of one that does."""
    written: int
    until: int
    """Tokens of a prompt up to which they hold."""
    surcharge: tuple[int, int]
    """The factor on all of it, as a fraction."""


def flat_rates(model: Model, day: date) -> FlatRates | None:
    """What `most_cost` takes of any request without audio and fees; None without a price on
    `day`."""
    price = model.price_at(day)
    if price is None:
        return None
    until = price.tiers[0].above_prompt_tokens if price.tiers else MOST
    surcharge = model.most_surcharge if model.surcharges else (1, 1)
    return FlatRates(price.dearest[:2], price.exact[2], until, surcharge)


def is_list_price(service_tier: Any) -> bool:
    """Whether a tier, as the caller asked for it, is sold at the price list's rates."""
    return service_tier in LIST_PRICE_TIERS


def cost_of_usage(
    model: Model, usage: Any, day: date, service_tier: str | None = None
) -> int | None:
    """Nano-USD for what a provider counted (the hub's usage), reasoning within the completion, fees
    and surcharges it names included.

    None if it cannot be known: no price on `day`, no count, audio of a model that has no price for
    it, or a `service_tier` (as the caller asked for) that is not sold at the price list's rates.
    """
    price = model.price_at(day)
    prompt, completion = totals(usage)
    if (
        price is None
        or prompt is None
        or completion is None
        or service_tier not in LIST_PRICE_TIERS
    ):
        return None
    if _is_plain(usage) and model.billed_beside.isdisjoint(usage):
        return _plain_cost(price, prompt, 0.0, completion)
    if count(usage.get("completion_tokens_details"), "audio_tokens"):
        return None
    rates = _rates(price, prompt)
    read = _prompt_cost(rates, prompt, usage)
    if read is None:
        return None
    cost = read + completion * rates.output
    for name, factors in model.surcharges.items():
        cost *= factors.get(str(usage.get(name)), 1)
    return _nano(cost) + sum(
        int(_counted(usage, path) * fee * _NANO_PER_FEE) for path, fee in model.fees.items()
    )


def _counted(usage: Any, path: str) -> int:
    """What `usage` counts under a path of names with dots between them."""
    *objects, name = path.split(".")
    for each in objects:
        usage = usage.get(each) if usage.__class__ is dict else None
    return count(usage, name) or 0


def _plain_cost(price: Price, prompt_tokens: int, cached_share: float, output_tokens: int) -> int:
    tiers = price.tiers  # the lowest first
    rates = (
        _rates(price, prompt_tokens)
        if tiers and prompt_tokens > tiers[0].above_prompt_tokens
        else price
    )
    read_rate, cached_rate, output_rate = rates.exact
    femto = prompt_tokens * read_rate + output_tokens * output_rate
    if cached_share:
        femto -= int(prompt_tokens * cached_share) * (read_rate - cached_rate)
    return (femto + HALF_NANO) // FEMTO_PER_NANO


def _is_plain(usage: dict[str, Any]) -> bool:
    """Whether every token has the plain rate: none cached, none heard, no fee or surcharge."""
    details, spoken = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    return (
        (not details or (details.__class__ is dict and not any(details.values())))
        and (not spoken or (spoken.__class__ is dict and not spoken.get("audio_tokens")))
        and "cache_creation" not in usage
    )


def _rates(price: Price, prompt_tokens: int) -> Price | PriceTier:
    """A tier's rates hold for the whole request once its prompt is longer than the tier's bound."""
    for tier in reversed(price.tiers):
        if prompt_tokens > tier.above_prompt_tokens:
            return tier
    return price


def _prompt_cost(rates: Price | PriceTier, prompt: int, usage: dict[str, Any]) -> Decimal | None:
    """The prompt by what became of its tokens: read from a cache, written to one, heard, or simply
    read.

    A rate that the row leaves out for a cache is the plain one: the provider makes no difference.
    Audio is never as cheap as text by default, so without a rate it has no price. What is counted
    as audio may have been cached: then it is among the cached.
    """
    details = usage.get("prompt_tokens_details")
    cached = min(count(details, "cached_tokens") or 0, prompt)
    written = min(count(details, "cache_write_tokens") or 0, prompt - cached)
    long_lived = min(count(usage.get("cache_creation"), "ephemeral_1h_input_tokens") or 0, written)
    audio = min(count(details, "audio_tokens") or 0, prompt - cached - written)
    if audio and rates.audio_input is None:
        return None
    write_rate = rates.input if rates.cache_write is None else rates.cache_write
    return (
        cached * (rates.input if rates.cached_input is None else rates.cached_input)
        + (written - long_lived) * write_rate
        + long_lived * (write_rate if rates.cache_write_1h is None else rates.cache_write_1h)
        + audio * (rates.audio_input or 0)
        + (prompt - cached - written - audio) * rates.input
    )


def _nano(cost: Decimal) -> int:
    """Tokens times rates as nano-USD; half a nano-USD is a whole one."""
    return int(cost * _NANO_PER_RATE + _HALF)
