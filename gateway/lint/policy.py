"""The rules for what persona_policy.yaml says beside its personas."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from gateway.config.aliases import ANY, MOST_ALIASES
from gateway.config.errors import Complaint
from gateway.config.server import PolicyFile


def policy_complaints(
    top: PolicyFile, written: Mapping[str, Any], personas: Collection[str]
) -> Iterator[Complaint]:
    """What contradicts itself. `written` is the file; `personas` are the names of all of them, also
    of those that are invalid."""
    if top.strict_params and top.params not in (None, "strict"):
        yield ("params",), f"says {top.params!r}, but strict_params is true"
    yield from _alias_complaints(top.aliases, personas)
    at = "resilience", "breaker"
    breaker = top.resilience.breaker
    longest, first = breaker.longest_open, breaker.open_for
    if longest < first and "longest_open" in written["resilience"]["breaker"]:
        yield at, f"longest_open ({longest:g}) must be at least open_for ({first:g})"


def _alias_complaints(aliases: Mapping[str, str], personas: Collection[str]) -> Iterator[Complaint]:
    if len(aliases) > MOST_ALIASES:
        yield ("aliases",), f"must be at most {MOST_ALIASES}"
    for name, persona in aliases.items():
        at = "aliases", name
        if not name or ANY in name[:-1]:
            yield at, "an alias is a name, or the beginning of one with '*' at its end"
        if name in personas:
            yield at, f"the persona {name!r} has this name: the alias could never matter"
        if persona not in personas:
            yield at, f"there is no persona {persona!r}"
