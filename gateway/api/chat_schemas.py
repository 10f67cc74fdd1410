"""The answers of both chat routes and the events of their streams as types: /openapi.json is made
from them.

A text under a field is its description there. Providers that speak OpenAI's language may add fields
of their own.
"""

from typing import Literal, NotRequired

from typing_extensions import TypedDict  # pydantic reads typing's own from Python 3.12 on only

from gateway.routing.documents import ResumedDocument
from translators.chat.wire import AnyCompletion, BesideText, Choice, ChunkChoice, ToolCall, Usage
from translators.notes import NoteKind

ToolCallDocument = ToolCall
"""An event of its own in a native stream."""


class NotesDocument(TypedDict, total=False):
    """What the gateway has to say of an answer: of a stream, whose headers are out, all of it."""

    warnings: list[str]
    """As the header `x-llm-router-warning` says them."""
    resumed: list[ResumedDocument]
    """Where the answer broke off and another target continued it."""


class _AnyCompletion(AnyCompletion):
    x_llm_router: NotRequired[NotesDocument]
    """What the gateway has to say of the answer; of a stream, in the last chunk."""


class ChatCompletionDocument(_AnyCompletion):
    """OpenAI's chat completion. Further fields are the provider's own."""

    object: Literal["chat.completion"]
    """Always this."""
    choices: list[Choice]
    """The answers."""
    usage: NotRequired[Usage | None]
    """What was counted."""


class ChatCompletionChunkDocument(_AnyCompletion):
    """OpenAI's chunk of a streamed chat completion. Further fields are the provider's own."""

    object: Literal["chat.completion.chunk"]
    """Always this."""
    choices: list[ChunkChoice]
    """Parts of answers; empty in the usage chunk."""
    usage: NotRequired[Usage | None]
    """In the last chunk, where `stream_options.include_usage` asked for it; null or missing in all
    others."""


class NativeUsageDocument(Usage):
    """What the provider counted, and its price. Further fields are the provider's own."""

    cost_usd: float | None
    """By the price list; null where the price is not known or the tokens are estimated."""


class AttemptDocument(TypedDict):
    """One try at one target."""

    provider: str
    """The provider's name."""
    model: str
    """The model's id at the provider."""
    outcome: str
    """ok, the kind of failure, the time limit that ran out, cancelled, rejected or no_place."""
    ms: float
    """Milliseconds."""


class WarningDocument(TypedDict):
    """What did not go as the request says."""

    kind: NoteKind | Literal["warning"]
    """dropped: not sent. changed: sent with another value. emulated: produced another way.
    repaired: the history was mended."""
    param: str | None
    """The parameter; null for a warning about the answer."""
    message: str
    """Why, in one sentence; for a warning its word, as the header `x-llm-router-warning` says it.
    """


class ServedDocument(TypedDict):
    """Which answer it is, and who serves it."""

    id: str
    """The answer's id; of a provider that gives none, the gateway's."""
    persona: str
    """The persona, or provider/model of a direct model."""
    provider: str
    """The provider's name."""
    model: str
    """The model that served, as its provider names it."""


class SummaryDocument(TypedDict):
    """How an answer ended and what it took."""

    finish_reason: str | None
    """stop, length, tool_calls, content_filter or function_call."""
    usage: NativeUsageDocument | None
    """What was counted."""
    attempts: list[AttemptDocument]
    """Every try, in order."""
    warnings: list[WarningDocument]
    """What did not go as the request says; empty if all did."""


class NativeMessageDocument(BesideText):
    """An assistant's message as in OpenAI's answer, without nulls. Further fields are the
    provider's own.
    """

    role: Literal["assistant"]
    """Who speaks."""
    content: str | None
    """The text; null where the model calls tools or refuses."""
    reasoning: NotRequired[str]
    """The reasoning, as far as the provider shows it: OpenAI's route calls it `reasoning_content`.
    """
    refusal: NotRequired[str]
    """Why the model refuses."""


class NativeChatAnswerDocument(ServedDocument, SummaryDocument):
    """An answer of the native route."""

    message: NativeMessageDocument
    """What was answered."""


class RouteEventDocument(ServedDocument):
    """The first event of a native stream: a target has begun to answer."""

    attempt: int
    """Which attempt it is, from 1 on."""


class DeltaEventDocument(TypedDict, total=False):
    """A piece of text in a native stream: exactly one of these."""

    content: str
    """Of the answer."""
    reasoning: str
    """Of the reasoning."""
    refusal: str
    """Of a refusal."""


class DoneEventDocument(ServedDocument, SummaryDocument):
    """The last event of a native stream that ended well."""
