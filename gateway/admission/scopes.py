"""Which limits hold for a caller that asks a persona, and where each is counted."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from gateway.admission.counters import Applied
from gateway.config.limits import Limit, Limits, LimitsPolicy

NO_KEY: Final = "-"
"""In the place of a key, where callers have none."""


class CallerRules(NamedTuple):
    """What holds for one caller."""

    key_id: str
    team: str
    """"" without one."""
    personas: frozenset[str] | None
    """Those that it may ask; None: all."""
    limits: Limits
    """Its key's own, with the defaults."""
    direct: frozenset[str] | None = None
    """What else it may name, `provider/model`; None: all that the policy lets be named."""
    known: frozenset[str] = frozenset()
    """The personas that there are."""
    restricted: bool = False
    """There is something that it may not ask for."""

    def allows(self, name: str) -> bool:
        """Whether it may ask for a persona, or for `provider/model`."""
        names = self.personas if name in self.known else self.direct
        return names is None or name in names


class OwnRules(NamedTuple):
    """What the store says of a key."""

    team: str | None = None
    personas: frozenset[str] | None = None
    direct_models: bool | None = None
    limits: Limits = ()


def rules_of(policy: LimitsPolicy, key_id: str, own: OwnRules) -> CallerRules:
    """What the policy says of the key's id, and of its team, holds beside what is its `own`."""
    team, personas, said, limits = own
    known = policy.known_personas
    direct = _direct(personas, said, known)
    row = policy.keys.get(key_id)
    if row is not None:
        team = row.team or team
        limits = _over(limits, row.limits)
        personas = _both(personas, row.personas)
        direct = _both(direct, _direct(row.personas, row.direct_models, known))
    if team is not None and (of_team := policy.teams.get(team)) is not None:
        personas = _both(personas, of_team.personas)
        direct = _both(direct, _direct(of_team.personas, None, known))
    own_limits = () if key_id == NO_KEY else _over(policy.key_defaults.limits, limits)
    restricted = personas is not None or direct is not None
    return CallerRules(key_id, team or "", personas, own_limits, direct, known, restricted)


def _direct(
    personas: frozenset[str] | None, said: bool | None, known: frozenset[str]
) -> frozenset[str] | None:
    """What is no persona and may be named; None: all. `said`: the switch for it."""
    if said is not None:
        return None if said else frozenset()
    return None if personas is None else personas - known


def _over(limits: Limits, others: Limits) -> Limits:
    """`others`, and those of `limits` that are of another kind."""
    said = {limit.same for limit in others}
    return (*(limit for limit in limits if limit.same not in said), *others)


def _both(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other


def applied(policy: LimitsPolicy, caller: CallerRules, persona: str) -> Iterator[Applied]:
    """Every limit that holds, the narrowest scope first."""
    yield from _scoped(caller.limits, f"key/{caller.key_id}", caller, persona)
    if (team := policy.teams.get(caller.team)) is not None:
        yield from _scoped(team.limits, f"team/{caller.team}", caller, persona)
    yield from _scoped(policy.limits, "all", caller, persona)


def _scoped(
    limits: Iterable[Limit], scope: str, caller: CallerRules, persona: str
) -> Iterator[Applied]:
    for limit in limits:
        name = scope
        if limit.persona is not None:
            if limit.persona != persona:
                continue
            name = f"persona/{persona}" if scope == "all" else f"{scope}+persona/{persona}"
        if limit.each == "key":
            name = f"{name}+key/{caller.key_id}"
        yield Applied(limit, name, limit.each == "user")


_WORDS: Final[Mapping[str, str]] = {"all": "everything together"}


def in_words(scope: str) -> str:
    """`team blue`, `persona analyst, key 0a1b2c3d`."""
    return _WORDS.get(scope, scope.replace("/", " ").replace("+", ", "))
