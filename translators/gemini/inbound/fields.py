"""What becomes of every field of generateContent where the target is not Gemini: a Gemini target is
sent the caller's own body.

Source: https://ai.google.dev/api/generate-content and the types of google-genai.
"""

from typing import Final, NamedTuple

from translators.notes import Verdict


class Field(NamedTuple):
    """What a field becomes in the hub's words."""

    verdict: Verdict
    hub: str | None = None
    """The hub's parameter, whose row says what each provider makes of it."""


def _mapped(hub: str, how: str = "") -> Field:
    return Field(Verdict("mapped", how or f"`{hub}`."), hub)


_NATIVE: Final = Field(Verdict("rejected", "Only a Gemini target can serve it: without one, 400."))
_LOST: Final = Field(Verdict("dropped", "Only Gemini can be told so."))
_METADATA: Final = Field(Verdict("ignored", "It says something of a part, and is no content."))
_C: Final = "generationConfig."

FIELDS: Final[dict[str, Field]] = {
    "contents": _mapped("messages"),
    "systemInstruction": _mapped("role.system", "The first message."),
    "tools": _mapped("tools", "By its kinds."),
    "toolConfig": _mapped("tool_choice",
     "`functionCallingConfig`; `retrievalConfig` needs Gemini."),
    "safetySettings": Field(Verdict("depends", "Ignored where all are off, else dropped.")),
    "cachedContent": _NATIVE,
    "continuationToken": _NATIVE,
    "labels": Field(Verdict("ignored", "Kept for nobody else.")),
    "store": Field(Verdict("dropped", "Nothing is stored.")),
    "serviceTier": _mapped("service_tier"),
    "model": Field(Verdict("ignored", "The path's; another one is refused.")),
    "modelArmorConfig": _LOST,
    "generationOutputConfig": _LOST,
    **{
        f"{_C}{name}": _mapped(hub)
        for name, hub in {
            "temperature": "temperature",
            "topP": "top_p",
            "topK": "top_k",
            "seed": "seed",
            "presencePenalty": "presence_penalty",
            "frequencyPenalty": "frequency_penalty",
            "maxOutputTokens": "max_completion_tokens",
            "candidateCount": "n",
            "stopSequences": "stop",
            "responseSchema": "response_format.json_schema",
            "responseJsonSchema": "response_format.json_schema",
            "responseLogprobs": "logprobs",
            "logprobs": "top_logprobs",
            "responseModalities": "modalities",
            "thinkingConfig": "reasoning_effort",
            "mediaResolution": "content.image_url.detail",
        }.items()
    },
    f"{_C}responseMimeType": _mapped(
        "response_format", "Where no schema is given it is told in the instruction, too."
    ),
    f"{_C}thinkingConfig.thinkingLevel": _mapped("reasoning_effort"),
    f"{_C}thinkingConfig.thinkingBudget": _mapped("reasoning_effort", "The effort it stands for."),
    f"{_C}thinkingConfig.includeThoughts": Field(Verdict("mapped", "Thoughts are shown.")),
    **{
        f"{_C}{name}": _NATIVE
        for name in ("responseFormat", "speechConfig", "imageConfig", "translationConfig")
    },
    **{
        f"{_C}{name}": _LOST
        for name in (
            "audioTimestamp", "audioTranscriptionConfig", "enableEnhancedCivicAnswers",
            "enableAffectiveDialog", "routingConfig", "modelSelectionConfig", "modelConfig",
        )
    },
    "part.text": _mapped("content.text"),
    "part.inlineData": _mapped("content.image_url",
     "By its type: image, file, sound, video, text."),
    "part.fileData": _mapped("content.image_url", "https images and PDFs; others need Gemini."),
    "part.functionCall": _mapped("role.assistant", "A tool call."),
    "part.functionResponse": _mapped("role.tool", "Paired by id, else by name in order."),
    "part.executableCode": Field(Verdict("emulated", "Text in a fence.")),
    "part.codeExecutionResult": Field(Verdict("emulated", "Text in a fence.")),
    "part.thought": Field(Verdict("ignored", "Thoughts are not sent back as text.")),
    "part.thoughtSignature": Field(Verdict("mapped", "Signed reasoning, for whoever signed it.")),
    "part.videoMetadata": _LOST,
    "part.mediaResolution": _mapped("content.image_url.detail"),
    **{
        f"part.{name}": _METADATA
        for name in (
            "partMetadata", "mediaProcessing", "speechMetadata", "documentMetadata",
            "spreadsheetMetadata", "audioMetadata",
        )
    },
    **{f"part.{name}": _NATIVE for name in ("toolCall", "toolResponse", "audioTranscription")},
    "tool.functionDeclarations": _mapped("tool.function"),
    "tool.googleSearch": _mapped("web_search_options", "Dropped beside functions."),
    "tool.googleSearchRetrieval": _mapped("web_search_options", "Dropped beside functions."),
    **{
        f"tool.{name}": _NATIVE
        for name in (
            "urlContext", "codeExecution", "googleMaps", "fileSearch", "computerUse", "retrieval",
            "enterpriseWebSearch", "mcpServers", "parallelAiSearch", "exaAiSearch",
        )
    },
}  # fmt: skip
"""Dotted names: fields of generationConfig, of parts and of tools."""
