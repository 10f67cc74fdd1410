"""The personas of persona_policy.yaml, read as values and held against the targets that capabilities.yaml lists."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from gateway.config.errors import Complaint, Place, Validator, shown, unknown
from gateway.config.lint.personas import persona_complaints
from gateway.config.persona_rows import (
    DAYS,
    BalanceRow,
    ClocksRow,
    HedgeRow,
    OnFailureRow,
    PersonaClocksRow,
    PersonaRow,
    RuleRow,
    TargetItem,
    TimeRow,
    WhenRow,
    share_of,
    time_of,
    wait_of,
)
from gateway.config.values import (
    FAILURE_CLASSES,
    MOVES_ON,
    NO_CLOCKS,
    Balance,
    Clocks,
    Hedge,
    OnFailure,
    Persona,
    Provider,
    Rule,
    TargetRef,
    TimeWindow,
    When,
)

_PERSONA: Final = Validator(PersonaRow)


class PersonaReader:
    """Reads personas. `listed` names every provider and model there is, also those with problems that `providers` leaves out."""

    def __init__(self, listed: Mapping[str, Mapping[str, Any]], providers: Mapping[str, Provider]) -> None:
        self._listed = listed
        self._providers = providers

    def read(self, name: str, value: Any) -> tuple[Persona | None, list[Complaint]]:
        """The persona, None where its row cannot be read, and everything that is wrong with it."""
        row, complaints = _PERSONA.read(value)
        # Where capabilities.yaml could not be read, no name is known: one complaint about that is enough.
        if self._listed:
            for place, target in _written_targets(value):
                if (wrong := self._unknown(target)) is not None:
                    complaints.append((place, wrong))
        if row is None:
            return None, complaints
        persona = _persona(name, row)
        return persona, [*complaints, *persona_complaints(persona, row, self._providers)]

    def _unknown(self, target: str) -> str | None:
        provider, slash, model = target.partition("/")
        if not slash:
            return f"must be written provider/model, not {shown(target)}"
        if provider not in self._listed:
            return unknown("provider", provider, self._listed)
        models = self._listed[provider]
        return None if model in models else unknown(f"{provider} model", model, models)


def _written_targets(persona: Any) -> Iterator[tuple[Place, str]]:
    """The names of all targets in a persona's row, which may be wrong elsewhere."""
    yield from _written_in(persona, ())
    rules = persona.get("rules") if isinstance(persona, dict) else None
    for i, rule in enumerate(rules if isinstance(rules, list) else ()):
        yield from _written_in(rule, ("rules", i))


def _written_in(owner: Any, at: Place) -> Iterator[tuple[Place, str]]:
    targets = owner.get("targets") if isinstance(owner, dict) else None
    for i, item in enumerate(targets if isinstance(targets, list) else ()):
        if isinstance(item, str):
            yield (*at, "targets", i), item
        elif isinstance(item, dict) and isinstance(item.get("target"), str):
            yield (*at, "targets", i, "target"), item["target"]


def _persona(name: str, row: PersonaRow) -> Persona:
    return Persona(
        name=name,
        description=row.description,
        system_prompt=row.system_prompt,
        system_prompt_mode=row.system_prompt_mode,
        defaults=MappingProxyType(row.defaults),
        caps=MappingProxyType(row.caps),
        requires=row.requires,
        targets=_targets(row.targets),
        strategy=row.strategy,
        balance=_balance(row.balance) or Balance(),
        affinity=row.affinity,
        rules=tuple(map(_rule, row.rules)),
        on_failure=_on_failure(row.on_failure),
        hedge=_hedge(row.hedge),
        resume=row.resume,
        max_cost_tier=row.max_cost_tier,
        max_price=row.max_price,
        regions=row.regions or frozenset(),
        timeouts=_clocks(row.timeouts),
        fan_out=row.fan_out,
        params=row.params,
    )


def _targets(items: tuple[TargetItem, ...]) -> tuple[TargetRef, ...]:
    return tuple(map(_target, items))


def _target(item: TargetItem) -> TargetRef:
    if isinstance(item, str):
        provider, _, model = item.partition("/")
        return TargetRef(provider, model)
    provider, _, model = item.target.partition("/")
    weight = 1.0 if item.weight is None else item.weight
    return TargetRef(provider, model, weight, _when(item.when), _clocks(item.timeouts))


def _rule(row: RuleRow) -> Rule:
    defaults = row.params if isinstance(row.params, dict) else {}
    return Rule(
        name=row.name,
        when=_when(row.when),
        targets=None if row.targets is None else _targets(row.targets),
        strategy=row.strategy,
        balance=_balance(row.balance),
        defaults=MappingProxyType(defaults),
        params=None if isinstance(row.params, dict) else row.params,
    )


def _when(row: WhenRow) -> When:
    tokens = row.input_tokens
    return When(
        over=tokens.over if tokens is not None else None,
        under=tokens.under if tokens is not None else None,
        has=row.has,
        metadata=MappingProxyType({name: _all_of(values) for name, values in row.metadata.items()}),
        header=MappingProxyType({name.lower(): _all_of(values) for name, values in row.header.items()}),
        key=_all_of(row.key),
        time=_window(row.time),
    )


def _all_of(values: str | tuple[str, ...]) -> frozenset[str]:
    return frozenset((values,) if isinstance(values, str) else values)


def _window(row: TimeRow | None) -> TimeWindow | None:
    if row is None:
        return None
    every_day = TimeWindow()
    return TimeWindow(
        after=every_day.after if row.after is None else time_of(row.after),
        before=None if row.before is None else time_of(row.before),
        days=every_day.days if row.days is None else frozenset(map(DAYS.index, row.days)),
    )


def _clocks(row: ClocksRow) -> Clocks:
    total = row.total if isinstance(row, PersonaClocksRow) else None
    clocks = Clocks(connect=row.connect, first_content=row.first_content, idle=row.idle, total=total)
    return NO_CLOCKS if clocks == NO_CLOCKS else clocks  # it is looked for by identity


def _balance(row: BalanceRow | None) -> Balance | None:
    return None if row is None else Balance(cost=row.cost, latency=row.latency, tier=row.tier)


def _on_failure(row: OnFailureRow) -> OnFailure:
    named = row.move_on
    return OnFailure(
        move_on=MOVES_ON if named is None else frozenset(kind for name in named for kind in FAILURE_CLASSES[name]),
        retries=row.retries,
        max_attempts=row.max_attempts,
        backoff=row.backoff.initial,
        longest_backoff=row.backoff.max,
    )


def _hedge(row: HedgeRow | None) -> Hedge | None:
    if row is None:
        return None
    seconds, quantile = wait_of(row.after)
    return Hedge(seconds=seconds, quantile=quantile, max_extra=share_of(row.max_extra))
