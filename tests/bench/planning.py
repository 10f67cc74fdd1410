"""Prints what one plan costs, by strategy: `python -m tests.bench.planning`. Ten targets; the best
of a few rounds.
"""

import random
import time
import timeit
from typing import Final

from gateway.accounting.observed import Learned
from gateway.config import Balance, Config, StrategyName, TargetRef
from gateway.health.targets import TargetHealth
from gateway.routing.plan import plan, policy_of
from gateway.routing.state import RoutingContext
from tests.routing.worlds import config, context, facts, model, persona, provider

TARGETS: Final = 10
PLANS: Final = 200
ROUNDS: Final = 40
STRATEGIES: Final[tuple[StrategyName, ...]] = (
    "priority",
    "weighted",
    "cost",
    "latency",
    "balanced",
)


def world() -> Config:
    """Two models at each of five providers, and a persona for each strategy."""
    capabilities = ["streaming", "tool_calling"]
    models = (
        model("m", capabilities=capabilities),
        model("n", capabilities=capabilities, price=(0.15, 0.6)),
    )
    providers = [provider(f"p{i}", *models, keys=2) for i in range(TARGETS // 2)]
    refs = [TargetRef(p.name, m, 1.0 + i) for i, p in enumerate(providers) for m in p.models]
    balance = Balance(cost=1, latency=1, tier=1)
    return config(
        providers,
        *(persona(*refs, name=name, strategy=name, balance=balance) for name in STRATEGIES),
    )


def experienced(of: Config) -> RoutingContext:
    """A context in which every target has answered before."""
    book, learned = TargetHealth(of), Learned()
    for i, target in enumerate(f"{p.name}/{m}" for p in of.providers.values() for m in p.models):
        book.latency(target).observe(True, 0.1 + i / 10, 990.0)
        book.latency(target).observe_rate(500, 5.0, 990.0)
        for strategy in STRATEGIES:
            learned.observe(
                strategy, target, 1000, {"prompt_tokens": 1100, "completion_tokens": 300}
            )
    return context(of, draw=random.Random(1).random, book=book, learned=learned)


def main() -> None:
    of = world()
    seen = experienced(of)
    asked = facts(
        {"streaming": "stream", "tool_calling": "tools"},
        tokens=700,
        size=3000,
        stream=True,
        conversation="c0ffee",
    )
    print(f"µs for a plan with {TARGETS} targets:")
    for name in STRATEGIES:
        policy = policy_of(of.personas[name])
        seconds = min(
            timeit.repeat(
                lambda policy=policy: plan(of, policy, asked, seen),
                timer=time.process_time,
                number=PLANS,
                repeat=ROUNDS,
            )
        )
        print(f"{name:9} {seconds / PLANS * 1e6:5.1f}")


if __name__ == "__main__":
    main()
