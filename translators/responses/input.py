"""The conversation as input items, each message in its place: a longer history begins with the same items."""

from collections.abc import Callable
from typing import Any, Final

from translators.chat.request import INSTRUCTION_ROLES
from translators.errors import InvalidRequest
from translators.responses.assistant import assistant_items, call_id_of, calls_in
from translators.responses.content import read_content
from translators.responses.items import Item
from translators.responses.translation import Translation


def read_messages(messages: list[dict[str, Any]], translation: Translation) -> list[Item]:
    """The items. Raises InvalidRequest for content the model cannot take, a function's result without a call, and nothing to say."""
    reader = _Reader(translation)
    for index, message in enumerate(messages):
        if message.get("name") and message["role"] != "function":
            translation.once("dropped", "messages.name", "the Responses API has no names for participants")
        _READ[message["role"]](reader, message, index)
    if not reader.items:
        raise InvalidRequest("There is nothing to answer: every message is empty.", "messages", "invalid_value")
    return reader.items


class _Reader:
    """Reads messages one by one; remembers which calls are open, and of what kind they were."""

    def __init__(self, translation: Translation) -> None:
        self.items: list[Item] = []
        self._translation = translation
        self._customs: set[str] = set()
        self._functions: list[tuple[str, str]] = []
        """Name and call id of calls that a `function` message may answer."""

    def _add(self, role: str, message: dict[str, Any], index: int) -> None:
        content = read_content(message["content"], f"messages[{index}]", self._translation)
        self.items.append({"type": "message", "role": role, "content": content})

    def _instruct(self, message: dict[str, Any], index: int) -> None:
        wanted = self._translation.record.instructions_role
        self._add(message["role"] if wanted == "any" else wanted, message, index)

    def _user(self, message: dict[str, Any], index: int) -> None:
        self._add("user", message, index)

    def _assistant(self, message: dict[str, Any], index: int) -> None:
        items = assistant_items(message, index, self._translation)
        if not items:
            self._translation.report.repaired(f"messages[{index}]", "an empty message was left out")
        for call in calls_in(items):
            if call["type"] == "custom_tool_call":
                self._customs.add(call["call_id"])
            elif message.get("function_call") is not None:
                self._functions.append((call["name"], call["call_id"]))
        self.items += items

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
