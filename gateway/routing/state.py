"""The world at the moment of a decision: time, randomness and what is known of the providers, as
arguments.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.accounting.observed import Learned
from gateway.config import Config
from gateway.health.targets import TargetHealth
from gateway.health.unsupported_features import NONE_KNOWN, Lacks
from gateway.routing.affinity import Affinity
from gateway.routing.candidates import Candidate
from gateway.routing.facts import Facts


class Budget(Protocol):
    """What is left of its caller's limits for a request."""

    def objection(self, candidate: Candidate, facts: Facts) -> str | None:
        """Why the candidate may not be asked, as a machine reads it; None if it may."""


@dataclass(slots=True)  # frozen, it would cost twice as much to make
class RoutingContext:
    """What a plan is made from, beside the policy and the request."""

    now: float
    """Seconds, monotonic: the clock of health and affinity."""
    moment: datetime
    """UTC."""
    random: Callable[[], float]
    """From 0 up to 1."""
    health: TargetHealth
    affinity: Affinity
    learned: Learned
    lacks: Lacks = NONE_KNOWN
    budget: Budget | None = None
    """None where limits are not looked at."""


class RouterState:
    """What a running gateway has learned of its providers; outlives a reload of the
    configuration."""

    def __init__(
        self,
        config: Config,
        clock: Callable[[], datetime],
        now: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        self.clock = clock
        """The time of day, in UTC."""
        self.now = now
        """Seconds, monotonic."""
        self.random = random
        """From 0 up to 1."""
        self.health = TargetHealth(config)
        self.affinity = Affinity()
        self.learned = Learned()
        self.lacks = Lacks()

    def view(self) -> RoutingContext:
        """The world now."""
        return RoutingContext(
            self.now(),
            self.clock(),
            self.random,
            self.health,
            self.affinity,
            self.learned,
            self.lacks,
        )
