"""Tokens of a request, estimated: from classes of bytes, without a tokenizer.

Measured against o200k over 39 corpora (22 languages, code, JSON, HTML, logs) the mean error is 7-9 %; 1 KB costs about 10 microseconds.
A model's `token_factor` says how its own tokenizer relates to o200k. Used only to keep a prompt off a model that cannot hold it.
"""

from typing import Any, Final

from translators.chat.request import ChatRequest

IMAGE_TOKENS: Final = 1600
"""One image at the resolution providers scale to."""
DOCUMENT_BYTES_PER_TOKEN: Final = 32
"""A PDF page is about 50 KB of base64 and 1,500 tokens."""
MESSAGE_TOKENS: Final = 4
"""What the turn itself costs beside its content."""

_CLASSES: Final[tuple[tuple[bytes, float], ...]] = (
    (bytes(range(0x61, 0x7B)), 0.22),
    (bytes(range(0x41, 0x5B)), 0.55),
    (bytes(range(0x30, 0x3A)), 0.60),
    (b" \t\r\n", 0.05),
    (bytes(b for b in range(0x21, 0x7F) if not chr(b).isalnum()), 0.60),
    # UTF-8 lead bytes: one per character
    (bytes(range(0xC2, 0xCC)), 0.90),
    (bytes([*range(0xCC, 0xD6), *range(0xD8, 0xE0)]), 0.34),
    (bytes([0xD6, 0xD7]), 0.52),
    (bytes([0xE0, 0xE1]), 0.45),
    (bytes([0xE2]), 0.60),
    (bytes([0xE3]), 0.70),
    (bytes(range(0xE4, 0xEA)), 0.88),
    (bytes(range(0xEA, 0xF0)), 0.78),
    (bytes(range(0xF0, 0xF5)), 2.2),
)


def _table() -> tuple[bytes, list[float]]:
    table = bytearray(256)
    weights = [0.0]
    for number, (members, weight) in enumerate(_CLASSES, 1):
        weights.append(weight)
        for byte in members:
            table[byte] = number
    return bytes(table), weights


_TABLE, _WEIGHTS = _table()


def estimate_text(text: str) -> float:
    """Tokens of `text` by the o200k tokenizer, estimated."""
    classes = text.encode("utf-8", "surrogatepass").translate(_TABLE)
    return sum(weight * classes.count(number) for number, weight in enumerate(_WEIGHTS) if weight)


def estimate_request(request: ChatRequest) -> int:
    """Prompt tokens of a request: messages, tool calls, media and tool declarations."""
    total = 0.0
    for message in request.messages:
        total += MESSAGE_TOKENS + _content(message.get("content"))
        for call in message.get("tool_calls") or ():
            function = call.get("function") or call.get("custom") or {}
            total += MESSAGE_TOKENS + sum(estimate_text(text) for text in function.values() if text.__class__ is str)
    for tool in request.body.get("tools") or request.body.get("functions") or ():
        total += _value(tool)
    response_format = request.body.get("response_format")
    if response_format is not None:
        total += _value(response_format)
    return int(total) + 1


def _content(content: Any) -> float:
    if content.__class__ is str:
        return estimate_text(content)
    if content.__class__ is not list:
        return 0.0
    return sum(_part(part) for part in content)


def _part(part: dict[str, Any]) -> float:
    match part.get("type"):
        case "text" | "refusal":
            return estimate_text(part.get(part["type"]) or "")
        case "image_url":
            return IMAGE_TOKENS
        case "input_audio":
            return len(part["input_audio"]["data"]) / DOCUMENT_BYTES_PER_TOKEN
        case "file":
            return len(part["file"].get("file_data") or "") / DOCUMENT_BYTES_PER_TOKEN
        case _:
            return _value(part)


def _value(value: Any) -> float:
    """Tokens of a JSON value as providers render it into the prompt."""
    if value.__class__ is str:
        return estimate_text(value)
    if value.__class__ is dict:
        return sum(estimate_text(key) + 1 + _value(child) for key, child in value.items())
    if value.__class__ is list:
        return sum(_value(child) for child in value)
    return 1.0
