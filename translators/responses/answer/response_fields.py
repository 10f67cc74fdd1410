"""How a response ended: its finish_reason, its failure, and what stands beside the choice."""

from typing import Any, Final

from translators.chat.wire import FinishReason
from translators.errors import UpstreamFailure
from translators.failures import no_output
from translators.json_codec import JsonObject
from translators.responses.answer.errors import told_failure
from translators.responses.items import parts_of
from translators.responses.wire import Item, Response

_INCOMPLETE: Final[dict[str, FinishReason]] = {
    "max_output_tokens": "length",
    "max_messages": "length",
    "content_filter": "content_filter",
    "steered": "stop",
}
_UNFINISHED: Final = ("queued", "in_progress")
_OWN_WORDS: Final = ("max_messages", "steered")
"""Reasons that `finish_reason` hides."""


def failure_of(response: Response) -> UpstreamFailure | None:
    """Why the response is no answer, or None if it is one."""
    status = response.get("status")
    if response.get("error") or status == "failed":
        return told_failure(response.get("error"))
    if status == "cancelled":
        return told_failure({"message": "The provider cancelled the response."})
    if status in _UNFINISHED:
        return no_output()
    return None


def finish_reason(response: Response, has_calls: bool, legacy: bool) -> FinishReason:
    """The hub's word for how `response` ended."""
    if response.get("status") == "incomplete":
        return _INCOMPLETE.get(_reason(response), "length")
    if not has_calls:
        return "stop"
    return "function_call" if legacy else "tool_calls"


def native_reason(response: Response) -> str | None:
    """The provider's own reason where finish_reason does not say it."""
    reason = _reason(response)
    return reason if reason in _OWN_WORDS or (reason and reason not in _INCOMPLETE) else None


def _reason(response: Response) -> str:
    details = response.get("incomplete_details")
    return str(details.get("reason") or "") if details.__class__ is dict else ""


def beside(response: Response) -> JsonObject:
    """What the hub's answer has at its top: the tier that served, and what moderation found."""
    told: JsonObject = {}
    if response.get("service_tier"):
        told["service_tier"] = response["service_tier"]
    if (found := response.get("moderation")).__class__ is dict:
        told["moderation"] = {name: _moderation(result) for name, result in found.items()}
    return told


def _moderation(result: Any) -> Any:
    """One result, as the list of results that Chat Completions has."""
    if result.__class__ is not dict or result.get("type") != "moderation_result":
        return result
    return {"type": "moderation_results", "model": result.get("model"), "results": [result]}


def logprobs(tokens: Any) -> JsonObject | None:
    """The log probabilities of some tokens as a choice has them; None if there are none."""
    known = (
        [token for token in tokens if token.__class__ is dict] if tokens.__class__ is list else []
    )
    if not known:
        return None
    return {
        "content": [{"bytes": None, **token, "top_logprobs": _top(token)} for token in known],
        "refusal": None,
    }


def _top(token: JsonObject) -> list[JsonObject]:
    return [{"bytes": None, **one} for one in parts_of(token, "top_logprobs")]


def answer_id(response: Response, default: str) -> str:
    own = response.get("id")
    return f"chatcmpl-{own}" if own.__class__ is str and own else default


def answer_model(response: Response, default: str) -> str:
    served = response.get("model")
    return served if served.__class__ is str and served else default


def output_of(response: Response) -> list[Item]:
    """The items of the answer, each once."""
    output = response.get("output")
    items: list[Item] = (
        [item for item in output if item.__class__ is dict] if output.__class__ is list else []
    )
    return (
        [item for n, item in enumerate(items) if item not in items[:n]]
        if len(items) > 1 and _repeats(items)
        else items
    )


def _repeats(items: list[Item]) -> bool:
    """Whether an id stands twice among them: then an item may, too."""
    ids = [item["id"] for item in items if item.get("id").__class__ is str]
    return len(set(ids)) < len(ids)
