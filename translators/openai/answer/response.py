"""A whole answer of a server that speaks the hub's language: relayed, with its defects mended."""

from translators.chat.wire import Completion
from translators.dialect import Envelope
from translators.dialect.streamed_answer import added_up, is_stream
from translators.errors import UpstreamError, UpstreamFailure
from translators.failures import malformed
from translators.long_json import loads_answer
from translators.openai.answer.as_it_came import LEAST, as_it_came
from translators.openai.answer.errors import failure
from translators.openai.answer.finish_reason import UNKNOWN_FINISH_REASON, fitting, is_none, meaning
from translators.openai.answer.message import (
    REASONED,
    answers_tools,
    callers_name,
    fill_arguments,
    mend_texts,
    well_formed,
    write_out,
)
from translators.openai.answer.stream import OpenAIStream
from translators.openai.answer.usage import mend_usage
from translators.openai.wire import Call, Called, Said, SentChoice, SentDocument


def parse_response(body: bytes, envelope: Envelope) -> Completion:
    """The chat.completion in `body`. Raises UpstreamError if it is none."""
    try:
        document = loads_answer(body)
    except ValueError as error:
        if is_stream(body):
            return added_up(body, OpenAIStream(envelope), envelope)
        raise UpstreamError(malformed(f"The provider's answer is not JSON: {error}")) from None
    if document.__class__ is not dict:
        raise UpstreamError(malformed("The provider's answer is not a JSON object."))
    if document.get("error"):
        raise UpstreamError(failure(document, 200, {}))
    choices = document.get("choices")
    if not choices or not well_formed(choices, "message"):
        if "choices" not in document and ("message" in document or "detail" in document):
            raise UpstreamError(failure(document, 200, {}))
        raise UpstreamError(
            malformed("The provider's answer has no choices, or not in OpenAI's form.")
        )
    if len(body) >= LEAST:
        document = as_it_came(document, body)
    completion: Completion = document  # the same object: what it lacks is added below
    if "x_llm_router" in document:
        del document["x_llm_router"]  # ours to say
    for choice in choices:
        if "index" not in choice:
            choice["index"] = next(place for place, each in enumerate(choices) if each is choice)
        if not _mend(choice, envelope):
            document["x_llm_router"] = {"warnings": [UNKNOWN_FINISH_REASON]}
    usage = document.get("usage")
    if usage.__class__ is not dict:
        _find_usage(document, choices)
    else:
        mend_usage(usage)
    document["object"] = "chat.completion"
    if not document.get("id"):
        document["id"] = envelope.id
    if not document.get("model"):
        document["model"] = envelope.model
    document.setdefault("created", envelope.created)
    return completion


def _mend(choice: SentChoice, envelope: Envelope) -> bool:
    """Put one choice into the hub's form. False if its finish_reason is not known. Raises
    UpstreamError if it is not whole.
    """
    if "error" in choice and (error := choice["error"]):
        raise UpstreamError(failure({"error": error}, 200, {}))
    message, reason = choice.get("message"), choice.get("finish_reason")
    if message is None:
        message = choice["message"] = {"content": None}
    message["role"] = "assistant"
    if message.get("content").__class__ is list or not REASONED.isdisjoint(message):
        mend_texts(message)
    if "function_call" in message and answers_tools(envelope.shape):
        _tell_as_tool_call(message)
    calls = "tool_calls" in message and _mend_calls(message, envelope)
    legacy = "function_call" in message and _mend_function_call(message, envelope)
    if reason == ("tool_calls" if calls else "stop") and not legacy:
        return True
    found = "stop" if is_none(reason) else meaning(reason)
    if isinstance(found, UpstreamFailure):
        raise UpstreamError(found)
    choice["finish_reason"] = fitting(found or "stop", calls, legacy)
    if found != reason:
        choice["native_finish_reason"] = reason
    return found is not None


def _tell_as_tool_call(message: Said) -> None:
    if message["function_call"] is not None and not message.get("tool_calls"):
        function = message.pop("function_call")
        message["tool_calls"] = [{"type": "function", "function": function}]


def _mend_function_call(message: Said, envelope: Envelope) -> bool:
    """Whether there is one."""
    function = message["function_call"]
    if function is None:
        return False
    write_out(message)
    fill_arguments(function)
    function["name"] = callers_name(function.get("name") or "", envelope.shape)
    return True


def _mend_calls(message: Said, envelope: Envelope) -> bool:
    """Whether there are any."""
    calls = message["tool_calls"]
    if not calls:
        del message["tool_calls"]
        return False
    ids: set[str] = set()
    for n, call in enumerate(calls):
        call_id, called = call.get("id"), call.get("function")
        usual = (
            call_id.__class__ is str
            and call_id
            and called is not None
            and called.get("arguments").__class__ is str
        )
        if not usual or call_id in ids or not called["arguments"] or "type" not in call:
            called = _mend_call(call, f"{call_id or envelope.call_id}_{n}", ids)
        ids.add(call["id"])
        called["name"] = callers_name(called.get("name") or "", envelope.shape)
    return True


def _mend_call(call: Call, other_id: str, ids: set[str]) -> Called:
    """Give one call what it lacks, `other_id` where its own is missing or taken. What holds its
    name.
    """
    call_id = call.get("id")
    call["id"] = str(call_id) if call_id and call_id not in ids else other_id
    write_out(call)
    kind = "custom" if call.get("custom") is not None else "function"
    call["type"] = call.get("type") or kind
    called: Called | None = call.get(kind)
    if called is None:
        called = call["function"] = {}
    if kind == "function":
        fill_arguments(called)
    return called


def _find_usage(document: SentDocument, choices: list[SentChoice]) -> None:
    """Take the count from a choice (Moonshot), where there is none in its place."""
    document.pop("usage", None)
    for choice in choices:
        usage = choice.pop("usage", None)
        if usage.__class__ is dict:
            mend_usage(usage)
            document["usage"] = usage
