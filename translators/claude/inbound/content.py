"""Blocks of a user's message, of a tool's result and of a system prompt as the hub's parts."""

from collections.abc import Callable
from typing import Any, Final

from translators.claude.inbound.context import Reading, blocks_of, object_of, rejected, text_of
from translators.json_codec import JsonObject, dumps_str

Part = JsonObject
Parts = list[Part]

LOADED: Final = "The tool {} is loaded and can be called now."
SUMMARY: Final = "Summary of the conversation so far:\n"
_PLACEHOLDER: Final = "data:,"
"""Stands for what only Claude holds, in a request that goes to nobody else."""


def text_part(text: str) -> Part:
    """A part that says `text`."""
    return {"type": "text", "text": text}


def parts_of(blocks: list[JsonObject], path: str, reading: Reading) -> Parts:
    """All blocks as parts, in order. What Claude alone understands becomes a need."""
    parts: Parts = []
    for i, block in enumerate(blocks):
        parts += block_parts(block, f"{path}.{i}", reading)
    return parts


def block_parts(block: JsonObject, path: str, reading: Reading) -> Parts:
    """One block as parts; the last of them keeps its cache mark."""
    read = _READ.get(block["type"])
    if read is None:
        reading.need(f"{path}.{block['type']}"[:200])
        return []
    made = read(block, path, reading)
    mark = block.get("cache_control")
    if made and mark.__class__ is dict:
        made[-1]["cache_control"] = mark
    return made


def content_of(parts: Parts) -> str | Parts:
    """The parts as a message's content: one plain text as a string."""
    if len(parts) == 1 and parts[0].keys() == {"type", "text"}:
        text: str = parts[0]["text"]
        return text
    return parts


def result_content(content: Any, path: str, reading: Reading) -> str | Parts:
    """The content of a `tool_result`: texts alone are joined."""
    if content is None:
        return ""
    if content.__class__ is str:
        text: str = content
        return text
    parts = parts_of(blocks_of(content, path), path, reading)
    if all(part["type"] == "text" for part in parts):
        return "\n".join([part["text"] for part in parts])
    return parts


def _text(block: JsonObject, path: str, reading: Reading) -> Parts:
    text = text_of(block, "text", path)
    return [text_part(text)] if text else []


def _image(block: JsonObject, path: str, reading: Reading) -> Parts:
    source = object_of(block, "source", path)
    url = _url(source, f"{path}.source", reading)
    return [{"type": "image_url", "image_url": {"url": url}}]


def _url(source: JsonObject, path: str, reading: Reading) -> str:
    """A source as a URL; base64 as a data URL."""
    match source.get("type"):
        case "base64":
            kind = text_of(source, "media_type", path)
            return f"data:{kind};base64,{text_of(source, 'data', path)}"
        case "url":
            return text_of(source, "url", path)
        case kind:
            reading.need(f"{path}.{kind}"[:200])
            return _PLACEHOLDER


def _document(block: JsonObject, path: str, reading: Reading) -> Parts:
    source = object_of(block, "source", path)
    title, context = block.get("title"), block.get("context")
    citations = block.get("citations")
    if citations.__class__ is dict and citations.get("enabled") is True:
        reading.note("dropped", "messages.citations", "only Claude cites documents by place")
    head = [f"Title: {title}"] if title else []
    head += [f"Context: {context}"] if context else []
    match source.get("type"):
        case "text":
            return [text_part("\n".join([*head, "", text_of(source, "data", path)]).lstrip("\n"))]
        case "content":
            inner = blocks_of(source.get("content"), f"{path}.source.content")
            said = parts_of(inner, f"{path}.source.content", reading)
            return [text_part("\n".join(head)), *said] if head else said
    url = _url(source, f"{path}.source", reading)
    name = title if title.__class__ is str and title else "document.pdf"
    file = {"type": "file", "file": {"filename": name, "file_data": url}}
    return [text_part(f"Context: {context}"), file] if context else [file]


def _search_result(block: JsonObject, path: str, reading: Reading) -> Parts:
    inner = blocks_of(block.get("content"), f"{path}.content")
    said = "\n".join([text_of(each, "text", f"{path}.content.{i}") for i, each in enumerate(inner)])
    return [text_part(f"Source: {block.get('source')}\nTitle: {block.get('title')}\n\n{said}")]


def _reference(block: JsonObject, path: str, reading: Reading) -> Parts:
    name = text_of(block, "tool_name", path)
    reading.loaded.add(name)
    return [text_part(LOADED.format(name))]


def _compaction(block: JsonObject, path: str, reading: Reading) -> Parts:
    text = compacted(block, path, reading)
    return [] if text is None else [text_part(text)]


def compacted(block: JsonObject, path: str, reading: Reading) -> str | None:
    """The summary in a `compaction` block; None if only Claude can read it."""
    content, changes = block.get("content"), block.get("tool_changes")
    if changes.__class__ is list:
        reading.changes += [change for change in changes if change.__class__ is dict]
    if content.__class__ is not str:
        reading.need(f"{path}.compaction")
        return None
    return SUMMARY + str(content)


def _change(block: JsonObject, path: str, reading: Reading) -> Parts:
    reading.changes.append(block)
    return []


def _dropped(block: JsonObject, path: str, reading: Reading) -> Parts:
    reading.note("dropped", f"messages.{block['type']}", "only Claude takes it")
    return []


def _misplaced(block: JsonObject, path: str, reading: Reading) -> Parts:
    raise rejected(path, f"`{block['type']}` blocks can only be in `assistant` messages")


def _misplaced_result(block: JsonObject, path: str, reading: Reading) -> Parts:
    raise rejected(path, "`tool_result` blocks can only be in `user` messages")


_READ: Final[dict[str, Callable[[JsonObject, str, Reading], Parts]]] = {
    "text": _text,
    "image": _image,
    "document": _document,
    "search_result": _search_result,
    "tool_reference": _reference,
    "compaction": _compaction,
    "tool_addition": _change,
    "tool_removal": _change,
    "browser_state": _dropped,
    "mcp_tool_listing": _dropped,
    "thinking": _misplaced,
    "redacted_thinking": _misplaced,
    "tool_use": _misplaced,
    "server_tool_use": _misplaced,
    "tool_result": _misplaced_result,
}


def server_result(block: JsonObject) -> str:
    """What a tool on Claude's side gave, as text."""
    content = block.get("content")
    if block["type"] == "web_search_tool_result" and content.__class__ is list:
        found = [each for each in content if each.__class__ is dict]
        lines = [f"Search result: {each.get('title')} ({each.get('url')})\n" for each in found]
        return "".join(lines)
    said = content if content.__class__ is str else dumps_str(content)
    return f"Result of a tool that ran on the server: {said}\n"
