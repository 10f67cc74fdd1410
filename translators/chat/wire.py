"""The hub's wire shapes, those of OpenAI's Chat Completions: messages, tools, whole answers, and
the chunks of a stream.

Spec: https://platform.openai.com/docs/api-reference/chat. Types cost nothing at run time and check
nothing: what comes from outside is looked at by its class first, and may have further fields. The
text under a field of an answer is its description in /openapi.json.
"""

from collections.abc import Mapping
from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict  # pydantic reads typing's own from Python 3.12 on only

from translators.json_codec import JsonObject

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "function_call"]
"""Why an answer ended, in OpenAI's words."""

InputMessage = JsonObject
"""A message of a request. translators.chat.request has checked `role`, `content`, `tool_calls`,
`function_call` and what names a call; clients and servers add fields of their own, which are
relayed.
"""
InputCall = JsonObject
"""One of the `tool_calls` of such a message, checked likewise."""
ContentPart = JsonObject
"""A part of a message's content: its `type` is a string, and what that type needs has been looked
at. Unknown types are relayed."""


class PromptTokensDetails(TypedDict, total=False):
    """Of the tokens read. Further fields are the provider's own."""

    cached_tokens: int
    cache_write_tokens: int
    cache_write_tokens_details: JsonObject
    audio_tokens: int


class CompletionTokensDetails(TypedDict, total=False):
    """Of the tokens written. Further fields are the provider's own."""

    reasoning_tokens: int
    audio_tokens: int


class Usage(TypedDict, total=False):
    """What the provider counted, in OpenAI's words; estimated where it counted nothing. Further
    fields are the provider's own.
    """

    prompt_tokens: int
    """Tokens read, from a cache or not."""
    completion_tokens: int
    """Tokens written, those of the reasoning included."""
    total_tokens: int
    """Both."""
    prompt_tokens_details: Mapping[str, Any] | None
    """Of those read: `cached_tokens`, `cache_write_tokens`, `audio_tokens` …, as far as the
    provider says."""
    completion_tokens_details: Mapping[str, Any] | None
    """Of those written: `reasoning_tokens`, `audio_tokens` …, as far as the provider says."""


class Function(TypedDict):
    """The function that is called."""

    name: NotRequired[str]
    """As the request declared it."""
    arguments: NotRequired[str]
    """JSON text; of a stream's chunk, a part of it."""


class ToolCall(TypedDict, total=False):
    """A tool that the model calls. In a stream of /v1/chat/completions it comes in parts."""

    index: int
    """In chunks: which call this is a part of."""
    id: str
    """Names the call: the tool message that answers it says it in `tool_call_id`."""
    type: str
    """function, or custom; a server's own tools have other types."""
    function: Function | None
    """What is called, where the type is function."""
    custom: Mapping[str, Any] | None
    """What is called, where the type is custom: `name` and `input`."""
    extra_content: Mapping[str, Any] | None
    """Signatures of Gemini's reasoning: send them back with the call."""


class BesideText(TypedDict, total=False):
    """What can stand beside the text of a message, and of a delta."""

    tool_calls: list[ToolCall] | None
    """The tools that the model calls."""
    function_call: Function | None
    """The function that the model calls, where the request has `functions`."""
    annotations: list[JsonObject] | None
    """Sources that the text cites, as `url_citation`."""
    images: list[JsonObject] | None
    """Pictures that the model drew, as `image_url` with a data URL."""
    audio: Mapping[str, Any] | None
    """What the model said, as base64 with its transcript."""
    thinking_blocks: list[JsonObject] | None
    """Claude's signed reasoning: send it back with the message."""
    provider_content: Mapping[str, Any] | None
    """The answer in the provider's own form, where OpenAI's loses something of it: send it back
    with the message."""
    extra_content: Mapping[str, Any] | None
    """Signatures of Gemini's reasoning: send them back with the message."""


class Said(BesideText, total=False):
    """What a message and a delta can hold. Further fields are the provider's own."""

    role: Literal["assistant"] | None
    """Who speaks."""
    content: str | None
    """The text; null where the model calls tools or refuses."""
    refusal: str | None
    """Why the model refuses; null if it does not."""
    reasoning_content: str | None
    """The reasoning, as far as the provider shows it."""


class Message(Said):
    """An assistant's message."""


class Delta(Said):
    """What a chunk adds to the message: texts are appended, parts of tool calls belong together by
    `index`.
    """


class AnyChoice(TypedDict):
    """What choices of answers and of chunks have in common."""

    index: int
    """Which of the `n` answers this is, from 0 on."""
    logprobs: NotRequired[Mapping[str, Any] | None]
    """Log probabilities, as OpenAI gives them; null where none were asked for."""
    native_finish_reason: NotRequired[str | None]
    """The provider's own word for it."""


class Choice(AnyChoice):
    """One answer."""

    message: Message
    """What was answered."""
    finish_reason: str | None
    """stop, length, tool_calls, content_filter or function_call."""


class ChunkChoice(AnyChoice):
    """A part of one answer."""

    delta: Delta
    """What it adds."""
    finish_reason: NotRequired[str | None]
    """stop, length, tool_calls, content_filter or function_call in the last part of an answer; null
    before."""


class AnyCompletion(TypedDict):
    """What whole answers and chunks have in common."""

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


class Notes(TypedDict):
    """What a translator has to say of an answer."""

    warnings: list[str]


class Completion(AnyCompletion):
    """A whole answer. Further fields are the provider's own."""

    object: Literal["chat.completion"]
    choices: list[Choice]
    usage: NotRequired[Usage | None]
    x_llm_router: NotRequired[Notes]
