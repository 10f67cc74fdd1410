"""What Anthropic's Messages API refuses."""

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tests.strict.refusal import THOUGHT, Asked, Refused, known_fields, names, signature

_FIELDS: Final = names(
    "cache_control container diagnostics inference_geo max_tokens messages metadata model"
    " output_config service_tier speed stop_sequences stream system temperature thinking"
    " tool_choice tools top_k top_p user_profile_id workspace_id"
)
_SAMPLING: Final = ("temperature", "top_p", "top_k")
_VERSIONS: Final = ("2023-06-01", "2026-10-21")
_TOOL_FIELDS: Final = names(
    "allowed_callers cache_control defer_loading description eager_input_streaming input_examples"
    " input_schema name strict type"
)
_BLOCKS: Final = {
    "text": names("type text cache_control citations"),
    "image": names("type source cache_control transformations"),
    "document": names("type source cache_control citations context title"),
    "tool_use": names("type id name input cache_control caller"),
    "tool_result": names("type tool_use_id content is_error cache_control"),
    "thinking": names("type thinking signature"),
}
"""The blocks that are looked into; server tools' blocks and the like are taken as they are."""
_ASSISTANT_ONLY: Final = ("tool_use", "thinking", "redacted_thinking")
_USER_ONLY: Final = ("tool_result", "image")
_IMAGES: Final = ("image/jpeg", "image/png", "image/gif", "image/webp")
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,128}").fullmatch
_ID: Final = re.compile(r"[a-zA-Z0-9_-]+").fullmatch


def check_access(headers: Mapping[str, str]) -> None:
    key = headers.get("x-api-key", "") or headers.get("authorization", "").partition(" ")[2]
    if not key.strip():
        raise Refused("x-api-key header is required", status=401)
    if (version := headers.get("anthropic-version")) not in _VERSIONS:
        raise Refused(
            "anthropic-version: header is required"
            if version is None
            else f'anthropic-version: "{version}" is not a valid version'
        )


def check(body: dict[str, Any], asked: Asked) -> None:
    _check(body)
    if asked.headers.get("anthropic-version") != "2023-06-01" and (
        refused := [name for name in _SAMPLING if name in body]
    ):
        raise Refused(f"{refused[0]}: Extra inputs are not permitted")
    _check_roles(body["messages"])
    messages = list(_blocks(body["messages"]))
    _check_pairs(messages)
    _check_texts(body.get("system") or [], "system")
    tools = _tool_names(body.get("tools") or [])
    if not tools and any(block["type"] == "tool_use" for _, blocks in messages for block in blocks):
        raise Refused("Requests which include `tool_use` or `tool_result` blocks must define tools")
    _check_choice(body.get("tool_choice") or {"type": "auto"}, tools)
    _check_schema((body.get("output_config") or {}).get("format"))


def _check(body: dict[str, Any]) -> None:
    for name in ("model", "messages", "max_tokens"):
        if name not in body:
            raise Refused(f"{name}: Field required")
    if unknown := known_fields(body, _FIELDS):
        raise Refused(f"{unknown}: Extra inputs are not permitted")
    limit = body["max_tokens"]
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        raise Refused("max_tokens: Input should be a valid integer greater than or equal to 1")
    if not isinstance(body["messages"], list) or not body["messages"]:
        raise Refused("messages: at least one message is required")
    if {"temperature", "top_p"} <= body.keys():
        raise Refused(
            "`temperature` and `top_p` cannot both be specified for this model. Please use only"
            " one."
        )
    if not 0 <= body.get("temperature", 0) <= 1:
        raise Refused("temperature: Input should be less than or equal to 1")
    if any(not stop.strip() for stop in body.get("stop_sequences") or ()):
        raise Refused("stop_sequences: each stop sequence must contain non-whitespace")
    if (
        budget := (body.get("thinking") or {}).get("budget_tokens")
    ) is not None and not 1024 <= budget < limit:
        raise Refused(
            "`max_tokens` must be greater than `thinking.budget_tokens`, which must be at least"
            " 1024."
        )


def _check_roles(messages: list[Any]) -> None:
    roles = [m.get("role") if isinstance(m, dict) else None for m in messages]
    for index, role in enumerate(roles):
        if role not in ("user", "assistant", "system"):
            raise Refused(f"messages.{index}.role: Input should be 'user' or 'assistant'")
        before, after = (
            roles[index - 1] if index else None,
            roles[index + 1] if index + 1 < len(roles) else "assistant",
        )
        if role == "system" and index and (before == "assistant" or after == "user"):
            raise Refused(
                f"messages.{index}: role 'system' must follow a user turn and precede an assistant"
                " turn"
            )
    if roles[0] != "user":
        raise Refused('messages: first message must use the "user" role')


def _blocks(messages: list[Any]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Each message as its role and checked blocks. Raises Refused for empty content and unknown
    fields.
    """
    for index, message in enumerate(messages):
        content, where = message.get("content"), f"messages.{index}"
        if unknown := known_fields(message, frozenset({"role", "content"})):
            raise Refused(f"{where}.{unknown}: Extra inputs are not permitted")
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if not isinstance(blocks, list):
            raise Refused(f"{where}.content: Input should be a valid list")
        last = index == len(messages) - 1 and message["role"] == "assistant"
        if not (blocks and content) and not last:
            raise Refused(
                f"{where}: all messages must have non-empty content except for the optional final"
                " assistant message"
            )
        for i, block in enumerate(blocks):
            _check_block(block, message["role"], f"{where}.content.{i}")
        if last and blocks and blocks[-1].get("text", "") != blocks[-1].get("text", "").rstrip():
            raise Refused("messages: final assistant content cannot end with trailing whitespace")
        yield message["role"], blocks


def _check_block(block: Any, role: str, where: str) -> None:
    kind = block.get("type") if isinstance(block, dict) else None
    if not isinstance(kind, str):
        raise Refused(f"{where}.type: Field required")
    if kind in (_ASSISTANT_ONLY if role != "assistant" else _USER_ONLY):
        raise Refused(f"{where}: `{kind}` blocks are not allowed in {role} messages")
    if kind in _BLOCKS and (unknown := known_fields(block, _BLOCKS[kind])):
        raise Refused(f"{where}.{kind}.{unknown}: Extra inputs are not permitted")
    if kind == "text" and not block["text"].strip():
        raise Refused(
            "messages: text content blocks must be non-empty and contain non-whitespace text"
        )
    if kind == "tool_use" and not (
        _ID(block["id"]) and _NAME(block["name"]) and isinstance(block["input"], dict)
    ):
        raise Refused(
            f"{where}.tool_use: id and name should match '^[a-zA-Z0-9_-]+$', input should be a"
            " valid dictionary"
        )
    if kind == "thinking" and block["signature"] != signature(block["thinking"] or THOUGHT):
        raise Refused(f"{where}: Invalid `signature` in `thinking` block")
    if kind in ("image", "document"):
        _check_media(kind, block["source"])
    if kind == "tool_result":
        _check_texts(block.get("content") or [], "tool_result.content")


def _check_pairs(messages: list[tuple[str, list[dict[str, Any]]]]) -> None:
    """Each tool_use is answered at the start of the next user turn, and nothing else is."""
    waiting: list[str] = []
    for index, (role, blocks) in enumerate(messages):
        kinds = [b["type"] for b in blocks]
        answered = [b["tool_use_id"] for b in blocks if b["type"] == "tool_result"]
        if stray := next((a for a in answered if a not in waiting), None):
            raise Refused(
                f"messages.{index}.content: unexpected `tool_use_id` found in `tool_result` blocks:"
                f" {stray}."
            )
        if len(answered) != len(set(answered)):
            raise Refused(f"messages.{index}: each tool_use must have a single result.")
        if missing := [w for w in waiting if w not in answered]:
            raise Refused(
                f"messages.{index - 1}: `tool_use` ids were found without `tool_result` blocks"
                f" immediately after: {', '.join(missing)}."
            )
        if "tool_result" in kinds[len(answered) :]:
            raise Refused(f"messages.{index}: `tool_result` blocks must come before other content.")
        waiting = (
            [b["id"] for b in blocks if b["type"] == "tool_use"] if role == "assistant" else []
        )
        if len(waiting) != len(set(waiting)):
            raise Refused(f"messages.{index}: `tool_use` ids must be unique")
    if waiting:
        raise Refused(
            f"messages.{len(messages) - 1}: `tool_use` ids were found without `tool_result` blocks"
            f" immediately after: {waiting[0]}."
        )


def _check_media(kind: str, source: dict[str, Any]) -> None:
    if source["type"] != "base64":
        return
    if kind == "image" and source["media_type"] not in _IMAGES:
        raise Refused(
            f"messages: image.source.base64.media_type: Input should be one of {', '.join(_IMAGES)}"
        )
    try:
        b64decode(source["data"], validate=True)
    except binascii.Error:
        raise Refused("messages: source.base64.data: Invalid base64 data") from None


def _check_texts(content: Any, where: str) -> None:
    if not isinstance(content, str) and "" in [b.get("text") for b in content]:
        raise Refused(f"{where}: text content blocks must be non-empty")


def _tool_names(tools: list[Any]) -> set[str]:
    found: set[str] = set()
    for index, tool in enumerate(tools):
        if "input_schema" not in tool and tool.get("type", "custom") != "custom":
            continue  # a tool that runs at the provider
        name, schema = tool.get("name"), tool.get("input_schema")
        if unknown := known_fields(tool, _TOOL_FIELDS):
            raise Refused(f"tools.{index}.custom.{unknown}: Extra inputs are not permitted")
        if not isinstance(name, str) or not _NAME(name):
            raise Refused(
                f"tools.{index}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
            )
        if name in found:
            raise Refused("tools: Tool names must be unique.")
        if not isinstance(schema, dict) or schema.get("type") != "object":
            raise Refused(f"tools.{index}.custom.input_schema.type: Input should be 'object'")
        if {"oneOf", "anyOf", "allOf"} & schema.keys():
            raise Refused(
                f"tools.{index}.custom.input_schema: input_schema does not support oneOf, allOf, or"
                " anyOf at the top level"
            )
        found.add(name)
    return found


def _check_choice(choice: dict[str, Any], tools: set[str]) -> None:
    kind = choice["type"]
    named = kind == "tool" and choice["name"] in tools
    if not named and (kind not in ("auto", "none", "any") or (kind == "any" and not tools)):
        raise Refused(
            "tool_choice: it may only be specified while providing `tools`, and has to name one of"
            " them."
        )


def _check_schema(form: Any) -> None:
    if form is None:
        return
    if form.get("type") != "json_schema" or "schema" not in form:
        raise Refused("output_config.format: Input should be {type: 'json_schema', schema}")
    if _open_object(form["schema"]):
        raise Refused(
            "output_config.format.schema: For 'object' type, 'additionalProperties' must be"
            " explicitly set to false"
        )


def _open_object(schema: Any) -> bool:
    if isinstance(schema, list):
        return any(map(_open_object, schema))
    if not isinstance(schema, dict):
        return False
    return (
        schema.get("type") == "object" and schema.get("additionalProperties") is not False
    ) or any(map(_open_object, schema.values()))
