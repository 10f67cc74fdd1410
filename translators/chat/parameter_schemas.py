"""Every parameter of a chat request as JSON Schema with one sentence of what it does: /openapi.json
is made from them.

They say what `translators.chat.parameters` and `translators.chat.request` check; a test holds the
two against each other. Allowed values are the target's (`translators.chat.ranges`). What each
provider is told of a parameter stands in translators/PARAMETERS.md.
"""

from typing import Any, Final

from translators.chat.json_schema import Schema


def _of(kind: str, about: str, **more: Any) -> Schema:
    return {"type": kind, "description": about, **more}


def _either(about: str, *schemas: Schema) -> Schema:
    return {"anyOf": list(schemas), "description": about}


_TEXT: Final[Schema] = {"type": "string"}
_OBJECT: Final[Schema] = {"type": "object"}
_NAMED: Final[Schema] = {"type": "object", "properties": {"name": _TEXT}, "required": ["name"]}
_FUNCTION: Final[Schema] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "description": {"type": ["string", "null"]},
        "parameters": {"type": ["object", "null"], "description": "JSON Schema of the arguments."},
        "strict": {
            "type": ["boolean", "null"],
            "description": "Whether the arguments are held to the schema.",
        },
    },
    "required": ["name"],
}
_TOOL: Final[Schema] = {
    "type": "object",
    "properties": {
        "type": {
            "type": "string",
            "description": "function, custom, or a kind that a server runs itself.",
        },
        "function": _FUNCTION,
        "custom": {
            "type": "object",
            "description": "A tool that takes free text: `name`, `description`, `format`.",
        },
    },
    "required": ["type"],
}
_CALL: Final[Schema] = {
    "type": "object",
    "properties": {
        "id": {"type": ["string", "null"]},
        "type": {"type": ["string", "null"]},
        "function": {
            **_NAMED,
            "type": ["object", "null"],
            "description": "`name`, and `arguments` as JSON text.",
        },
        "custom": {**_NAMED, "type": ["object", "null"], "description": "`name` and `input`."},
    },
}

MESSAGE: Final[Schema] = {
    "type": "object",
    "description": (
        "One message of the conversation. What an answer holds (`reasoning_content`,"
        " `thinking_blocks`, …) may be sent back."
    ),
    "properties": {
        "role": {
            "enum": ["developer", "system", "user", "assistant", "tool", "function"],
            "description": "Who speaks.",
        },
        "content": _either(
            "The text, or parts: text, image_url, input_audio, file, video_url, refusal.",
            _TEXT,
            {
                "type": "array",
                "items": {"type": "object", "properties": {"type": _TEXT}, "required": ["type"]},
            },
            {"type": "null"},
        ),
        "name": {"description": "The participant's name, or of a function message the function's."},
        "tool_calls": {
            "type": ["array", "null"],
            "items": _CALL,
            "description": "Of an assistant message: the tools it called.",
        },
        "function_call": {
            **_NAMED,
            "type": ["object", "null"],
            "description": "Of an assistant message: the function it called.",
        },
        "tool_call_id": {"description": "Of a tool message: the id of the call that it answers."},
        "refusal": {"description": "Of an assistant message: why it refused."},
        "cache_control": {"description": "Claude's mark: the prompt up to here is cached."},
        "is_error": {"description": "Of a tool message: whether the tool failed."},
    },
    "required": ["role"],
}

CHECKED: Final[dict[str, Schema]] = {
    "model": _of("string",
     "The persona that answers, or provider/model where `direct_models` allows it.", minLength=1),
    "messages": {"type": "array", "items": MESSAGE, "minItems": 1,
     "description": "The conversation so far."},
    "stream": _of("boolean", "Whether the answer comes in pieces, as server-sent events."),
    "stream_options": _of(
        "object",
        "Only with `stream`: `include_usage` asks for a last chunk with the usage.",
        properties={"include_usage": {}, "include_obfuscation": {}},
    ),
    "temperature": _of("number",
     "How freely tokens are drawn; 0 to 2 at OpenAI and Gemini, 0 to 1 at Claude."),
    "top_p": _of("number",
     "Tokens are drawn from the most likely ones that together have this probability: 0 to 1."),
    "top_k": _of("integer", "Tokens are drawn from this many most likely ones."),
    "frequency_penalty": _of("number",
     "Makes tokens less likely the more often they occurred; -2 to 2 at OpenAI."),
    "presence_penalty": _of("number",
     "Makes tokens less likely once they occurred; -2 to 2 at OpenAI."),
    "max_tokens": _of("integer",
     "The older name of `max_completion_tokens`, which wins if both are given."),
    "max_completion_tokens": _of("integer",
     "The longest answer in tokens, those of the reasoning included; -1 is no limit."),
    "n": _of("integer", "How many answers; only 1 in a native request."),
    "stop": _either("Texts at which the answer ends, without them.", _TEXT, {"type": "array",
     "items": _TEXT}),
    "seed": _of("integer", "The same seed and request give, as far as possible, the same answer."),
    "logprobs": _of("boolean", "Whether the answer has the log probabilities of its tokens."),
    "top_logprobs": _of("integer",
     "Only with `logprobs`: how many of the likeliest tokens are told at each place; "
     "0 to 20 at OpenAI."),
    "logit_bias": _of("object", "Token ids with what is added to their logits."),
    "user": _of("string", "The caller's user, for the provider's abuse monitoring."),
    "safety_identifier": _of("string", "The same under its newer name, which goes before `user`."),
    "metadata": _of("object",
     "Pairs of texts, kept with the request; rules of personas can look at them.",
     additionalProperties=_TEXT),
    "store": _of("boolean", "Whether the provider keeps the answer."),
    "tools": {"type": "array", "items": _TOOL, "description": "What the model may call."},
    "functions": {"type": "array", "items": _FUNCTION, "description": "The older form of `tools`."},
    "tool_choice": _either(
     "none, auto, required, or an object that names a tool or the allowed tools.", _TEXT, _OBJECT),
    "function_call": _either(
     "The older form of `tool_choice`: none, auto, or an object that names a function.",
     _TEXT, _NAMED),
    "parallel_tool_calls": _of("boolean", "Whether the model may call several tools at once."),
    "response_format": _of(
        "object",
        "The form of the answer: text, json_object, or json_schema with a schema.",
        properties={"type": _TEXT,
         "json_schema": {"description": "`name`, `schema` and `strict`."}},
        required=["type"],
    ),
    "reasoning_effort": _of("string",
     "How hard to reason: none, minimal, low, medium, high, xhigh or max; "
     "servers may have other words."),
    "verbosity": _of("string", "How long the answer is: low, medium or high."),
    "modalities": _of("array", "The kinds of answer: text, audio, image.", items=_TEXT),
    "audio": _of("object", "The `voice` and `format` of a spoken answer."),
    "prediction": _of("object", "What the answer will mostly be, to get it faster."),
    "web_search_options": _of("object",
     "Lets the model search the web: `search_context_size`, `user_location`."),
    "service_tier": _of("string",
     "How the request is served and priced: auto, default, flex, priority."),
    "prompt_cache_key": _of("string",
     "Names the conversation: it stays on its target, key and cache."),
    "prompt_cache_options": _of("object", "How the provider caches the prompt."),
    "x_provider": _of(
        "object",
        "A provider's own parameters, by the name of the provider or its dialect: "
        "laid over the body that it is sent. "
        "What the request, its persona or routing decide is refused.",
        additionalProperties={"type": ["object", "null"]},
    ),
    "thinking": _of("object", "Claude's form of reasoning: `type` and `budget_tokens`."),
    "reasoning": _of("object", "OpenRouter's form of reasoning: `effort` or `max_tokens`."),
}  # fmt: skip
"""What the hub checks."""

RELAYED: Final[dict[str, Schema]] = {
    "moderation": {"description": "OpenAI's moderation of prompt and answer."},
    "prompt_cache_retention": {"description": "How long the provider keeps the prompt cached."},
    "cache_control": {"description": "Claude's mark: the prompt is cached."},
    "google": {
        "description": (
            "Google's own parameters: `thinking_config`, `cached_content`, `response_modalities`,"
            " `image_config`."
        )
    },
    "extra_body": {"description": "`google` inside it means the same as `google`."},
}
"""What dialects look at and the hub does not check."""

SCHEMAS: Final[dict[str, Schema]] = {**CHECKED, **RELAYED}
