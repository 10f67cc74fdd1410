"""The URL of a method of Google's API."""

import re
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from translators.errors import InvalidRequest

_VERSION: Final = re.compile(r"v\d+(?:alpha|beta)?\d*", re.ASCII).fullmatch
_UNSAFE: Final = re.compile(r"\.\.|[?&#]").search
_DEFAULT_VERSION: Final = "v1beta"


@lru_cache(maxsize=256)  # quoting takes a tenth of what a request takes, and the targets are few
def method_url(base: str, model: str, method: str) -> str:
    """Where `method` of a model is. Raises InvalidRequest for a name that would lead elsewhere."""
    base = base.rstrip("/")
    if not _VERSION(base.rpartition("/")[2]):
        base = f"{base}/{_DEFAULT_VERSION}"
    if _UNSAFE(model):
        raise InvalidRequest(
            f"Invalid model name: {model[:80]!r}.", "model", "model_not_found", 404
        )
    return f"{base}/{quote(resource_of(model), safe='/')}:{method}"


def resource_of(model: str) -> str:
    """A model's name as the API's resources are named."""
    return model if model.startswith(("models/", "tunedModels/")) else f"models/{model}"
