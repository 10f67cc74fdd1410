"""What of a request is read by the model: its texts one by one, and a number of tokens for what is
no text.

One walk serves the estimate and the exact count. Its work is bounded: of a request with more parts
than `MOST_PARTS` the rest is taken to be like the beginning, by its size.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from translators.chat.request import ChatRequest
from translators.known_tools import KnownTools, known_tools

MOST_PARTS: Final = 10_000
"""Messages, content parts and JSON values that are looked at: some 5 ms of work."""
MESSAGE_TOKENS: Final = 4
"""What a turn itself costs beside its content."""
IMAGE_TOKENS: Final = 1600
"""One image at the resolution providers scale to."""

_DOCUMENT: Final = 32
"""Characters of base64 for a token. A PDF page is about 50 KB of them and 1,500 tokens; text in
base64 is 4/3 of its bytes."""
_TEXT_FILE: Final = 5
_AUDIO: Final = 500
"""A second of compressed audio is about 20 KB of base64 and 10 to 32 tokens."""
_VIDEO: Final = 450
"""A second of video is about 130 KB of base64 and 300 tokens."""
_TURN: Final = len('{"role":"user","content":""},')
_PART: Final = len('{"type":"text","text":""},')
_CALL: Final = len('{"type":"function","function":{"name":"","arguments":""}},')
_STRING: Final = len('"",')
_LITERAL: Final = len("1,")
_BETWEEN_LITERALS: Final = bytes.maketrans(b"{}[]:,", b"      ")
_ESCAPES: Final = (
    (rb"\\", b"|"),
    (rb"\"", b"'"),
    (rb"\/", b"/"),
    (rb"\n", b"\n"),
    (rb"\r", b"\r"),
    (rb"\t", b"\t"),
)
"""In JSON, in the order in which they are looked for: after the first, each backslash begins one.
"""


@dataclass(slots=True)
class Contents:
    """`scale` is the whole request in terms of what was looked at: 1 unless it has too many
    parts."""

    texts: list[str] = field(default_factory=list)
    tokens: float = 0.0
    scale: float = 1.0


def contents_of(request: ChatRequest, joined: bool = False) -> Contents:
    """Messages with their calls and media, tool declarations and the answer's schema. `joined`:
    what stands together may be one text.
    """
    walk = _Walk()
    walk.messages(request.messages)
    body = request.body
    for name in ("tools", "functions", "response_format"):
        if not (value := body.get(name)):
            continue
        if joined and name == "tools" and (known := known_tools(value)) is not None:
            _add_known(walk, known)
        else:
            walk.value(value)
    found = walk.found
    if walk.room < 0:
        found.scale = max(1.0, request.size / (walk.syntax + sum(map(len, found.texts))))
    return found


class _Counted(NamedTuple):
    """What a walk over a set of tools finds, its texts as one."""

    text: str
    tokens: float
    parts: int
    syntax: int


def _add_known(walk: "_Walk", tools: KnownTools) -> None:
    """The same as walking over them, once for all requests."""
    counted = tools.once("contents", lambda: _counted(tools))
    if counted.parts > walk.room:
        walk.value(tools.value)
        return
    walk.found.texts.append(counted.text)
    walk.found.tokens += counted.tokens
    walk.room -= counted.parts
    walk.syntax += counted.syntax


def _counted(tools: KnownTools) -> _Counted:
    """From their JSON text, at a tenth of a walk's price. Of an escape stays a character of the
    same kind; where some say more than that, they are walked over."""
    text = tools.text
    for escape, character in _ESCAPES if b"\\" in text else ():
        text = text.replace(escape, character)
    if b"\\" in text:
        walk = _Walk()
        walk.value(tools.value)
        found = walk.found
        return _Counted("".join(found.texts), found.tokens, MOST_PARTS - walk.room, walk.syntax)
    pieces = text.split(b'"')
    strings, between = len(pieces) // 2, b"".join(pieces[::2])
    keys, literals = between.count(b":"), len(between.translate(_BETWEEN_LITERALS).split())
    parts = strings - keys + literals + between.count(b"{") + between.count(b"[")
    return _Counted(
        b"".join(pieces[1::2]).decode(),
        float(keys + literals),
        parts,
        strings * _STRING + literals * _LITERAL,
    )


class _Walk:
    """`room` is how many parts may still be looked at, `syntax` the characters of JSON so far that
    are in no text.
    """

    __slots__ = ("found", "room", "syntax")

    def __init__(self) -> None:
        self.found = Contents()
        self.room = MOST_PARTS
        self.syntax = 0

    def messages(self, messages: Iterable[dict[str, Any]]) -> None:
        """One after the other; those that say a text and do no more at a fifth of the price."""
        texts, plain = self.found.texts, 0
        for message in messages:
            if plain > self.room:
                break
            if len(message) == 2 and (content := message.get("content")).__class__ is str:
                plain += 1
                texts.append(content)
                continue
            self._plain(plain)
            plain = 0
            self.message(message)
        self._plain(plain)

    def _plain(self, messages: int) -> None:
        """So many were looked at that have a role and a text."""
        self.room -= messages
        self.syntax += messages * _TURN
        self.found.tokens += messages * MESSAGE_TOKENS

    def message(self, message: dict[str, Any]) -> None:
        found = self.found
        self.room -= 1
        self.syntax += _TURN
        found.tokens += MESSAGE_TOKENS
        content = message.get("content")
        if content.__class__ is str:
            found.texts.append(content)
        elif content.__class__ is list:
            for part in content:
                if self.room < 0:
                    return
                self.part(part)
        if (name := message.get("name")) is not None:
            self.value(name)
        for call in message.get("tool_calls") or ():
            if self.room < 0:
                return
            self.call(call.get("function") or call.get("custom") or {})
        if (function := message.get("function_call")) is not None:
            self.call(function)

    def call(self, function: dict[str, Any]) -> None:
        self.syntax += _CALL
        self.found.tokens += MESSAGE_TOKENS
        for name in ("name", "arguments", "input"):
            value = function.get(name)
            if value.__class__ is str and self.room > 0:
                self.room -= 1
                self.syntax += _STRING
                self.found.texts.append(value)
            elif value is not None:
                self.value(value)

    def part(self, part: dict[str, Any]) -> None:
        """A content part; media count by what they are, not by their base64."""
        self.room -= 1
        self.syntax += _PART
        match part["type"]:
            case "text" | "refusal" as kind:
                self.found.texts.append(part[kind])
            case "image_url":
                url = part["image_url"]["url"]
                is_document = url[:21].lower() == "data:application/pdf;"
                self._medium(url, len(url) / _DOCUMENT if is_document else IMAGE_TOKENS)
            case "input_audio":
                data = part["input_audio"]["data"]
                self._medium(data, len(data) / _AUDIO)
            case "video_url":
                url = part["video_url"]["url"]
                self._medium(url, max(IMAGE_TOKENS, len(url) / _VIDEO))
            case "file":
                data = part["file"].get("file_data") or ""
                self._medium(
                    data,
                    len(data) / (_TEXT_FILE if data[:10].lower() == "data:text/" else _DOCUMENT),
                )
            case _:
                self.value(part)

    def _medium(self, data: str, tokens: float) -> None:
        self.syntax += len(data)
        self.found.tokens += tokens

    def value(self, value: Any) -> None:
        """A JSON value, as providers render it into the prompt."""
        self.room -= 1
        if self.room < 0:
            return
        found = self.found
        if value.__class__ is str:
            found.texts.append(value)
            self.syntax += _STRING
        elif value.__class__ is dict:
            texts, keys, strings = found.texts, 0, 0
            for key, child in value.items():
                if self.room < 0:
                    break
                texts.append(key)
                keys += 1
                if (
                    child.__class__ is str and self.room > 0
                ):  # most are: a call for each would cost as much as all the rest
                    self.room -= 1
                    texts.append(child)
                    strings += 1
                else:
                    self.value(child)
            found.tokens += keys
            self.syntax += (keys + strings) * _STRING
        elif value.__class__ is list:
            for child in value:
                if self.room < 0:
                    return
                self.value(child)
        else:
            found.tokens += 1
            self.syntax += _LITERAL
