"""Tool names for models that know no namespaces: a pure function of namespace and name, so the
history holds the names that the model is offered."""

from typing import Final

from translators.responses.names import upstream_name

DEFAULT_NAMESPACE: Final = "functions"
"""The one that Codex puts its own tools in: their names stand alone."""


def flat_name(name: str, namespace: str | None) -> str:
    """The model's name for a tool: at most 64 of a-z A-Z 0-9 _ -."""
    if namespace in (None, "", DEFAULT_NAMESPACE):
        return upstream_name(name)
    assert namespace is not None
    return upstream_name(namespace + ("" if namespace.endswith("__") else "__") + name)
