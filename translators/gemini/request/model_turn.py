"""An assistant message as the parts of a `model` content: texts, then calls in their order, each
with the signature it was given.
"""

from typing import Any, Final, NamedTuple, cast

from translators.capabilities import ModelRecord
from translators.chat.calls import called_in, unreadable
from translators.chat.wire import InputMessage
from translators.errors import InvalidRequest
from translators.gemini.names import upstream_name
from translators.gemini.request import thought_signatures
from translators.gemini.request.content import texts
from translators.gemini.request.function_responses import OpenCall, arguments, raw_arguments
from translators.gemini.wire import Part
from translators.json_codec import JsonObject
from translators.notes import Report

TEXT_ONLY: Final = frozenset({"role", "name", "content"})
"""The fields of a message that only says something: most of a long conversation are such."""
_SERVER_TOOLS: Final = frozenset({"toolCall", "toolResponse"})
_CARRIED: Final = _SERVER_TOOLS | {"text", "functionCall", "executableCode", "codeExecutionResult"}


class ModelTurn(NamedTuple):
    parts: list[Part]
    calls: list[OpenCall]
    plain: bool
    """Neither a call nor a signature in it: it may be merged with a neighbour."""


def read(message: InputMessage, record: ModelRecord, report: Report, index: int) -> ModelTurn:
    """The turn that an assistant message, the caller's `index`-th, stands for; no parts if it says
    nothing. Raises InvalidRequest.
    """
    at = f"messages[{index}]"
    if message.get("audio") is not None:
        raise InvalidRequest(
            "Audio of an earlier answer cannot be sent to this provider.",
            f"{at}.audio",
            "unsupported_value",
        )
    if message.get("images"):
        report.dropped(f"{at}.images", "images of an earlier answer are not sent back")
    spoken: list[Part] = [{"text": text} for text in _spoken(message, at)]
    calls, call_parts = _calls(message, record, report, index)
    carried = (
        _carried(message, spoken, call_parts, record, report, at)
        if "extra_content" in message
        else None
    )
    if carried is None:
        signature = thought_signatures.of_message(message, record)
        if signature is not None:
            _sign(signature, spoken, call_parts, message)
        carried = spoken + call_parts
    thought_signatures.ensure_first_signed(
        [part for part in carried if "functionCall" in part], record
    )
    return ModelTurn(
        carried, calls, not calls and not any("thoughtSignature" in part for part in carried)
    )


def _spoken(message: InputMessage, at: str) -> list[str]:
    found = texts(message.get("content"), f"{at}.content", ("text", "refusal"))
    refusal = message.get("refusal")
    return [refusal] if not found and refusal and refusal.__class__ is str else found


def _calls(
    message: InputMessage, record: ModelRecord, report: Report, index: int
) -> tuple[list[OpenCall], list[Part]]:
    at = f"messages[{index}]"
    calls: list[OpenCall] = []
    parts: list[Part] = []
    for j, call in enumerate(message.get("tool_calls") or ()):
        given = call.get("id")
        plain_id, hidden = thought_signatures.split_id(given) if given else (None, None)
        custom, function = call.get("type") == "custom", called_in(call)
        if function is None:
            raise unreadable(call, index, j)
        args = (
            {"input": function.get("input") or ""}
            if custom
            else _args(function, report, f"{at}.tool_calls[{j}].function")
        )
        open_call = OpenCall(plain_id, function["name"], upstream_name(function["name"]))
        part = _call_part(open_call, args, record)
        if (signature := thought_signatures.of_call(call, hidden, record)) is not None:
            part["thoughtSignature"] = signature
        calls.append(open_call)
        parts.append(part)
    legacy = message.get("function_call")
    if legacy is not None:
        open_call = OpenCall(None, legacy["name"], upstream_name(legacy["name"]))
        calls.append(open_call)
        parts.append(_call_part(open_call, _args(legacy, report, f"{at}.function_call"), record))
    return calls, parts


def _call_part(call: OpenCall, args: JsonObject, record: ModelRecord) -> Part:
    if record.call_ids and call.id is not None:
        return {"functionCall": {"id": call.id, "name": call.upstream_name, "args": args}}
    return {"functionCall": {"name": call.upstream_name, "args": args}}


def _args(function: JsonObject, report: Report, at: str) -> JsonObject:
    text = function.get("arguments")
    if (args := arguments(text)) is None:
        report.changed(f"{at}.arguments", "they are no JSON object and travel as text")
        return raw_arguments(text)
    return args


def _sign(signature: str, spoken: list[Part], calls: list[Part], message: InputMessage) -> None:
    """A message's own signature belongs to its last text, or to a legacy function call, which has
    no place for one.
    """
    if spoken:
        spoken[-1]["thoughtSignature"] = signature
    elif calls and not message.get("tool_calls"):
        calls[0]["thoughtSignature"] = signature


def _carried(
    message: InputMessage,
    spoken: list[Part],
    calls: list[Part],
    record: ModelRecord,
    report: Report,
    at: str,
) -> list[Part] | None:
    """The turn as Gemini gave it, if the caller kept it (`extra_content.google.parts`) and it still
    says what the message says.
    """
    kept = thought_signatures.google_extra(message).get("parts")
    if kept.__class__ is not list:
        return None
    parts: list[Part] = []
    waiting = iter(calls)
    for part in kept:
        made = _carried_part(part, record)
        if made is not None and "functionCall" in made:
            made = _known_call(made, next(waiting, None))
        if made is not None:
            parts.append(made)
    same_text = "".join(p["text"] for p in parts if "text" in p) == "".join(
        p["text"] for p in spoken
    )
    if (
        same_text
        and sum("functionCall" in part for part in parts) == len(calls)
        and next(waiting, None) is None
    ):
        return parts
    report.dropped(f"{at}.extra_content.google.parts", "they no longer say what the message says")
    return None


def _known_call(carried: Part, call: Part | None) -> Part | None:
    """The message's own call, with the signature of the part it came from."""
    if call is not None and "thoughtSignature" in carried:
        call.setdefault("thoughtSignature", carried["thoughtSignature"])
    return call


def _carried_part(part: Any, record: ModelRecord) -> Part | None:
    if part.__class__ is not dict:
        return None
    data = next((name for name in part if name in _CARRIED), None)
    if data is None or (data in _SERVER_TOOLS and not record.builtin_with_functions):
        return None
    if part[data].__class__ is not (str if data == "text" else dict) or not part[data]:
        return None
    made = cast(Part, {data: part[data]})
    if (
        record.signatures != "none"
        and (signature := thought_signatures.normalized(part.get("thoughtSignature"))) is not None
    ):
        made["thoughtSignature"] = signature
    return made
