"""Which personas a caller sees: those that its key may ask."""

from collections.abc import Callable
from functools import partial

from gateway.api.request import Request


def visible(http: Request) -> Callable[[str], bool]:
    """Whether the caller's key may ask a persona."""
    admission = http.gateway.admission
    return _everything if admission is None else partial(admission.allows, http.key_id)


def _everything(_: str) -> bool:
    return True


def visible_personas(http: Request) -> list[str]:
    """Their names, in the order of the file."""
    return [*filter(visible(http), http.config.personas)]
