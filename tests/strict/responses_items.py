"""The input items of the Responses API: what each may hold, and which of them belong together."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from tests.strict.refusal import Refused, known_fields, names, signature

Item = dict[str, Any]


class _Kind(NamedTuple):
    """How the id of such an item begins, the fields it must have, and those it may."""

    prefix: str
    required: tuple[str, ...]
    optional: frozenset[str]


_KINDS: Final = {
    "message": _Kind("msg", ("role", "content"), names("phase status")),
    "function_call": _Kind(
        "fc", ("call_id", "name", "arguments"), names("async caller namespace status")
    ),
    "custom_tool_call": _Kind(
        "ctc", ("call_id", "name", "input"), names("async caller namespace status")
    ),
    "function_call_output": _Kind(
        "fc", ("call_id", "output"), names("caller name namespace status")
    ),
    "custom_tool_call_output": _Kind(
        "ctc", ("call_id", "output"), names("caller name namespace status")
    ),
    "reasoning": _Kind("rs", ("id", "summary"), names("content encrypted_content status")),
}
"""The items that are looked into; those of the server's own tools are taken as they are."""
_OTHERS: Final = names(
    "additional_tools apply_patch_call apply_patch_call_output code_interpreter_call compaction"
    " compaction_trigger computer_call computer_call_output file_search_call image_generation_call"
    " local_shell_call local_shell_call_output mcp_approval_request mcp_approval_response mcp_call"
    " mcp_list_tools program program_output shell_call shell_call_output tool_search_call"
    " tool_search_output web_search_call"
)
_PARTS: Final = {
    "input_text": names("type text prompt_cache_breakpoint"),
    "input_image": names("type detail file_id image_url prompt_cache_breakpoint"),
    "input_file": names("type detail file_data file_id file_url filename prompt_cache_breakpoint"),
    "input_audio": names("type input_audio"),
    "output_text": names("type text annotations logprobs"),
    "refusal": names("type refusal"),
}
_ROLES: Final = ("assistant", "system", "developer", "user")
_SAID: Final = ("output_text", "refusal")
_HEARD: Final = ("input_text", "input_image", "input_file", "input_audio")
_TEXTS: Final = ("call_id", "name", "arguments", "input", "id")
"""Fields that are strings wherever they stand."""
_CALLS: Final = {"function_call": "function call", "custom_tool_call": "custom tool call"}
_LONGEST_ID: Final = 64
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]+").fullmatch


def missing(param: str) -> Refused:
    return Refused(f"Missing required parameter: '{param}'.", param, "missing_required_parameter")


def unknown(param: str) -> Refused:
    return Refused(f"Unknown parameter: '{param}'.", param, "unknown_parameter")


def wrong_type(param: str, expected: str) -> Refused:
    return Refused(f"Invalid type for '{param}': expected {expected}.", param, "invalid_type")


def not_one_of(param: str, value: Any, supported: Iterable[str]) -> Refused:
    listed = ", ".join(f"'{name}'" for name in supported)
    return Refused(
        f"Invalid value: '{value}'. Supported values are: {listed}.", param, "invalid_value"
    )


def check_items(given: list[Any], *, stored: bool) -> None:
    """Raises Refused for items that the API does not take. `stored`: it keeps what it answers."""
    items = [_item(item, f"input[{index}]") for index, item in enumerate(given)]
    _check_pairs(items)
    _check_reasoning(items, stored)
    for index, item in enumerate(items):
        match item:
            case {"type": "message", "role": role, "content": content}:
                allowed = _SAID if role == "assistant" else _HEARD
                _check_content(content, allowed, f"input[{index}].content")
            case {
                "type": "function_call_output" | "custom_tool_call_output",
                "output": output,
            }:
                _check_content(output, _HEARD, f"input[{index}].output")


def _item(given: Any, where: str) -> Item:
    """The item with its type, which a message may leave out."""
    if not isinstance(given, dict):
        raise wrong_type(where, "an object")
    item = {"type": "message", **given} if "role" in given else given
    kind = item.get("type")
    if kind == "item_reference":
        raise _not_found(item.get("id"))
    if kind not in _KINDS:
        if kind in _OTHERS:
            return item
        raise not_one_of(
            where if kind is None else f"{where}.type", kind or "", sorted([*_KINDS, *_OTHERS])
        )
    _check_fields(item, _KINDS[kind], where)
    if kind == "message" and item["role"] not in _ROLES:
        raise not_one_of(f"{where}.role", item["role"], _ROLES)
    return item


def _check_fields(item: Item, kind: _Kind, where: str) -> None:
    if name := known_fields(item, kind.optional | {"type", "id", *kind.required}):
        raise unknown(f"{where}.{name}")
    for name in kind.required:
        if item.get(name) is None:
            raise missing(f"{where}.{name}")
    for name in _TEXTS:
        if item.get(name) is not None and not isinstance(item[name], str):
            raise wrong_type(f"{where}.{name}", "a string")
    for name in ("id", "call_id"):
        if len(item.get(name) or "") > _LONGEST_ID:
            raise Refused(
                f"Invalid '{where}.{name}': string too long. Expected a string with maximum length"
                f" {_LONGEST_ID}, but got a string with length {len(item[name])} instead.",
                f"{where}.{name}",
                "string_above_max_length",
            )
    if (own := item.get("id")) is not None and not own.startswith(kind.prefix):
        raise Refused(
            f"Invalid '{where}.id': '{own}'. Expected an ID that begins with '{kind.prefix}'.",
            f"{where}.id",
            "invalid_value",
        )
    if "name" in kind.required and not _NAME(item["name"]):
        raise Refused(
            f"Invalid '{where}.name': string does not match pattern. Expected a string that matches"
            " the pattern '^[a-zA-Z0-9_-]+$'.",
            f"{where}.name",
            "invalid_value",
        )


def _check_pairs(items: list[Item]) -> None:
    """Each output answers a call of its own kind, and nothing is left unanswered when the user
    speaks.
    """
    waiting: dict[str, str] = {}
    for item in items:
        kind = item["type"]
        if kind in _CALLS:
            waiting[item["call_id"]] = kind
        elif (call := kind.removesuffix("_output")) in _CALLS:
            if waiting.pop(item["call_id"], None) != call:
                raise Refused(
                    f"No tool call found for {_CALLS[call]} output with call_id {item['call_id']}.",
                    "input",
                )
        elif item.get("role") == "user":
            _check_answered(waiting)
    _check_answered(waiting)


def _check_answered(waiting: dict[str, str]) -> None:
    for call, kind in waiting.items():
        raise Refused(f"No tool output found for {_CALLS[kind]} {call}.", "input")


def _check_reasoning(items: list[Item], stored: bool) -> None:
    """Reasoning is what this server has issued, and something of the same answer follows it."""
    for index, (item, after) in enumerate(zip(items, [*items[1:], {"type": "end"}], strict=True)):
        if item["type"] != "reasoning":
            continue
        if item.get("content"):
            raise Refused(
                f"Invalid 'input[{index}].content': array too long. Expected an array with maximum"
                " length 0.",
                f"input[{index}].content",
                "array_above_max_length",
            )
        own, sealed = item["id"], item.get("encrypted_content")
        if sealed is None and not stored:
            raise _not_found(own)
        if sealed is not None and sealed != signature(own):
            reason = "Encrypted content could not be decrypted or parsed."
            raise Refused(
                f"The encrypted content for item {own} could not be verified. Reason: {reason}",
                None,
                "invalid_encrypted_content",
            )
        if (
            after["type"] == "end"
            or after["type"].endswith("_output")
            or after.get("role", "assistant") != "assistant"
        ):
            raise Refused(
                f"Item '{own}' of type 'reasoning' was provided without its required following"
                " item.",
                "input",
            )


def _not_found(own: Any) -> Refused:
    rule = "Items are not persisted when `store` is set to false."
    advice = "Try again with `store` set to true, or remove this item from your input."
    return Refused(
        f"Item with id '{own}' not found. {rule} {advice}", "input", "item_not_found", status=404
    )


def _check_content(content: Any, allowed: tuple[str, ...], where: str) -> None:
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        raise wrong_type(where, "one of an array of objects or string")
    for part, at in _parts(content, allowed, where):
        match part:
            case {"type": "input_image", "image_url": str(url)}:
                if not url.startswith(("data:", "http://", "https://")):
                    raise Refused(
                        f"Invalid '{at}.image_url'. Expected a valid URL.",
                        f"{at}.image_url",
                        "invalid_value",
                    )
            case (
                {"type": "input_text" | "output_text", "text": str()}
                | {"type": "refusal", "refusal": str()}
                | {"type": "input_image", "file_id": str()}
                | {"type": "input_file", "file_data": str()}
                | {"type": "input_file", "file_id": str()}
                | {"type": "input_file", "file_url": str()}
                | {"type": "input_audio", "input_audio": {"data": str(), "format": str()}}
            ):
                pass
            case _:
                raise Refused(f"Invalid content part at '{at}'.", at, "invalid_value")


def _parts(
    content: list[Any], allowed: tuple[str, ...], where: str
) -> Iterator[tuple[dict[str, Any], str]]:
    for index, part in enumerate(content):
        at = f"{where}[{index}]"
        if not isinstance(part, dict):
            raise wrong_type(at, "an object")
        if part.get("type") not in allowed:
            raise not_one_of(f"{at}.type" if "type" in part else at, part.get("type"), allowed)
        if name := known_fields(part, _PARTS[part["type"]]):
            raise unknown(f"{at}.{name}")
        yield part, at
