"""What a model can only be asked for in words: how it is told to call a tool, and whether an answer
gives what was asked for.

Some models cannot be forced to call a tool, some cannot be held to JSON or to a schema. They are
told, and nearly always obey; an answer that does not is no answer to a program that waits for the
call or the document.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from translators.chat.chunks import Chunk, Collector
from translators.chat.continuation import is_paused
from translators.chat.json_schema import Schema
from translators.chat.schema_validation import is_valid
from translators.chat.wire import Completion
from translators.json_codec import loads

NOT_CALLED: Final = "tool_choice_not_followed"
NOT_IN_SCHEMA: Final = "schema_not_followed"
ANY_OBJECT: Final[Schema] = {"type": "object"}
"""The schema that `json_object` stands for."""
TOLD: Final = "this model cannot be made to call a tool: it is told to, and its answer is checked"
"""The note on a tool choice that was put into words."""

_CUT: Final = frozenset({"length", "content_filter"})
"""Answers that ended before they were done: what they lack is no disobedience."""


class ForcedCall(NamedTuple):
    """A tool choice that demands a call."""

    names: tuple[str, ...]
    """The caller's names of the tools it may be, in their order; empty where a tool of the
    provider's own would do as well."""
    chosen: bool
    """Not just any tool of the request."""
    param: str = "tool_choice"
    """What demands it."""

    @property
    def must_call(self) -> frozenset[str]:
        return frozenset(self.names)

    def instruction(self, upstream: Callable[[str], str] = str) -> str:
        """What the model is told; `upstream` gives its own names for the caller's.

        It stands at the end of the instructions, in front of the conversation. Behind the
        conversation it would move from turn to turn, and whoever calls with the same choice all
        along would lose the prompt's cache and Claude's signed thinking each time.
        """
        names = ", ".join(f'"{upstream(name)}"' for name in self.names)
        what = (
            "one of the tools"
            if not self.chosen
            else f"the tool {names}"
            if len(self.names) == 1
            else f"one of the tools {names}"
        )
        return (
            f"Answer with a call of {what}, whatever else you say: an answer without that call"
            " cannot be used."
        )


def forced_call(body: Mapping[str, Any]) -> ForcedCall | None:
    """What the `tool_choice`, or older `function_call`, of a request demands.

    None if the model may answer without a call, and for a choice of no tool there is: that is for
    whoever reads it to refuse.
    """
    param = "tool_choice" if body.get("tool_choice") is not None else "function_call"
    choice = body.get(param)
    if choice in (None, "none", "auto"):
        return None
    declared, of_provider = _declared(body)
    any_tool = ForcedCall(() if of_provider else declared, False, param)
    if choice.__class__ is not dict:
        return any_tool
    if choice.get("type") != "allowed_tools":
        name = _name(choice)
        return (
            any_tool
            if name is None
            else ForcedCall((name,), True, param)
            if name in declared
            else None
        )
    allowed = choice["allowed_tools"]
    if allowed["mode"] != "required":
        return None
    wanted = {_name(tool) for tool in allowed["tools"]}
    names = tuple([name for name in declared if name in wanted])
    return ForcedCall(names, True, param) if names and None not in wanted else any_tool


def _declared(body: Mapping[str, Any]) -> tuple[tuple[str, ...], bool]:
    """The names of the caller's tools, and whether there are tools that the provider runs
    itself."""
    names = [_name(tool) for tool in body.get("tools") or body.get("functions") or ()]
    return tuple([name for name in names if name is not None]), None in names


def _name(tool: Mapping[str, Any]) -> str | None:
    """The name of a tool of the caller's, declared or chosen; None for one that the provider runs
    itself.
    """
    kind = tool.get("type", "function")
    return str((tool.get(kind) or tool).get("name")) if kind in ("function", "custom") else None


def unfollowed(
    completion: Completion,
    must_call: frozenset[str],
    schema: Schema | None,
    paused: str | None = None,
) -> str | None:
    """The name of what was asked for in words and did not come: NOT_CALLED or NOT_IN_SCHEMA; None
    if it came, or the answer was cut off.

    A call is no JSON answer yet, so beside one the text may be anything. `paused`: as for
    `is_paused`.
    """
    if is_paused(completion, paused):
        return None
    for choice in completion["choices"]:
        message = choice.get("message") or {}
        if choice.get("finish_reason") in _CUT or message.get("refusal"):
            continue
        called = called_names(message)
        if must_call and must_call.isdisjoint(called):
            return NOT_CALLED
        if schema is not None and not called and not _holds(message.get("content"), schema):
            return NOT_IN_SCHEMA
    return None


def unfollowed_stream(
    chunks: Sequence[Chunk],
    must_call: frozenset[str],
    schema: Schema | None,
    paused: str | None = None,
) -> str | None:
    """The same for all chunks of an answer."""
    collector = Collector("", 0, "")
    for chunk in chunks:
        collector.add(chunk)
    return unfollowed(collector.completion(), must_call, schema, paused)


def begins_call(delta: Mapping[str, Any] | None, must_call: frozenset[str]) -> bool:
    """Whether a piece of an answer settles that it is what was asked for: a call of one of these
    tools begins; without names, of any.
    """
    called = called_names(delta) if delta else []
    return bool(called) and not (must_call and must_call.isdisjoint(called))


def called_names(message: Mapping[str, Any]) -> list[str]:
    """The names of the tools that a message, or a piece of one, calls."""
    calls = message.get("tool_calls") or ()
    found = [(call.get("function") or call.get("custom") or {}).get("name") for call in calls]
    found.append((message.get("function_call") or {}).get("name"))
    return [name for name in found if name]


def _holds(content: Any, schema: Schema) -> bool:
    if content.__class__ is list:
        content = "".join([part.get("text") or "" for part in content])
    try:
        return is_valid(loads(content or ""), schema)
    except ValueError:
        return False
