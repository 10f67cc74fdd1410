"""The messages of a history put in order, in the hub's words: each call once and with an id of its own, its result right behind it.

For dialects that answer a flaw in a history by starting over with this: nearly all histories have none.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from translators.dialect import Report
from translators.history.blocks import call_of_block, result_of_block
from translators.history.pairing import NO_RESULT, CallIds, Pairs, Step, note_missing, note_orphan

Message = dict[str, Any]
Placed = tuple[int, Message]
"""A message, and the index of the one in the request that it is or comes from."""

_FUNCTION: Final = "function_call"


class Irregular(Exception):
    """A call without its one result, a result without a call, an id used twice: the history has to be arranged first."""


def arranged(messages: list[Message], report: Report, longest_id: int | None = None) -> list[Placed]:
    """The messages in an order that every provider takes, none of them changed in place. What was repaired is told to `report`.

    `longest_id`: characters that an id may have which is given here. Raises InvalidRequest for a call or a result that came as a block
    and is not whole.
    """
    entries = list(_entries(messages))
    pairs = Pairs([entry.step() for entry in entries], report)
    ids = CallIds(longest_id)
    found: list[Placed] = []
    for t, entry in enumerate(entries):
        if entry.result is not None:
            if t not in pairs.claimed:
                note_orphan(report, entry.at)
                found.append((entry.at, _as_user_text(entry.result, entry.message)))
        elif entry.calls:
            results = [None if place is None else entries[place].message for place in pairs.of[t]]
            found += _with_results(entry, results, ids, report)
        else:
            found.append((entry.at, entry.message))
    return found


@dataclass(slots=True)
class _Entry:
    at: int
    message: Message
    calls: list[str]
    """The ids of its calls: those of `tool_calls`, and of the older `function_call` behind them."""
    result: str | None = None

    def step(self) -> Step:
        return Step(self.at, self.message["role"] == "assistant", self.calls, self.result)


def _entries(messages: list[Message]) -> Iterator[_Entry]:
    open_functions: list[tuple[str, str]] = []
    for at, message in enumerate(messages):
        role, content = message["role"], message.get("content")
        if role == "assistant":
            message = _with_calls(message, f"messages[{at}]") if content.__class__ is list else message
            calls = [call.get("id") or f"call_{at}_{place}" for place, call in enumerate(message.get("tool_calls") or ())]
            if message.get(_FUNCTION) is not None:
                calls.append(f"fc_{at}")
                open_functions.append((message[_FUNCTION]["name"], calls[-1]))
            yield _Entry(at, message, calls)
        elif role == "tool":
            yield _Entry(at, message, [], message["tool_call_id"])
        elif role == "function":
            yield _Entry(at, message, [], _answered(message["name"], open_functions))
        elif role == "user" and content.__class__ is list:
            results = [result_of_block(part, f"messages[{at}].content[{j}]") for j, part in enumerate(content)]
            yield from (_Entry(at, result, [], result["tool_call_id"]) for result in results if result is not None)
            said = [part for part, result in zip(content, results, strict=True) if result is None]
            if said or not content:
                yield _Entry(at, message if len(said) == len(content) else {**message, "content": said}, [])
        else:
            yield _Entry(at, message, [])


def _answered(name: str, waiting: list[tuple[str, str]]) -> str:
    """The id of the oldest open call of that function, or else of the oldest open call; the name itself if none is open."""
    found = next((entry for entry in waiting if entry[0] == name), waiting[0] if waiting else None)
    if found is None:
        return name
    waiting.remove(found)
    return found[1]


def _with_calls(message: Message, at: str) -> Message:
    """A message whose content has calls as blocks, with all of them in `tool_calls`: one that is given both ways is one call."""
    given = message.get("tool_calls") or []
    known = {call.get("id") for call in given}
    blocks = [call_of_block(part, f"{at}.content[{j}]") for j, part in enumerate(message["content"])]
    others = [call for call in blocks if call is not None and call["id"] not in known]
    said = [part for part, call in zip(message["content"], blocks, strict=True) if call is None]
    if len(said) == len(blocks):
        return message
    return {**message, "content": said or None, "tool_calls": [*others, *given]}


def _with_results(entry: _Entry, results: list[Message | None], ids: CallIds, report: Report) -> Iterator[Placed]:
    """A message with calls, and a result for each of them behind it."""
    own = [ids.own(call_id) for call_id in entry.calls]
    yield entry.at, _renamed(entry.message, entry.calls, own)
    calls = entry.message.get("tool_calls") or []
    for place, result in enumerate(results):
        if result is None:
            note_missing(report, entry.at, place)
            result = _missing(entry.message) if place == len(calls) else {"role": "tool", "content": NO_RESULT, "is_error": True}
        if result["role"] == "function":
            yield entry.at, {**result, "name": entry.message[_FUNCTION]["name"]} if place == len(calls) else result
        else:
            yield entry.at, {**result, "tool_call_id": own[place]}


def _missing(message: Message) -> Message:
    return {"role": "function", "name": message[_FUNCTION]["name"], "content": NO_RESULT}


def _renamed(message: Message, before: list[str], now: list[str]) -> Message:
    """The message with its calls under the ids `now`, also where it repeats them in a provider's own words."""
    calls = message.get("tool_calls") or []
    if all(call.get("id") == own for call, own in zip(calls, now, strict=False)):
        return message
    renamed = {**message, "tool_calls": [{**call, "id": own} for call, own in zip(calls, now, strict=False)]}
    original = message.get("provider_content")
    if original.__class__ is dict and original.get("blocks").__class__ is list:
        others = dict(zip(before, now, strict=True))
        renamed["provider_content"] = {**original, "blocks": [_renamed_block(block, others) for block in original["blocks"]]}
    return renamed


def _renamed_block(block: Any, others: dict[str, str]) -> Any:
    known = block.get("call_id") if block.__class__ is dict else None
    return {**block, "call_id": others[known]} if known.__class__ is str and known in others else block


def _as_user_text(call_id: str, result: Message) -> Message:
    """A result whose call is not there any more, as what the user says."""
    heading, content = f"Tool result for {call_id}:", result.get("content")
    if content.__class__ is list:
        return {"role": "user", "content": [{"type": "text", "text": heading}, *content]}
    return {"role": "user", "content": f"{heading} {content or ''}".rstrip()}
