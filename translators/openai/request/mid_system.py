"""Instructions inside the conversation, for servers that take them only at its beginning: user text
between marks."""

from typing import Any, Final

from translators.chat.request import INSTRUCTION_ROLES
from translators.chat.wire import InputMessage
from translators.notes import Report

_BEFORE: Final = "<system-reminder>\n"
_BEHIND: Final = "\n</system-reminder>"


def wrapped(messages: list[InputMessage], report: Report) -> list[InputMessage]:
    """The messages, each with its own role but for instructions behind the first of another
    role."""
    begun, found, said = False, False, []
    for message in messages:
        if message["role"] not in INSTRUCTION_ROLES:
            begun = True
        elif begun:
            found = True
            message = {"role": "user", "content": _marked(message.get("content"))}
        said.append(message)
    if found:
        report.emulated(
            "messages.system",
            "instructions inside the conversation travel as marked user text",
        )
    return said


def _marked(content: Any) -> Any:
    if content.__class__ is str:
        return f"{_BEFORE}{content}{_BEHIND}"
    return [
        {**part, "text": f"{_BEFORE}{part['text']}{_BEHIND}"} if part.get("text") else part
        for part in content or ()
    ]
