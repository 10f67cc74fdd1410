"""Calls and results that stand among the parts of a message, as Claude has them, in the hub's own places for them."""

from typing import Any, Final

from translators.jsontext import dumps_str

Message = dict[str, Any]
Part = dict[str, Any]

NATIVE_CALLS: Final = frozenset({"tool_use", "tool_result"})
"""The types of such parts."""
_CALL: Final[dict[str, type]] = {"id": str, "name": str, "input": dict}
_RESULT: Final[dict[str, type]] = {"tool_use_id": str}
_NATIVE: Final[dict[str, tuple[str, dict[str, type]]]] = {
    "assistant": ("tool_use", _CALL),
    "user": ("tool_result", _RESULT),
    "tool": ("tool_result", _RESULT),
}
"""By role: the type of such a part and what it must have. One that lacks it is a part like any other that is not known."""


def is_native_call(part: Part, role: str) -> bool:
    """Whether `part` is a whole `tool_use` of an assistant, or a whole `tool_result` of anybody else."""
    kind, fields = _NATIVE.get(role, ("", _RESULT))
    return bool(part["type"] == kind) and all(part.get(name).__class__ is wanted for name, wanted in fields.items())


def in_the_hubs_places(message: Message) -> list[Message]:
    """The messages that say the same: an assistant's parts as `tool_calls`, each call once; a user's results as messages before it."""
    content, role = message["content"], message["role"]
    native = [part for part in content if is_native_call(part, role)]
    said = [part for part in content if not is_native_call(part, role)]
    if role == "assistant":
        return [_with_calls(message, said, native)]
    results = list(map(_result, native))
    if role == "tool":
        inner = [piece for result in results for piece in _as_parts(result["content"])]
        return [{**message, "content": said + inner}]
    return [*results, {**message, "content": said}] if said else results


def _with_calls(message: Message, said: list[Part], uses: list[Part]) -> Message:
    """A call that stands both among the parts and in `tool_calls` is one call."""
    calls = list(message.get("tool_calls") or ())
    known = {call.get("id") for call in calls}
    for use in uses:
        if use["id"] not in known:
            known.add(use["id"])
            function = {"name": use["name"], "arguments": dumps_str(use["input"])}
            calls.append({"id": use["id"], "type": "function", "function": function})
    kept = {**message, "content": said or None}
    return {**kept, "tool_calls": calls} if calls else kept


def _result(part: Part) -> Message:
    content = part.get("content")
    if content.__class__ is list:
        content = [_part(inner) for inner in content if inner.__class__ is dict and inner.get("type").__class__ is str]
    elif content.__class__ is not str:
        content = ""
    result: Message = {"role": "tool", "tool_call_id": part["tool_use_id"], "content": content}
    if part.get("is_error") is True:
        result["is_error"] = True
    return result


def _part(block: Part) -> Part:
    """A block inside of a result; an image as the hub says it."""
    source = block.get("source")
    if block["type"] != "image" or source.__class__ is not dict:
        return block
    url = source.get("url")
    if url.__class__ is not str:
        url = f"data:{source.get('media_type')};base64,{source.get('data')}"
    return {"type": "image_url", "image_url": {"url": url}}


def _as_parts(content: Any) -> list[Part]:
    return [{"type": "text", "text": content}] if content.__class__ is str else list(content)
