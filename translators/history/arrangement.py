"""The messages of a history put in order, in the hub's words: each call once and with an id of its
own, its result right behind it.

For dialects that answer a flaw in a history by starting over with this: nearly all histories have
none.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from translators.chat.calls import OWN
from translators.chat.wire import InputCall, InputMessage
from translators.history.blocks import call_of_block, result_of_block
from translators.history.tool_results import NO_RESULT, CallIds, Step, answered_functions, arrange
from translators.notes import Report

Placed = tuple[int, InputMessage]
"""A message, and the index of the one in the request that it is or comes from."""

_FUNCTION: Final = "function_call"


class Irregular(Exception):
    """A call without its one result, a result without a call, an id used twice: the history has to
    be arranged first.
    """


def arranged(
    messages: list[InputMessage],
    report: Report,
    longest_id: int | None = None,
    *,
    relayed: bool = False,
    standing: bool = False,
) -> list[Placed]:
    """The messages in an order that every provider takes, none of them changed in place. What was
    repaired is told to `report`.

    `longest_id`: characters that an id may have which is given here. `relayed`: calls of kinds that
    only some server knows go back to it, which may have run them itself: they and their results
    stay as they are. `standing`: as in `arrange`. Raises InvalidRequest for a call or a result that
    came as a block and is not whole.
    """
    entries = list(_entries(messages, relayed=relayed))
    steps = [
        Step(entry.at, entry.message["role"] == "assistant", entry.calls, entry.result)
        for entry in entries
    ]
    found = arrange(
        entries, steps, _Writer(relayed=relayed), CallIds(longest_id), report, standing=standing
    )
    return [(entry.at, entry.message) for entry in found]


@dataclass(slots=True)
class _Entry:
    at: int
    message: InputMessage
    calls: list[str]
    """The ids of its calls: those of `tool_calls`, and of the older `function_call` behind them."""
    result: str | None = None


def _entries(messages: list[InputMessage], *, relayed: bool) -> Iterator[_Entry]:
    answered: dict[int, int] | None = None
    servers: set[str] = set()
    for at, message in enumerate(messages):
        role, content = message["role"], message.get("content")
        if role == "assistant":
            message = (
                _with_calls(message, f"messages[{at}]") if content.__class__ is list else message
            )
            given = message.get("tool_calls") or ()
            if relayed:
                servers.update(call.get("id") or "" for call in given if _is_of_server(call))
                given = [call for call in given if not _is_of_server(call)]
            calls = [call.get("id") or "" for call in given]
            yield _Entry(
                at, message, calls if message.get(_FUNCTION) is None else [*calls, f"fc_{at}"]
            )
        elif role == "tool":
            call_id = message["tool_call_id"]
            yield _Entry(at, message, [], None if call_id in servers else call_id)
        elif role == "function":
            answered = answered_functions(messages) if answered is None else answered
            yield _Entry(
                at, message, [], f"fc_{answered[at]}" if at in answered else message["name"]
            )
        elif role == "user" and content.__class__ is list:
            results = [
                result_of_block(part, f"messages[{at}].content[{j}]")
                for j, part in enumerate(content)
            ]
            yield from (
                _Entry(at, result, [], result["tool_call_id"])
                for result in results
                if result is not None
            )
            said = [part for part, result in zip(content, results, strict=True) if result is None]
            if said or not content:
                yield _Entry(
                    at, message if len(said) == len(content) else {**message, "content": said}, []
                )
        else:
            yield _Entry(at, message, [])


def _is_of_server(call: InputCall) -> bool:
    return call.get("type") is not None and call["type"] not in OWN


def _with_calls(message: InputMessage, at: str) -> InputMessage:
    """A message whose content has calls as blocks, with all of them in `tool_calls`: one that is
    given both ways is one call.
    """
    given = message.get("tool_calls") or []
    known = {call.get("id") for call in given}
    blocks = [
        call_of_block(part, f"{at}.content[{j}]") for j, part in enumerate(message["content"])
    ]
    others = [call for call in blocks if call is not None and call["id"] not in known]
    said = [part for part, call in zip(message["content"], blocks, strict=True) if call is None]
    if len(said) == len(blocks):
        return message
    return {**message, "content": said or None, "tool_calls": [*others, *given]}


class _Writer:
    """Writes messages; a result is placed where its call is."""

    def __init__(self, *, relayed: bool) -> None:
        self._relayed = relayed

    def calling(self, entry: _Entry, own: list[str]) -> _Entry:
        return _Entry(entry.at, _renamed(entry.message, iter(own), relayed=self._relayed), [])

    def result(self, entry: _Entry, caller: _Entry, place: int, own: str) -> _Entry:
        return _Entry(caller.at, self._answering(entry.message, caller, place, own), [])

    def missing(self, caller: _Entry, place: int, own: str) -> _Entry:
        message = {"role": "tool", "content": NO_RESULT, "is_error": True}
        return _Entry(caller.at, self._answering(message, caller, place, own), [])

    def orphan(self, entry: _Entry, call_id: str) -> _Entry:
        heading, content = f"Tool result for {call_id}:", entry.message.get("content")
        if content.__class__ is list:
            said: InputMessage = {
                "role": "user",
                "content": [{"type": "text", "text": heading}, *content],
            }
        else:
            said = {"role": "user", "content": f"{heading} {content or ''}".rstrip()}
        return _Entry(entry.at, said, [])

    def _answering(
        self, message: InputMessage, caller: _Entry, place: int, own: str
    ) -> InputMessage:
        """`message` as the result of that call: the last one may be a `function_call`, which is
        answered by its name.
        """
        if (
            place == len(caller.calls) - 1
            and (function := caller.message.get(_FUNCTION)) is not None
        ):
            answer = {name: value for name, value in message.items() if name != "tool_call_id"}
            return {**answer, "role": "function", "name": function["name"]}
        return {**message, "tool_call_id": own}


def _renamed(message: InputMessage, own: Iterator[str], *, relayed: bool) -> InputMessage:
    """The message with its calls under the ids `own`, also where it repeats them in a provider's
    own words.
    """
    calls = message.get("tool_calls") or []
    ids = [call.get("id") if relayed and _is_of_server(call) else next(own) for call in calls]
    if all(call.get("id") == now for call, now in zip(calls, ids, strict=True)):
        return message
    renamed = {
        **message,
        "tool_calls": [{**call, "id": now} for call, now in zip(calls, ids, strict=True)],
    }
    original = message.get("provider_content")
    if original.__class__ is dict and original.get("blocks").__class__ is list:
        others: dict[Any, list[Any]] = defaultdict(list)
        for call, now in zip(reversed(calls), reversed(ids), strict=True):
            others[call.get("id")].append(now)
        renamed["provider_content"] = {
            **original,
            "blocks": [_renamed_block(block, others) for block in original["blocks"]],
        }
    return renamed


def _renamed_block(block: Any, others: dict[Any, list[Any]]) -> Any:
    """A block that calls under the first of the ids that its own was changed to: the next block of
    that id has the next one.
    """
    known = block.get("call_id") if block.__class__ is dict else None
    return (
        {**block, "call_id": others[known].pop()}
        if known.__class__ is str and others.get(known)
        else block
    )
