"""The wire shapes of OpenAI's Responses API: what a request is built of, and what an answer is made
of.

Spec: https://platform.openai.com/docs/api-reference/responses. Items, responses and events that a
server sends may be of any shape: each field is looked at before it is used, and items go back to
the server as they came.
"""

from typing import Any, Literal, Required, TypedDict

from translators.capabilities import Effort
from translators.chat.json_schema import Schema
from translators.json_codec import JsonObject

Item = JsonObject
"""An item of an answer or of an input. Its `type` says what it is; of types that are not known, all
fields are kept."""
Response = JsonObject
"""A response as a server sent it, whole or in a stream's event."""
StreamEvent = JsonObject
"""An event of a stream as a server sent it."""
Tool = JsonObject
"""A tool, flat: `type`, `name` and what its kind has. Tools that the server runs itself go to it as
the caller says them."""


class _MayEndCache(TypedDict, total=False):
    """A part behind which the prompt's cache may end."""

    prompt_cache_breakpoint: Any


class InputText(_MayEndCache):
    """A text in a message or in what a tool gave."""

    type: Literal["input_text"]
    text: str


class InputImage(_MayEndCache):
    """A picture, by its URL or as a data URL."""

    type: Literal["input_image"]
    image_url: str
    detail: str


class InputFile(_MayEndCache, total=False):
    """A file, by its id, its URL or its data: at least one of them."""

    type: Required[Literal["input_file"]]
    filename: str
    file_id: str
    detail: str
    file_url: str
    file_data: str


class AudioData(TypedDict):
    """Sound as base64."""

    data: str
    format: Literal["wav", "mp3"]


class InputAudio(_MayEndCache):
    """Sound in a message."""

    type: Literal["input_audio"]
    input_audio: AudioData


InputPart = InputText | InputImage | InputFile | InputAudio


class OutputText(TypedDict):
    """A text that the model once said."""

    type: Literal["output_text"]
    text: str
    annotations: list[JsonObject]


class Refusal(TypedDict):
    """Why the model once refused."""

    type: Literal["refusal"]
    refusal: str


OutputPart = OutputText | Refusal


class MessageItem(TypedDict):
    """A message of the conversation."""

    type: Literal["message"]
    role: str
    content: str | list[InputPart] | list[OutputPart]


class FunctionCallItem(TypedDict):
    """A call of one of the caller's functions. `arguments` is JSON text."""

    type: Literal["function_call"]
    call_id: str
    name: str
    arguments: str


class CustomToolCallItem(TypedDict):
    """A call of one of the caller's custom tools, with any text."""

    type: Literal["custom_tool_call"]
    call_id: str
    name: str
    input: str


class CallOutputItem(TypedDict):
    """What a tool gave."""

    type: Literal["function_call_output", "custom_tool_call_output"]
    call_id: str
    output: str | list[InputPart]


InputItem = MessageItem | FunctionCallItem | CustomToolCallItem | CallOutputItem | Item
"""An item of a request's input: built from the hub's message, or one of an earlier answer as it
came."""


class JsonObjectFormat(TypedDict):
    """Any JSON object is asked for."""

    type: Literal["json_object"]


class JsonSchemaFormat(TypedDict, total=False):
    """JSON of a schema is asked for."""

    type: Required[Literal["json_schema"]]
    name: Required[str]
    schema: Required[Schema]
    strict: bool
    description: str


class TextConfig(TypedDict, total=False):
    """In what form the text is asked for, and how long it shall be: low, medium or high."""

    format: JsonObjectFormat | JsonSchemaFormat
    verbosity: str


class ReasoningConfig(TypedDict, total=False):
    """How much the model is to reason, and whether it sums up what it thought."""

    effort: Effort
    summary: str


class StreamOptions(TypedDict):
    """What a stream shall have beside its events."""

    include_obfuscation: bool


class ResponsesRequest(TypedDict, total=False):
    """The body of POST /responses, as far as the hub knows it."""

    model: Required[str]
    input: Required[list[InputItem]]
    instructions: str
    tools: list[Tool]
    tool_choice: Any
    parallel_tool_calls: bool
    text: TextConfig
    max_output_tokens: int
    reasoning: ReasoningConfig
    temperature: float
    top_p: float
    top_logprobs: int
    include: list[str]
    store: bool
    metadata: dict[str, str]
    user: str
    safety_identifier: str
    prompt_cache_key: str
    prompt_cache_retention: str
    prompt_cache_options: JsonObject
    service_tier: str
    moderation: JsonObject
    stream: bool
    stream_options: StreamOptions
