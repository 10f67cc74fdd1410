"""What the dialects have in common: a request read, the answer to give, the pieces of a stream, a
refusal.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, Protocol

from translators import json_codec

SIGNATURE_PREFIX: Final = b"simulated:"


class Refused(Exception):
    """A request that the real API would not take. `param` and `code` appear where the dialect has a
    place for them.
    """

    def __init__(
        self, message: str, param: str | None = None, code: str | None = None, status: int = 400
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code
        self.status = status


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call. `custom`: its argument is a bare text (an OpenAI custom tool)."""

    id: str
    name: str
    arguments: Any
    custom: bool = False

    @property
    def text(self) -> str:
        return str(self.arguments) if self.custom else json_codec.dumps_str(self.arguments)


@dataclass(slots=True)
class Turn:
    """What one side said until the other spoke: neighbouring messages of one side are one turn."""

    side: Literal["user", "model"]
    texts: list[str] = field(default_factory=list)
    media: list[str] = field(default_factory=list)
    """Media types (`image/png`), or `image/*` where only a link was sent."""
    results: list[tuple[str, str]] = field(default_factory=list)
    """Tool results: the tool's name and what it returned."""


def turn_of(turns: list[Turn], side: Literal["user", "model"]) -> Turn:
    """The turn that is going on, or a new one when the other side spoke last."""
    if not turns or turns[-1].side != side:
        turns.append(Turn(side))
    return turns[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A request as the simulated model sees it."""

    dialect: str
    model: str
    digest: str
    """Of the request's bytes: ids are made of it, so the same request gets the same answer."""
    turns: Sequence[Turn]
    system: str = ""
    tools: Mapping[str, Any] = field(default_factory=dict)
    """Tool name → JSON schema of its arguments; None for a tool that takes a bare text."""
    choice: str = "auto"
    """auto, none, required, or `=` and a tool's name."""
    parallel: bool = True
    json: bool = False
    schema: Any = None
    """The JSON schema that the answer has to fit."""
    stream: bool = False
    max_tokens: int | None = None
    stop: Sequence[str] = ()
    choices: int = 1
    thinking: Literal["shown", "hidden", "off"] = "shown"
    options: Mapping[str, Any] = field(default_factory=dict)
    """What only the dialect itself needs for writing the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the simulated model says. Token counts: `output` contains `thought`, `prompt` contains
    `cached`.
    """

    text: str = ""
    thought: str = ""
    calls: Sequence[Call] = ()
    finish: Literal["stop", "calls", "length", "refusal", "stop_sequence"] = "stop"
    stop_sequence: str | None = None
    prompt_tokens: int = 1
    cached_tokens: int = 0
    output_tokens: int = 1
    thought_tokens: int = 0


class Piece(NamedTuple):
    """One write of a stream; `content` is false for the frame around what the model says."""

    data: bytes
    content: bool = False


class Incoming(NamedTuple):
    """What came around a request's body; `headers` and `path` have lower-case names, `path` the
    route's variables.
    """

    digest: str
    headers: Mapping[str, str]
    path: Mapping[str, str]
    query: Mapping[str, str]


class Reply(NamedTuple):
    """A whole HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes


class Dialect(Protocol):
    """What a wire format can do here; each dialect is a module."""

    def check_access(self, headers: Mapping[str, str]) -> None:
        """Raises Refused when no key came with the request."""

    def read(self, body: dict[str, Any], incoming: Incoming) -> Conversation:
        """Raises Refused for what the real API refuses."""

    def whole(self, conversation: Conversation, answer: Answer) -> bytes:
        """The answer as one JSON document."""

    def stream(self, conversation: Conversation, answer: Answer) -> list[Piece]:
        """The answer as a stream, end mark included."""

    def broken_stream(self, conversation: Conversation, sent: int) -> bytes:
        """The error event that ends a stream after `sent` pieces."""

    def error(self, refusal: Refused, retry_after: int | None = None) -> Reply:
        """An error in the API's own form."""


def sign(text: str) -> str:
    """The signature of a thought: standard base64, checkable without memory."""
    return base64.b64encode(SIGNATURE_PREFIX + hashlib.sha256(text.encode()).digest()).decode()


def known_fields(value: Any, known: frozenset[str]) -> str | None:
    """The first key of an object that the API has no field for."""
    return next((key for key in value if key not in known), None)


def names(text: str) -> frozenset[str]:
    """Field names, written as one line of words."""
    return frozenset(text.split())
