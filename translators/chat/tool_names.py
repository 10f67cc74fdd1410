"""Tool names: as models write them against what the caller declared, and under aliases where a
provider would refuse them.

The rule for a name, 1 to 64 of [a-zA-Z0-9_-], is the same for OpenAI and Claude. Pure functions of
the name: the same history gives the same bytes.
"""

import re
from collections.abc import Iterable
from hashlib import sha256
from typing import Final

_NAMESPACE: Final = "functions."
MAX_NAME: Final = 64
"""Characters of a name."""

_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_FORBIDDEN: Final = re.compile(r"[^a-zA-Z0-9_-]")


def declared_name(name: str, declared: frozenset[str]) -> str:
    """Some models call `functions.<name>`: the prefix goes if only the rest was declared."""
    if name.startswith(_NAMESPACE) and name not in declared and name[10:] in declared:
        return name[10:]
    return name


def digest(text: str) -> str:
    """Eight hex digits that tell two names apart which look the same once they are cut or
    cleaned."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def sanitised_name(name: str, salt: str = "") -> str:
    """`name` in at most 64 of [a-zA-Z0-9_-]."""
    if not salt and _NAME.fullmatch(name):
        return name
    return f"{_FORBIDDEN.sub('_', name)[:55]}_{digest(name + salt)}"


def are_plain(names: list[str]) -> bool:
    """Whether none of them needs an alias: one look at all of them. (Reading letter by letter, a
    pattern takes five times as long.)
    """
    letters = "".join(names)
    if not (
        letters.isascii()
        and (letters.isidentifier() or letters.replace("_", "").replace("-", "").isalnum())
    ):
        return not names
    return len(letters) <= MAX_NAME or max(map(len, names)) <= MAX_NAME


class ToolNames:
    """The two-way map of one request. A name that was never rewritten is never un-rewritten."""

    def __init__(self, declared: Iterable[str]) -> None:
        names = list(declared)
        taken = {name for name in names if _NAME.fullmatch(name)}
        self._taken = taken
        self._upstream: dict[str, str] = {}
        for name in names:
            if name in taken or name in self._upstream:
                continue
            short, salt = sanitised_name(name), ""
            while short in taken:
                salt += "#"
                short = sanitised_name(name, salt)
            taken.add(short)
            self._upstream[name] = short

    @classmethod
    def plain(cls, names: Iterable[str]) -> "ToolNames":
        """Of names of which is known that none needs an alias."""
        made = cls(())
        made._taken = set(names)
        return made

    def upstream(self, name: str) -> str:
        """What the provider is told of the caller's tool `name`, declared or only known from the
        history.
        """
        return name if name in self._taken else self._upstream.get(name) or sanitised_name(name)

    def known(self, name: str) -> str:
        """The alias of a declared tool; any other name as it is, which may be one of the provider's
        own.
        """
        return self._upstream.get(name, name)

    @property
    def rewritten(self) -> dict[str, str]:
        """The provider's name → the caller's, for the names that differ."""
        return {short: name for name, short in self._upstream.items()}


NO_NAMES: Final = ToolNames(())
"""Of a request whose names are all plain. Those of tools that only its history names still get
their aliases."""
