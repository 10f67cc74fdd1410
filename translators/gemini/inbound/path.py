"""What the URL of a call says: model, method, and the form of a stream."""

import re
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import parse_qs, unquote

from translators.errors import InvalidRequest

_PATH: Final = re.compile(
    r"/(?P<version>v1|v1beta|v1alpha|v1beta1)/"
    r"(?:projects/[^/]+/locations/[^/]+/)?(?:publishers/(?P<publisher>[^/]+)/)?models/(?P<rest>.+)"
).fullmatch
_GOOGLE: Final = "google"
_AS_EVENTS: Final = "alt=sse"


class Asked(NamedTuple):
    """A method of a model."""

    version: str
    model: str
    method: str
    """As it was written; "" if there is none."""
    as_events: bool
    """`alt=sse`."""


def asked(url: str) -> Asked:
    """Raises InvalidRequest, status 404, for a path that names no method of a model."""
    path, _, query = url.partition("?")
    version, model, method = _method_at(path)
    events = query == _AS_EVENTS or (
        "alt=" in query and parse_qs(query).get("alt", [""])[-1] == "sse"
    )
    return Asked(version, model, method, events)


@lru_cache(maxsize=256)  # personas and their methods are few; what stands behind `?` is not kept
def _method_at(path: str) -> tuple[str, str, str]:
    """Version, model and method. Raises as `asked` does."""
    match = _PATH(unquote(path))
    model, colon, method = ("", "", "") if match is None else match["rest"].rpartition(":")
    if match is None or not colon or not model:
        raise InvalidRequest(f"Not Found: {unquote(path)[:200]}", None, "not_found", 404)
    model = model.removeprefix("models/")
    publisher = match["publisher"]
    if publisher not in (None, _GOOGLE):
        model = f"{publisher}/{model}"
    return match["version"], model, method
