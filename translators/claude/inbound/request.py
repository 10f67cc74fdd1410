"""A Messages request read into the hub's form: one pass, no target known."""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from translators.chat.prefill import marked
from translators.chat.request import ChatRequest, parse
from translators.claude.inbound.context import Reading, object_of, rejected, text_of
from translators.claude.inbound.conversation import BILLING, Conversation
from translators.claude.inbound.effort import Thinking, thinking_of
from translators.claude.inbound.fields import FIELDS, UNKNOWN
from translators.claude.inbound.session import caller_of, digest
from translators.claude.inbound.tools import Tools, is_strict
from translators.errors import InvalidRequest
from translators.json_codec import JsonObject
from translators.notes import Note

_LONG_CONTEXT: Final = "[1m]"
_TIERS: Final = {"auto": "auto", "standard_only": "default"}
_CLEARS_THINKING: Final = "clear_thinking_20251015"
_SCHEMA: Final = re.compile(r"\Atools\[(\d+)\]\.function\.parameters(.*)", re.DOTALL)
_THINKING: Final = frozenset({"thinking", "output_config"})
_NO_THINKING: Final = Thinking()
_FORMAT: Final = frozenset({"output_config", "output_format"})
_SETTINGS: Final = frozenset({"temperature", "top_p", "top_k", "service_tier", "speed"})
_PLAIN: Final = frozenset(
    name
    for name, verdict in FIELDS.items()
    if verdict.kind not in ("rejected", "dropped") and name != "context_management"
)
"""Fields of which nothing more is to be said."""
_INDEX: Final = re.compile(r"\[(\d+)\]")
_SIMPLE: Final = frozenset({
    "model", "messages", "system", "max_tokens", "stream", "temperature", "top_p", "metadata",
})  # fmt: skip
_SAID: Final = ("user", "assistant")
_NO_IDS: Final[frozenset[str]] = frozenset()


class Read(NamedTuple):
    """A request that was read."""

    request: ChatRequest
    model: str
    """The name that the caller sent, letter for letter."""
    thinking: Thinking
    stops: tuple[str, ...]
    call_ids: frozenset[str]
    only_search: bool
    notes: tuple[Note, ...]
    natives: tuple[str, ...]
    only_reads: bool
    """`max_tokens: 0`: the prompt is to be in Claude's cache, and nothing to be answered."""


def read(document: Any, headers: Mapping[str, str], size: int, *, counts: bool = False) -> Read:
    """The hub's form of a decoded body. `counts`: only to be counted, so nothing need limit its
    answer.

    Raises InvalidRequest, whose message begins with the field's path.
    """
    if document.__class__ is not dict:
        raise InvalidRequest("The request body must be a JSON object.", None, "invalid_type")
    if not counts and (simple := _simple_body(document)) is not None:
        _write_simple(simple, document)
        _write_caller(simple, document, headers)
        chat, model = ChatRequest(simple, size, True), simple["model"]
        if document["messages"][-1]["role"] == "assistant":
            marked(chat.messages)
        return Read(chat, model, _NO_THINKING, (), _NO_IDS, False, (), (), False)
    reading = Reading()
    model = text_of(document, "model", "body").strip() if "model" in document else ""
    if not model:
        raise rejected("model", "Field required")
    messages = document.get("messages")
    if messages.__class__ is not list or not messages:
        raise rejected("messages", "at least one message is required")
    conversation = Conversation(reading)
    conversation.add_system_prompt(document.get("system"))
    conversation.add_all(messages)
    body: JsonObject = {"model": _hub_name(model), "messages": conversation.messages}
    if not conversation.messages and not reading.natives:
        raise rejected("messages", "at least one message with content is required")
    if not conversation.messages:  # all that was said is for Claude alone
        conversation.messages.append({"role": "user", "content": ""})
    body["max_completion_tokens"] = 1 if counts else _max_tokens(document, reading)
    only_search = False
    if document.get("tools") is not None or reading.changes:
        tools = Tools(document.get("tools"), reading)
        tools.write(body, document.get("tool_choice"))
        only_search = tools.only_search
    thinking = _NO_THINKING
    if reading.effort is not None or not _THINKING.isdisjoint(document):
        thinking = thinking_of(document, reading.effort)
        if thinking.effort is not None:
            body["reasoning_effort"] = thinking.effort
    _write_simple(body, document)
    if not _FORMAT.isdisjoint(document):
        _write_format(body, document)
    _write_caller(body, document, headers)
    _look_at_the_rest(document, reading)
    request = _checked(body, size)
    marked(request.messages)
    stops = _stops(document) if "stop_sequences" in document else ()
    return Read(
        request,
        model,
        thinking,
        stops,
        frozenset(reading.call_ids),
        only_search,
        tuple(reading.notes.values()),
        tuple(reading.natives),
        document.get("max_tokens") == 0 and not counts,
    )


def _simple_body(document: JsonObject) -> JsonObject | None:
    """Model, messages and limit of a request that says nothing but texts, as many do; None where
    anything is to be looked at more closely, or refused."""
    if not document.keys() <= _SIMPLE:
        return None
    model, given = document.get("model"), document.get("messages")
    limit, system = document.get("max_tokens"), document.get("system")
    if model.__class__ is not str or model != model.strip() or not model or "[" in model:
        return None
    if limit.__class__ is not int or limit < 1 or given.__class__ is not list or not given:
        return None
    messages: list[JsonObject] = []
    if system is not None:
        if system.__class__ is not str or not system or system.startswith(BILLING):
            return None
        messages.append({"role": "system", "content": system})
    for message in given:
        if message.__class__ is not dict:
            return None
        role, content = message.get("role"), message.get("content")
        if content.__class__ is not str or not content or role not in _SAID:
            return None
        messages.append({"role": role, "content": content})
    return {"model": model, "messages": messages, "max_completion_tokens": limit}


def _hub_name(model: str) -> str:
    return model.removesuffix(_LONG_CONTEXT) or model


def _max_tokens(document: JsonObject, reading: Reading) -> int:
    """At least 1: who takes a request over from Claude cannot be told `max_tokens: 0`."""
    value = document.get("max_tokens")
    if value is None:
        raise rejected("max_tokens", "Field required")
    if value.__class__ is not int or value < 0:
        raise rejected("max_tokens", "Input should be a whole number of at least 0")
    if value == 0:
        reading.note("changed", "max_tokens", "others than Claude write at least one token")
    limit: int = value
    return max(1, limit)


def _write_simple(body: JsonObject, document: JsonObject) -> None:
    """What has a field of its own in the hub, or is held against one there."""
    if document.get("stream") is True:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    if _SETTINGS.isdisjoint(document):
        return
    for name in ("temperature", "top_p", "top_k"):
        if (value := document.get(name)) is not None:
            if value.__class__ not in (int, float):
                raise rejected(name, "Input should be a valid number")
            body[name] = value
    tier = document.get("service_tier")
    if tier in _TIERS and tier.__class__ is str:
        body["service_tier"] = _TIERS[tier]
    if document.get("speed") == "fast":
        body["service_tier"] = "fast"


def _write_format(body: JsonObject, document: JsonObject) -> None:
    output = document.get("output_config") or {}
    given, path = output.get("format"), "output_config.format"
    if given is None:
        given, path = document.get("output_format"), "output_format"
    if given is None:
        return
    if given.__class__ is not dict or given.get("type") != "json_schema":
        raise rejected(f"{path}.type", "Input should be 'json_schema'")
    schema = object_of(given, "schema", path)
    described = {"name": "structured_output", "schema": schema, "strict": is_strict(schema)}
    body["response_format"] = {"type": "json_schema", "json_schema": described}


def _write_caller(body: JsonObject, document: JsonObject, headers: Mapping[str, str]) -> None:
    caller = caller_of(document.get("metadata"), headers)
    if caller.user:
        body["safety_identifier"] = caller.user
    if caller.session:
        body["prompt_cache_key"] = digest(caller.session)[:32]


def _stops(document: JsonObject) -> tuple[str, ...]:
    given = document.get("stop_sequences")
    if given is None:
        return ()
    if given.__class__ is not list or any(each.__class__ is not str for each in given):
        raise rejected("stop_sequences", "Input should be a list of strings")
    return tuple(filter(None, given))


def _look_at_the_rest(document: JsonObject, reading: Reading) -> None:
    """Needs and losses of fields that have no place in the hub."""
    for name, value in document.items():
        if value is None or name in _PLAIN:
            continue
        verdict = FIELDS.get(name, UNKNOWN)
        if name == "context_management":
            _edits(value, reading)
        elif verdict.kind == "rejected":
            reading.need(name)
        elif verdict.kind == "dropped":
            reading.note("dropped", name[:80], verdict.how)
    output = document.get("output_config")
    if output.__class__ is dict and output.get("task_budget") is not None:
        reading.note("dropped", "output_config.task_budget", "only Claude takes it")


def _edits(value: Any, reading: Reading) -> None:
    edits = value.get("edits") if value.__class__ is dict else None
    for edit in edits if edits.__class__ is list else ():
        kind = edit.get("type") if edit.__class__ is dict else None
        if kind != _CLEARS_THINKING:
            reading.note("dropped", f"context_management.{kind}"[:80], "only Claude takes it")


def _checked(body: JsonObject, size: int) -> ChatRequest:
    """The hub's own check, its paths told in the caller's words."""
    try:
        return parse(body, size)
    except InvalidRequest as error:
        if error.param is not None:
            found = _SCHEMA.match(error.param)
            named = (
                error.param if found is None else f"tools.{found[1]}.custom.input_schema{found[2]}"
            )
            error.param = _INDEX.sub(r".\1", named)
        raise
