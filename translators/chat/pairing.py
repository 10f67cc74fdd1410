"""Every tool call of a history finds its result: right behind the message that calls, one for each, under an id that no other call has.

OpenAI and nearly all servers that speak its language refuse histories that break this rule. Those that were trimmed, edited or put together
from several providers' answers do; they are mended here, and nothing of them is thrown away unless it stands twice.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, Final

from translators.chat.calls import OWN, CallIdForm, formed, is_formed, kind_of

Message = dict[str, Any]
Repaired = Callable[[str, str], None]
"""Report.repaired."""

NO_RESULT: Final = "No result was recorded for this tool call."


def paired(messages: list[Message], form: CallIdForm, repaired: Repaired, first: int = 0) -> list[Message]:
    """The conversation with a `tool` message behind the message with its call, for each call; the same list if it is so already.

    `first` is the place of the first message in the conversation: ids that have to be made tell the place.
    """
    return messages if _in_order(messages, form) else _Mending(messages, form, repaired, first).mended()


def _in_order(messages: list[Message], form: CallIdForm) -> bool:
    """Whether every result stands right behind its call, and every id is given, new and of the form: nearly all histories are so."""
    seen: set[str] = set()
    waiting: set[str] = set()
    for message in messages:
        if message["role"] == "tool":
            call_id = message["tool_call_id"]
            if call_id not in waiting:
                return False
            waiting.discard(call_id)
        elif waiting:
            return False
        elif "tool_calls" in message and message["role"] == "assistant":
            for call in message["tool_calls"] or ():
                call_id = call.get("id")
                if not call_id or call_id in seen or call.get("type") not in OWN:
                    return False
                seen.add(call_id)
                waiting.add(call_id)
    return not waiting and (form == "any" or all(is_formed(call_id, form) for call_id in seen))


class _Mending:
    """Which result answers which call: those right behind it first, then one that comes later and answers nothing else.

    A call without an id is answered by the next result behind it that no call's id explains.
    """

    def __init__(self, messages: list[Message], form: CallIdForm, repaired: Repaired, first: int) -> None:
        self._messages = messages
        self._first = first
        self._form = form
        self._repaired = repaired
        self._told: set[str] = set()
        self._calls = {t: m["tool_calls"] for t, m in enumerate(messages) if m["role"] == "assistant" and m.get("tool_calls")}
        self._answers: dict[int, list[int | None]] = {t: [None] * len(calls) for t, calls in self._calls.items()}
        """For each message with calls the places of the messages that answer them."""
        self._claimed: set[int] = set()
        self._ids: set[str] = set()

    def mended(self) -> list[Message]:
        self._match()
        made: list[Message] = []
        for t, message in enumerate(self._messages):
            if t in self._calls:
                self._add_answered(made, t, message)
            elif message["role"] != "tool":
                made.append(message)
            elif t not in self._claimed:
                self._tell("a tool result without its call became user text")
                made.append(_orphan(message))
        return made

    def _tell(self, what: str) -> None:
        """Each kind of repair once."""
        if what not in self._told:
            self._told.add(what)
            self._repaired("messages", what)

    def _match(self) -> None:
        results: dict[str, list[int]] = defaultdict(list)
        for t, message in enumerate(self._messages):
            if message["role"] == "tool":
                results[message["tool_call_id"]].append(t)
        places = {t: _places(calls) for t, calls in self._calls.items()}
        for t, interrupted, end in self._windows():
            for call_id, where in places[t].items():
                found = results[call_id]
                near = found[bisect_right(found, t) : bisect_left(found, end)]
                if near and near[-1] > interrupted:
                    self._tell("a tool result was moved in front of what stood before it")
                self._claim(t, where, near)
        known: set[str] = set()
        for t, _, end in self._windows():
            known |= places[t].keys()
            if "" in places[t]:
                strays = [r for r in range(t + 1, end) if r not in self._claimed and self._is_stray(r, known)]
                where = [place for place in places[t][""] if self._answers[t][place] is None]
                self._claim(t, where, strays[: len(where)])
        left = {call_id: [r for r in reversed(found) if r not in self._claimed] for call_id, found in results.items()}
        for t in self._calls:
            for call_id, where in places[t].items():
                self._claim_later(t, where, left.get(call_id, []))

    def _is_stray(self, at: int, known: set[str]) -> bool:
        message = self._messages[at]
        return message["role"] == "tool" and message["tool_call_id"] not in known

    def _windows(self) -> Iterator[tuple[int, int, int]]:
        """Each message with calls, where something other than a result follows it, and where the assistant speaks again (or the end)."""
        messages = self._messages
        for t in self._calls:
            interrupted = t + 1
            while interrupted < len(messages) and messages[interrupted]["role"] == "tool":
                interrupted += 1
            end = interrupted
            while end < len(messages) and messages[end]["role"] != "assistant":
                end += 1
            yield t, interrupted, end

    def _claim(self, t: int, where: list[int], results: list[int]) -> None:
        """The last results win, one for each place. One result too many is claimed too: it is not an orphan, it stands twice."""
        self._claimed.update(results)
        if len(results) > len(where):
            self._tell("a tool call had several results: the last one is kept")
            results = results[-len(where) :]
        for place, result in zip(where, results, strict=False):
            self._answers[t][place] = result

    def _claim_later(self, t: int, where: list[int], left: list[int]) -> None:
        """`left` are the results that answer nothing yet, the last one first."""
        for place in where:
            while left and left[-1] <= t:
                left.pop()
            if left and self._answers[t][place] is None:
                self._tell("a tool result was moved behind the call it answers")
                self._claim(t, [place], [left.pop()])

    def _add_answered(self, made: list[Message], t: int, message: Message) -> None:
        """A message with calls and what answers them, both sides of each pair under one id."""
        calls, answers = [], []
        for place, (call, answer) in enumerate(zip(self._calls[t], self._answers[t], strict=True)):
            call_id = self._id(call.get("id") or "", t, place)
            calls.append(call if call.get("id") == call_id else {**call, "id": call_id})
            if answer is not None:
                result = self._messages[answer]
                answers.append(result if result["tool_call_id"] == call_id else {**result, "tool_call_id": call_id})
            elif kind_of(call) in OWN:
                self._tell("a tool call without result was given one that says so")
                answers.append({"role": "tool", "tool_call_id": call_id, "content": NO_RESULT})
        made.append(self._with(message, calls))
        made += answers

    def _with(self, message: Message, calls: list[dict[str, Any]]) -> Message:
        """The message with `calls`. What it was made from (`provider_content`) names them by their old ids: it goes if they have others."""
        if "provider_content" in message and any(new is not old for new, old in zip(calls, message["tool_calls"], strict=True)):
            self._tell("an answer's original content was left out: the ids of its calls had to change")
            message = {name: value for name, value in message.items() if name != "provider_content"}
        return {**message, "tool_calls": calls}

    def _id(self, given: str, t: int, place: int) -> str:
        here = f"{t + self._first}_{place}"
        wanted = given or f"call_{here}"
        while (call_id := formed(wanted, self._form)) in self._ids:
            wanted = f"{wanted}_{here}"
        self._ids.add(call_id)
        return call_id


def _places(calls: list[dict[str, Any]]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = defaultdict(list)
    for place, call in enumerate(calls):
        places[call.get("id") or ""].append(place)
    return places


def _orphan(message: Message) -> Message:
    """A result whose call is not there any more, as what the user says."""
    heading, content = f"Tool result for {message['tool_call_id']}:", message["content"]
    if content.__class__ is list:
        return {"role": "user", "content": [{"type": "text", "text": heading}, *content]}
    return {"role": "user", "content": f"{heading} {content}".rstrip()}
