"""A caller's request, read into the hub's form."""

import re
from typing import Any, Final, NamedTuple

from translators.chat.request import ChatRequest, parse
from translators.chat.validation_errors import missing, type_name
from translators.errors import InvalidRequest
from translators.json_codec import JsonObject
from translators.responses.inbound.checks import boolean, optional_text
from translators.responses.inbound.conversation import Conversation, plain_messages, read_input
from translators.responses.inbound.failures import in_our_words
from translators.responses.inbound.fields import FIELDS, read_fields
from translators.responses.inbound.findings import Findings
from translators.responses.inbound.tool_choice import read_tool_choice
from translators.responses.inbound.tools import ToolReader

SUMMARISE: Final = (
    "Summarise the conversation so far for a successor who has nothing but this summary: what was"
    " asked, what has been done, the decisions and constraints, what is left to do, and the exact"
    " names, paths and values that matter. Write the summary alone."
)
"""What a model is told that cannot compact a conversation by itself."""
_MESSAGE: Final = re.compile(r"messages\[(\d+)\](\.content)?")


_WHOLE: Final = (int,)
_NUMBER: Final = (int, float)
_SETTINGS: Final = {
    "max_output_tokens": ("max_completion_tokens", _WHOLE),
    "temperature": ("temperature", _NUMBER),
    "top_p": ("top_p", _NUMBER),
}
"""What the hub calls a setting, and of which types a value needs no other look."""
_PLAIN: Final = frozenset({"model", "input", "instructions", "stream", "store", *_SETTINGS})
ONLY_TEXTS: Final = Findings()
"""Of a request that has nothing but texts and settings: of them there is nothing to tell."""


class ReadRequest(NamedTuple):
    """The hub's request, and what else was found."""

    chat: ChatRequest
    findings: Findings
    compacts: bool


def read_hub_request(document: Any, size: int) -> ReadRequest:
    """Raises InvalidRequest, which names the field in the caller's words."""
    if document.__class__ is not dict:
        said = f"The request body must be a JSON object, but it is {type_name(document)}."
        raise InvalidRequest(said, None, "invalid_type")
    for name in ("model", "input"):
        if document.get(name) is None:  # with a history there is an input
            raise missing(name)
    if (plain := _plain_chat(document, size)) is not None:
        return ReadRequest(plain, ONLY_TEXTS, False)
    findings = Findings()
    body: JsonObject = {"model": document["model"], "messages": []}
    tools = ToolReader(findings)
    conversation = _conversation(document, body, findings, tools)
    read_fields(document, body, findings)
    for update in conversation.updates:
        _update(update, body, findings)
    _set_tools(document, body, findings, tools, conversation.compacts)
    if document.get("stream") is not None and boolean(document["stream"], "stream"):
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    try:
        chat = parse(body, size)
    except InvalidRequest as error:
        error.param = callers_param(error.param, findings.places)
        raise
    return ReadRequest(chat, findings, conversation.compacts)


def _plain_chat(document: JsonObject, size: int) -> ChatRequest | None:
    """The hub's request where nothing but texts and a few settings are in the document, as in many;
    None where anything is to be looked at more closely, or refused."""
    model, given, stream = document["model"], document["input"], document.get("stream")
    if model.__class__ is not str or not model or model.isspace() or not document.keys() <= _PLAIN:
        return None
    if given.__class__ is str and given:
        messages = [{"role": "user", "content": given}]
    elif given.__class__ is not list or not (messages := plain_messages(given) or []):
        return None
    instructions = document.get("instructions")
    if instructions is not None:
        if instructions.__class__ is not str:
            return None
        if instructions:
            messages.insert(0, {"role": "system", "content": instructions})
    body: JsonObject = {"model": model, "messages": messages}
    for name in document:
        if name in _SETTINGS and (value := document[name]) is not None:
            hub_name, types = _SETTINGS[name]
            if value.__class__ not in types:
                return None
            body[hub_name] = value
    if stream is True:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    elif stream is not None and stream is not False:
        return None
    return ChatRequest(body, size, True)


def _conversation(
    document: JsonObject, body: JsonObject, findings: Findings, tools: ToolReader
) -> Conversation:
    messages = body["messages"]
    instructions = optional_text(document.get("instructions"), "instructions")
    if instructions:
        messages.append({"role": "system", "content": instructions})
        findings.places.append("instructions")
    if document.get("tools") is not None:
        tools.declare(document["tools"], "tools")
    items = read_input(document["input"])
    plain = plain_messages(items)
    conversation = Conversation(() if plain is not None else items, findings, tools)
    if plain is None:
        conversation.read()
        messages += conversation.messages
    else:
        messages += plain
        findings.places += [f"input[{i}]" for i in range(len(plain))]
    if conversation.compacts:
        messages.append({"role": "user", "content": SUMMARISE})
        findings.places.append("input")
    if not messages:
        raise InvalidRequest("Invalid 'input': it says nothing.", "input", "invalid_value")
    return conversation


def _update(update: JsonObject, body: JsonObject, findings: Findings) -> None:
    for name in ("reasoning", "text"):
        if update.get(name) is not None:
            FIELDS[name](update[name], body, findings)


def _set_tools(
    document: JsonObject, body: JsonObject, findings: Findings, tools: ToolReader, compacts: bool
) -> None:
    declared = [tool.tool for tool in findings.tools.values()]
    if tools.web_search is not None and not compacts:
        body["web_search_options"] = tools.web_search
    if not declared:
        choice = document.get("tool_choice")
        if choice.__class__ is dict:
            read_tool_choice(choice, findings)
        return
    body["tools"] = declared
    parallel = document.get("parallel_tool_calls")
    if parallel is not None and not boolean(parallel, "parallel_tool_calls"):
        body["parallel_tool_calls"] = False
    if compacts:
        body["tool_choice"] = "none"
    elif document.get("tool_choice") is not None:
        choice = read_tool_choice(document["tool_choice"], findings)
        if choice is not None and choice != "auto":
            body["tool_choice"] = choice


def callers_param(param: str | None, places: list[str]) -> str | None:
    """A path of the hub's as the caller wrote it."""
    if param is None:
        return None
    if (found := _MESSAGE.match(param)) is not None and int(found[1]) < len(places):
        return places[int(found[1])] + (found[2] or "") + param[found.end() :]
    return in_our_words(param)
