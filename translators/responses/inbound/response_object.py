"""The response object: what the JSON answer is, and what a stream's lifecycle events carry."""

from base64 import b32encode
from collections.abc import Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final

from translators.chat.wire import Usage
from translators.json_codec import JsonObject

INCOMPLETE: Final[Mapping[str, str]] = {
    "length": "max_output_tokens",
    "content_filter": "content_filter",
}
"""Why a response is not whole, by the hub's words for the end of its answer."""
_TEXT: Final = MappingProxyType({"format": {"type": "text"}, "verbosity": "medium"})


def _mark_of(name: str) -> str:
    return b32encode(sha256(name.encode()).digest()[:20]).decode().lower()[:26]


class ResponseObject:
    """Everything of one response but its output: the caller's values as they came."""

    __slots__ = (
        "_behind", "_front", "_mark", "created", "kept", "model", "moderation", "name", "tier",
    )  # fmt: skip

    def __init__(self, document: Mapping[str, Any], name: str, created: int, kept: bool) -> None:
        self.name = name
        """The answer's: may be changed until an id has been made of it."""
        self._mark = ""
        self.created = created
        self.kept = kept
        """Whether the gateway keeps it."""
        self.model: str = document["model"]
        self.tier: Any = None
        self.moderation: Any = None
        """What the hub's answer says of it; None: nothing was looked at."""
        self._front = _front(document)
        self._behind = _behind(document)

    @property
    def mark(self) -> str:
        """26 letters and digits that name the answer: part of the ids of its response and its
        items."""
        if not self._mark:
            self._mark = _mark_of(self.name)
        return self._mark

    @property
    def id(self) -> str:
        return f"resp_lr{self.mark}"

    def document(
        self,
        status: str,
        output: list[JsonObject],
        *,
        completed: int | None = None,
        error: JsonObject | None = None,
        incomplete: str | None = None,
        usage: JsonObject | None = None,
    ) -> JsonObject:
        """The object, its fields in OpenAI's order."""
        front, behind = self._front, self._behind
        looked = {} if self.moderation is None else {"moderation": _moderated(self.moderation)}
        return {
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "status": status,
            "background": False,
            "completed_at": completed,
            "error": error,
            "incomplete_details": None if incomplete is None else {"reason": incomplete},
            **front,
            "model": self.model,
            "output": output,
            **behind,
            "service_tier": self.tier or behind["service_tier"],
            "store": self.kept,
            "temperature": behind["temperature"],
            "usage": usage,
            "user": behind["user"],
            **looked,
        }


def _front(document: Mapping[str, Any]) -> JsonObject:
    return {
        "instructions": document.get("instructions"),
        "max_output_tokens": document.get("max_output_tokens"),
        "max_tool_calls": document.get("max_tool_calls"),
        "metadata": document.get("metadata") or {},
    }


def _behind(document: Mapping[str, Any]) -> JsonObject:
    get = document.get
    reasoning, text = _object(get("reasoning")), _object(get("text"))
    parallel = get("parallel_tool_calls")
    return {
        "parallel_tool_calls": True if parallel is None else parallel,
        "previous_response_id": get("previous_response_id"),
        "prompt_cache_key": get("prompt_cache_key"),
        "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
        "safety_identifier": get("safety_identifier"),
        "service_tier": "default",
        "store": False,
        "temperature": get("temperature"),
        "text": {**_TEXT, **{name: value for name, value in text.items() if value is not None}},
        "tool_choice": "auto" if get("tool_choice") is None else get("tool_choice"),
        "tools": get("tools") or [],
        "top_logprobs": get("top_logprobs") or 0,
        "top_p": get("top_p"),
        "truncation": "disabled",
        "usage": None,
        "user": get("user"),
    }


def _moderated(found: Any) -> Any:
    """Of prompt and answer one result each, where the hub has a list of them."""
    return {
        side: results[0] if (results := _object(result).get("results")) else result
        for side, result in _object(found).items()
    }


def _object(value: Any) -> JsonObject:
    found: JsonObject = value if value.__class__ is dict else {}
    return found


def usage_document(usage: Usage | None) -> JsonObject | None:
    """What was counted, in this API's words; None if nothing was."""
    if usage is None:
        return None
    read: Any = usage.get("prompt_tokens_details") or {}
    made: Any = usage.get("completion_tokens_details") or {}
    prompt, completion = usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0
    return {
        "input_tokens": prompt,
        "input_tokens_details": {
            "cached_tokens": read.get("cached_tokens") or 0,
            "cache_write_tokens": read.get("cache_write_tokens") or 0,
        },
        "output_tokens": completion,
        "output_tokens_details": {"reasoning_tokens": made.get("reasoning_tokens") or 0},
        "total_tokens": usage.get("total_tokens") or prompt + completion,
    }
