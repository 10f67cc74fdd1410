"""What bounds the extra calls of retries and hedges to a share of the requests: an outage must not be made worse by its remedies."""


class Budget:
    """Each request adds `ratio` of a call, up to `reserve` (or one call, if that is more); each extra call takes one.

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
        """One request came."""
        self._balance = min(self._most, self._balance + self._ratio)

    def take(self) -> bool:
        """Whether an extra call may be made; if so it is counted."""
        if self._balance < 1 - 1e-9:  # ten tenths are one
            return False
        self._balance -= 1
        return True
