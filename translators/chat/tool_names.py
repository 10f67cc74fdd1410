"""Tool names as models write them, against the names that the caller declared."""


def declared_name(name: str, declared: frozenset[str]) -> str:
    """Some models call `functions.<name>`: the prefix goes if only the rest was declared."""
    if name.startswith("functions.") and name not in declared and name[10:] in declared:
        return name[10:]
    return name
