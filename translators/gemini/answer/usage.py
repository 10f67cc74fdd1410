"""usageMetadata as the hub's usage: thoughts are completion tokens, the results of Google's own
tools are prompt tokens.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Any, Final

from translators.chat.usage import summed
from translators.chat.wire import Usage
from translators.gemini.wire import UsageMetadata
from translators.json_codec import JsonObject

_TIERS: Final = {
    "ON_DEMAND": "default", "STANDARD": "default", "ON_DEMAND_FLEX": "flex", "FLEX": "flex",
    "ON_DEMAND_OFFPEAK": "flex",
    "ON_DEMAND_PRIORITY": "priority", "PRIORITY": "priority", "PROVISIONED_THROUGHPUT": "scale",
}  # fmt: skip


_DIGITS: Final = 18
"""Of a count at most: Python refuses to read or write a number of thousands of them."""
_MOST: Final = 10**_DIGITS


_ADDED: Final = (
    "promptTokenCount",
    "toolUsePromptTokenCount",
    "thoughtsTokenCount",
    "candidatesTokenCount",
)
"""The counts that add up to `totalTokenCount`."""
_COUNTS: Final = frozenset({"totalTokenCount", *_ADDED})
_OF: Final = {
    "cachedContentTokenCount": "promptTokenCount",
    "promptTokensDetails": "promptTokenCount",
    "cacheTokensDetails": "promptTokenCount",
    "candidatesTokensDetails": "candidatesTokenCount",
    "toolUsePromptTokensDetails": "toolUsePromptTokenCount",
}
"""What says more of a count, and of which."""
_DETAILS: Final = frozenset(_OF)


class Counts:
    """What the frames of one answer have counted: each stands for the whole answer so far, and may
    leave some of it out.

    The newest one holds. What it leaves out is taken from before only if its total needs it, or if
    it has none.
    """

    __slots__ = ("_newest", "_said_of", "known")

    def __init__(self) -> None:
        self.known: UsageMetadata = {}
        """The last value of everything."""
        self._newest: UsageMetadata = self.known
        """The last frame that counted something."""
        self._said_of: JsonObject | None = None
        """The count that each value was said of which says more of one; None while one frame says
        all that is known."""

    def add(self, snapshot: UsageMetadata) -> None:
        """The `usageMetadata` of a frame."""
        if None in snapshot.values():
            snapshot = {name: value for name, value in snapshot.items() if value is not None}
        if "totalTokenCount" in snapshot and (
            not self.known or snapshot.keys() >= self.known.keys()
        ):
            self.known = self._newest = snapshot
            self._said_of = None
            return
        before = self.known
        known = self.known = {**before, **snapshot}
        if not _COUNTS.isdisjoint(snapshot):
            self._newest = snapshot
        if self._said_of is None:
            self._said_of = {name: before.get(_OF[name]) for name in _DETAILS.intersection(before)}
        for name in _DETAILS.intersection(snapshot):
            self._said_of[name] = known.get(_OF[name])

    def settled(self) -> UsageMetadata:
        """What holds by now, as one `usageMetadata`."""
        known, newest = self.known, self._newest
        if self._said_of is None:
            return known
        settled = {
            name: value
            for name, value in known.items()
            if name in newest or not (name in _COUNTS or name in _DETAILS)
        }
        for name in _carried(newest, known):
            settled[name] = known[name]
        for name, said_of in self._said_of.items():
            if (
                name not in settled
                and _OF[name] in settled
                and _count(settled[_OF[name]]) == _count(said_of)
            ):
                settled[name] = known[name]
        return settled


def _carried(newest: UsageMetadata, known: UsageMetadata) -> tuple[str, ...]:
    """The counts from before that belong to the newest: as few as bring it to its total, or as near
    as they can without passing it.
    """
    missing = [name for name in _ADDED if name in known and name not in newest]
    if "totalTokenCount" not in newest:
        return tuple(missing)
    gap = _count(newest["totalTokenCount"]) - sum([_count(newest.get(name)) for name in _ADDED])
    choices = [names for size in range(len(missing) + 1) for names in combinations(missing, size)]
    sums = [sum([_count(known[name]) for name in names]) for names in choices]
    best = max([total for total in sums if total <= gap], default=0)
    return choices[sums.index(best)]


def usage(metadata: UsageMetadata) -> Usage | None:
    """The hub's usage, or None if nothing was counted."""
    prompt, visible = metadata.get("promptTokenCount"), metadata.get("candidatesTokenCount")
    total = metadata.get("totalTokenCount")
    if prompt is None and visible is None and total is None:
        return None
    given = prompt if prompt.__class__ is int and 0 <= prompt < _MOST else _count(prompt)
    written = visible if visible.__class__ is int and 0 <= visible < _MOST else _count(visible)
    # What most answers do not have is not worth a call.
    thoughts = _count(counted) if (counted := metadata.get("thoughtsTokenCount")) else 0
    fed = _count(counted) if (counted := metadata.get("toolUsePromptTokenCount")) else 0
    cached = _count(counted) if (counted := metadata.get("cachedContentTokenCount")) else 0
    heard = _modalities(details) if (details := metadata.get("promptTokensDetails")) else {}
    spoken = _modalities(details) if (details := metadata.get("candidatesTokensDetails")) else {}
    # Some models count their thoughts among the visible tokens; the total gives it away.
    if thoughts and total is not None and given + written + fed == _count(total):
        written = max(written - thoughts, 0)
    prompt_details = {"cached_tokens": cached, "audio_tokens": heard.get("AUDIO", 0)}
    if heard:
        prompt_details["image_tokens"] = heard.get("IMAGE", 0)
        prompt_details["text_tokens"] = heard.get("TEXT", 0)
    return {
        "prompt_tokens": given + fed,
        "completion_tokens": written + thoughts,
        "total_tokens": given + fed + written + thoughts,
        "prompt_tokens_details": prompt_details,
        "completion_tokens_details": {
            "reasoning_tokens": thoughts,
            "audio_tokens": spoken.get("AUDIO", 0),
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def over_hops(usages: Sequence[Usage]) -> Usage | None:
    """The usage of an answer that came in hops: each hop counts again what was read and written
    before it as its prompt.
    """
    if len(usages) < 2:
        return usages[0] if usages else None
    first, total = usages[0], summed(usages)
    prompt = first["prompt_tokens"]
    total["prompt_tokens"], total["prompt_tokens_details"] = prompt, first["prompt_tokens_details"]
    total["total_tokens"] = prompt + total["completion_tokens"]
    return total


def service_tier(metadata: UsageMetadata) -> str | None:
    """The hub's name of the tier that served, if Google named one."""
    for name in ("trafficType", "serviceTier"):
        tier = metadata.get(name)
        if tier.__class__ is str and (found := _TIERS.get(tier.upper())) is not None:
            return found
    return None


def _count(value: Any) -> int:
    if value.__class__ is str and len(value) <= _DIGITS and value.isascii() and value.isdecimal():
        value = int(value)
    return value if value.__class__ is int and 0 <= value < _MOST else 0


def _modalities(details: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for entry in details if details.__class__ is list else ():
        if entry.__class__ is dict:
            name = str(entry.get("modality"))
            found[name] = found.get(name, 0) + _count(entry.get("tokenCount"))
    return found
