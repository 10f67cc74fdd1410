"""Tool results: what a tool message says, as the object that a functionResponse wants, and the
media it shows.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from translators.capabilities import ModelRecord
from translators.chat.wire import InputMessage
from translators.gemini.request.content import ContentReader
from translators.gemini.wire import FunctionResponse, Part
from translators.json_codec import JsonObject, first_flaw, loads

_EXACT: Final = 2**53
"""Numbers in a response become doubles: whole numbers beyond this one would be rounded."""

_TAKEN_MEDIA: Final = frozenset(
    {"image/png", "image/jpeg", "image/webp", "application/pdf", "text/plain"}
)


@dataclass(slots=True)
class OpenCall:
    """A function call of the newest assistant turn that waits for its result."""

    id: str | None
    """The caller's id; None for a legacy function call, which is matched by its name."""
    name: str
    """The caller's name of the tool."""
    upstream_name: str
    response: Part | None = None
    """The functionResponse part, once the result has come."""
    media: list[Part] = field(default_factory=list)
    """What the result shows but the response cannot hold: it follows in a content of its own."""


def answer(
    call: OpenCall, message: InputMessage, record: ModelRecord, reader: ContentReader, at: str
) -> None:
    """Give `call` the result in `message`. Raises InvalidRequest for a content part that is
    none."""
    content = message.get("content")
    media: list[Part] = []
    if content.__class__ is list:
        parts = reader.user(content, f"{at}.content")
        media = [part for part in parts if "text" not in part]
        text = "\n".join(part["text"] for part in parts if "text" in part)
    else:
        text = content or ""
    response: FunctionResponse = {
        "name": call.upstream_name,
        "response": _response(text, message.get("is_error") is True),
    }
    if record.call_ids and call.id is not None:
        response = {"id": call.id, **response}
    if media:
        shown = [part for part in media if record.media_in_tool_results and _fits(part)]
        if shown:
            response["parts"] = [{"inlineData": part["inlineData"]} for part in shown]
        call.media = [part for part in media if part not in shown]
    call.response = {"functionResponse": response}


def _fits(part: Part) -> bool:
    return part.get("inlineData", {}).get("mimeType") in _TAKEN_MEDIA


def _response(text: str, is_error: bool) -> JsonObject:
    if is_error:
        return {"error": text}
    if text.lstrip()[:1] == "{":
        try:
            value = loads(text)
        except ValueError:
            return {"output": text}
        if _survives(value) and first_flaw(text.encode(), value) is None:
            found: JsonObject = value
            return found
    return {"output": text}


def _survives(value: JsonObject) -> bool:
    """Whether an object may travel as it is: `$ref` would be taken for a reference to a part, a
    large number rounded.
    """
    stack: list[Any] = [value]
    while stack:
        node = stack.pop()
        if node.__class__ is dict:
            if "$ref" in node:
                return False
            stack += node.values()
        elif node.__class__ is list:
            stack += node
        elif node.__class__ is int and abs(node) > _EXACT:
            return False
    return True


def arguments(text: Any) -> JsonObject | None:
    """The arguments of a call as an object; None if the text is no JSON object."""
    if text is None or (text.__class__ is str and not text.strip()):
        return {}
    if text.__class__ is dict:
        given: JsonObject = text
        return given
    try:
        value = loads(text)
    except ValueError:
        return None
    return value if value.__class__ is dict else None


def raw_arguments(text: Any) -> JsonObject:
    """What is sent for arguments that are no object: nothing of them is lost."""
    return {"_raw_arguments": text}
