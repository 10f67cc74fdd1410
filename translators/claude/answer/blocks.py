"""The blocks of an answer, complete, as the fields of an assistant message that hold more than its
text.
"""

from typing import Any, Final, cast

from translators.chat.wire import Delta, ToolCall
from translators.claude.property_keys import renamed
from translators.claude.wire import FORMAT, THINKING, Block, thinking_block
from translators.dialect import AnswerShape
from translators.json_access import as_list
from translators.json_codec import JsonObject, dumps_str

_ORDER: Final = {"thinking": 0, "redacted_thinking": 0, "text": 1, "tool_use": 2}
"""The order in which a chat message gives its parts back; blocks in any other need
`provider_content`."""


def trailer(blocks: list[Block], model: str) -> Delta:
    """`thinking_blocks`, `annotations` and `provider_content`, each if there is something in it."""
    if one_text(blocks) is not None:
        return {}
    found = {
        "thinking_blocks": [
            shown
            for block in blocks
            if block["type"] in THINKING and (shown := thinking_block(block)) is not None
        ],
        "annotations": annotations(blocks),
        "provider_content": (
            None if _is_canonical(blocks) else {"format": FORMAT, "model": model, "blocks": blocks}
        ),
    }
    return cast(Delta, {name: value for name, value in found.items() if value})


def one_text(content: list[Any]) -> str | None:
    """The text of an answer that is one text and nothing else, not even about the text: most
    are."""
    if len(content) != 1:
        return None
    block = content[0]
    if block.__class__ is not dict or len(block) != 2 or block.get("type") != "text":
        return None
    text = block.get("text")
    return text if text.__class__ is str else None


def annotations(blocks: list[Block]) -> list[JsonObject]:
    """Web citations with the place, in characters of the whole text, that they support. Each place
    names an address once.
    """
    shown: list[JsonObject] = []
    seen: set[tuple[int, str]] = set()
    start = 0
    for block in blocks:
        if block["type"] != "text":
            continue
        end = start + len(block["text"])
        for citation in as_list(block.get("citations")):
            url = _address(citation)
            if url is not None and (start, url) not in seen:
                seen.add((start, url))
                title = str(citation.get("title") or "")
                shown.append(
                    {
                        "type": "url_citation",
                        "url_citation": {
                            "start_index": start,
                            "end_index": end,
                            "title": title,
                            "url": url,
                        },
                    }
                )
        start = end
    return shown


def _address(citation: Any) -> str | None:
    if citation.__class__ is not dict:
        return None
    url = citation.get("source" if citation.get("type") == "search_result_location" else "url")
    return url if url.__class__ is str and url.startswith(("https://", "http://")) else None


def _is_canonical(blocks: list[Block]) -> bool:
    """Whether thinking_blocks, content and tool_calls rebuild these blocks exactly."""
    last, texts = 0, 0
    for block in blocks:
        place = _ORDER.get(block["type"])
        if place is None or place < last or block.get("citations") or _is_called_by_code(block):
            return False
        last = place
        texts += place == 1
    return texts <= 1


def _is_called_by_code(block: Block) -> bool:
    caller = block.get("caller")
    return caller.__class__ is dict and caller.get("type") != "direct"


def tool_call(block: Block, shape: AnswerShape) -> ToolCall:
    """A tool_use block as one of `tool_calls`, under the caller's own name and in the form the tool
    was declared in.
    """
    name = shape.tool_names.get(block["name"], block["name"])
    if name in shape.custom_tools:
        return {
            "id": block["id"],
            "type": "custom",
            "custom": {"name": name, "input": custom_input(block["input"])},
        }
    return {
        "id": block["id"],
        "type": "function",
        "function": {"name": name, "arguments": arguments(name, block["input"], shape)},
    }


def arguments(name: str, value: Any, shape: AnswerShape) -> str:
    """The arguments of a call as JSON text: out of the object that carried them if they are none,
    under the caller's own keys.
    """
    if name in shape.wrapped_tools and value.__class__ is dict and "value" in value:
        value = value["value"]
    if name in shape.tool_keys:
        value = renamed(value, shape.tool_keys[name])
    return dumps_str(value)


def custom_input(value: Any) -> str:
    """The text for a custom tool; if the model gave no text, what it gave as JSON."""
    if value == {}:
        return ""
    inner = value.get("input") if value.__class__ is dict else None
    return inner if inner.__class__ is str else dumps_str(value if inner is None else inner)
