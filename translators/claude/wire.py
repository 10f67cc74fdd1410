"""Claude's vocabulary: the blocks a message is made of, and which of them only Claude's own servers understand."""

from dataclasses import dataclass
from typing import Any, Final, Literal

Block = dict[str, Any]
"""One content block: `{"type": …}` and the fields of its type."""

THINKING: Final = frozenset({"thinking", "redacted_thinking"})

THINKING_FIELDS: Final = {"thinking": ("type", "thinking", "signature"), "redacted_thinking": ("type", "data")}
"""The only keys that may come back on a thinking block: it is refused with any other."""

NATIVE_PARTS: Final[dict[str, tuple[str, ...]]] = {
    "thinking": ("thinking", "signature"),
    "redacted_thinking": ("data",),
    "tool_use": ("id", "name", "input"),
    "tool_result": ("tool_use_id",),
    "image": ("source",),
    "document": ("source",),
    "search_result": ("source", "title", "content"),
    "server_tool_use": ("id", "name", "input"),
    "mcp_tool_use": ("id", "name", "input", "server_name"),
    "mcp_tool_result": ("tool_use_id", "content"),
    "web_search_tool_result": ("tool_use_id", "content"),
    "web_fetch_tool_result": ("tool_use_id", "content"),
    "code_execution_tool_result": ("tool_use_id", "content"),
    "bash_code_execution_tool_result": ("tool_use_id", "content"),
    "text_editor_code_execution_tool_result": ("tool_use_id", "content"),
    "tool_search_tool_result": ("tool_use_id", "content"),
    "container_upload": ("file_id",),
}
"""Claude's own blocks that some callers put into a chat message's content, with the fields that make one whole."""

USER_ONLY: Final = frozenset({"tool_result", "image", "document", "search_result", "container_upload"})


_SHAPES: Final[dict[str, tuple[type, ...]]] = {"input": (dict,), "source": (dict, str), "content": (dict, list, str)}


def is_whole(block: Block) -> bool:
    """Whether a block of one of Claude's own types has the fields of its type."""
    fields = NATIVE_PARTS.get(block["type"], ())
    return bool(fields) and all(block.get(name).__class__ in _SHAPES.get(name, (str,)) for name in fields)


def is_server_result(block: Block) -> bool:
    """Whether `block` is what a tool on Claude's side gave: `web_search_tool_result` and its kin, not the caller's `tool_result`."""
    kind: str = block["type"]
    return kind.endswith("_tool_result")


Role = Literal["user", "assistant", "system", "tool"]


@dataclass(slots=True)
class Turn:
    """One entry of the conversation on its way to Claude. `tool` holds one tool_result that has not found its call yet."""

    role: Role
    blocks: list[Block]
    at: int
    """Index of the chat message it came from."""


_ANSWER_FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "thinking": ("thinking",),
    "redacted_thinking": ("data",),
    "tool_use": ("id", "name"),
}


def whole_blocks(content: list[Any]) -> list[Block]:
    """The blocks of an answer that have what their type promises; types that are not known are blocks too."""
    return [
        {**block, "input": {}} if block["type"] == "tool_use" and "input" not in block else block
        for block in content
        if block.__class__ is dict and _is_whole_answer(block)
    ]


def _is_whole_answer(block: dict[str, Any]) -> bool:
    kind = block.get("type")
    if kind == "text":
        return block.get("text").__class__ is str
    return kind.__class__ is str and all(block.get(name).__class__ is str for name in _ANSWER_FIELDS.get(kind, ()))


FORMAT: Final = "anthropic-messages"
"""What `provider_content.format` says when the blocks are Claude's."""


def as_list(value: Any) -> list[Any]:
    return value if value.__class__ is list else []


def thinking_block(block: Any) -> Block | None:
    """A thinking block with the keys Claude takes back, or None if it is none of Claude's (or lacks what proves it)."""
    fields = THINKING_FIELDS.get(str(block.get("type"))) if block.__class__ is dict else None
    if fields is None or any(block.get(name).__class__ is not str for name in fields):
        return None
    if not (block.get("signature") or block.get("data")):
        return None
    return {name: block[name] for name in fields}
