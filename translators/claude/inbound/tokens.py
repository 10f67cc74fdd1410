"""Signed reasoning of other providers in `thinking.signature`, and what comes back of it.

A token is a sealed text (translators.sealed) of one block: its JSON, `{"t": "PROVIDER/MODEL"}` with
`f` and `d` where something was signed, is not packed.
"""

from typing import Any, Final, NamedTuple

from translators.claude.wire import thinking_block
from translators.json_codec import JsonObject, dumps, loads
from translators.sealed import FAMILY, MOST_SEALED, PREFIX, SealedReasoning, as_text, from_text

RESPONSES, GEMINI, CHAT = "openai-responses", "gemini", "chat-reasoning"


class Token(NamedTuple):
    """What a token of ours holds."""

    target: str
    format: str = ""
    """"" for a marker: reasoning that was shown, and not signed."""
    data: Any = None


def write_token(target: str, format_: str = "", data: Any = None) -> str | None:
    """The text of a token; None if it would be too long: then the gateway's own memory has it."""
    document = {"t": target, "f": format_, "d": data} if format_ else {"t": target}
    text = PREFIX + as_text(dumps(document))
    return text if len(text) <= MOST_SEALED else None


def read_token(signature: Any) -> Token | None:
    """What a signature of ours holds, a marker if it cannot be read; None for anybody else's."""
    if signature.__class__ is not str or not signature.startswith(FAMILY):
        return None
    document = _document(signature) if len(signature) <= MOST_SEALED else None
    if document.__class__ is not dict or document.get("t").__class__ is not str:
        return Token("")
    target, format_, data = document["t"], document.get("f"), document.get("d")
    if format_ not in _SHAPES or not _SHAPES[format_](data):
        return Token(target)
    return Token(target, format_, data)


def _document(signature: str) -> Any:
    try:
        return loads(from_text(signature.removeprefix(PREFIX)))
    except ValueError:
        return None


def _items(data: Any) -> bool:
    return data.__class__ is list and all(
        item.__class__ is dict
        and item.get("type") == "reasoning"
        and item.get("summary", []).__class__ is list
        for item in data
    )


def _string(data: Any) -> bool:
    return data.__class__ is str


_SHAPES: Final = {RESPONSES: _items, GEMINI: _string, CHAT: _string}


class Reasoning:
    """The reasoning of one assistant message as its blocks are read, in order."""

    def __init__(self) -> None:
        self._claude: list[Any] = []
        self._texts: list[str] = []
        self._target = ""
        """Of the first token that holds signed data: the message is its answer."""
        self._items: list[JsonObject] = []
        self._signed_items = False
        self._signature: str | None = None
        """Gemini's, for the call that follows."""
        self._calls: dict[str, JsonObject] = {}
        self._chat: str | None = None

    def add_text(self, text: str) -> None:
        """A text of the message."""
        parts = [{"type": "output_text", "text": text, "annotations": []}]
        self._items.append({"type": "message", "role": "assistant", "content": parts})

    def add_call(self, call: JsonObject) -> None:
        """A call of the message."""
        said = call["function"]
        item = {"type": "function_call", "call_id": call["id"]}
        self._items.append({**item, "name": said["name"], "arguments": said["arguments"]})
        if self._signature is not None:
            self._calls[call["id"]] = {"google": {"thought_signature": self._signature}}
            self._signature = None

    def add_block(self, block: JsonObject) -> None:
        """A `thinking` or `redacted_thinking` block, whoever made it."""
        token = read_token(block.get("signature") or block.get("data"))
        text = block.get("thinking")
        if token is not None and token.format:
            self._keep(token)
        elif token is not None or not (block.get("signature") or block.get("data")):
            if text.__class__ is str and text:
                self._texts.append(text)
        elif (whole := thinking_block(block)) is not None:
            self._claude.append(whole)

    def _keep(self, token: Token) -> None:
        if self._target not in ("", token.target):
            return  # a message is one target's answer
        self._target = token.target
        if token.format == RESPONSES:
            self._signed_items = True
            self._items += token.data
        elif token.format == GEMINI:
            self._signature = token.data
        else:
            self._chat = token.data

    def fields(self) -> JsonObject:
        """What stands in the hub's message whoever is asked."""
        found: JsonObject = {}
        if self._claude:
            found["thinking_blocks"] = self._claude
        if self._texts:
            found["reasoning_content"] = "\n\n".join(self._texts)
        return found

    def sealed(self) -> tuple[SealedReasoning, ...]:
        """What is only for the target that made it."""
        fields: JsonObject = {}
        if self._signed_items:
            model = self._target.partition("/")[2]
            fields["provider_content"] = {"format": RESPONSES, "model": model}
            fields["provider_content"]["blocks"] = self._items
        if self._signature is not None:
            fields["extra_content"] = {"google": {"thought_signature": self._signature}}
        if self._chat is not None:
            fields["reasoning_content"] = self._chat
        if not fields and not self._calls:
            return ()
        return (SealedReasoning(self._target, fields, self._calls),)
