"""The answers of both chat routes and the events of their streams as types: /openapi.json is made from them.

A text under a field is its description there. Providers that speak OpenAI's language may add fields of their own.
"""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict  # pydantic reads typing's own from Python 3.12 on only

from gateway.routing.documents import ResumedDocument
from translators.notes import NoteKind


class UsageDocument(TypedDict, total=False):
    """What the provider counted, in OpenAI's words; estimated where it counted nothing. Further fields are the provider's own."""

    prompt_tokens: int
    """Tokens read, from a cache or not."""
    completion_tokens: int
    """Tokens written, those of the reasoning included."""
    total_tokens: int
    """Both."""
    prompt_tokens_details: dict[str, Any] | None
    """Of those read: `cached_tokens`, `cache_write_tokens`, `audio_tokens` …, as far as the provider says."""
    completion_tokens_details: dict[str, Any] | None
    """Of those written: `reasoning_tokens`, `audio_tokens` …, as far as the provider says."""


class FunctionDocument(TypedDict):
    """The function that is called."""

    name: NotRequired[str]
    """As the request declared it."""
    arguments: NotRequired[str]
    """JSON text; of a stream's chunk, a part of it."""


class ToolCallDocument(TypedDict, total=False):
    """A tool that the model calls. In a stream of /v1/chat/completions it comes in parts."""

    index: int
    """In chunks: which call this is a part of."""
    id: str
    """Names the call: the tool message that answers it says it in `tool_call_id`."""
    type: str
    """function, or custom; a server's own tools have other types."""
    function: FunctionDocument | None
    """What is called, where the type is function."""
    custom: dict[str, Any] | None
    """What is called, where the type is custom: `name` and `input`."""
    extra_content: dict[str, Any] | None
    """Signatures of Gemini's reasoning: send them back with the call."""


class _BesideText(TypedDict, total=False):
    tool_calls: list[ToolCallDocument] | None
    """The tools that the model calls."""
    function_call: FunctionDocument | None
    """The function that the model calls, where the request has `functions`."""
    annotations: list[dict[str, Any]] | None
    """Sources that the text cites, as `url_citation`."""
    images: list[dict[str, Any]] | None
    """Pictures that the model drew, as `image_url` with a data URL."""
    audio: dict[str, Any] | None
    """What the model said, as base64 with its transcript."""
    thinking_blocks: list[dict[str, Any]] | None
    """Claude's signed reasoning: send it back with the message."""
    provider_content: dict[str, Any] | None
    """The answer in the provider's own form, where OpenAI's loses something of it: send it back with the message."""
    extra_content: dict[str, Any] | None
    """Signatures of Gemini's reasoning: send them back with the message."""


class SaidDocument(_BesideText, total=False):
    """What a message and a delta can hold. Further fields are the provider's own."""

    role: Literal["assistant"] | None
    """Who speaks."""
    content: str | None
    """The text; null where the model calls tools or refuses."""
    refusal: str | None
    """Why the model refuses; null if it does not."""
    reasoning_content: str | None
    """The reasoning, as far as the provider shows it."""


class MessageDocument(SaidDocument):
    """An assistant's message."""


class DeltaDocument(SaidDocument):
    """What a chunk adds to the message: texts are appended, parts of tool calls belong together by `index`."""


class _AnyChoice(TypedDict):
    index: int
    """Which of the `n` answers this is, from 0 on."""
    logprobs: NotRequired[dict[str, Any] | None]
    """Log probabilities, as OpenAI gives them; null where none were asked for."""
    native_finish_reason: NotRequired[str | None]
    """The provider's own word for it."""


class ChoiceDocument(_AnyChoice):
    """One answer."""

    message: MessageDocument
    """What was answered."""
    finish_reason: str | None
    """stop, length, tool_calls, content_filter or function_call."""


class ChunkChoiceDocument(_AnyChoice):
    """A part of one answer."""

    delta: DeltaDocument
    """What it adds."""
    finish_reason: NotRequired[str | None]
    """stop, length, tool_calls, content_filter or function_call in the last part of an answer; null before."""


class NotesDocument(TypedDict, total=False):
    """What the gateway has to say of an answer: of a stream, whose headers are out, all of it."""

    warnings: list[str]
    """As the header `x-llm-router-warning` says them."""
    resumed: list[ResumedDocument]
    """Where the answer broke off and another target continued it."""


class _AnyCompletion(TypedDict):
    id: str
    """The answer's id; of a provider that gives none, the gateway's."""
    created: int
    """Seconds since 1970."""
    model: str
    """The model that served, as its provider names it."""
    system_fingerprint: NotRequired[str | None]
    """The provider's word for the version that served."""
    service_tier: NotRequired[str | None]
    """The tier that served, in OpenAI's words."""
    x_llm_router: NotRequired[NotesDocument]
    """What the gateway has to say of the answer; of a stream, in the last chunk."""


class ChatCompletionDocument(_AnyCompletion):
    """OpenAI's chat completion. Further fields are the provider's own."""

    object: Literal["chat.completion"]
    """Always this."""
    choices: list[ChoiceDocument]
    """The answers."""
    usage: NotRequired[UsageDocument | None]
    """What was counted."""


class ChatCompletionChunkDocument(_AnyCompletion):
    """OpenAI's chunk of a streamed chat completion. Further fields are the provider's own."""

    object: Literal["chat.completion.chunk"]
    """Always this."""
    choices: list[ChunkChoiceDocument]
    """Parts of answers; empty in the usage chunk."""
    usage: NotRequired[UsageDocument | None]
    """In the last chunk, where `stream_options.include_usage` asked for it; null or missing in all others."""


class NativeUsageDocument(UsageDocument):
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
    """dropped: not sent. changed: sent with another value. emulated: produced another way. repaired: the history was mended."""
    param: str | None
    """The parameter; null for a warning about the answer."""
    message: str
    """Why, in one sentence; for a warning its word, as the header `x-llm-router-warning` says it."""


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


class NativeMessageDocument(_BesideText):
    """An assistant's message as in OpenAI's answer, without nulls. Further fields are the provider's own."""

    role: Literal["assistant"]
    """Who speaks."""
    content: str | None
    """The text; null where the model calls tools or refuses."""
    reasoning: NotRequired[str]
    """The reasoning, as far as the provider shows it: OpenAI's route calls it `reasoning_content`."""
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
