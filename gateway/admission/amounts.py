"""How much of everything that limits count: what a request may need, and what it used."""

from collections.abc import Sequence
from operator import itemgetter
from typing import Final, NamedTuple, Protocol, TypeVar

from gateway.config.limits import On


class Amounts(NamedTuple):
    """In the order of INDEX."""

    requests: int = 0
    tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    usd: int = 0
    """Nano-USD."""
    concurrency: int = 0


Counts = tuple[int, int, int, int, int, int]
"""The same without their names, which take five times as long to make and to read."""
INPUT: Final = 2
OUTPUT: Final = 3
USD: Final = 4
"""Places in them."""
INDEX: Final[dict[On, int]] = {
    "requests": 0, "tokens": 1, "input_tokens": 2, "output_tokens": 3, "usd": 4, "concurrency": 5,
}  # fmt: skip
NANO: Final = 10**9
T = TypeVar("T")


class Picked(Protocol):
    """Of amounts in the order of INDEX, those of some counters, in their order; or of columns of
    amounts.
    """

    def __call__(self, amounts: Sequence[T], /) -> tuple[T, ...]: ...


def picked(indexes: Sequence[int]) -> Picked:
    if len(indexes) > 1:
        several: Picked = itemgetter(*indexes)
        return several
    return lambda amounts: tuple([amounts[index] for index in indexes])


def of_call(input_tokens: int, output_tokens: int, usd: int) -> Amounts:
    """One request that reads and writes so much."""
    return Amounts(1, input_tokens + output_tokens, input_tokens, output_tokens, usd, 1)


def said(on: On, amount: int) -> str:
    """`0.0500 USD`, `1200 tokens`."""
    return f"{amount / NANO:.4f} USD" if on == "usd" else f"{amount} {on.replace('_', ' ')}"


def shown(on: On, amount: int) -> float:
    """As documents show it: USD, or a number of things."""
    return amount / NANO if on == "usd" else amount
