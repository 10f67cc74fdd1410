"""One golden case for every field of the hub, against every dialect: `python -m tests.regenerate`
writes them anew.

Each file under fields/ holds a request that uses the field and what each dialect makes of it: body
and notes, or the refusal. What the tables of verdicts claim is held against these outcomes by
test_field_cases.
"""

import base64
import json
from pathlib import Path
from typing import Any, Final

from tests.matrix import TABLES
from tests.serving import config_of
from translators.chat.request import parse
from translators.dialect import Target
from translators.errors import InvalidRequest
from translators.json_codec import loads
from translators.registry import DIALECTS

HERE: Final = Path(__file__).parent / "fields"
MODELS: Final = {
    "openai": "gpt-4.1",
    "responses": "gpt-6-sol",
    "claude": "claude-sonnet-5",
    "gemini": "gemini-3.5-flash",
}
TABLE_OF: Final = {
    "openai": "OpenAI",
    "responses": "OpenAI Responses",
    "claude": "Claude",
    "gemini": "Gemini",
}
CONFIG: Final = config_of(
    "version: 1\npersonas:\n  p: {description: d, targets: [openai/gpt-4.1]}\n", {}
)

Json = dict[str, Any]
PNG: Final = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(24)).decode()
PDF: Final = base64.b64encode(b"%PDF-1.7 " + bytes(24)).decode()
USER: Final[Json] = {"role": "user", "content": "hi"}
SCHEMA: Final[Json] = {
    "type": "object",
    "properties": {"x": {"type": "integer"}},
    "required": ["x"],
    "additionalProperties": False,
}
FUNCTION: Final[Json] = {
    "type": "function",
    "function": {"name": "f", "description": "d", "parameters": SCHEMA},
}
CUSTOM: Final[Json] = {"type": "custom", "custom": {"name": "g", "description": "d"}}
CALL: Final[Json] = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "f", "arguments": '{"x":1}'},
}
RESULT: Final[Json] = {"role": "tool", "tool_call_id": "call_1", "content": "2"}
THOUGHT: Final[Json] = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}


def said(*parts: Json) -> Json:
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": "look"}, *parts]}]}


def answered(**fields: Any) -> Json:
    """A history with an assistant's turn in it."""
    return {
        "messages": [
            USER,
            {"role": "assistant", "content": "ok", **fields},
            {"role": "user", "content": "more"},
        ]
    }


def image(**more: Any) -> Json:
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}", **more}}


LOOP: Final[Json] = {
    "messages": [USER, {"role": "assistant", "content": None, "tool_calls": [CALL]}, RESULT],
    "tools": [FUNCTION],
}

CASES: Final[dict[str, Json]] = {
    "messages": {},
    "model": {},
    "stream": {"stream": True},
    "stream_options": {"stream": True, "stream_options": {"include_usage": True}},
    "stream_options.include_usage": {"stream": True, "stream_options": {"include_usage": True}},
    "stream_options.include_obfuscation": {
        "stream": True,
        "stream_options": {"include_obfuscation": False},
    },
    "max_completion_tokens": {"max_completion_tokens": 100},
    "max_tokens": {"max_tokens": 100},
    "temperature": {"temperature": 0.3},
    "top_p": {"top_p": 0.5},
    "top_k": {"top_k": 5},
    "presence_penalty": {"presence_penalty": 0.5},
    "frequency_penalty": {"frequency_penalty": 0.5},
    "logit_bias": {"logit_bias": {"5": 10}},
    "logprobs": {"logprobs": True},
    "top_logprobs": {"logprobs": True, "top_logprobs": 2},
    "n": {"n": 2},
    "stop": {"stop": ["END"]},
    "seed": {"seed": 7},
    "tools": {"tools": [FUNCTION]},
    "tool.function": {"tools": [FUNCTION]},
    "tool.custom": {"tools": [CUSTOM]},
    "tool_choice": {"tools": [FUNCTION], "tool_choice": "required"},
    "tool_choice.function": {
        "tools": [FUNCTION],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
    },
    "tool_choice.custom": {
        "tools": [CUSTOM],
        "tool_choice": {"type": "custom", "custom": {"name": "g"}},
    },
    "tool_choice.allowed_tools": {
        "tools": [FUNCTION],
        "tool_choice": {
            "type": "allowed_tools",
            "allowed_tools": {
                "mode": "auto",
                "tools": [{"type": "function", "function": {"name": "f"}}],
            },
        },
    },
    "parallel_tool_calls": {"tools": [FUNCTION], "parallel_tool_calls": False},
    "functions": {"functions": [{"name": "f", "parameters": SCHEMA}]},
    "function_call": {
        "functions": [{"name": "f", "parameters": SCHEMA}],
        "function_call": {"name": "f"},
    },
    "response_format": {
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}
    },
    "response_format.text": {"response_format": {"type": "text"}},
    "response_format.json_object": {"response_format": {"type": "json_object"}},
    "response_format.json_schema": {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "n", "schema": SCHEMA, "strict": True},
        }
    },
    "reasoning_effort": {"reasoning_effort": "high"},
    "reasoning": {"reasoning": {"effort": "low"}},
    "thinking": {"thinking": {"type": "adaptive"}},
    "verbosity": {"verbosity": "low"},
    "modalities": {"modalities": ["text", "audio"]},
    "audio": {"audio": {"voice": "alloy", "format": "wav"}},
    "prediction": {"prediction": {"type": "content", "content": "x"}},
    "web_search_options": {"web_search_options": {}},
    "web_search_options.search_context_size": {
        "web_search_options": {"search_context_size": "low"}
    },
    "web_search_options.user_location": {
        "web_search_options": {
            "user_location": {
                "type": "approximate",
                "approximate": {"city": "Oslo", "country": "NO"},
            }
        }
    },
    "service_tier": {"service_tier": "default"},
    "user": {"user": "u-1"},
    "safety_identifier": {"safety_identifier": "s-1"},
    "metadata": {"metadata": {"a": "b"}},
    "store": {"store": True},
    "moderation": {"moderation": {"model": "omni-moderation-latest"}},
    "prompt_cache_key": {"prompt_cache_key": "k"},
    "prompt_cache_options": {"prompt_cache_options": {"mode": "implicit"}},
    "prompt_cache_retention": {"prompt_cache_retention": "24h"},
    "cache_control": {"cache_control": {"type": "ephemeral"}},
    "google": {"google": {"thinking_config": {"include_thoughts": True}}},
    "extra_body": {"extra_body": {"google": {"thinking_config": {"include_thoughts": True}}}},
    "x_provider": {
        "x_provider": {"claude": {"special": 1}, "gemini": {"special": 1}, "openai": {"special": 1}}
    },
    "role.system": {"messages": [{"role": "system", "content": "Be brief."}, USER]},
    "role.developer": {"messages": [{"role": "developer", "content": "Be brief."}, USER]},
    "role.user": {},
    "role.assistant": answered(),
    "role.tool": LOOP,
    "role.function": {
        "messages": [
            USER,
            {
                "role": "assistant",
                "content": None,
                "function_call": {"name": "f", "arguments": "{}"},
            },
            {"role": "function", "name": "f", "content": "2"},
        ],
        "functions": [{"name": "f", "parameters": SCHEMA}],
    },
    "messages.name": {"messages": [{"role": "user", "name": "jo", "content": "hi"}]},
    "messages.audio": {
        "messages": [USER, {"role": "assistant", "content": "ok", "audio": {"id": "a"}}, USER]
    },
    "messages.images": answered(images=[image()]),
    "messages.is_error": {
        **LOOP,
        "messages": [*LOOP["messages"][:2], {**RESULT, "is_error": True}],
    },
    "messages.cache_control": said(
        {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}
    ),
    "messages.reasoning_content": answered(reasoning_content="hm"),
    "messages.extra_content": answered(extra_content={"google": {"thought_signature": "c2ln"}}),
    "messages.thinking_blocks": answered(thinking_blocks=[THOUGHT]),
    "messages.provider_content": answered(
        provider_content={
            "format": "anthropic-messages",
            "model": "claude-sonnet-5",
            "blocks": [THOUGHT, {"type": "text", "text": "ok"}],
        }
    ),
    "content.text": said(),
    "content.image_url": said(image()),
    "content.image_url.detail": said(image(detail="high")),
    "content.input_audio": said(
        {"type": "input_audio", "input_audio": {"data": "UklGRgAAAABXQVZF", "format": "wav"}}
    ),
    "content.file": said(
        {
            "type": "file",
            "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"},
        }
    ),
    "content.video_url": said(
        {"type": "video_url", "video_url": {"url": "https://example.org/v.mp4"}}
    ),
    "content.refusal": {
        "messages": [
            USER,
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
            USER,
        ]
    },
    "content.prompt_cache_breakpoint": said(
        {"type": "text", "text": "x", "prompt_cache_breakpoint": {"mode": "explicit"}}
    ),
}


def outcome(dialect: str, fragment: Json) -> Json:
    """What one dialect makes of a request."""
    provider = "openai" if dialect == "responses" else dialect
    record = CONFIG.providers[provider].models[MODELS[dialect]].record
    target = Target(
        provider, provider, "https://provider.example/v1", MODELS[dialect], record, "key"
    )
    request = parse(loads(json.dumps({"model": "persona", "messages": [USER], **fragment})))
    try:
        built = DIALECTS[dialect].build_request(request, target)
    except InvalidRequest as error:
        return {"refused": {"param": error.param, "code": error.code, "message": error.message}}
    return {"body": loads(built.body), "notes": [[note.kind, note.param] for note in built.notes]}


def case(name: str) -> Json:
    return {
        "request": CASES[name],
        **{dialect: outcome(dialect, CASES[name]) for dialect in MODELS},
    }


def fields() -> list[str]:
    return list(dict.fromkeys(name for table in TABLES.values() for name in table))


def write() -> None:
    """All of them anew."""
    for name in CASES:
        (HERE / f"{name}.json").write_text(
            json.dumps(case(name), indent=1, ensure_ascii=False) + "\n", "utf-8"
        )
