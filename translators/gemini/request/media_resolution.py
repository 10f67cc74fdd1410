"""`image_url.detail`: told part by part where the model takes it there, else once for the whole
request.
"""

from typing import Any, Final

from translators.capabilities import ModelRecord
from translators.gemini.wire import Part
from translators.notes import Report

_PER_PART: Final = {
    "low": "MEDIA_RESOLUTION_LOW",
    "high": "MEDIA_RESOLUTION_HIGH",
    "original": "MEDIA_RESOLUTION_ULTRA_HIGH",
}
_FOR_ALL: Final = {
    "low": "MEDIA_RESOLUTION_LOW",
    "high": "MEDIA_RESOLUTION_HIGH",
    "original": "MEDIA_RESOLUTION_HIGH",
}


class Resolutions:
    """Gathers the details of all images of one request."""

    def __init__(self, record: ModelRecord, report: Report) -> None:
        # Models that reason by level (Gemini 3 and later) take a resolution on each part, those
        # with a budget (2.5) one for all.
        self._kind = record.thinking.kind
        self._report = report
        self._asked: list[str | None] = []

    def note(self, detail: Any, part: Part, param: str) -> None:
        """One image's detail; `part` is marked where the model takes it on the part. An unknown one
        counts as `auto`.
        """
        detail = detail if detail.__class__ is str and detail in _PER_PART else None
        if self._kind == "level":
            if detail is not None:
                part["mediaResolution"] = {"level": _PER_PART[detail]}
        elif self._kind == "budget":
            self._asked.append(detail)
        elif detail is not None:
            self._report.dropped(param, "this model takes no media resolution")

    def for_all(self) -> str | None:
        """`generationConfig.mediaResolution`: the finest that was asked for, where an image without
        wish counts finer than `low`.
        """
        for detail in ("original", "high"):
            if detail in self._asked:
                return _FOR_ALL[detail]
        return _FOR_ALL["low"] if self._asked and None not in self._asked else None
