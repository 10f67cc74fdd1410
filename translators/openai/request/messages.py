"""The caller's messages as the server takes them: no nulls, no fields it does not know, each call
with its result, every loss told.
"""

from collections.abc import Iterable
from sys import maxsize
from typing import Any, Final

from translators.capabilities import ModelRecord
from translators.chat.calls import OWN, SHORT, called_in, formed, unreadable
from translators.chat.request import INSTRUCTION_ROLES
from translators.chat.results import TOLD_IN_WORDS, told_as_failed
from translators.chat.wire import ContentPart, InputCall, InputMessage
from translators.history.arrangement import Irregular, Placed, arranged
from translators.history.blocks import BLOCKS
from translators.history.tool_results import NO_RESULT
from translators.json_codec import JsonObject, dumps_str
from translators.notes import Report
from translators.openai.request.foreign_fields import NOISE, refused_fields
from translators.openai.request.media import media_behind_results
from translators.openai.request.tools import Declared
from translators.openai.wire import Called

_NONE: Final = frozenset[str]()
_SAYING: Final = frozenset({"user", "assistant", *INSTRUCTION_ROLES})

_FUNCTION: Final = "function_call"
"""Among ids of calls: the older kind, which has none."""
_LEFT_OUT: Final = "this provider's API does not know it"
_SIGNED: Final = "thinking_blocks"
_SIGNED_PARTS: Final = frozenset({"thinking", "redacted_thinking"})
_FITTING: Final = {"any": maxsize, "short": SHORT, "nine": -1}
"""By the form of ids that a server wants: the characters up to which any id has it."""


def read_messages(
    messages: list[InputMessage], record: ModelRecord, tools: Declared, report: Report
) -> list[InputMessage]:
    """The messages, most of them as they came. Those of a longer history begin in the same way:
    prompt caches depend on it.

    A history that servers would refuse, because a result is not where its call is or two calls have
    one id, is arranged first. Raises InvalidRequest for a call that only another server could have
    made.
    """
    if (said := _saying(messages, record)) is not None:
        return said
    try:
        return _read(enumerate(messages), record, tools, report, whole=False)
    except Irregular:
        longest = SHORT if record.call_id_form == "short" else None
        return _read(
            arranged(messages, report, longest, relayed=record.ranges != "openai", standing=True),
            record,
            tools,
            report,
            whole=True,
        )


def _saying(messages: list[InputMessage], record: ModelRecord) -> list[InputMessage] | None:
    """The messages where each of them has a text and nothing else, as in most conversations; None
    where one has more.
    """
    said, wanted = messages, record.instructions_role
    for index, message in enumerate(messages):
        role = message["role"]
        if len(message) != 2 or message.get("content").__class__ is not str or role not in _SAYING:
            return None
        if role in INSTRUCTION_ROLES and wanted != "any" and role != wanted:
            said = said.copy() if said is messages else said
            said[index] = {**message, "role": wanted}
    return said


def _read(
    messages: Iterable[Placed], record: ModelRecord, tools: Declared, report: Report, *, whole: bool
) -> list[InputMessage]:
    """`whole`: each call has its result. Raises Irregular otherwise, and has reported nothing
    then."""
    said: list[InputMessage] = []
    reader: _Reader | None = None
    wanted, takes_all = record.instructions_role, record.message_fields is None
    for index, message in messages:
        if len(message) == 2:
            content = message.get("content")
            if content.__class__ is str or (
                takes_all and _is_relayed(content, message)
            ):  # it says something and does no more
                if (
                    wanted != "any"
                    and (role := message["role"]) != wanted
                    and role in INSTRUCTION_ROLES
                ):
                    message = {**message, "role": wanted}
                if reader is not None and reader.waiting and not whole:
                    raise Irregular
                said.append(message)
                continue
        if reader is None:
            reader = _Reader(said, record, tools, whole=whole)
        reader.read(message, index)
    return said if reader is None else reader.finished(report)


def _is_relayed(content: Any, message: InputMessage) -> bool:
    """Whether a content is parts that go to a server as they came which takes every field."""
    role = message["role"]
    if content.__class__ is not list or role == "assistant":
        return False
    return role != "user" or not _has_blocks(content, role)


def _has_blocks(content: list[ContentPart], role: str) -> bool:
    block = BLOCKS.get(role)
    if block is not None:
        for part in content:  # there are few: `any` would cost more than to look at them
            if part["type"] == block:
                return True
    return False


class _Reader:
    """Reads the messages that do more than say a text. Raises Irregular, unless they are
    `whole`."""

    __slots__ = (
        "_aliases", "_failed", "_fitting", "_ids", "_lost", "_media", "_names", "_plain",
        "_record", "_refused", "_said", "_servers",
        "_whole", "waiting",
    )  # fmt: skip

    def __init__(
        self, said: list[InputMessage], record: ModelRecord, tools: Declared, *, whole: bool
    ) -> None:
        self._said = said
        self._record = record
        self._whole = whole
        _, self._plain, self._names, _ = tools
        taken = record.message_fields
        self._refused = _NONE if taken is None else refused_fields(taken)
        """Fields that the server does not know."""
        self._fitting = _FITTING[record.call_id_form]
        self._aliases: dict[str, str] = {}
        self._lost: dict[str, None] | None = None
        self._media = self._failed = False
        self._ids: set[str] = set()
        """Of all calls so far."""
        self._servers = _NONE
        """Of calls that the server may have run itself: there may be a result."""
        self.waiting: set[str] = set()
        """Of calls whose results have not come yet."""

    def finished(self, report: Report) -> list[InputMessage]:
        """All messages, those that were read and those that needed no reading."""
        said = self._said
        if self.waiting and not self._whole:
            raise Irregular
        if self._failed:
            report.emulated("messages.is_error", TOLD_IN_WORDS)
        if self._media:
            said = media_behind_results(said, report)
        for name in self._lost or ():
            report.dropped(name, _LEFT_OUT)
        return said

    def read(self, message: InputMessage, index: int) -> None:
        """`index`: its place among the caller's. Raises InvalidRequest for a call that only another
        server could have made.
        """
        content, role = message.get("content"), message["role"]
        if role == "tool":
            call_id = message["tool_call_id"]
            if call_id in self.waiting:
                self.waiting.discard(call_id)
            elif not self._whole and call_id not in self._servers:
                raise Irregular
            if len(message) == 3 and content.__class__ is str:  # it is nothing but a result
                self._said.append(
                    message if len(call_id) <= self._fitting else self._with_id(message)
                )
                return
        elif role == "function":
            if _FUNCTION in self.waiting:
                self.waiting.discard(_FUNCTION)
            elif not self._whole:
                raise Irregular
        elif self.waiting and not self._whole:
            raise Irregular
        elif (
            len(message) == 3
            and role == "assistant"
            and content is None
            and "content" in message
            and message.get("tool_calls")
        ):
            self._said.append(self._with_calls(message, index))  # it does nothing but call
            return
        if content.__class__ is list and not self._whole and _has_blocks(content, role):
            raise Irregular
        if None in message.values():
            message = {
                name: value
                for name, value in message.items()
                if value is not None or name == "content"
            }
        if self._refused:
            message = self._known(message)
        if role == "assistant":
            message = self._assistant(message, index)
        elif role == "tool" or role == "function":
            message = self._result(message)
        elif role in INSTRUCTION_ROLES and self._record.instructions_role not in ("any", role):
            message = {**message, "role": self._record.instructions_role}
        self._said.append(message)

    def _with_id(self, owner: JsonObject, name: str = "tool_call_id") -> JsonObject:
        return {**owner, name: formed(owner[name], self._record.call_id_form)}

    def _lose(self, name: str) -> None:
        if self._lost is None:
            self._lost = {}
        self._lost[f"messages.{name}"] = None

    def _known(self, message: InputMessage) -> InputMessage:
        """What the server knows of a message and its parts."""
        if not self._refused.isdisjoint(message):
            message = self._without(message)
        content = message.get("content")
        return self._with_known_parts(message, content) if content.__class__ is list else message

    def _without(self, owner: JsonObject) -> JsonObject:
        """A message, part or call without what the server does not know. Only a field that says
        something is missed.
        """
        refused = self._refused
        for name in owner:
            if name in refused and owner[name] and name not in NOISE and name != "is_error":
                self._lose(name)
        if (
            owner.get("is_error") is True
            and "is_error" in refused
            and owner.get("role") == "tool"
            and owner["content"] != NO_RESULT
        ):
            self._failed = True
            owner = told_as_failed(owner)
        return {name: value for name, value in owner.items() if name not in refused}

    def _with_known_parts(self, message: InputMessage, content: list[ContentPart]) -> InputMessage:
        refused = self._refused
        signed = _SIGNED_PARTS if _SIGNED in refused else _NONE
        if all(refused.isdisjoint(part) and part["type"] not in signed for part in content):
            return message
        kept = []
        for part in content:
            if part["type"] in signed:
                self._lose(_SIGNED)
            else:
                kept.append(part if refused.isdisjoint(part) else self._without(part))
        return {**message, "content": kept or None}

    def _assistant(self, message: InputMessage, index: int) -> InputMessage:
        calls = message.get("tool_calls")
        if calls:
            return self._with_calls(message, index)
        if calls is not None:
            message = {name: value for name, value in message.items() if name != "tool_calls"}
        function = message.get("function_call")
        if function is not None:
            self.waiting.add(_FUNCTION)
            return {**message, "function_call": self._function(function)}
        if message.get("content") is None and not (message.get("refusal") or message.get("audio")):
            message = {**message, "content": ""}
        return message

    def _with_calls(self, message: InputMessage, index: int) -> InputMessage:
        calls: list[InputCall] = message["tool_calls"]
        written, plain, fitting, whole, ids = [], self._plain, self._fitting, self._whole, self._ids
        for place, call in enumerate(calls):
            if (  # all but a usual call: its arguments are a text, and its name goes as it is
                len(call) != 3
                or call.get("type") != "function"
                or (function := call["function"])["name"] not in plain
                or (arguments := function.get("arguments")).__class__ is not str
                or not arguments
            ):
                call = self._call(call, index, place)
            call_id = call.get("id")
            if call["type"] not in OWN:
                self._servers |= {call_id or ""}
            elif not whole:
                if not call_id or call_id in ids:
                    raise Irregular
                ids.add(call_id)
                self.waiting.add(call_id)
            if call_id is not None and len(call_id) > fitting:
                call = self._with_id(call, "id")
            written.append(call)
        return (
            message if written == calls else {**message, "tool_calls": written}
        )  # the same objects are told at once

    def _result(self, message: InputMessage) -> InputMessage:
        if message["role"] == "tool":
            if len(message["tool_call_id"]) > self._fitting:
                message = self._with_id(message)
            if (content := message["content"]) == NO_RESULT and "is_error" in message:
                message = {name: value for name, value in message.items() if name != "is_error"}
            elif content.__class__ is list and not self._record.media_in_tool_results:
                self._media = self._media or any(part["type"] != "text" for part in content)
        name = message.get("name")
        alias = (
            None
            if name.__class__ is not str
            else self._aliases.get(name) or self._names.known(name)
        )
        return message if alias is None or alias == name else {**message, "name": alias}

    def _call(self, call: InputCall, index: int, place: int) -> InputCall:
        if (
            "index" in call or None in call.values()
        ):  # a stream's chunks have an index, and what is added up of them keeps it
            call = {
                name: value for name, value in call.items() if value is not None and name != "index"
            }
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
            return (
                call if alias == custom["name"] else {**call, "custom": {**custom, "name": alias}}
            )
        written = self._function(call["function"])
        return call if written is call["function"] else {**call, "function": written}

    def _function(self, function: Called) -> Called:
        """What is called, under the name that the server knows, its arguments as a JSON text: never
        none at all.
        """
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
