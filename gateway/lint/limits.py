"""Rules across limits: they name what there is, and each can be reached."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from gateway.config.errors import Complaint, Place, under, unknown
from gateway.config.limits import SECONDS, Limit, LimitsPolicy
from gateway.config.personas import Persona
from gateway.config.providers import Provider


def limit_complaints(
    policy: LimitsPolicy,
    personas: Mapping[str, Persona],
    providers: Mapping[str, Provider],
    direct_models: bool,
) -> Iterator[Complaint]:
    """What names nothing, what could never be reached, and budgets that nothing could be served
    under. `direct_models`: somebody may name `provider/model`.
    """
    if personas:
        for place, limits in _lists(policy):
            for i, limit in enumerate(limits):
                yield from under_place((*place, i), _named(limit, personas, providers))
        yield from _allowed(policy, personas)
    for place, limits in _lists(policy):
        yield from under_place(place, _between(limits))
    for name, row in policy.keys.items():
        if row.team is not None and row.team not in policy.teams:
            yield ("keys", name, "team"), unknown("team", row.team, policy.teams)
        if row.direct_models is not None and not direct_models:
            yield ("keys", name, "direct_models"), "has no effect: nobody may name models directly"
        for i, limit in enumerate(row.limits):
            if limit.each == "key":
                yield ("keys", name, "limits", i, "each"), "has no effect: this is one key"
    for i, limit in enumerate(policy.key_defaults.limits):
        if limit.each == "key":
            yield ("key_defaults", "limits", i, "each"), "has no effect: each key has its own"


def under_place(place: Place, complaints: Iterator[Complaint]) -> Iterator[Complaint]:
    for step in reversed(place):
        complaints = under(step, complaints)
    return complaints


def _lists(policy: LimitsPolicy) -> Iterator[tuple[Place, Sequence[Limit]]]:
    yield ("limits",), policy.limits
    yield ("key_defaults", "limits"), policy.key_defaults.limits
    for name, team in policy.teams.items():
        yield ("teams", name, "limits"), team.limits
    for name, row in policy.keys.items():
        yield ("keys", name, "limits"), row.limits


def _named(
    limit: Limit, personas: Mapping[str, Persona], providers: Mapping[str, Provider]
) -> Iterator[Complaint]:
    if limit.persona is not None and limit.persona not in personas:
        yield ("persona",), unknown("persona", limit.persona, personas)
        return
    if limit.on != "usd" or limit.when_reached == "warn":
        return
    asked = personas.values() if limit.persona is None else [personas[limit.persona]]
    models = [
        model
        for persona in asked
        for ref in persona.every_target()
        if (provider := providers.get(ref.provider)) is not None
        and (model := provider.models.get(ref.model)) is not None
    ]
    if models and not any(model.prices for model in models):
        yield (), "no target that it holds for has a price: nothing could ever be served under it"


def _allowed(policy: LimitsPolicy, personas: Mapping[str, Persona]) -> Iterator[Complaint]:
    rows = [
        *((("teams", name), team.personas) for name, team in policy.teams.items()),
        *((("keys", name), row.personas) for name, row in policy.keys.items()),
    ]
    for place, named in rows:
        for name in sorted((named or frozenset()) - personas.keys()):
            yield (*place, "personas"), unknown("persona", name, personas)


def _between(limits: Sequence[Limit]) -> Iterator[Complaint]:
    """Of limits of one list: the same twice, and a long window that shorter ones never fill."""
    for (_, first), (i, second) in combinations(enumerate(limits), 2):
        if first.same == second.same:
            yield (i,), f"{second.name} stands in the list twice"
    for i, long in enumerate(limits):
        for short in limits:
            if (
                (long.on, long.persona, long.each) == (short.on, short.persona, short.each)
                and short.when_reached == "refuse"
                and SECONDS.get(short.per or "", 0) < SECONDS.get(long.per or "", 0)
                and (most := _filled(short, long)) <= long.most
                and most
            ):
                yield (i,), f"can never be reached: {short.name} allows less in that time"


def _filled(short: Limit, long: Limit) -> int:
    """The most that a window of `long` can see under `short`."""
    windows = -(-SECONDS[long.per or ""] // SECONDS[short.per or ""])
    if long.per == "month":
        windows = -(-31 * 86_400 // SECONDS[short.per or ""])
    return short.most * (windows + (short.per == "week"))
