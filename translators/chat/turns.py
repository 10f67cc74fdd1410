"""A turn of the assistant that comes back: known again although its client wrote it anew, with
other ids, key order, spacing or numbers.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from translators.json_codec import dumps, loads

_BYTES: Final = 16
_JOINED: Final = ("text", "summary")
"""What of OpenRouter's reasoning_details comes in pieces; encrypted data comes whole."""


def turn_hash(message: Mapping[str, Any]) -> int:
    """The same as long as nothing of text and calls was written anew: quick to make, and of this
    process only.
    """
    return hash((_text(message), *_calls(message)))


def turn_digest(message: Mapping[str, Any]) -> bytes:
    """The same for every way of writing the same text and the same calls."""
    said = [_text(message).strip(), *((name, _canonical(text)) for name, text in _calls(message))]
    return _digest(repr(said))


def opening_digest(messages: Iterable[Mapping[str, Any]]) -> bytes:
    """Of what the user said first: two conversations with the same one are nearly always the same
    conversation.
    """
    return _digest(next((_text(message) for message in messages if message["role"] == "user"), ""))


def called_names(message: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the tools that a message calls, in their order."""
    return tuple([name for name, _ in _calls(message)])


def open_loop(messages: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The assistant's messages with calls since the user last spoke, newest first, if the
    conversation waits for what the model says to their results: the turn that is going on.
    """
    at, answered = len(messages) - 1, False
    while at >= 0 and messages[at]["role"] != "assistant":
        answered = answered or messages[at]["role"] == "tool"
        at -= 1
    found: list[Mapping[str, Any]] = []
    while answered and at >= 0 and messages[at]["role"] in ("assistant", "tool"):
        if messages[at].get("tool_calls"):
            found.append(messages[at])
        at -= 1
    return found


def joined_details(pieces: Iterable[Any]) -> list[Any]:
    """OpenRouter's `reasoning_details` as a whole answer has them, from all that a stream had:
    pieces of one text are joined.

    What belongs together has the same type and index, and no other id; a later field, such as the
    signature, completes the earlier ones.
    """
    whole: list[Any] = []
    for piece in pieces:
        begun = next((one for one in reversed(whole) if _continues(piece, one)), None)
        if begun is None:
            whole.append(dict(piece) if piece.__class__ is dict else piece)
            continue
        for name, value in piece.items():
            before = begun.get(name)
            if name in _JOINED and value.__class__ is str and before.__class__ is str:
                begun[name] = before + value
            elif value is not None:
                begun[name] = value
    return whole


def details_text(details: Any) -> str:
    """The text in reasoning_details; encrypted ones have none."""
    texts = (
        [one.get("text") or one.get("summary") for one in details if one.__class__ is dict]
        if details.__class__ is list
        else []
    )
    return "".join([text for text in texts if text.__class__ is str])


def _continues(piece: Any, begun: Any) -> bool:
    if (
        piece.__class__ is not dict
        or begun.__class__ is not dict
        or "data" in piece
        or "data" in begun
    ):
        return False
    same = all(piece.get(name) == begun.get(name) for name in ("type", "index"))
    return same and (
        piece.get("id") is None or begun.get("id") is None or piece["id"] == begun["id"]
    )


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    if content.__class__ is list:
        content = "".join([text for part in content if (text := part.get("text")).__class__ is str])
    return str(content)


def _calls(message: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Names, and arguments as they are written."""
    found = []
    for call in message.get("tool_calls") or ():
        function = call.get("function") or call.get("custom") or {}
        said = function.get("arguments") or function.get("input") or ""
        found.append((function.get("name") or "", said if said.__class__ is str else dumps(said)))
    return found


def _canonical(text: str | bytes) -> Any:
    """Arguments that are JSON in one form, others as they are; none are those of an empty
    object."""
    if not text.strip():
        return b"{}"
    try:
        return dumps(_ordered(loads(text)))
    except ValueError:
        return text


def _ordered(value: Any) -> Any:
    if value.__class__ is dict:
        return {name: _ordered(value[name]) for name in sorted(value)}
    if value.__class__ is list:
        return [_ordered(one) for one in value]
    return int(value) if value.__class__ is float and value.is_integer() else value


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_BYTES).digest()
