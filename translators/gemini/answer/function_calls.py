"""A functionCall as the hub's tool call: `tool_calls`, a custom tool's, or the legacy
`function_call`.
"""

from typing import Any, Final

from translators.chat.wire import Delta, ToolCall
from translators.dialect import AnswerShape, Envelope
from translators.gemini.wire import AnswerCall
from translators.json_codec import dumps_str

_NAMESPACES: Final = ("default_api.", "default_api:")
"""Gemini's own namespace of functions leaks into names now and then."""


class CallWriter:
    """Gives the calls of one answer their ids: Gemini's where it has one that is new, else ours."""

    def __init__(self, envelope: Envelope) -> None:
        self._shape = envelope.shape
        self._prefix = envelope.call_id
        self._ids: set[str] = set()
        self._written = 0

    @property
    def finish_reason(self) -> str:
        """The reason of an answer that ends in calls."""
        return "function_call" if self._shape.legacy_functions else "tool_calls"

    @property
    def only_first(self) -> bool:
        return self._shape.one_tool_call or self._shape.legacy_functions

    def delta(self, call: AnswerCall, signature: Any, index: int) -> Delta:
        """The whole call as one delta."""
        name = caller_name(str(call.get("name") or ""), self._shape)
        args = call.get("args")
        arguments = "{}" if args is None else dumps_str(args)
        signed: Delta = (
            {"extra_content": {"google": {"thought_signature": signature}}}
            if signature.__class__ is str and signature
            else {}
        )
        if self._shape.legacy_functions:
            return {"function_call": {"name": name, "arguments": arguments}, **signed}
        made: ToolCall = {"index": index, "id": self._id(call.get("id"))}
        if name in self._shape.custom_tools:
            text = args.get("input") if args.__class__ is dict else None
            made["type"] = "custom"
            made["custom"] = {"name": name, "input": text if text.__class__ is str else arguments}
        else:
            made["type"] = "function"
            made["function"] = {"name": name, "arguments": arguments}
        if signed:
            made["extra_content"] = signed["extra_content"]
        return {"tool_calls": [made]}

    def _id(self, given: Any) -> str:
        number, self._written = self._written, self._written + 1
        if given.__class__ is not str or not given or given in self._ids:
            given = f"{self._prefix}_{number}"
        self._ids.add(given)
        return str(given)


def caller_name(name: str, shape: AnswerShape) -> str:
    """The caller's name of the tool that Gemini calls `name`; an undeclared one passes: the caller
    decides.
    """
    known = shape.tool_names.get(name, name)
    if known in shape.declared_tools:
        return known
    for namespace in _NAMESPACES:
        bare = name.removeprefix(namespace)
        bare = shape.tool_names.get(bare, bare)
        if bare in shape.declared_tools:
            return bare
    return known
