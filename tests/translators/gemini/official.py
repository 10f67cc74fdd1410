"""What Google's and OpenAI's own packages say about a body: their models refuse unknown keys and
warn of unknown words.
"""

from typing import Any

from google.genai import types
from openai.types.chat import ChatCompletion, ChatCompletionChunk

Body = dict[str, Any]

_TOP: dict[str, Any] = {
    "systemInstruction": types.Content,
    "contents": types.Content,
    "tools": types.Tool,
    "toolConfig": types.ToolConfig,
    "safetySettings": types.SafetySetting,
    "generationConfig": types.GenerateContentConfig,
    "cachedContent": None,
    "serviceTier": types.ServiceTier,
    "labels": None,
}


def check_request(body: Body) -> None:
    """Raises (or warns, which is an error in tests) if Google's package knows something else by
    these names.
    """
    for name, value in body.items():
        model = _TOP[name]
        if model is None:
            continue
        for item in value if isinstance(value, list) else [value]:
            if model is types.ServiceTier:
                assert item in {tier.value for tier in types.ServiceTier}
            else:
                model.model_validate(item)
    # What the package's one config has at the top or not at all may not stand in generationConfig.
    assert not body.get("generationConfig", {}).keys() & {
        "systemInstruction",
        "tools",
        "toolConfig",
        "safetySettings",
        "labels",
    }


def check_completion(completion: Body) -> None:
    ChatCompletion.model_validate(completion, strict=True)


def check_chunk(chunk: Body) -> None:
    ChatCompletionChunk.model_validate(chunk, strict=True)
