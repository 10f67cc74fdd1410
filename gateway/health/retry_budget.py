"""What bounds the extra calls of retries and hedges to a share of the requests: an outage must not
be made worse by its remedies.
"""

from gateway.config import Config, Hedge, Persona


class Budget:
    """Each request adds `ratio` of a call, up to `reserve` (or one call, if that is more); each
    extra call takes one.

    It begins with `balance`, or else with `reserve`.
    """

    __slots__ = ("_balance", "_most", "_ratio")

    def __init__(self, ratio: float, reserve: float, balance: float | None = None) -> None:
        self._ratio = ratio
        self._most = max(1.0, reserve)
        self._balance = reserve if balance is None else balance

    @property
    def balance(self) -> float:
        return self._balance

    def request(self) -> None:
        """Count one request."""
        self._balance = min(self._most, self._balance + self._ratio)

    def take(self) -> bool:
        """Whether an extra call may be made; if so it is counted."""
        if self._balance < 1 - 1e-9:  # ten tenths are one
            return False
        self._balance -= 1
        return True


class HedgeBudgets:
    """A budget for each persona that hedges."""

    def __init__(self) -> None:
        self._budgets: dict[str, tuple[Hedge, Budget]] = {}

    def apply_config(self, config: Config) -> None:
        """Follow a new configuration: a budget whose terms are as they were stays as spent as it
        is.
        """
        old, self._budgets = self._budgets, {}
        for name, persona in config.personas.items():
            if (hedge := persona.hedge) is not None:
                kept = old.get(name)
                self._budgets[name] = (
                    kept if kept is not None and kept[0] == hedge else (hedge, _hedge_budget(hedge))
                )

    def of(self, persona: Persona) -> Budget | None:
        """The budget of a persona; None for one that does not hedge."""
        found = self._budgets.get(persona.name)
        return None if found is None else found[1]


def _hedge_budget(hedge: Hedge) -> Budget:
    return Budget(hedge.max_extra, max(1.0, 100 * hedge.max_extra), 1.0)
