"""Gemini's vocabulary: the shapes of a request, and of the parts that an answer brings and a
request gives back.

Shapes follow https://ai.google.dev/api/generate-content; each names its section there.
"""

from typing import Literal, NotRequired, Required, TypedDict

from translators.chat.json_schema import Schema
from translators.json_codec import JsonObject

Frame = JsonObject
"""`GenerateContentResponse`. This and what follows is read from outside: each field's class is
looked at before it is used."""
Candidate = JsonObject
"""`Candidate`: one choice of an answer, or what a frame adds to it."""
AnswerPart = JsonObject
"""`Part` of an answer; it may go back to Gemini as it came."""
AnswerCall = JsonObject
"""`FunctionCall` of an answer, whole or a piece of one (`partialArgs`, `willContinue`)."""
UsageMetadata = JsonObject
"""`UsageMetadata`."""
GoogleError = JsonObject
"""The object in `error`: https://cloud.google.com/apis/design/errors."""


class Blob(TypedDict):
    """`Blob`: media as base64 text."""

    mimeType: str
    data: str


class InlineData(TypedDict):
    """`FunctionResponsePart`: media that a function gave."""

    inlineData: Blob


class FileData(TypedDict):
    """`FileData`: media that Google fetches."""

    mimeType: NotRequired[str]
    fileUri: str


class FunctionCall(TypedDict):
    """`FunctionCall`."""

    id: NotRequired[str]
    name: str
    args: JsonObject


class FunctionResponse(TypedDict):
    """`FunctionResponse`."""

    id: NotRequired[str]
    name: str
    response: JsonObject
    parts: NotRequired[list[InlineData]]


class VideoMetadata(TypedDict, total=False):
    """`VideoMetadata`."""

    startOffset: str
    endOffset: str
    fps: float


class PartResolution(TypedDict):
    """`Part.mediaResolution`."""

    level: str


class Part(TypedDict, total=False):
    """`Part`: one of the fields that say something, and what is said about it."""

    text: str
    inlineData: Blob
    fileData: FileData
    functionCall: FunctionCall
    functionResponse: FunctionResponse
    executableCode: JsonObject
    codeExecutionResult: JsonObject
    toolCall: JsonObject
    toolResponse: JsonObject
    thoughtSignature: str
    videoMetadata: VideoMetadata
    mediaResolution: PartResolution


class Content(TypedDict):
    """`Content`."""

    role: Literal["user", "model"]
    parts: list[Part]


class Instruction(TypedDict):
    """`systemInstruction`: a `Content` without a role."""

    parts: list[Part]


class FunctionDeclaration(TypedDict, total=False):
    """`FunctionDeclaration`: with its parameters in one of two forms, or none."""

    name: Required[str]
    description: str
    parameters: Schema
    parametersJsonSchema: Schema


GoogleTool = Literal["googleSearch", "urlContext", "codeExecution", "googleMaps"]


class Tool(TypedDict, total=False):
    """`Tool`: functions of the caller's, or one that Google runs."""

    functionDeclarations: list[FunctionDeclaration]
    googleSearch: JsonObject
    urlContext: JsonObject
    codeExecution: JsonObject
    googleMaps: JsonObject


CallingMode = Literal["AUTO", "ANY", "NONE", "VALIDATED"]


class FunctionCallingConfig(TypedDict):
    """`FunctionCallingConfig`."""

    mode: CallingMode
    allowedFunctionNames: NotRequired[list[str]]


class ToolConfig(TypedDict):
    """`ToolConfig`."""

    functionCallingConfig: FunctionCallingConfig
    includeServerSideToolInvocations: NotRequired[bool]


class ThinkingConfig(TypedDict, total=False):
    """`ThinkingConfig`: a budget or a level, never both."""

    thinkingBudget: int
    thinkingLevel: str
    includeThoughts: bool


class PrebuiltVoiceConfig(TypedDict):
    """`PrebuiltVoiceConfig`."""

    voiceName: str


class VoiceConfig(TypedDict):
    """`VoiceConfig`."""

    prebuiltVoiceConfig: PrebuiltVoiceConfig


class SpeechConfig(TypedDict):
    """`SpeechConfig`."""

    voiceConfig: VoiceConfig


class Speaking(TypedDict, total=False):
    """`GenerationConfig`, what it says of pictures and sound."""

    responseModalities: list[str]
    speechConfig: SpeechConfig


class Logprobs(TypedDict, total=False):
    """`GenerationConfig`, what it says of log probabilities."""

    responseLogprobs: bool
    logprobs: int


class JsonForm(TypedDict, total=False):
    """`GenerationConfig`, what it says of the form of the text: a schema in one of two forms, or
    none.
    """

    responseMimeType: Literal["application/json"]
    responseSchema: Schema
    responseJsonSchema: Schema


class GenerationConfig(Speaking, Logprobs, JsonForm, total=False):
    """`GenerationConfig`."""

    temperature: float
    topP: float
    topK: int
    maxOutputTokens: int
    candidateCount: int
    stopSequences: list[str]
    seed: int
    presencePenalty: float
    frequencyPenalty: float
    mediaResolution: str
    thinkingConfig: ThinkingConfig
    imageConfig: JsonObject


class GenerateContentRequest(TypedDict, total=False):
    """The body of a request."""

    systemInstruction: Instruction
    contents: list[Content]
    tools: list[Tool]
    toolConfig: ToolConfig
    generationConfig: GenerationConfig
    cachedContent: str
    serviceTier: str
    labels: JsonObject
