"""Weights that no strategy looks at."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from gateway.config.errors import Complaint, under
from gateway.config.personas import Persona


def strategy_complaints(persona: Persona, written: Mapping[str, Any]) -> Iterator[Complaint]:
    """Weights where the strategy is not `weighted`, a `balance` where it is not `balanced`."""
    rules = [(rule, rule.strategy or persona.strategy) for rule in persona.rules]
    own = persona.strategy
    with_targets = {own, *(strategy for rule, strategy in rules if rule.targets is None)}
    with_balance = {own, *(strategy for rule, strategy in rules if rule.balance is None)}
    yield from _without_effect(written, own, with_targets, with_balance)
    for i, (_, strategy) in enumerate(rules):
        alone = (strategy,)
        found = _without_effect(written["rules"][i], strategy, alone, alone)
        yield from under("rules", under(i, found))


def _without_effect(
    row: Mapping[str, Any],
    strategy: str,
    with_targets: Collection[str],
    with_balance: Collection[str],
) -> Iterator[Complaint]:
    """Of a persona or a rule, whose targets and whose balance are used with these strategies."""
    why = f"has no effect: the strategy is {strategy!r}, not"
    for i, target in enumerate(row.get("targets") or ()):
        weighs = isinstance(target, dict) and target.get("weight") is not None
        if weighs and "weighted" not in with_targets:
            yield ("targets", i, "weight"), f"{why} 'weighted'"
    balance = row.get("balance")
    if balance is not None and "balanced" not in with_balance:
        yield ("balance",), f"{why} 'balanced'"
    if balance is not None and not any(balance.values()):
        yield ("balance",), "must hold a weight above 0"
