"""Every dialect, one line each, and which of them a request to a model needs."""

from types import MappingProxyType
from typing import Any, Final

from translators import claude, gemini, openai, responses
from translators.chat.request import ChatRequest
from translators.dialect import Dialect, ModelRecord

DIALECTS: Final = MappingProxyType[str, Dialect](
    {
        "claude": claude,
        "gemini": gemini,
        "openai": openai,
        "responses": responses,
    }
)


def dialect_for(name: str, record: ModelRecord, request: ChatRequest) -> Dialect:
    """The dialect of a provider that speaks `name`, for this model and request.

    OpenAI has two: some of its models are reached through /v1/responses, always or when they are to reason and call functions.
    """
    if name == "openai" and record.responses != "never" and (record.responses == "always" or _calls_and_reasons(record, request.body)):
        return DIALECTS["responses"]
    return DIALECTS[name]


def _calls_and_reasons(record: ModelRecord, body: dict[str, Any]) -> bool:
    effort = body.get("reasoning_effort")
    reasons = record.thinking.on_by_default if effort in (None, "default") else effort != "none" or "none" not in record.thinking.levels
    return reasons and (bool(body.get("functions")) or any(tool.get("type") == "function" for tool in body.get("tools") or ()))
