"""What of a request's admission is the same for the next one of its caller: looked up and formatted
once, and good until a window ends.
"""

import math
from collections.abc import Sequence
from typing import Final

from gateway.admission.counters import Counter
from gateway.admission.journal_lines import Form
from gateway.admission.scopes import CallerRules
from gateway.config.limits import On

_RATED: Final[tuple[On, ...]] = ("requests", "tokens")


class Account:
    """One caller at one persona: its limits, and their counters in the windows of one moment."""

    __slots__ = (
        "charged", "counters", "dropped", "ends", "forms", "held", "of_money", "of_users",
        "persona", "rates", "rules", "touched", "warned",
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
        self.held = tuple([(counter, counter.index) for counter in counters])
        self.of_money = any(counter.limit.on == "usd" for counter in counters)
        """Money is limited."""
        self.forms: dict[tuple[str, str, str], Form] = {}
        """By provider, model and revision."""
        self.rates = Rates(self.counters)
        self.touched = -math.inf
        """Monotonic seconds: until when its counters know that they are used."""

    def form(self, provider: str, model: str, revision: str) -> Form:
        """What its requests to that target have in common, which `forms` has from now on."""
        target = provider, model, revision
        rules, ids = self.rules, [counter.id for counter in self.charged]
        made = self.forms[target] = Form((rules.key_id, rules.team, self.persona, *target), ids)
        return made


class Rates:
    """The limits of a minute, on requests and on tokens: what OpenAI's headers tell of."""

    __slots__ = ("budgets", "caps", "ends", "several", "single")

    def __init__(self, counters: Sequence[Counter]) -> None:
        found = {
            on: [each for each in counters if (each.limit.on, each.limit.per) == (on, "minute")]
            for on in _RATED
        }
        self.single = [
            (f"x-ratelimit-remaining-{on}", f"x-ratelimit-reset-{on}", of[0])
            for on, of in found.items()
            if len(of) == 1
        ]
        """Where there is but one: the headers' names, and its counter."""
        self.caps = {
            f"x-ratelimit-limit-{on}": str(of[0].cap) for on, of in found.items() if len(of) == 1
        }
        """Their headers that are always the same."""
        self.budgets: Sequence[Counter] = ()
        """Limits on money, where callers are told of these, too."""
        self.several = [(on, of) for on, of in found.items() if len(of) > 1]
        self.ends = int(max([each.ends for of in found.values() for each in of], default=0.0))
        """Unix seconds: all of them at once."""
