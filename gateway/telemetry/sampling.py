"""What the SDK's samplers say of a trace, by how they describe themselves: to ask them costs more
than all else of a request that is not told of.
"""

import re
from typing import Final, NamedTuple

from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, TraceIdRatioBased

_PARENT_BASED: Final = re.compile(
    r"ParentBased\{root:(.+?),remoteParentSampled:(.+?),remoteParentNotSampled:(.+?),.*\}"
).fullmatch
_RATIO: Final = re.compile(r"TraceIdRatioBased\{([0-9.e-]+)\}").fullmatch
_STATIC: Final = {ALWAYS_ON.get_description(): 1.0, ALWAYS_OFF.get_description(): 0.0}


class Bounds(NamedTuple):
    """Traces are sampled whose id, in its lower 64 bits, is below."""

    root: int
    """Of those that begin here."""
    unsampled: int
    """Of those whose caller does not sample them."""
    sampled: int


def bounds(description: str) -> Bounds | None:
    """Of the sampler that describes itself so; None if it decides by more than this."""
    found = _PARENT_BASED(description)
    root, sampled, unsampled = (description,) * 3 if found is None else found.groups()
    each = [_bound(root), _bound(unsampled), _bound(sampled)]
    known = [bound for bound in each if bound is not None]
    return Bounds(*known) if len(known) == len(each) else None


def _bound(description: str) -> int | None:
    if (share := _STATIC.get(description)) is None:
        if (ratio := _RATIO(description)) is None:
            return None
        share = float(ratio[1])
    return TraceIdRatioBased.get_bound_for_rate(share)
