"""Claude's vocabulary: the shapes of a request and of content blocks, and which blocks only
Claude's own servers understand.

Shapes follow https://platform.claude.com/docs/en/api/messages/create; each names its section there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NotRequired, Required, TypedDict, TypeGuard, cast

from translators.capabilities import Effort
from translators.chat.json_schema import Schema
from translators.json_codec import JsonObject

AnswerMessage = JsonObject
"""A message as Claude answers with it. This and what follows is read from outside: each field's
class is looked at before it is used."""
Event = JsonObject
"""An event of a stream: its `type` says which fields it has."""
BlockPart = Mapping[str, Any]
"""`content_block` of an event, or its `delta`."""
CountedTokens = JsonObject
"""`usage` of an answer, of one of its `iterations` or of an event."""


class CacheControl(TypedDict):
    """`cache_control`."""

    type: Literal["ephemeral"]
    ttl: NotRequired[Literal["5m", "1h"]]


class Marked(TypedDict, total=False):
    """Whatever may carry a cache mark: a tool, a block, the request."""

    cache_control: CacheControl


class Source(TypedDict, total=False):
    """`messages.content.source` of an image or a document."""

    type: Required[Literal["base64", "url", "text", "file"]]
    media_type: str
    data: str
    url: str
    file_id: str


class Block(TypedDict, total=False):
    """`messages.content`, and `content` of an answer: the fields of all types of blocks; those of
    server tools may have others beside.
    """

    type: Required[str]
    text: str
    thinking: str
    signature: str
    data: str
    id: str
    name: str
    input: Any
    tool_use_id: str
    is_error: bool
    content: Any
    source: Source
    title: str
    citations: list[Any]
    caller: Any
    cache_control: CacheControl


Role = Literal["user", "assistant", "system", "tool"]
"""`messages.role`, and `tool` of a turn that holds a result on its way to its call."""


class MessageParam(TypedDict):
    """`messages`."""

    role: Role
    content: list[Block]


class UserLocation(TypedDict, total=False):
    """`tools.user_location`."""

    type: Required[Literal["approximate"]]
    city: str
    region: str
    country: str
    timezone: str


class Tool(TypedDict, total=False):
    """`tools`: a tool of the caller's, or one that runs on Claude's side."""

    type: str
    name: Required[str]
    description: str
    input_schema: Schema
    strict: bool
    defer_loading: bool
    eager_input_streaming: bool
    input_examples: list[Any]
    allowed_callers: list[str]
    user_location: UserLocation
    cache_control: CacheControl


ChoiceMode = Literal["auto", "any", "tool", "none"]


class ToolChoice(TypedDict, total=False):
    """`tool_choice`."""

    type: Required[ChoiceMode]
    name: str
    disable_parallel_tool_use: bool


class ThinkingConfig(TypedDict, total=False):
    """`thinking`."""

    type: Required[Literal["enabled", "disabled", "adaptive", "between_tools"]]
    budget_tokens: int
    display: Literal["summarized", "omitted"]


class OutputFormat(TypedDict):
    """`output_config.format`."""

    type: Literal["json_schema"]
    schema: Schema


class OutputConfig(TypedDict, total=False):
    """`output_config`."""

    effort: Effort
    format: OutputFormat


class Sampling(TypedDict, total=False):
    """`temperature`, `top_p` and `top_k`."""

    temperature: float
    top_p: float
    top_k: int


class Service(TypedDict, total=False):
    """`service_tier` and `speed`."""

    service_tier: Literal["auto", "standard_only"]
    speed: Literal["fast"]


class Metadata(TypedDict):
    """`metadata`."""

    user_id: str


class MessagesRequest(Sampling, Service, total=False):
    """The body of a request."""

    model: Required[str]
    max_tokens: Required[int]
    system: list[Block]
    messages: list[MessageParam]
    tools: list[Tool]
    tool_choice: ToolChoice
    thinking: ThinkingConfig
    output_config: OutputConfig
    stop_sequences: list[str]
    metadata: Metadata
    cache_control: CacheControl
    stream: bool


THINKING: Final = frozenset({"thinking", "redacted_thinking"})

THINKING_FIELDS: Final = {
    "thinking": ("type", "thinking", "signature"),
    "redacted_thinking": ("type", "data"),
}
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
"""Claude's own blocks that some callers put into a chat message's content, with the fields that
make one whole."""

USER_ONLY: Final = frozenset(
    {"tool_result", "image", "document", "search_result", "container_upload"}
)


_SHAPES: Final[dict[str, tuple[type, ...]]] = {
    "input": (dict,),
    "source": (dict, str),
    "content": (dict, list, str),
}


def is_whole(block: Mapping[str, Any]) -> bool:
    """Whether a block of one of Claude's own types has the fields of its type."""
    fields = NATIVE_PARTS.get(block["type"], ())
    return bool(fields) and all(
        block.get(name).__class__ in _SHAPES.get(name, (str,)) for name in fields
    )


def is_server_result(block: Block) -> bool:
    """Whether `block` is what a tool on Claude's side gave: `web_search_tool_result` and its kin,
    not the caller's `tool_result`.
    """
    return block["type"].endswith("_tool_result")


@dataclass(slots=True)
class Turn:
    """One entry of the conversation on its way to Claude. `tool` holds one tool_result that has not
    found its call yet.
    """

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
    """The blocks of an answer that have what their type promises; types that are not known are
    blocks too.
    """
    return [
        {**block, "input": {}} if block["type"] == "tool_use" and "input" not in block else block
        for block in content
        if _is_whole_answer(block)
    ]


def _is_whole_answer(block: Any) -> TypeGuard[Block]:
    if block.__class__ is not dict:
        return False
    kind = block.get("type")
    if kind == "text":
        return block.get("text").__class__ is str
    return kind.__class__ is str and all(
        block.get(name).__class__ is str for name in _ANSWER_FIELDS.get(kind, ())
    )


FORMAT: Final = "anthropic-messages"
"""What `provider_content.format` says when the blocks are Claude's."""


def thinking_block(block: Any) -> Block | None:
    """A thinking block with the keys Claude takes back, or None if it is none of Claude's (or lacks
    what proves it).
    """
    fields = THINKING_FIELDS.get(str(block.get("type"))) if block.__class__ is dict else None
    if fields is None or any(block.get(name).__class__ is not str for name in fields):
        return None
    if not (block.get("signature") or block.get("data")):
        return None
    return cast(Block, {name: block[name] for name in fields})
