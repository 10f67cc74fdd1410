"""Weights that no strategy looks at."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gateway.config.errors import Complaint, under
from gateway.config.personas import Balance, Persona


def strategy_complaints(persona: Persona, written: Mapping[str, Any]) -> Iterator[Complaint]:
    """Weights where the strategy is not `weighted`, a `balance` where it is not `balanced`."""
    of_rules = [rule.strategy or persona.strategy for rule in persona.rules]
    own = {persona.strategy, *(strategy for strategy, rule in zip(of_rules, persona.rules, strict=True) if rule.targets is None)}
    if "weighted" not in own:
        yield from under("targets", _weights(written["targets"], persona.strategy))
    unsaid = {persona.strategy, *(strategy for strategy, rule in zip(of_rules, persona.rules, strict=True) if rule.balance is None)}
    if written.get("balance") is not None:
        yield from _balance(persona.balance, "balanced" in unsaid, persona.strategy)
    for i, (strategy, rule) in enumerate(zip(of_rules, persona.rules, strict=True)):
        if rule.targets is not None and strategy != "weighted":
            yield from under("rules", under(i, under("targets", _weights(written["rules"][i]["targets"], strategy))))
        if rule.balance is not None:
            yield from under("rules", under(i, _balance(rule.balance, strategy == "balanced", strategy)))


def _weights(targets: Sequence[Any], strategy: str) -> Iterator[Complaint]:
    for i, target in enumerate(targets):
        if isinstance(target, dict) and target.get("weight") is not None:
            yield (i, "weight"), f"has no effect: the strategy is {strategy!r}, not 'weighted'"


def _balance(balance: Balance, used: bool, strategy: str) -> Iterator[Complaint]:
    if not used:
        yield ("balance",), f"has no effect: the strategy is {strategy!r}, not 'balanced'"
    if balance.cost == balance.latency == balance.tier == 0:
        yield ("balance",), "must hold a weight above 0"
