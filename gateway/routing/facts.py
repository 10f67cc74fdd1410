"""What a decision reads of a request: derived once, without its content, so that it can be kept and
decided again.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from gateway.accounting.token_estimate import estimate_request
from gateway.config import Feature, Persona
from gateway.routing.requirements import Requirement, derive
from translators.chat.request import ChatRequest
from translators.dialect.inbound import Origin
from translators.registry import is_open

OWN_SESSION: Final = "x-llm-router-session"
SESSION_HEADERS: Final = ("x-session-id", "session-id")
CLAUDE_CODE_SESSION: Final = "x-claude-code-session-id"
"""It, or what a request of Messages says otherwise, stands in `prompt_cache_key`."""
NONE: Final[Mapping[str, Any]] = MappingProxyType({})
MOST_ANSWERS: Final = 1000
"""Above it `n` is not reckoned with: what a server makes of such a number is its own affair."""
_HASHED_CHARACTERS: Final = 4000
"""Of each text of a conversation's beginning."""
_DIGITS: Final = 16


class Caller(NamedTuple):
    """Who asks, as far as a policy looks at it."""

    key_id: str | None = None
    """The first 8 hex digits of the digest of the caller's key."""
    headers: Mapping[str, str] = NONE
    """Names in any case."""

    def __repr__(self) -> str:  # headers are nobody's to read
        return f"Caller(key_id={self.key_id!r})"


NOBODY: Final = Caller()


@lru_cache(maxsize=1024)
def _without_headers(key_id: str | None) -> Caller:
    """One object for all records of a caller."""
    return Caller(key_id)


class Prompt:
    """The size of a prompt. Its tokens are estimated only if somebody asks: most requests fit
    everywhere by their bytes alone.
    """

    __slots__ = ("exact", "known", "request", "size")

    def __init__(
        self, request: ChatRequest | None, size: int, tokens: int | None = None, exact: bool = False
    ) -> None:
        self.request = request
        """What it is estimated from; None once it is forgotten."""
        self.known = tokens
        """The tokens, if somebody asked."""
        self.exact = exact
        """The tokens were counted by a tokenizer."""
        self.size = size
        """Bytes; an upper bound for the tokens, or nearly so."""

    @property
    def tokens(self) -> int:
        """By the o200k tokenizer, estimated."""
        if self.known is None:
            if self.request is None:
                return self.size // 4  # of what was forgotten: four bytes are about a token
            self.known = estimate_request(self.request)
        return self.known


@dataclass(slots=True)
class Facts:
    """One request as routing sees it. Nothing changes it but what becomes known, and `forget`."""

    requirements: tuple[Requirement, ...]
    features: frozenset[Feature]
    prompt: Prompt
    max_tokens: int | None = None
    """The longest answer the caller takes, at least 1; None if it sets no limit."""
    answers: int = 1
    """`n`, as far as it is believable: at least 1."""
    stream: bool = False
    forces_tool: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict, repr=False)
    caller: Caller = NOBODY
    conversation: str | None = None
    """Names the conversation, the same for each of its turns; None if it must not be known (no
    affinity)."""
    settled: bool = False
    """The conversation may have been served before: it has an answer in it, or the caller named it.
    """
    schema: dict[str, Any] | None = field(default=None, repr=False)
    """What the answer is to be valid against; nothing is left of it once the request is over."""
    open_schema: bool | None = None
    """Whether that is an open schema, once somebody asked."""
    tools: int = 0
    """How many are declared."""
    natives: tuple[str, ...] = ()
    """Fields of the caller's, as paths in its words, that only a target which is sent the caller's
    own body can serve."""
    spoken: str = ""
    """The dialect that the caller speaks, where it is not the hub's."""

    def header(self, name: str) -> str | None:
        return self.caller.headers.get(name)

    def holds_open_schema(self) -> bool:
        """The schema has objects of any keys, or refers to itself. Looked into only where a target
        that may serve cannot hold such.
        """
        if self.open_schema is None:
            self.open_schema = self.schema is not None and is_open(self.schema)
        return self.open_schema

    def forget(self, headers: Mapping[str, str], metadata: Mapping[str, str]) -> None:
        """Keep nothing of the request's content, and of its headers and metadata only these."""
        self.prompt.request = None
        self.schema = None
        self.metadata = metadata
        self.caller = (
            Caller(self.caller.key_id, headers) if headers else _without_headers(self.caller.key_id)
        )


def facts_of(
    request: ChatRequest,
    persona: Persona | None,
    caller: Caller,
    tokens: int | None = None,
    origin: Origin | None = None,
) -> Facts:
    """The facts of `request`, to which its persona has been applied. `tokens`: of its prompt, if
    they were counted.
    """
    body = request.body
    requirements, features = derive(request, persona)
    if origin is not None and origin.optional:
        requirements = tuple(
            [
                need
                for need in requirements
                if need.capability not in origin.optional or need.cause == "persona"
            ]
        )
    named = _named_session(body, caller)
    affine = persona is not None and persona.affinity
    choice, n = body.get("tool_choice") or body.get("function_call"), body.get("n")
    return Facts(  # in its fields' order: their names would cost 1 µs
        requirements,
        features,
        Prompt(request, request.size, tokens, tokens is not None),
        request.max_tokens,
        1 if n is None else min(max(int(n), 1), MOST_ANSWERS),
        body.get("stream") is True,
        choice is not None and _forces_a_tool(choice),
        body.get("metadata") or NONE,
        caller,
        conversation_of(request, caller, named) if affine else None,
        "history" in features or named is not None,
        _schema_of(body) if "json_schema" in features else None,
        None,
        len(body.get("tools") or body["functions"]) if "tools" in features else 0,
        () if origin is None else origin.natives,
        "" if origin is None else origin.dialect,
    )


def _schema_of(body: Mapping[str, Any]) -> dict[str, Any] | None:
    described = body["response_format"].get("json_schema")
    return described.get("schema") if described else None


def _forces_a_tool(choice: Any) -> bool:
    """`any` is how some servers say `required`."""
    if choice.__class__ is not dict:
        return choice in ("required", "any")
    kind = choice.get("type")
    return (
        bool(choice["allowed_tools"]["mode"] == "required")
        if kind == "allowed_tools"
        else kind not in ("auto", "none")
    )


def _named_session(body: Mapping[str, Any], caller: Caller) -> str | None:
    headers = caller.headers
    if (own := headers.get(OWN_SESSION)) and CLAUDE_CODE_SESSION not in headers:
        return f"session:{own}"
    named = body.get("prompt_cache_key")
    if named.__class__ is str and named:
        return f"cache:{named}"
    for header in SESSION_HEADERS:
        if value := headers.get(header):
            return f"session:{value}"
    return None


def conversation_of(request: ChatRequest, caller: Caller, named: str | None) -> str:
    """16 hex digits that stay the same from turn to turn: of the session's name, else of everything
    up to the first user message.

    They are a digest of the caller's key, too: nobody is led by another's conversations.
    """
    body = request.body
    texts = [caller.key_id or "", body["model"]]
    if named is not None:
        texts.append(named)
    else:
        for message in body["messages"]:
            role = message["role"]
            texts.append(role)
            content = message.get("content")
            if content.__class__ is str:
                texts.append(content[:_HASHED_CHARACTERS])
            else:
                parts = (part.get("text") or part["type"] for part in content or ())
                texts += [text[:_HASHED_CHARACTERS] for text in parts if text.__class__ is str]
            if role == "user":
                break
    text = "\0".join(texts).encode("utf-8", "surrogatepass")
    # Processors have instructions for SHA-256: 2.4 µs a kilobyte, BLAKE2 takes 5.4.
    return hashlib.sha256(text, usedforsecurity=False).hexdigest()[:_DIGITS]
