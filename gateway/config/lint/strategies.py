"""Weights that no strategy looks at."""

from collections.abc import Iterator

from gateway.config.errors import Complaint, under
from gateway.config.persona_rows import BalanceRow, PersonaRow, TargetItem


def strategy_complaints(row: PersonaRow) -> Iterator[Complaint]:
    """Weights of targets where the strategy is not `weighted`, and a `balance` where it is not `balanced`; also of its rules."""
    here = {row.strategy, *(rule.strategy or row.strategy for rule in row.rules if rule.targets is None)}
    if "weighted" not in here:
        yield from under("targets", _weights(row.targets, row.strategy))
    unsaid = {row.strategy, *(rule.strategy or row.strategy for rule in row.rules if rule.balance is None)}
    yield from _balance(row.balance, "balanced" in unsaid, row.strategy)
    for i, rule in enumerate(row.rules):
        strategy = rule.strategy or row.strategy
        if rule.targets is not None and strategy != "weighted":
            yield from under("rules", under(i, under("targets", _weights(rule.targets, strategy))))
        yield from under("rules", under(i, _balance(rule.balance, strategy == "balanced", strategy)))


def _weights(targets: tuple[TargetItem, ...], strategy: str) -> Iterator[Complaint]:
    for i, target in enumerate(targets):
        if not isinstance(target, str) and target.weight is not None:
            yield (i, "weight"), f"has no effect: the strategy is {strategy!r}, not 'weighted'"


def _balance(balance: BalanceRow | None, used: bool, strategy: str) -> Iterator[Complaint]:
    if balance is None:
        return
    if not used:
        yield ("balance",), f"has no effect: the strategy is {strategy!r}, not 'balanced'"
    if balance.cost == balance.latency == balance.tier == 0:
        yield ("balance",), "must hold a weight above 0"
