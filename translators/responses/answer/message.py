"""The items of an answer, complete, as the fields of an assistant message."""

from collections.abc import Callable
from typing import Any, Final, cast

from translators.chat.tool_names import declared_name
from translators.chat.wire import Delta, Message, ToolCall
from translators.dialect import AnswerShape, Envelope
from translators.json_codec import JsonObject
from translators.responses.items import CALLS, FORMAT, is_call, is_item, parts_of, text_of
from translators.responses.wire import Item

_IMAGE_TYPES: Final = {
    **{name: f"image/{name}" for name in ("png", "webp", "jpeg", "gif")},
    "svg": "image/svg+xml",
}


def message(items: list[Item], envelope: Envelope) -> Message:
    """The assistant message. `content` is null only where a call or a refusal stands in its
    place."""
    if (
        len(items) == 1
        and items[0].get("type") == "message"
        and (only := only_text(items[0])) is not None
    ):
        return {"role": "assistant", "content": only, "refusal": None}
    shape = envelope.shape
    texts = [part for item in items for part in spoken(item)]
    text = "".join(text_of(part, "text") for part in texts if part.get("type") == "output_text")
    refusal = "".join(text_of(part, "refusal") for part in texts if part.get("type") == "refusal")
    calls = [tool_call(item, n, envelope) for n, item in enumerate(filter(is_call, items))]
    said: Message = {
        "role": "assistant",
        "content": text or (None if calls or refusal else ""),
        "refusal": refusal or None,
    }
    if thoughts := "\n\n".join(thought for item in items for thought in thoughts_of(item)):
        said["reasoning_content"] = thoughts
    if calls and shape.legacy_functions and "function" in calls[0]:
        said["function_call"] = calls[0]["function"]
    elif calls:
        said["tool_calls"] = calls[:1] if shape.one_tool_call else calls
    if pictures := images(items):
        said["images"] = pictures
    said.update(trailer(items, envelope))
    return said


def only_text(item: Item) -> str | None:
    """The text of a message that is one text and nothing else: most answers are such."""
    parts = item.get("content")
    if item.get("phase") or parts.__class__ is not list:
        return None
    part = parts[0] if len(parts) == 1 else None
    if part.__class__ is not dict or part.get("type") != "output_text" or part.get("annotations"):
        return None
    text = part.get("text")
    return text if text.__class__ is str else None


def spoken(item: Item) -> list[JsonObject]:
    """The parts of a message item, none of any other."""
    return parts_of(item, "content") if item.get("type") == "message" else []


def thoughts_of(item: Item) -> list[str]:
    """The texts of a reasoning item: its summary, and the reasoning itself with servers that show
    it.
    """
    if item.get("type") != "reasoning":
        return []
    return [
        text
        for name in ("summary", "content")
        for part in parts_of(item, name)
        if (text := text_of(part, "text"))
    ]


def tool_call(item: Item, number: int, envelope: Envelope) -> ToolCall:
    """A function_call or custom_tool_call item as one of `tool_calls`."""
    kind, text = call_kind(item)
    name = _callers_name(text_of(item, "name"), envelope.shape)
    call_id = text_of(item, "call_id") or f"{envelope.call_id}_{number}"
    made: Any = {"id": call_id, "type": kind, kind: {"name": name, text: written(item)}}
    call: ToolCall = made
    return call


def _callers_name(name: str, shape: AnswerShape) -> str:
    known = shape.tool_names
    return (
        known.get(name) or known.get(name.removeprefix("functions.")) if known else None
    ) or declared_name(name, shape.declared_tools)


def call_kind(item: Item) -> tuple[str, str]:
    """What Chat calls this kind of call, and the text in it."""
    return ("custom", "input") if item["type"] == "custom_tool_call" else ("function", "arguments")


def written(item: Item) -> str:
    """The text of a call, which for a function is never less than an empty object."""
    text = text_of(item, CALLS[item["type"]])
    return text or ("{}" if item["type"] == "function_call" else "")


def images(items: list[Item]) -> list[JsonObject]:
    """The pictures that the server's own tool has drawn."""
    drawn = [
        item
        for item in items
        if item.get("type") == "image_generation_call" and text_of(item, "result")
    ]
    return [image(item, n) for n, item in enumerate(drawn)]


def image(item: Item, number: int) -> JsonObject:
    mime = _IMAGE_TYPES.get(text_of(item, "output_format"), "image/png")
    return {
        "type": "image_url",
        "image_url": {"url": f"data:{mime};base64,{item['result']}"},
        "index": number,
    }


def trailer(items: list[Item], envelope: Envelope) -> Delta:
    """`annotations` and `provider_content`, each if there is something in it."""
    found = {"annotations": annotations(items), "provider_content": _original(items, envelope)}
    return cast(Delta, {name: value for name, value in found.items() if value})


def annotations(items: list[Item]) -> list[JsonObject]:
    """Web citations; their places are moved from characters of their part to characters of the
    whole text.
    """
    shown: list[JsonObject] = []
    start = 0
    for part in (
        part for item in items for part in spoken(item) if part.get("type") == "output_text"
    ):
        shown += [
            _citation(cited, start)
            for cited in parts_of(part, "annotations")
            if cited.get("type") == "url_citation"
        ]
        start += len(text_of(part, "text"))
    return shown


def _citation(cited: JsonObject, start: int) -> JsonObject:
    place = {
        name: start + (cited[name] if cited.get(name).__class__ is int else 0)
        for name in ("start_index", "end_index")
    }
    return {
        "type": "url_citation",
        "url_citation": {**place, "title": text_of(cited, "title"), "url": text_of(cited, "url")},
    }


def _original(items: list[Item], envelope: Envelope) -> JsonObject | None:
    """All items as they came, for the next turn; None where content and tool_calls rebuild them.
    Calls not shown are left out.

    They are the asked model's: what an alias stands for is named only by the answer, and the next
    request asks for the alias again.
    """
    blocks = list(items)
    if envelope.shape.one_tool_call:
        hidden = [*filter(is_call, items)][1:]
        blocks = [item for item in items if not any(item is one for one in hidden)]
    if not all(is_item(block) for block in blocks) or _is_canonical(blocks):
        return None
    return {"format": FORMAT, "model": envelope.model, "blocks": blocks}


def _is_canonical(items: list[Item]) -> bool:
    """Whether a chat message says the same as these items: one text or refusal, then calls, all
    plain.
    """
    return all(
        _PLAIN[item["type"]](item) if item["type"] in _PLAIN else False for item in items
    ) and not any(item["type"] == "message" for item in items[1:])


def _is_plain_message(item: Item) -> bool:
    parts = spoken(item)
    return (
        len(parts) <= 1
        and not item.get("phase")
        and not any(part.get("annotations") for part in parts)
    )


def _is_plain_call(item: Item) -> bool:
    caller = item.get("caller")
    direct = caller is None or (caller.__class__ is dict and caller.get("type") == "direct")
    return direct and not item.get("namespace")


_PLAIN: Final[dict[str, Callable[[Item], bool]]] = {
    "message": _is_plain_message,
    "function_call": _is_plain_call,
    "custom_tool_call": _is_plain_call,
}
