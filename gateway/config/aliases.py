"""Other names of personas: for tools whose model names are fixed."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

ANY: Final = "*"
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
    """`written`: valid names, each with its persona."""
    exact = {name: persona for name, persona in written.items() if not name.endswith(ANY)}
    prefixes = [(name[:-1], persona) for name, persona in written.items() if name.endswith(ANY)]
    prefixes.sort(key=lambda pair: -len(pair[0]))
    return Aliases(MappingProxyType(exact), tuple(prefixes))
