"""The conversation as input items, each message in its place: a longer history begins with the same
items.
"""

from collections.abc import Callable, Iterable
from typing import Final, Literal

from translators.chat.request import INSTRUCTION_ROLES
from translators.chat.results import TOLD_IN_WORDS, told_as_failed
from translators.chat.wire import InputMessage
from translators.errors import InvalidRequest
from translators.history.arrangement import Irregular, Placed, arranged
from translators.history.blocks import has_blocks
from translators.history.tool_results import NO_RESULT
from translators.responses.request.assistant import (
    MAX_CALL_ID,
    assistant_items,
    call_id_of,
    calls_in,
)
from translators.responses.request.content import read_content
from translators.responses.request.context import Translation
from translators.responses.wire import InputItem


def read_messages(
    messages: list[InputMessage], translation: Translation, *, whole: bool = True
) -> list[InputItem]:
    """The items, of a history that was arranged first if this API would refuse it: it knows a call
    by its id, and wants its result.

    `whole`: the messages are all there is of the conversation. Raises InvalidRequest for content
    the model cannot take, and for nothing to say.
    """
    noted = len(translation.report.notes)
    try:
        items = _Reader(translation, arranged=not whole).read(enumerate(messages))
    except Irregular:
        items = _read_arranged(messages, noted, translation)
    except InvalidRequest:
        if not has_blocks(messages):
            raise
        items = _read_arranged(messages, noted, translation)
    if not items:
        raise InvalidRequest(
            "There is nothing to answer: every message is empty.", "messages", "invalid_value"
        )
    return items


def _read_arranged(
    messages: list[InputMessage], noted: int, translation: Translation
) -> list[InputItem]:
    """Start over; what was noted since the first `noted` is forgotten."""
    translation.forget(noted)
    return _Reader(translation, arranged=True).read(
        arranged(messages, translation.report, MAX_CALL_ID, standing=True)
    )


class _Reader:
    """Reads messages one by one; remembers which calls are open, and of what kind they were. Raises
    Irregular, unless they are arranged.
    """

    def __init__(self, translation: Translation, *, arranged: bool = False) -> None:
        self.items: list[InputItem] = []
        self._translation = translation
        self._arranged = arranged
        self._calls: set[str] = set()
        """The ids of all calls so far."""
        self._waiting: set[str] = set()
        """Those of them whose results have yet to come."""
        self._customs: set[str] = set()
        self._function_call = ""
        """The id of the newest call that a `function` message may answer."""

    def read(self, messages: Iterable[Placed]) -> list[InputItem]:
        items = self.items
        for index, message in messages:
            role = message["role"]
            if (
                len(message) == 2
                and (content := message.get("content")).__class__ is str
                and (role == "user" or (role == "assistant" and content))
                and not self._waiting
            ):  # it says something and does no more
                items.append({"type": "message", "role": role, "content": content})
                continue
            if self._waiting and role != "tool" and role != "function" and not self._arranged:
                raise Irregular
            if message.get("name") and role != "function":
                self._translation.once(
                    "dropped", "messages.name", "the Responses API has no names for participants"
                )
            _READ[role](self, message, index)
        if self._waiting and not self._arranged:
            raise Irregular
        return self.items

    def _add(self, role: str, message: InputMessage, index: int) -> None:
        content = read_content(message["content"], f"messages[{index}]", self._translation)
        self.items.append({"type": "message", "role": role, "content": content})

    def _instruct(self, message: InputMessage, index: int) -> None:
        wanted = self._translation.record.instructions_role
        self._add(message["role"] if wanted == "any" else wanted, message, index)

    def _user(self, message: InputMessage, index: int) -> None:
        self._add("user", message, index)

    def _assistant(self, message: InputMessage, index: int) -> None:
        items = assistant_items(message, index, self._translation)
        if not items:
            self._translation.report.repaired(f"messages[{index}]", "an empty message was left out")
        for call in calls_in(items):
            call_id = call["call_id"]
            if call_id in self._calls and not self._arranged:
                raise Irregular
            self._calls.add(call_id)
            self._waiting.add(call_id)
            if call["type"] == "custom_tool_call":
                self._customs.add(call_id)
            elif message.get("function_call") is not None:
                self._function_call = call_id
        self.items += items

    def _tool(self, message: InputMessage, index: int) -> None:
        self._result(call_id_of(message["tool_call_id"]), message, index)

    def _function(self, message: InputMessage, index: int) -> None:
        """The answer to the call of the message before it: it names no id."""
        if self._function_call in self._waiting:
            self._result(self._function_call, message, index)
        elif self._arranged:
            raise InvalidRequest(
                "The result of a function that was not called.",
                f"messages[{index}].name",
                "invalid_value",
            )
        else:
            raise Irregular

    def _result(self, call_id: str, message: InputMessage, index: int) -> None:
        if call_id not in self._waiting and not self._arranged:
            raise Irregular
        self._waiting.discard(call_id)
        if message.get("is_error") is True and message["content"] != NO_RESULT:
            self._translation.once("emulated", "messages.is_error", TOLD_IN_WORDS)
            message = told_as_failed(message)
        output = read_content(message.get("content"), f"messages[{index}]", self._translation) or ""
        kind: Literal["function_call_output", "custom_tool_call_output"]
        kind = "custom_tool_call_output" if call_id in self._customs else "function_call_output"
        self.items.append({"type": kind, "call_id": call_id, "output": output})


_READ: Final[dict[str, Callable[[_Reader, InputMessage, int], None]]] = {
    **dict.fromkeys(INSTRUCTION_ROLES, _Reader._instruct),
    "user": _Reader._user,
    "assistant": _Reader._assistant,
    "tool": _Reader._tool,
    "function": _Reader._function,
}
