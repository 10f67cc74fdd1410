"""What of a request's admission is the same for the next one of its caller: looked up and formatted
once, and good until a window ends.
"""

import math
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Final

from gateway.admission.counters import Counter
from gateway.admission.journal import charges_form, hold_form
from gateway.admission.scopes import CallerRules
from gateway.config.limits import On
from gateway.store.limits_rows import CounterId

_TOLD: Final[tuple[On, ...]] = ("requests", "tokens")
"""What OpenAI's headers of limits tell of."""

Picked = Callable[[Sequence[int]], tuple[int, ...]]
"""Of amounts in the order of amounts.INDEX, those of some counters, in their order."""


class Account:
    """One caller at one persona: its limits, and their counters in the windows of one moment."""

    __slots__ = (
        "charged", "charges", "counters", "dropped", "ends", "hold", "ids", "of_money", "of_users",
        "persona", "pick", "rates", "rules", "warned",
    )  # fmt: skip

    def __init__(
        self,
        rules: CallerRules,
        persona: str,
        counters: Sequence[Counter],
        warned: Sequence[Counter] = (),
        of_users: bool = False,
        dropped: int = 0,
    ) -> None:
        self.rules = rules
        self.persona = persona
        self.counters = tuple(counters)
        """Of all limits that refuse."""
        self.warned = tuple(warned)
        """Of those that only warn: nothing is held of them."""
        self.of_users = of_users
        """Some are counted for each end user by itself."""
        self.dropped = dropped
        """Of the pool, when the counters were looked up."""
        every = (*counters, *warned)
        self.ends = min([counter.ends for counter in every], default=math.inf)
        """Unix seconds: when the first of their windows does."""
        self.charged = tuple(counter for counter in every if counter.limit.per is not None)
        """Those whose numbers stay: a request at a time is none."""
        self.ids: tuple[CounterId, ...] = tuple(counter.id for counter in self.charged)
        self.pick = picked([counter.index for counter in self.charged])
        self.of_money = any(counter.limit.on == "usd" for counter in counters)
        """Money is limited."""
        self.charges = charges_form(self.ids)
        self.hold = hold_form(rules.key_id, rules.team, persona)
        self.rates = rates_of(self.counters)


def rates_of(counters: Sequence[Counter]) -> list[tuple[On, list[Counter]]]:
    """Those of a minute, by what OpenAI's headers tell of."""
    found = [
        (on, [each for each in counters if (each.limit.on, each.limit.per) == (on, "minute")])
        for on in _TOLD
    ]
    return [(on, of_minutes) for on, of_minutes in found if of_minutes]


def picked(indexes: Sequence[int]) -> Picked:
    if len(indexes) > 1:
        several: Picked = itemgetter(*indexes)
        return several
    return lambda amounts: tuple([amounts[index] for index in indexes])
