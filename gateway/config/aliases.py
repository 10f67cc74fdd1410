"""Other names of personas: for tools whose model names are fixed."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from gateway.config.errors import Complaint

_ANY: Final = "*"
MOST_ALIASES: Final = 1000


@dataclass(frozen=True, slots=True)
class Aliases:
    """`exact` names, and beginnings of names with the longest first; each with its persona."""

    exact: Mapping[str, str]
    prefixes: tuple[tuple[str, str], ...] = ()

    def persona(self, name: str) -> str | None:
        """The persona that a name stands for: an exact one wins over the longest beginning."""
        found = self.exact.get(name)
        if found is not None:
            return found
        return next((persona for prefix, persona in self.prefixes if name.startswith(prefix)), None)


NO_ALIASES: Final = Aliases(MappingProxyType({}))


def read_aliases(written: Mapping[str, str]) -> Aliases:
    """`written`: without complaints."""
    exact = {name: persona for name, persona in written.items() if not name.endswith(_ANY)}
    prefixes = [(name[:-1], persona) for name, persona in written.items() if name.endswith(_ANY)]
    prefixes.sort(key=lambda pair: -len(pair[0]))
    return Aliases(MappingProxyType(exact), tuple(prefixes))


def alias_complaints(written: Mapping[str, str], personas: Collection[str]) -> Iterable[Complaint]:
    """What is wrong with aliases. `personas`: the names of all, also of those that are invalid."""
    if len(written) > MOST_ALIASES:
        yield ("aliases",), f"must be at most {MOST_ALIASES}"
    for name, persona in written.items():
        at = ("aliases", name)
        if not name or _ANY in name[:-1]:
            yield at, "an alias is a name, or the beginning of one with '*' at its end"
        if name in personas:
            yield at, f"the persona {name!r} has this name: the alias could never matter"
        if persona not in personas:
            yield at, f"there is no persona {persona!r}"
