"""Small worlds to route in: providers, models, personas and a view of them, all of them values."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from gateway.accounting.observed import Learned
from gateway.config import (
    ApiKey,
    Config,
    Model,
    Persona,
    Price,
    Provider,
    Resilience,
    ServerSettings,
    TargetRef,
    Timeouts,
)
from gateway.health.targets import TargetHealth
from gateway.routing.affinity import Affinity
from gateway.routing.facts import Facts, Prompt
from gateway.routing.plan import Plan, plan, policy_of
from gateway.routing.requirements import Requirement
from gateway.routing.rules import first_match
from gateway.routing.state import RoutingContext
from translators.capabilities import ModelRecord

MOMENT: Final = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def model(
    name: str,
    *,
    window: int = 100_000,
    output: int = 10_000,
    capabilities: Iterable[str] = ("streaming",),
    tier: str = "low",
    price: tuple[float, float] | None = (1, 2),
    **record: Any,
) -> Model:
    """A model; `price` is USD per million tokens read and written."""
    prices = (
        ()
        if price is None
        else (
            Price(
                input=Decimal(str(price[0])),
                output=Decimal(str(price[1])),
                valid_from=date(2026, 1, 1),
            ),
        )
    )
    facts = ModelRecord(
        context_window=window,
        max_output_tokens=output,
        capabilities=frozenset(capabilities),
        **record,
    )  # type: ignore[arg-type]
    return Model(id=name, record=facts, cost_tier=tier, prices=prices)  # type: ignore[arg-type]


def provider(name: str, *models: Model, keys: int = 1, **fields: Any) -> Provider:
    """A provider with `keys` keys, KEY_1 …"""
    held = tuple(ApiKey(f"KEY_{i + 1}", SecretStr(f"secret-{i + 1}")) for i in range(keys))
    given: dict[str, Any] = {
        "dialect": "openai", "base_url": "http://127.0.0.1:1/v1", "keys": held,
        "key_variables": tuple(key.variable for key in held),
        "unavailable_reason": None, "media_urls": "pass", "headers": {}, "timeouts": Timeouts(),
        "models": {m.id: m for m in models},
    }  # fmt: skip
    return Provider(name=name, **{**given, **fields})


def config(
    providers: Iterable[Provider], *personas: Persona, resilience: Resilience | None = None
) -> Config:
    return Config(
        revision="0" * 12, directory=Path(), providers={p.name: p for p in providers},
        personas={p.name: p for p in personas},
        direct_models=True, server=ServerSettings(), params="report",
        resilience=resilience or Resilience(),
    )  # fmt: skip


def targets(*names: str) -> tuple[TargetRef, ...]:
    return tuple(TargetRef(*name.split("/", 1)) for name in names)


def facts(
    needs: Mapping[str, str] | None = None,
    tokens: int = 100,
    size: int | None = None,
    features: Iterable[str] = (),
    **fields: Any,
) -> Facts:
    """A request with a prompt of `tokens` estimated tokens, whose size alone says nothing unless
    `size` does.
    """
    return Facts(
        requirements=tuple(Requirement(need, cause) for need, cause in (needs or {}).items()),  # type: ignore[arg-type]
        features=frozenset(features),  # type: ignore[arg-type]
        prompt=Prompt(None, 10**9 if size is None else size, tokens),
        **fields,
    )


def context(
    of: Config,
    *,
    now: float = 1000.0,
    moment: datetime = MOMENT,
    random: Callable[[], float] = lambda: 0.5,
    book: TargetHealth | None = None,
    affinity: Affinity | None = None,
    learned: Learned | None = None,
) -> RoutingContext:
    """The world at a moment, in which nothing is known but what is given."""
    return RoutingContext(
        now,
        moment,
        random,
        TargetHealth(of) if book is None else book,
        Affinity() if affinity is None else affinity,
        Learned() if learned is None else learned,
    )


def persona(*of: str | TargetRef, name: str = "p", **fields: Any) -> Persona:
    """A persona called `p`; targets are given by name, or as references."""
    return Persona(
        name=name,
        targets=tuple(TargetRef(*t.split("/", 1)) if isinstance(t, str) else t for t in of),
        **fields,
    )


def planned(of: Config, asked: Facts, seen: RoutingContext | None = None, name: str = "p") -> Plan:
    """The plan of the persona `name` for a request with the facts `asked`."""
    chosen = of.personas[name]
    seen = seen or context(of)
    return plan(of, policy_of(chosen, first_match(chosen.rules, asked, seen.moment)), asked, seen)


def names(made: Plan) -> list[str]:
    """The targets that will be tried, in their order."""
    return [candidate.name for candidate in made.eligible]
