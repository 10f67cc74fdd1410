"""gateway.health.retry_budget: extra calls stay a share of the requests."""

from fractions import Fraction

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.health.retry_budget import Budget


def test_it_begins_full_unless_said() -> None:
    full, empty = Budget(0.1, 3), Budget(0.1, 3, 0.0)
    assert [full.take() for _ in range(4)] == [True, True, True, False]
    assert empty.take() is False


def test_ten_requests_at_a_tenth_are_one_call() -> None:
    budget = Budget(0.1, 10, 0.0)
    taken = []
    for _ in range(30):
        budget.request()
        taken.append(budget.take())
    assert [i for i, took in enumerate(taken) if took] == [9, 19, 29]


@pytest.mark.parametrize("reserve", [0, 0.5])
def test_a_reserve_below_one_still_lets_the_ratio_through(reserve: float) -> None:
    budget = Budget(0.5, reserve)
    assert budget.take() is False
    for _ in range(2):
        budget.request()
    assert budget.take() is True


class BudgetMachine(RuleBasedStateMachine):
    """Against exact fractions: never more than the reserve and the ratio allow, never less."""

    @initialize(tenths=st.integers(0, 10), reserve=st.integers(1, 5))
    def start(self, tenths: int, reserve: int) -> None:
        self.ratio, self.reserve = Fraction(tenths, 10), reserve
        self.tested = Budget(tenths / 10, reserve)
        self.balance = Fraction(reserve)
        self.requests = self.taken = 0

    @rule(count=st.integers(1, 25))
    def requests_come(self, count: int) -> None:
        for _ in range(count):
            self.tested.request()
            self.balance = min(Fraction(self.reserve), self.balance + self.ratio)
        self.requests += count

    @rule()
    def extra_call(self) -> None:
        allowed = self.balance >= 1
        assert self.tested.take() is allowed
        self.balance -= allowed
        self.taken += allowed

    @invariant()
    def bounded(self) -> None:
        if hasattr(self, "taken"):
            assert self.taken <= self.reserve + self.ratio * self.requests
            assert abs(self.tested.balance - self.balance) < 1e-6


TestBudgetMachine = BudgetMachine.TestCase
TestBudgetMachine.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
