"""Google's own request extensions (`google`, or `extra_body.google`), and how one body is laid over
another.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from translators.chat.validation_errors import wrong_type
from translators.json_codec import JsonObject
from translators.notes import Report

_IMAGE_CONFIG: Final = {"aspect_ratio": "aspectRatio", "image_size": "imageSize"}


@dataclass(frozen=True, slots=True, kw_only=True)
class GoogleExtensions:
    thinking_config: JsonObject | None = None
    cached_content: str | None = None
    response_modalities: list[Any] | None = None
    image_config: JsonObject | None = None
    labels: JsonObject | None = None


NO_EXTENSIONS: Final = GoogleExtensions()
_SOURCES: Final = frozenset({"google", "extra_body"})

_TYPES: Final[dict[str, tuple[type, str]]] = {
    "thinking_config": (dict, "an object"),
    "cached_content": (str, "a string"),
    "response_modalities": (list, "an array of strings"),
    "image_config": (dict, "an object"),
    "labels": (dict, "an object"),
}


def google_extensions(body: JsonObject, report: Report) -> GoogleExtensions:
    """What the caller says to Google. Raises InvalidRequest for a wrong type; what is not known is
    reported.
    """
    if _SOURCES.isdisjoint(body) or not (sources := _sources(body, report)):
        return NO_EXTENSIONS
    found: JsonObject = {}
    for at, source in sources:
        for name, value in source.items():
            if value is None:
                continue
            if name not in _TYPES:
                report.dropped(
                    f"{at}.{name}",
                    "it may not be set by callers"
                    if name == "safety_settings"
                    else "no such extension is known",
                )
                continue
            kind, shown = _TYPES[name]
            if value.__class__ is not kind:
                raise wrong_type(f"{at}.{name}", shown, value)
            found.setdefault(name, value)
    if "image_config" in found:
        found["image_config"] = {
            _IMAGE_CONFIG.get(name, name): value for name, value in found["image_config"].items()
        }
    return GoogleExtensions(**found)


def _sources(body: JsonObject, report: Report) -> list[tuple[str, JsonObject]]:
    sources = []
    if (google := body.get("google")) is not None:
        sources.append(("google", google))
    extra = body.get("extra_body")
    if extra is not None:
        if extra.__class__ is not dict:
            raise wrong_type("extra_body", "an object", extra)
        for name, value in extra.items():
            if name == "google":
                sources.append(("extra_body.google", value))
            else:
                report.dropped(f"extra_body.{name}", "no such extension is known")
    for at, source in sources:
        if source.__class__ is not dict:
            raise wrong_type(at, "an object", source)
    return sources


def merged(base: Mapping[str, Any], more: JsonObject) -> JsonObject:
    """`base` with `more` over it: objects are merged, everything else is replaced. Neither is
    changed.
    """
    made = dict(base)
    for name, value in more.items():
        mine = made.get(name)
        made[name] = (
            merged(mine, value) if mine.__class__ is dict and value.__class__ is dict else value
        )
    return made
