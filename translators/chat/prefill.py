"""An assistant's message at the end that is to be continued, for models that answer a user and do
not go on with it."""

from typing import Any, Final

from translators.chat.wire import InputMessage
from translators.notes import Report

CONTINUE: Final = "Continue."


class Prefill(dict[str, Any]):
    """The last message of a caller whose own API has models go on with it. Callers of Chat
    Completions cannot say so: their message is sent as it is.
    """


def marked(messages: list[InputMessage]) -> None:
    """Say of the last message that it is to be continued, if it is the assistant's and has no
    calls."""
    last: Any = messages[-1]
    if last["role"] == "assistant" and not last.get("tool_calls"):
        messages[-1] = Prefill(last)


def with_continue(messages: list[InputMessage], report: Report) -> list[InputMessage]:
    """The messages with a user's word behind one that is to be continued; else the same ones."""
    last: Any = messages[-1] if messages else None
    if last.__class__ is not Prefill:
        return messages
    report.emulated(
        "assistant_prefill",
        "this model cannot continue an assistant message: it is asked to continue",
    )
    return [*messages, {"role": "user", "content": CONTINUE}]
