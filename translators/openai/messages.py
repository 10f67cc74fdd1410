"""The caller's messages as the server takes them: no nulls, no fields it does not know, each call with its result, every loss told."""

from typing import Any, Final

from translators.chat.calls import OWN, called_in, unreadable
from translators.chat.native_parts import NATIVE_CALLS, in_the_hubs_places, is_native_call
from translators.chat.pairing import paired
from translators.chat.request import INSTRUCTION_ROLES
from translators.chat.results import TOLD_IN_WORDS, told_as_failed
from translators.dialect import ModelRecord, Report
from translators.jsontext import dumps_str
from translators.openai.foreign import NOISE, refused_fields
from translators.openai.media import media_behind_results
from translators.openai.tools import Declared

Message = dict[str, Any]

_NONE: Final = frozenset[str]()

_LEFT_OUT: Final = "this provider's API does not know it"
_SIGNED: Final = "thinking_blocks"
_SIGNED_PARTS: Final = frozenset({"thinking", "redacted_thinking"})


def read_messages(messages: list[Message], record: ModelRecord, tools: Declared, report: Report) -> list[Message]:
    """The messages, most of them as they came. Those of a longer history begin in the same way: prompt caches depend on it.

    Raises InvalidRequest for a call that only another server could have made.
    """
    said: list[Message] = []
    reader: _Reader | None = None
    wanted, takes_all = record.instructions_role, record.message_fields is None
    for index, message in enumerate(messages):
        if len(message) == 2:
            content = message.get("content")
            if content.__class__ is str or (takes_all and _is_relayed(content, message)):  # it says something and does no more
                if wanted != "any" and (role := message["role"]) != wanted and role in INSTRUCTION_ROLES:
                    message = {**message, "role": wanted}
                if reader is not None and reader.waiting:
                    reader.orderly = False
                said.append(message)
                continue
        if reader is None:
            reader = _Reader(said, record, tools, report)
        reader.read(message, index)
    return said if reader is None else reader.finished()


def _is_relayed(content: Any, message: Message) -> bool:
    """Whether a content is parts that go to a server as they came which takes every field."""
    if content.__class__ is not list or message["role"] == "assistant":
        return False
    return all(part["type"] not in NATIVE_CALLS for part in content)


class _Reader:
    """Reads the messages that do more than say a text."""

    __slots__ = (
        "_aliases", "_failed_before", "_ids", "_lost", "_media", "_names", "_plain", "_record", "_refused", "_report", "_said",
        "orderly", "waiting",
    )  # fmt: skip

    def __init__(self, said: list[Message], record: ModelRecord, tools: Declared, report: Report) -> None:
        self._said = said
        self._record = record
        self._report = report
        _, self._plain, self._names, _ = tools
        taken = record.message_fields
        self._refused = _NONE if taken is None else refused_fields(taken)
        """Fields that the server does not know."""
        self._aliases: dict[str, str] = {}
        self._lost: dict[str, None] | None = None
        self._media = self._failed_before = False
        self._ids: set[str] = set()
        """Of all calls so far."""
        self.waiting: set[str] = set()
        """Ids of calls whose results have not come yet."""
        self.orderly = True
        """Every result stood right behind its call so far, and every call had an id of its own."""

    def finished(self) -> list[Message]:
        """All messages, those that were read and those that needed no reading."""
        said, form, report = self._said, self._record.call_id_form, self._report
        if not self.orderly or self.waiting or (form != "any" and self._ids):
            said = paired(said, form, report.repaired)
        if self._media:
            said = media_behind_results(said, report)
        for name in self._lost or ():
            report.dropped(name, _LEFT_OUT)
        return said

    def read(self, message: Message, index: int) -> None:
        """`index`: its place among the caller's. Raises InvalidRequest for a call that only another server could have made."""
        content, role = message.get("content"), message["role"]
        if role == "tool":
            if message["tool_call_id"] in self.waiting:
                self.waiting.discard(message["tool_call_id"])
            else:
                self.orderly = False
            if len(message) == 3 and content.__class__ is str:  # it is nothing but a result
                self._said.append(message)
                return
        elif self.waiting:
            self.orderly = False
        if content.__class__ is list and self._is_spread(content, message, index):
            return
        if None in message.values() and not (content is None and len(message) == 3 and message.get("tool_calls")):
            message = {name: value for name, value in message.items() if value is not None or name == "content"}
        if self._refused:
            message = self._known(message)
        if role == "assistant":
            message = self._assistant(message, index)
        elif role == "tool" or role == "function":
            message = self._result(message)
        elif role in INSTRUCTION_ROLES and self._record.instructions_role not in ("any", role):
            message = {**message, "role": self._record.instructions_role}
        self._said.append(message)

    def _is_spread(self, content: list[dict[str, Any]], message: Message, index: int) -> bool:
        """Whether calls or results stood among the parts, and were read in their own places instead."""
        role = message["role"]
        if not any(part["type"] in NATIVE_CALLS and is_native_call(part, role) for part in content):
            return False
        if role == "tool":
            self._said.append(in_the_hubs_places(message)[0])
        else:
            for plain in in_the_hubs_places(message):
                self.read(plain, index)
        return True

    def _lose(self, name: str) -> None:
        if self._lost is None:
            self._lost = {}
        self._lost[f"messages.{name}"] = None

    def _known(self, message: Message) -> Message:
        """What the server knows of a message and its parts."""
        if not self._refused.isdisjoint(message):
            message = self._without(message)
        content = message.get("content")
        return self._with_known_parts(message, content) if content.__class__ is list else message

    def _without(self, owner: dict[str, Any]) -> dict[str, Any]:
        """A message, part or call without what the server does not know. Only a field that says something is missed."""
        refused = self._refused
        for name in owner:
            if name in refused and owner[name] and name not in NOISE and name != "is_error":
                self._lose(name)
        if owner.get("is_error") is True and "is_error" in refused:
            owner = self._failed(owner)
        return {name: value for name, value in owner.items() if name not in refused}

    def _failed(self, message: Message) -> Message:
        if not self._failed_before:
            self._failed_before = True
            self._report.emulated("messages.is_error", TOLD_IN_WORDS)
        return told_as_failed(message)

    def _with_known_parts(self, message: Message, content: list[dict[str, Any]]) -> Message:
        refused = self._refused
        signed = _SIGNED_PARTS if _SIGNED in refused else frozenset[str]()
        if all(refused.isdisjoint(part) and part["type"] not in signed for part in content):
            return message
        kept = []
        for part in content:
            if part["type"] in signed:
                self._lose(_SIGNED)
            else:
                kept.append(part if refused.isdisjoint(part) else self._without(part))
        return {**message, "content": kept or None}

    def _assistant(self, message: Message, index: int) -> Message:
        calls = message.get("tool_calls")
        if calls:
            written = self._calls(calls, index)
            return message if written == calls else {**message, "tool_calls": written}  # the same objects are told at once
        if calls is not None:
            message = {name: value for name, value in message.items() if name != "tool_calls"}
        function = message.get("function_call")
        if function is not None:
            return {**message, "function_call": self._function(function)}
        if message.get("content") is None and not (message.get("refusal") or message.get("audio")):
            message = {**message, "content": ""}
        return message

    def _calls(self, calls: list[dict[str, Any]], index: int) -> list[dict[str, Any]]:
        written, ids, waiting, plain = [], self._ids, self.waiting, self._plain
        for place, call in enumerate(calls):
            if len(call) != 3 or call.get("type") != "function" or not _is_usual(call["function"], plain):
                call = self._call(call, index, place)
            call_id = call.get("id")
            if not call_id or call_id in ids or call["type"] not in OWN:
                self.orderly = False
            else:
                ids.add(call_id)
                waiting.add(call_id)
            written.append(call)
        return written

    def _result(self, message: Message) -> Message:
        if message["role"] == "tool" and not self._record.media_in_tool_results and (content := message["content"]).__class__ is list:
            self._media = self._media or any(part["type"] != "text" for part in content)
        name = message.get("name")
        alias = None if name.__class__ is not str else self._aliases.get(name) or self._names.known(name)
        return message if alias is None or alias == name else {**message, "name": alias}

    def _call(self, call: dict[str, Any], index: int, place: int) -> dict[str, Any]:
        if "index" in call or None in call.values():  # a stream's chunks have an index, and what is added up of them keeps it
            call = {name: value for name, value in call.items() if value is not None and name != "index"}
        if not self._refused.isdisjoint(call):
            call = self._without(call)
        kind = call.get("type")
        if kind is None:
            call = {**call, "type": "function"}
        elif kind not in OWN:
            if self._record.ranges != "openai":
                return call
            function = called_in(call)
            if function is None:
                raise unreadable(call, index, place)
            call = {"id": call.get("id"), "type": "function", "function": function}
        if kind == "custom":
            custom = call["custom"]
            alias = self._alias(custom["name"])
            return call if alias == custom["name"] else {**call, "custom": {**custom, "name": alias}}
        written = self._function(call["function"])
        return call if written is call["function"] else {**call, "function": written}

    def _function(self, function: dict[str, Any]) -> dict[str, Any]:
        """What is called, under the name that the server knows, its arguments as a JSON text: never none at all."""
        arguments, name = function.get("arguments"), function["name"]
        if arguments.__class__ is not str or not arguments:
            function = {**function, "arguments": dumps_str(arguments or {})}
        alias = self._alias(name)
        return function if alias == name else {**function, "name": alias}

    def _alias(self, name: str) -> str:
        if name in self._plain:
            return name
        alias = self._names.upstream(name)
        if alias != name:
            self._aliases[name] = alias
        return alias


def _is_usual(function: dict[str, Any], plain: frozenset[str]) -> bool:
    """Whether a call needs no other look: its arguments are a text, and its name goes as it is."""
    arguments = function.get("arguments")
    return arguments.__class__ is str and arguments != "" and function["name"] in plain
