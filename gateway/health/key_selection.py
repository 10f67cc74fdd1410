"""Which of a provider's keys is used: the one the conversation was served with, else one drawn by
weight among those that may be used.
"""

from collections.abc import Callable, Collection

from gateway.config import ApiKey, Provider
from gateway.health.targets import TargetHealth


def choose(
    provider: Provider,
    target: str,
    health: TargetHealth,
    now: float,
    random: Callable[[], float],
    used: Collection[str] = (),
    pinned: str | None = None,
) -> ApiKey | None:
    """The key for a call to `target`; None if none may be used, or the provider needs none. `used`
    were tried and refused already.
    """
    if len(provider.keys) == 1 and not used:
        only = provider.keys[0]
        return only if health.usable(provider, only, target, now) else None
    weighted = [
        (key, weight)
        for key, weight in health.usable_keys(provider, target, now)
        if key.variable not in used
    ]
    if not weighted:
        return None
    if (
        pinned is not None
        and (found := next((key for key, _ in weighted if key.variable == pinned), None))
        is not None
    ):
        return found
    drawn = random() * sum(weight for _, weight in weighted)
    for key, weight in weighted:
        drawn -= weight
        if drawn < 0:
            return key
    return weighted[-1][0]
