"""A request as the simulated model hears it, read from the hub's form whatever dialect it came
in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from translators.chat.request import INSTRUCTION_ROLES, ChatRequest
from translators.json_codec import JsonObject

_LINKS: Final = {
    "image_url": ("url", "image/*"),
    "video_url": ("url", "video/*"),
    "file": ("file_data", "application/pdf"),
}
"""Of a part's kind: where its URL stands, and what it is taken for where that does not say."""


@dataclass(slots=True)
class Turn:
    """What one side said until the other spoke: neighbouring messages of one side are one turn."""

    side: Literal["user", "model"]
    texts: list[str] = field(default_factory=list)
    media: list[str] = field(default_factory=list)
    """Media types (`image/png`), or `image/*` where only a link was sent."""
    results: list[tuple[str, str]] = field(default_factory=list)
    """Tool results: the tool's name and what it returned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What decides the answer."""

    body: JsonObject
    """The hub's, for what else was asked for."""
    turns: Sequence[Turn]
    """At least one."""
    system: Sequence[str]
    tools: Mapping[str, Any]
    """Tool name → JSON schema of its arguments; None for a tool that takes a bare text."""
    choice: str
    """auto, none, required, or `=` and a tool's name."""


def conversation_of(request: ChatRequest) -> Conversation:
    """The conversation that a request holds."""
    body = request.body
    turns, system = _turns(request)
    choice, tools = _choice(body.get("tool_choice"), _tools(body.get("tools") or ()))
    return Conversation(body=body, turns=turns, system=system, tools=tools, choice=choice)


def last_words(conversation: Conversation) -> str:
    """The text of the last user turn that has any: the place of the directives."""
    spoken = (turn.texts for turn in reversed(conversation.turns) if turn.side == "user")
    return "\n".join(next(filter(None, spoken), ()))


def _turns(request: ChatRequest) -> tuple[list[Turn], list[str]]:
    """What each side said, and the texts of the instructions."""
    turns: list[Turn] = []
    system: list[str] = []
    called: dict[Any, str] = {}
    for message in request.messages:
        texts, media = _content(message.get("content"))
        role = message["role"]
        if role in INSTRUCTION_ROLES:
            system += texts
            continue
        side: Literal["user", "model"] = "model" if role == "assistant" else "user"
        if not turns or turns[-1].side != side:
            turns.append(Turn(side))
        for call in message.get("tool_calls") or ():
            called[call.get("id")] = (call.get("function") or call.get("custom"))["name"]
        if role in ("tool", "function"):
            name = called.get(message.get("tool_call_id")) or message.get("name") or "function"
            turns[-1].results.append((name, "".join(texts)))
        else:
            turns[-1].texts += texts
            turns[-1].media += media
    return turns or [Turn("user")], system


def _content(content: Any) -> tuple[list[str], list[str]]:
    """Texts and media types."""
    if content is None or isinstance(content, str):
        return ([content] if content else [], [])
    texts = [part.get(part["type"]) for part in content if part["type"] in ("text", "refusal")]
    return texts, [medium for part in content if (medium := _medium(part)) is not None]


def _medium(part: JsonObject) -> str | None:
    kind = part["type"]
    if kind == "input_audio":
        return f"audio/{part[kind].get('format')}"
    if kind not in _LINKS:
        return None
    name, otherwise = _LINKS[kind]
    url = part[kind].get(name) or ""
    return url[5:].partition(";")[0] if url.startswith("data:") else otherwise


def _tools(declared: Sequence[JsonObject]) -> dict[str, Any]:
    functions = [tool["function"] for tool in declared if tool.get("type") == "function"]
    custom = [tool["custom"]["name"] for tool in declared if tool.get("type") == "custom"]
    schemas = {each["name"]: each.get("parameters") or {"type": "object"} for each in functions}
    return schemas | dict.fromkeys(custom)


def _choice(choice: Any, tools: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The choice, and the tools it leaves."""
    match choice:
        case "none" | "required":
            return choice if tools else "auto", tools
        case {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": allowed}}:
            named = {tool.get(tool.get("type"), {}).get("name") for tool in allowed}
            return _choice(mode, {name: tools[name] for name in tools if name in named})
        case {"type": "function" | "custom" as kind}:
            return f"={choice[kind]['name']}", tools
    return "auto", tools
