"""A whole answer with long texts that is shown as its provider wrote it, where nothing in it was
changed: to write 100 KB anew takes 80 µs, to see that they are the same 8.
"""

from typing import Any, Final

from translators.chat.wire import Completion
from translators.json_codec import JsonObject, dumps
from translators.openai.wire import SentDocument
from translators.pieces import LONG

LEAST: Final = 8192
"""Bytes of an answer from which on it is worth it."""
_LONG_TEXT: Final = 1024
"""Characters of a text that is not written to see whether it is the same: it is the same object."""
_LISTED: Final = ("tool_calls", "function_call")
_REPLACED: Final = "\ufffd"
"""Stands for half of a surrogate pair (translators.json_codec.loads_repaired): who reads what came
would find the half."""


class AsItCame(dict[str, Any]):
    """A chat.completion with the JSON text that it was read from. It may be changed: whether that
    text still says the same is seen when it is asked for.
    """

    __slots__ = ("rest", "texts", "was")

    def __init__(self, document: SentDocument, was: bytes, texts: JsonObject, rest: bytes) -> None:
        super().__init__(document)
        self.was = was
        self.texts = texts
        """The long texts of its message, the very objects."""
        self.rest = rest
        """All but them."""


def as_it_came(document: SentDocument, was: bytes) -> SentDocument:
    """A completion as it was read from `was`, before anything in it is mended; with that text, if
    it may be worth it.
    """
    choices = document["choices"]
    if len(choices) != 1 or not LEAST <= len(was) <= LONG or was[:1] != b"{":
        return document
    choice = choices[0]
    message = choice.get("message")
    if not message or choice.get("logprobs") or any(map(message.get, _LISTED)):
        return document
    texts = {
        name: text
        for name, text in message.items()
        if text.__class__ is str and len(text) > _LONG_TEXT
    }
    rest = _rest(document, texts)
    if _REPLACED in rest.decode() or any(_REPLACED in text for text in texts.values()):
        return document
    return AsItCame(document, was, texts, rest)


def text_of(completion: Completion) -> bytes | None:
    """What a completion was read from, if it says what the completion says; else None."""
    if not isinstance(completion, AsItCame) or len(completion["choices"]) != 1:
        return None
    message = completion["choices"][0]["message"]
    texts = completion.texts
    if any(message.get(name) is not text for name, text in texts.items()):
        return None
    return completion.was if _rest(completion, texts) == completion.rest else None


def _rest(document: JsonObject, texts: JsonObject) -> bytes:
    """A completion of one choice, without these texts of its message."""
    (choice,) = document["choices"]
    message = {**choice["message"], **dict.fromkeys(texts)}
    return dumps({**document, "choices": [{**choice, "message": message}]})
