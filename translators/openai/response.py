"""A whole answer of a server that speaks the hub's language: relayed, with its small defects mended."""

from types import NoneType
from typing import Any, Final

from translators.chat.chunks import FINISH_REASONS
from translators.chat.tool_names import declared_name
from translators.dialect import Envelope
from translators.errors import UpstreamError, malformed
from translators.jsontext import dumps_str, loads
from translators.openai.errors import failure

_TEXT: Final = (str, NoneType)
_SPOKEN: Final = (str, NoneType, list)
"""Some servers give the parts of a content: they are relayed."""
_NAMING: Final = (str, NoneType, int)
_CALLED: Final = {"function": "arguments", "custom": "input", "function_call": "arguments"}
"""What holds a call's name, and its text beside it. The last stands in a message, the others in one of its `tool_calls`."""


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
    if (usage := document.get("usage")) is not None and usage.__class__ is not dict:
        del document["usage"]
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
        said, index = choice.get(inner), choice.get("index", 0)
        if said is None:
            if index is not None and index.__class__ is not int:
                return False
            continue
        if said.__class__ is not dict or index.__class__ is not int or said.get("content").__class__ not in _SPOKEN:
            return False
        if not _is_named(said.get("function_call")):
            return False
        calls = said.get("tool_calls")
        if calls is not None and (calls.__class__ is not list or not all(map(_is_call, calls))):
            return False
    return True


def _is_call(call: Any) -> bool:
    """Whether a call, or a piece of one, can be told from others."""
    return (
        call.__class__ is dict
        and call.get("id").__class__ in _NAMING
        and call.get("index").__class__ in _NAMING
        and _is_named(call.get("function"))
        and _is_named(call.get("custom"))
    )


def _is_named(called: Any) -> bool:
    return called is None or (called.__class__ is dict and called.get("name").__class__ in _TEXT)


def is_known(reason: Any) -> bool:
    """Whether a finish_reason is one of the hub's."""
    return reason.__class__ is str and reason in FINISH_REASONS


def write_out(holder: dict[str, Any]) -> bool:
    """Arguments that came as a value become the JSON text that they are in OpenAI's form. Whether there were any."""
    found = False
    for kind, name in _CALLED.items():
        called = holder.get(kind)
        if called.__class__ is dict and called.get(name).__class__ not in _TEXT:
            called[name] = dumps_str(called[name])
            found = True
    return found


def _mend(choice: dict[str, Any], envelope: Envelope) -> None:
    reason = choice.get("finish_reason")
    message = choice.get("message")
    if message is None:
        message = choice["message"] = {"role": "assistant", "content": None}
    if "function_call" in message:
        write_out(message)
    calls = message.get("tool_calls")
    if not is_known(reason):
        choice["finish_reason"] = "tool_calls" if calls else "stop"
        choice["native_finish_reason"] = reason
    for n, call in enumerate(calls or ()):
        if not call.get("id"):
            call["id"] = f"{envelope.call_id}_{n}"
        write_out(call)
        function = call.get("function")
        if isinstance(function, dict):
            function["name"] = declared_name(function.get("name") or "", envelope.shape.declared_tools)
