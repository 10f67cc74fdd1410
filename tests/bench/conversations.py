"""The fixed requests and answers of the replay: what callers send, and what each provider says to
it. No dice, no clock.
"""

from typing import Any, Final

from translators.json_codec import dumps

Kind = str
"""small · tools · images · large · structured."""
_WORDS: Final = "The quick brown fox jumps over the lazy dog. "
_CITY: Final = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "The city's name", "minLength": 1},
        "days": {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 14}},
        "options": {
            "type": "object",
            "properties": {
                "unit": {"type": "string", "enum": ["C", "F"]},
                "wind": {"type": "boolean"},
            },
        },
    },
    "required": ["city"],
}
_REPORT: Final = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "score": {"type": "number", "minimum": 0, "maximum": 1},
        "tags": {"type": "array", "items": {"type": "string"}},
        "author": {
            "type": "object",
            "properties": {"name": {"type": "string"}},
            "required": ["name"],
            "additionalProperties": False,
        },
    },
    "required": ["title", "score", "tags", "author"],
    "additionalProperties": False,
}
_PNG: Final = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUg" + "AAAB" * 500
_ARGUMENTS: Final = '{"city":"Oslo","days":[0,1,2],"options":{"unit":"C","wind":true}}'
_JSON_TEXT: Final = '{"title":"Foxes","score":0.5,"tags":["a","b"],"author":{"name":"Ann"}}'
_USAGE: Final = {"prompt_tokens": 100, "completion_tokens": 200, "total_tokens": 300}


def _user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def _called(n: int) -> list[dict[str, Any]]:
    call = {
        "id": f"call_{n}",
        "type": "function",
        "function": {"name": "weather_0", "arguments": _ARGUMENTS},
    }
    return [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": f"call_{n}", "content": "Clear, -3 degrees. " * 5},
    ]


def _tools() -> list[dict[str, Any]]:
    return [
        {
            "type": "function",
            "function": {
                "name": f"weather_{n}",
                "description": "Tells the weather.",
                "parameters": _CITY,
            },
        }
        for n in range(6)
    ]


def _images() -> list[dict[str, Any]]:
    image = {"type": "image_url", "image_url": {"url": _PNG, "detail": "low"}}
    return [{"type": "text", "text": "What is the same in these?"}, image, image]


def _turns() -> list[dict[str, Any]]:
    """100 KB in 40 messages."""
    return [
        {"role": "assistant" if n % 2 else "user", "content": f"{n}: " + _WORDS * 56}
        for n in range(39)
    ] + [_user("Go on.")]


BODIES: Final[dict[Kind, dict[str, Any]]] = {
    "small": {"messages": [_user(_WORDS * 20)], "max_tokens": 1000},
    "tools": {
        "messages": [_user("How is it in Oslo?"), *_called(1), *_called(2)],
        "tools": _tools(),
        "tool_choice": "auto",
    },
    "images": {"messages": [_user(_images())], "max_completion_tokens": 500, "temperature": 0.5},
    "large": {
        "messages": [{"role": "system", "content": "Be brief."}, *_turns()],
        "max_tokens": 1000,
    },
    "structured": {
        "messages": [_user(_WORDS * 5)],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "report", "strict": True, "schema": _REPORT},
        },
        "max_tokens": 1000,
    },
}

_SAID: Final[dict[Kind, str | None]] = {
    "small": _WORDS * 20, "tools": None, "images": _WORDS * 5, "large": _WORDS * 2300,
    "structured": _JSON_TEXT,
}  # fmt: skip
"""The text of the answer; None: a call instead."""


def request(model: str, kind: Kind, stream: bool = False) -> bytes:
    """The JSON text that a caller sends."""
    return dumps({"model": model, **BODIES[kind], "stream": stream})


def answer(dialect: str, kind: Kind) -> bytes:
    """The JSON text that a provider of `dialect` answers with."""
    return dumps(_ANSWERS[dialect](_SAID[kind]))


def _openai(text: str | None) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
    if text is None:
        message["tool_calls"] = [
            {
                "id": "call_3",
                "type": "function",
                "function": {"name": "weather_1", "arguments": _ARGUMENTS},
            }
        ]
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": "tool_calls" if text is None else "stop",
    }
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "served",
        "choices": [choice],
        "usage": _USAGE,
    }


def _claude(text: str | None) -> dict[str, Any]:
    call = {
        "type": "tool_use",
        "id": "toolu_3",
        "name": "weather_1",
        "input": {"city": "Oslo", "days": [0, 1, 2]},
    }
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "served",
        "stop_sequence": None,
        "content": [call if text is None else {"type": "text", "text": text}],
        "stop_reason": "tool_use" if text is None else "end_turn",
        "usage": {"input_tokens": 100, "cache_read_input_tokens": 0,
         "cache_creation_input_tokens": 0, "output_tokens": 200},
    }  # fmt: skip


def _gemini(text: str | None) -> dict[str, Any]:
    call = {
        "functionCall": {
            "id": "c3",
            "name": "weather_1",
            "args": {"city": "Oslo", "days": [0, 1, 2]},
        },
        "thoughtSignature": "RWpR",
    }
    parts = [call if text is None else {"text": text}]
    return {
        "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP",
         "index": 0}],
        "usageMetadata": {"promptTokenCount": 100, "candidatesTokenCount": 200,
         "totalTokenCount": 300},
        "modelVersion": "served", "responseId": "r1",
    }  # fmt: skip


def _responses(text: str | None) -> dict[str, Any]:
    call = {
        "id": "fc_1",
        "type": "function_call",
        "status": "completed",
        "call_id": "call_3",
        "name": "weather_1",
        "arguments": _ARGUMENTS,
    }
    return {
        "id": "resp_1", "object": "response", "created_at": 1, "status": "completed",
        "error": None, "incomplete_details": None,
        "model": "served", "output": [call if text is None else _responses_message(text)],
        "usage": {"input_tokens": 100, "output_tokens": 200, "total_tokens": 300},
    }  # fmt: skip


def _responses_message(text: str) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": content,
    }


_ANSWERS: Final = {"openai": _openai, "claude": _claude, "gemini": _gemini, "responses": _responses}
