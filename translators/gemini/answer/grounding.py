"""Grounding as annotations: byte offsets within a part become character offsets within the whole
answer.
"""

from collections.abc import Sequence
from typing import Any, Final

from translators.json_access import as_list
from translators.json_codec import JsonObject

_SOURCES: Final = ("web", "retrievedContext", "maps")


def annotations(metadata: JsonObject, parts: Sequence[str | None]) -> list[JsonObject]:
    """url_citation annotations. `parts` are the answer's parts in order: visible text, or None for
    any other part.
    """
    chunks = as_list(metadata.get("groundingChunks"))
    found: list[JsonObject] = []
    seen: set[tuple[int, int, str]] = set()
    for support in as_list(metadata.get("groundingSupports")):
        if support.__class__ is not dict or (span := _span(support.get("segment"), parts)) is None:
            continue
        for index in as_list(support.get("groundingChunkIndices")):
            source = (
                _source(chunks[index])
                if index.__class__ is int and 0 <= index < len(chunks)
                else None
            )
            if source is None or (key := (*span, source[0])) in seen:
                continue
            seen.add(key)
            citation = {
                "start_index": span[0],
                "end_index": span[1],
                "title": source[1],
                "url": source[0],
            }
            found.append({"type": "url_citation", "url_citation": citation})
    return found


def _source(chunk: Any) -> tuple[str, str] | None:
    """URL and title of what a chunk was taken from."""
    for name in _SOURCES:
        source = chunk.get(name) if chunk.__class__ is dict else None
        if source.__class__ is dict and source.get("uri").__class__ is str:
            return source["uri"], str(source.get("title") or "")
    return None


def _span(segment: Any, parts: Sequence[str | None]) -> tuple[int, int] | None:
    """First and end character of a segment in the visible text; None if it cannot be found
    there."""
    if segment.__class__ is not dict:
        return None
    start, end, index = (segment.get(name) or 0 for name in ("startIndex", "endIndex", "partIndex"))
    text = segment.get("text")
    if (
        start.__class__ is int
        and end.__class__ is int
        and index.__class__ is int
        and 0 <= index < len(parts)
    ):
        part = parts[index]
        if part is not None and 0 <= start < end:
            data = part.encode()
            before = sum(len(earlier) for earlier in parts[:index] if earlier is not None)
            first = before + len(data[:start].decode(errors="ignore"))
            cited = data[start:end].decode(errors="ignore")
            if text is None or cited == text:
                return first, first + len(cited)
    if text.__class__ is str and text:
        first = "".join(part for part in parts if part is not None).find(text)
        if first >= 0:
            return first, first + len(text)
    return None
