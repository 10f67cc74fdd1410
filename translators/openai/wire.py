"""The wire shapes of servers that speak the hub's language: what is relayed, by name, and what is
written into it.

Spec: https://platform.openai.com/docs/api-reference/chat/create. Requests and answers are relayed
with fields that only the server or the caller knows, so their objects are of any shape; what of
them is read has been checked before.
"""

from typing import Literal, TypedDict

from translators.json_codec import JsonObject

RequestBody = JsonObject
"""A copy of the caller's request on its way to the server: what the server cannot take goes,
everything else stays."""
Tool = JsonObject
"""A tool of the request, or what names one in a choice: `type`, and under it what the type needs.
"""
Called = JsonObject
"""What names a function or custom tool and holds the text of a call, in a history or in an answer.
"""
Call = JsonObject
"""A call of a tool, of a message or (in pieces) of a delta."""
Said = JsonObject
"""A message, a delta or a call of one, as a server sent it."""
SentChoice = JsonObject
"""A choice of an answer or of a stream's chunk, as a server sent it."""
SentDocument = JsonObject
"""A whole answer or a stream's chunk, as a server sent it."""


class TextPart(TypedDict):
    """A part of a message that the gateway adds."""

    type: Literal["text"]
    text: str


class Instruction(TypedDict):
    """An instruction that the gateway adds."""

    role: Literal["developer", "system"]
    content: str
