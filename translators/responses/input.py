"""The conversation as input items, each message in its place: a longer history begins with the same items."""

from collections.abc import Callable
from typing import Any, Final

from translators.chat.calls import OWN
from translators.chat.native_parts import NATIVE_CALLS, in_the_hubs_places, is_native_call
from translators.chat.pairing import paired
from translators.chat.request import INSTRUCTION_ROLES
from translators.chat.results import TOLD_IN_WORDS, told_as_failed
from translators.errors import InvalidRequest
from translators.responses.assistant import assistant_items, call_id_of, calls_in
from translators.responses.content import read_content
from translators.responses.items import Item
from translators.responses.translation import Translation

Message = dict[str, Any]


def read_messages(messages: list[Message], translation: Translation) -> list[Item]:
    """The items. Raises InvalidRequest for content the model cannot take, a function's result without a call, and nothing to say."""
    told = len(translation.report.notes)
    reader = _Reader(translation)
    reader.read(messages)
    if not reader.orderly or reader.waiting:
        translation.take_back(told)
        reader = _Reader(translation)
        reader.read(_in_order(messages, translation))
    if not reader.items:
        raise InvalidRequest("There is nothing to answer: every message is empty.", "messages", "invalid_value")
    return reader.items


def _in_order(messages: list[Message], translation: Translation) -> list[Message]:
    """The messages with every call in its place and its result behind it."""
    placed = [plain for message in messages for plain in (in_the_hubs_places(message) if _has_native_calls(message) else (message,))]
    return paired(placed, "any", translation.report.repaired)


def _has_native_calls(message: Message) -> bool:
    content = message.get("content")
    if content.__class__ is list:
        for part in content:
            if part["type"] in NATIVE_CALLS and is_native_call(part, message["role"]):
                return True
    return False


class _Reader:
    """Reads messages one by one; remembers which calls are open, and of what kind they were."""

    def __init__(self, translation: Translation) -> None:
        self.items: list[Item] = []
        self.orderly = True
        """Every result stood right behind its call so far, and every call had an id of its own."""
        self.waiting: set[str] = set()
        """The caller's ids of calls whose results have not come yet."""
        self._ids: set[str] = set()
        self._translation = translation
        self._customs: set[str] = set()
        self._functions: list[tuple[str, str]] = []
        """Name and call id of calls that a `function` message may answer."""

    def read(self, messages: list[Message]) -> None:
        items = self.items
        for index, message in enumerate(messages):
            role, text = message["role"], message.get("content")
            if len(message) == 2 and text.__class__ is str and (role == "user" or (role == "assistant" and text)):
                if self.waiting:
                    self.orderly = False
                items.append({"type": "message", "role": role, "content": text})
            else:
                self._one(message, index)

    def _one(self, message: Message, index: int) -> None:
        """A message that may do more than say a text."""
        role = message["role"]
        if _has_native_calls(message):
            for plain in in_the_hubs_places(message):
                self._one(plain, index)
            return
        if role == "tool":
            if message["tool_call_id"] not in self.waiting:
                self.orderly = False
            self.waiting.discard(message["tool_call_id"])
        else:
            if self.waiting:
                self.orderly = False
            if message.get("name") and role != "function":
                self._translation.once("dropped", "messages.name", "the Responses API has no names for participants")
        _READ[role](self, message, index)

    def _add(self, role: str, message: dict[str, Any], index: int) -> None:
        content = read_content(message["content"], f"messages[{index}]", self._translation)
        self.items.append({"type": "message", "role": role, "content": content})

    def _instruct(self, message: dict[str, Any], index: int) -> None:
        wanted = self._translation.record.instructions_role
        self._add(message["role"] if wanted == "any" else wanted, message, index)

    def _user(self, message: dict[str, Any], index: int) -> None:
        self._add("user", message, index)

    def _assistant(self, message: dict[str, Any], index: int) -> None:
        if calls := message.get("tool_calls"):
            self._await(calls)
        items = assistant_items(message, index, self._translation)
        if not items:
            self._translation.report.repaired(f"messages[{index}]", "an empty message was left out")
        for call in calls_in(items):
            if call["type"] == "custom_tool_call":
                self._customs.add(call["call_id"])
            elif message.get("function_call") is not None:
                self._functions.append((call["name"], call["call_id"]))
        self.items += items

    def _await(self, calls: list[dict[str, Any]]) -> None:
        for call in calls:
            call_id = call.get("id")
            if not call_id or call_id in self._ids or call.get("type") not in OWN:
                self.orderly = False
                return
            self._ids.add(call_id)
            self.waiting.add(call_id)

    def _tool(self, message: dict[str, Any], index: int) -> None:
        self._result(call_id_of(message["tool_call_id"]), message, index)

    def _function(self, message: dict[str, Any], index: int) -> None:
        """The answer to the oldest open call of that function, or else to the oldest open call."""
        name = message["name"]
        found = next((entry for entry in self._functions if entry[0] == name), self._functions[0] if self._functions else None)
        if found is None:
            raise InvalidRequest(
                "A 'function' message must answer a 'function_call' before it.", f"messages[{index}].role", "invalid_value"
            )
        self._functions.remove(found)
        self._result(found[1], message, index)

    def _result(self, call_id: str, message: dict[str, Any], index: int) -> None:
        if message.get("is_error") is True:
            self._translation.once("emulated", "messages.is_error", TOLD_IN_WORDS)
            message = told_as_failed(message)
        output = read_content(message.get("content"), f"messages[{index}]", self._translation) or ""
        kind = "custom_tool_call_output" if call_id in self._customs else "function_call_output"
        self.items.append({"type": kind, "call_id": call_id, "output": output})


_READ: Final[dict[str, Callable[[_Reader, dict[str, Any], int], None]]] = {
    **dict.fromkeys(INSTRUCTION_ROLES, _Reader._instruct),
    "user": _Reader._user,
    "assistant": _Reader._assistant,
    "tool": _Reader._tool,
    "function": _Reader._function,
}
