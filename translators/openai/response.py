"""A whole answer of a server that speaks the hub's language: relayed, with its small defects mended."""

from typing import Any

from translators.chat.chunks import FINISH_REASONS
from translators.chat.tool_names import declared_name
from translators.dialect import Envelope
from translators.errors import UpstreamError, malformed
from translators.jsontext import loads
from translators.openai.errors import failure


def parse_response(body: bytes, envelope: Envelope) -> dict[str, Any]:
    """The chat.completion in `body`. Raises UpstreamError if it is none."""
    try:
        document = loads(body)
    except ValueError as error:
        raise UpstreamError(malformed(f"The provider's answer is not JSON: {error}")) from None
    if not isinstance(document, dict):
        raise UpstreamError(malformed("The provider's answer is not a JSON object."))
    if document.get("error"):
        raise UpstreamError(failure(document, 200, {}))
    choices = document.get("choices")
    if not choices or not well_formed(choices, "message"):
        raise UpstreamError(malformed("The provider's answer has no choices, or not in OpenAI's form."))
    for choice in choices:
        _mend(choice, envelope)
    document.setdefault("id", envelope.id)
    document.setdefault("object", "chat.completion")
    document.setdefault("created", envelope.created)
    document.setdefault("model", envelope.model)
    return document


def well_formed(choices: Any, inner: str) -> bool:
    """Whether `choices` are objects whose `message` or `delta` can be read: a server may send anything."""
    if choices.__class__ is not list:
        return False
    for choice in choices:
        if choice.__class__ is not dict:
            return False
        said = choice.get(inner)
        if said is None:
            continue
        if said.__class__ is not dict or choice.get("index", 0).__class__ is not int:
            return False
        calls = said.get("tool_calls")
        if calls is not None and (calls.__class__ is not list or not all(call.__class__ is dict for call in calls)):
            return False
    return True


def _mend(choice: dict[str, Any], envelope: Envelope) -> None:
    reason = choice.get("finish_reason")
    message = choice.get("message")
    calls = message.get("tool_calls") if isinstance(message, dict) else None
    if reason not in FINISH_REASONS:
        choice["finish_reason"] = "tool_calls" if calls else "stop"
        choice["native_finish_reason"] = reason
    for n, call in enumerate(calls or ()):
        if not call.get("id"):
            call["id"] = f"{envelope.call_id}_{n}"
        function = call.get("function")
        if isinstance(function, dict):
            function["name"] = declared_name(function.get("name") or "", envelope.shape.declared_tools)
