"""What a host that only looks like Claude does not take of a relayed request: betas and their
fields, and members beyond the plain Messages API."""

from collections.abc import Mapping
from typing import Any, Final

from translators.claude.inbound.content import LOADED
from translators.dialect import RelayLimits
from translators.json_codec import JsonObject
from translators.notes import Report
from translators.splices import Body, Edit, cut_all, elements, last, members, written

BETA: Final = "anthropic-beta"
_REFUSED: Final = "this host does not take it"
_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "context-management-": ("context_management",),
    "compact-": ("compaction",),
    "mcp-client-": ("mcp_servers",),
    "structured-outputs-": ("output_format",),
    "fast-mode-": ("speed",),
    "skills-": ("container",),
    "dangerous-tool-use-": ("safeguards",),
}
"""The members that a beta brings, by the beginning of its name."""
_PLAIN: Final = frozenset({
    "model", "messages", "max_tokens", "system", "stream", "temperature", "top_p", "top_k",
    "stop_sequences", "metadata", "tools", "tool_choice", "thinking", "service_tier",
})  # fmt: skip
_PLAIN_TOOL: Final = frozenset({"name", "description", "input_schema", "type", "cache_control"})
_CUSTOM: Final = (None, "custom")
_REFERENCE: Final = "tool_reference"


def taken_betas(given: str | None, limits: RelayLimits) -> tuple[str | None, list[str]]:
    """The header as the host takes it, None if nothing is left of it, and what was left out."""
    betas = [beta for each in (given or "").split(",") if (beta := each.strip())]
    if limits.betas is None:
        return given, []
    kept = [beta for beta in betas if beta in limits.betas]
    lost = [beta for beta in betas if beta not in limits.betas]
    return (",".join(kept) if lost else given) or None, lost


def fit_host(body: Body, limits: RelayLimits, lost: list[str], report: Report) -> None:
    """Cut what the host does not take. `lost`: the betas that it is not told of."""
    names = [name for beta in lost for at, found in _FIELDS.items() if beta.startswith(at)
             for name in found]  # fmt: skip
    if not limits.extras:
        names += [name for name in body.names() if name not in _PLAIN]
    for beta in lost:
        report.dropped(f"{BETA}.{beta}"[:80], _REFUSED)
    for name in dict.fromkeys(names):
        if body.cut(name):
            report.dropped(name[:80], _REFUSED)
    if not limits.extras:
        loaded = _references(body.value("messages"))
        body.edits += _tool_edits(body, loaded, report)
        body.edits += _reference_edits(body)


def _tool_edits(body: Body, loaded: set[str], report: Report) -> list[Edit]:
    """Deferred tools that nobody loaded go, and of the others what is not plain."""
    member = body.get("tools")
    if member is None or member.value.__class__ is not list:
        return []
    searched = any(_kind(tool).startswith("tool_search_tool_") for tool in member.value)
    found = elements(body.text, member.value_start)
    gone: list[int] = []
    edits: list[Edit] = []
    for i, element in enumerate(found):
        tool = element.value
        if tool.__class__ is not dict or tool.get("type") not in _CUSTOM:
            continue
        if tool.get("defer_loading") and not searched and tool.get("name") not in loaded:
            gone.append(i)
            continue
        inner = members(body.text, element.start)
        extra = [j for j, each in enumerate(inner) if each.name not in _PLAIN_TOOL]
        for j in extra:
            report.dropped(f"tools.{inner[j].name}"[:80], _REFUSED)
        edits += cut_all(body.text, inner, extra)
    return [*edits, *cut_all(body.text, found, gone)]


def _kind(tool: Any) -> str:
    return str(tool.get("type")) if tool.__class__ is dict else ""


def _results(messages: Any) -> list[tuple[int, int, Any]]:
    """Message, block and content of each tool result with blocks in it."""
    return [
        (i, j, block["content"])
        for i, message in enumerate(messages if messages.__class__ is list else ())
        if message.__class__ is dict and message.get("content").__class__ is list
        for j, block in enumerate(message["content"])
        if block.__class__ is dict and block.get("content").__class__ is list
    ]


def _names(content: list[Any]) -> dict[int, str]:
    """The tools that a result refers to, by the places of the references."""
    return {
        i: str(block.get("tool_name"))
        for i, block in enumerate(content)
        if block.__class__ is dict and block.get("type") == _REFERENCE
    }


def _references(messages: Any) -> set[str]:
    return {name for _, _, content in _results(messages) for name in _names(content).values()}


def _reference_edits(body: Body) -> list[Edit]:
    """Each reference to a tool becomes text."""
    edits: list[Edit] = []
    member = body.get("messages")
    if member is None:
        return []
    text = body.text
    for i, j, content in _results(member.value):
        names = _names(content)
        if not names:
            continue
        message = elements(text, member.value_start)[i]
        blocks = last(members(text, message.start), "content")
        assert blocks is not None
        block = elements(text, blocks.value_start)[j]
        inner = last(members(text, block.start), "content")
        assert inner is not None
        places = elements(text, inner.value_start)
        for k, name in names.items():
            told: JsonObject = {"type": "text", "text": LOADED.format(name)}
            edits.append(Edit(places[k].start, places[k].end, written(told)))
    return edits
