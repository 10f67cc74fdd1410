"""A forced tool choice for servers of the hub's own dialect whose model cannot be forced: it is
told to call instead.
"""

from typing import Final, Literal

from translators.capabilities import ModelRecord
from translators.chat.emulation import TOLD, forced_call
from translators.chat.request import INSTRUCTION_ROLES
from translators.chat.wire import InputMessage
from translators.notes import Report
from translators.openai.wire import Instruction, RequestBody, TextPart

NO_CALL: Final[frozenset[str]] = frozenset()
CHOICES: Final = frozenset({"tool_choice", "function_call"})
"""Parameters that may force a call."""


def tell(body: RequestBody, record: ModelRecord, report: Report) -> frozenset[str]:
    """Put the choice of `body`, a request's own copy, into words. The caller's names of the tools
    of which one must be called.

    None of them where the model can be forced, or nothing forces it. The words go into the first
    instruction, or become one: many chat templates take no more than one, and only in front.
    """
    if record.can_force_tools and record.unsupported.isdisjoint(CHOICES):
        return NO_CALL
    forced = forced_call(body)
    if forced is None:
        return NO_CALL
    report.emulated(forced.param, TOLD)
    choice = body.pop(forced.param)
    if choice.__class__ is dict and choice.get("type") == "allowed_tools":
        body[forced.param] = {
            **choice,
            "allowed_tools": {**choice["allowed_tools"], "mode": "auto"},
        }
    messages = body["messages"]
    first = messages[0]
    if first["role"] in INSTRUCTION_ROLES:
        body["messages"] = [_with(first, forced.instruction()), *messages[1:]]
    else:
        role: Literal["developer", "system"] = (
            "developer" if record.instructions_role == "developer" else "system"
        )
        told: Instruction = {"role": role, "content": forced.instruction()}
        body["messages"] = [told, *messages]
    return forced.must_call


def _with(message: InputMessage, told: str) -> InputMessage:
    content = message.get("content")
    if content.__class__ is list:
        part: TextPart = {"type": "text", "text": told}
        return {**message, "content": [*content, part]}
    return {**message, "content": f"{content}\n\n{told}" if content else told}
