"""A body of generateContent as a chat request: every field has a place, a note, or only a relay."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from translators.chat.prefill import marked
from translators.chat.request import ChatRequest, parse
from translators.chat.validation_errors import type_name
from translators.errors import InvalidRequest
from translators.gemini.inbound.contents import Messages
from translators.gemini.inbound.generation import HUB_NAMES, SCALARS, detail_of, parameters_of
from translators.gemini.inbound.losses import Found
from translators.gemini.inbound.tools import tools_of
from translators.gemini.inbound.values import array, flag, integer, record, text, word
from translators.json_codec import JsonObject

_KNOWN: Final = frozenset({
    "contents", "systemInstruction", "tools", "toolConfig", "safetySettings", "cachedContent",
    "labels", "store", "serviceTier", "continuationToken", "model", "generationConfig",
    "modelArmorConfig", "generationOutputConfig",
})  # fmt: skip
_TOOLS: Final = frozenset({"tools", "toolConfig"})
_USUAL: Final = frozenset({"contents", "systemInstruction", "generationConfig", *_TOOLS})
_STORED: Final = ("cachedContent", "continuationToken")
_LOST: Final = ("modelArmorConfig", "generationOutputConfig")
_TIERS: Final = {"STANDARD": "default", "FLEX": "flex", "PRIORITY": "priority"}
_OPEN: Final = frozenset({"OFF", "BLOCK_NONE"})
_ANY_JSON: Final = {"type": "json_object"}
_HUB: Final[Mapping[str, str]] = {
    **HUB_NAMES,
    "max_tokens": "generationConfig.maxOutputTokens",
    "n": "generationConfig.candidateCount",
    "stop": "generationConfig.stopSequences",
    "response_format": "generationConfig.responseJsonSchema",
    "logprobs": "generationConfig.responseLogprobs",
    "top_logprobs": "generationConfig.logprobs",
    "modalities": "generationConfig.responseModalities",
    "reasoning_effort": "generationConfig.thinkingConfig",
    "reasoning": "generationConfig.thinkingConfig.includeThoughts",
    "tools": "tools",
    "tool_choice": "toolConfig.functionCallingConfig",
    "web_search_options": "tools",
    "service_tier": "serviceTier",
    "messages": "contents",
    "model": "model",
}
"""The hub's parameters in the words of this API."""


_SIMPLE: Final = frozenset({"contents", "systemInstruction", "generationConfig"})
_CONTENT: Final = frozenset({"role", "parts"})
_WHOLE: Final = (int,)
_NUMBER: Final = (int, float)
_OF_TYPE: Final = {
    name: (hub, _WHOLE if read is integer else _NUMBER) for name, (hub, read) in SCALARS.items()
}
"""What the hub calls a parameter, and of which types a value needs no other look."""


ONLY_TEXTS: Final = Found()
"""In a request that has nothing but texts and settings there is nothing to be told of."""


class Read(NamedTuple):
    """A request in the hub's form, and what reading it found."""

    request: ChatRequest
    found: Found


def read_body(body: Any, model: str, stream: bool, size: int) -> Read:
    """`body`: normalized. Raises InvalidRequest, naming the field in the words of this API."""
    if body.__class__ is not dict:
        rule = f"The request body must be a JSON object, but it is {type_name(body)}."
        raise InvalidRequest(rule, None, "invalid_type")
    if (simple := _simple_body(body, model, stream)) is not None:
        if simple["messages"][-1]["role"] == "assistant":
            marked(simple["messages"])
        return Read(ChatRequest(simple, size, True), ONLY_TEXTS)
    found = Found()
    config = record(body, "generationConfig", "") or {}
    messages = Messages(detail_of(config), found)
    if body.get("systemInstruction") is not None:
        messages.add_instruction(body["systemInstruction"])
    messages.add_contents(body.get("contents"))
    made: JsonObject = {"model": model, "messages": messages.messages}
    if stream:
        made["stream"] = True
        made["stream_options"] = {"include_usage": True}
    if not _TOOLS.isdisjoint(body):
        made.update(tools_of(body, found))
    if config:
        made.update(parameters_of(config, found))
        if made.get("response_format") == _ANY_JSON:
            messages.ask_for_json()
    if not body.keys() <= _USUAL:
        _read_aside(body, model, made, found)
    try:
        request = parse(made, size)
        marked(request.messages)
        return Read(request, found)
    except InvalidRequest as error:
        error.param = field_of(error.param, messages.places)
        raise


def _simple_body(body: JsonObject, model: str, stream: bool) -> JsonObject | None:
    """The hub's body of a request that says nothing but texts, one in each content, as many do;
    None where anything is to be looked at more closely, or refused."""
    contents, config = body.get("contents"), body.get("generationConfig")
    usual = model.strip() and body.keys() <= _SIMPLE
    if contents.__class__ is not list or not contents or not usual:
        return None
    messages: list[JsonObject] = []
    if (instruction := body.get("systemInstruction")) is not None:
        if not (said := _only_text(instruction)):
            return None
        messages.append({"role": "system", "content": said})
    before = None
    for content in contents:
        if not (said := _only_text(content)):
            return None
        role = content.get("role")
        if role == "model" and before != role:
            messages.append({"role": "assistant", "content": said})
        elif role == "user" or role is None:
            messages.append({"role": "user", "content": said})
        else:
            return None
        before = role
    made: JsonObject = {"model": model, "messages": messages}
    if stream:
        made["stream"] = True
        made["stream_options"] = {"include_usage": True}
    return made if config is None else _with_settings(made, config)


def _only_text(content: Any) -> str | None:
    """The text of a content that has nothing else in it; None if there is anything else."""
    if content.__class__ is not dict or not content.keys() <= _CONTENT:
        return None
    parts = content.get("parts")
    part = parts[0] if parts.__class__ is list and len(parts) == 1 else None
    text = part.get("text") if part.__class__ is dict and len(part) == 1 else None
    return text if text.__class__ is str else None


def _with_settings(made: JsonObject, config: Any) -> JsonObject | None:
    if config.__class__ is not dict:
        return None
    for name, value in config.items():
        known = _OF_TYPE.get(name)
        if known is None or value.__class__ not in known[1]:
            return None
        made[known[0]] = value
    return made


def _read_aside(body: JsonObject, model: str, made: JsonObject, found: Found) -> None:
    """What stands beside contents, tools and generationConfig."""
    for name, value in body.items():
        if value is not None and name not in _KNOWN:
            found.unknown(name, name)
    for name in _STORED:
        if body.get(name) is not None:
            found.stored(name)
    for name in _LOST:
        if body.get(name) is not None:
            found.dropped(name, "only Gemini can be told so")
    named = text(body, "model", "")
    if named is not None and named.removeprefix("models/") != model:
        rule = f"'model' is {named[:80]!r}, but the path asks for {model[:80]!r}."
        raise InvalidRequest(rule, "model", "invalid_value")
    if flag(body, "store", ""):
        found.dropped("store", "nothing is stored")
    tier = word(body, "serviceTier", "")
    if tier is not None:
        known = _TIERS.get(tier.removeprefix("SERVICE_TIER_"))
        if known is not None:
            made["service_tier"] = known
    _read_safety(body, found)


def _read_safety(body: JsonObject, found: Found) -> None:
    for i, setting in enumerate(array(body, "safetySettings", "")):
        given = setting.get("threshold") if setting.__class__ is dict else None
        if given is not None and str(given).upper() not in _OPEN:
            found.dropped(f"safetySettings[{i}]", "other providers' filters cannot be set")
            return


def field_of(param: str | None, places: list[str] | None = None) -> str | None:
    """A field that the hub names, in the words of this API. `places`: of each message, its
    content."""
    if param is None:
        return None
    name, _, rest = param.partition(".")
    head, bracket, index = name.partition("[")
    if head == "messages" and bracket and places:
        number = index.rstrip("]")
        if number.isdecimal() and int(number) < len(places):
            return places[int(number)]
    if head == "tools" and bracket and rest.partition(".")[0] in ("function", "type"):
        return "tools"
    return _HUB.get(param) or (param if bracket else _HUB.get(head, param))
