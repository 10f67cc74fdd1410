"""Signed reasoning that a caller sent back sealed, put on its messages for the target that
made it."""

from collections.abc import Mapping
from typing import Any, Final

from translators.chat.request import ChatRequest
from translators.notes import Note
from translators.sealed import SEALED, SealedReasoning, said_digest

_FOREIGN: Final = Note(
    "dropped", "messages.reasoning", "signed reasoning of another model means nothing to this one"
)


def unsealed(request: ChatRequest, target: str) -> tuple[ChatRequest, tuple[Note, ...]]:
    """The request for `target` (`provider/model`) with what its own answers carried back on their
    messages, and without anybody else's; the same request if nothing was sealed."""
    messages: list[dict[str, Any]] | None = None
    foreign = False
    for i, message in enumerate(request.messages):
        if (states := message.get(SEALED)).__class__ is not tuple:
            continue
        messages = list(request.messages) if messages is None else messages
        opened = {name: value for name, value in message.items() if name != SEALED}
        for state in states:
            if state.target == target:
                opened = _with_state(opened, state)
            else:
                foreign = True
        messages[i] = opened
    if messages is None:
        return request, ()
    body = {**request.body, "messages": messages}
    notes = (_FOREIGN,) if foreign else ()
    return ChatRequest(body, request.size, request.usual_schemas), notes


def _with_state(message: dict[str, Any], state: SealedReasoning) -> dict[str, Any]:
    """What the message has of its own wins; what repeats a whole turn must say what the turn
    says."""
    fields: Mapping[str, Any] = state.fields
    if "provider_content" in fields and state.said not in (None, said_digest(message)):
        fields = {name: value for name, value in fields.items() if name != "provider_content"}
    message = {**fields, **message}
    if state.calls and message.get("tool_calls"):
        message["tool_calls"] = [
            (
                {"extra_content": state.calls[call["id"]], **call}
                if call.get("id") in state.calls
                else call
            )
            for call in message["tool_calls"]
        ]
    return message
