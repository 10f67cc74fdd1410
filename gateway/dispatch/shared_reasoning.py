"""Signed reasoning of answers that another instance was given, found when their calls come back
without it.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from gateway.dispatch.reasoning_cache import (
    MAX_AGE,
    OF_ANOTHER,
    Kept,
    ReasoningStore,
    carries_own,
)
from gateway.store.states import Name, States
from translators.chat.turns import opening_digest

PATIENCE: Final = 0.02
"""Seconds that a request waits for it; it goes without after that, and that is reported."""
MOST_CALLS: Final = 64
"""Messages with calls, the newest first, that are looked for at once."""
_ABSENT: Final = 10_000
_ABSENT_FOR: Final = 10.0
"""Seconds for which what was not there is not looked for again."""
_BYTES_OF_NOTHING: Final = 100
_FORM: Final = 1
"""Of a state. Another one is another program's."""


class SharedReasoning:
    """One for a process. `now`: seconds that only grow."""

    def __init__(self, own: ReasoningStore, states: States, now: Callable[[], float]) -> None:
        self._own = own
        self._states = states
        self._now = now
        self._absent: OrderedDict[Name, float] = OrderedDict()

    def keep(
        self,
        caller: str,
        model: str,
        messages: Sequence[Mapping[str, Any]],
        answer: Mapping[str, Any],
        entry: Kept | None,
    ) -> None:
        """For the other instances, what was kept of an answer with calls; also that there was
        nothing to keep.
        """
        opening = opening_digest(messages) if entry is None else entry.turn[0]
        name = _name(caller, model, opening, answer)
        if name is not None:
            value = [_FORM] if entry is None else _value(entry)
            size = _BYTES_OF_NOTHING if entry is None else entry.size
            self._states.keep("reasoning", name, value, size, MAX_AGE)

    async def fetch(self, caller: str, model: str, messages: Sequence[Mapping[str, Any]]) -> None:
        """Learn what other instances have kept of the calls in `messages`, of which nothing is
        known here.
        """
        wanted = self._wanted(caller, model, messages)
        if not wanted:
            return
        found = await self._states.find("reasoning", list(wanted), PATIENCE)
        if found is None:
            return
        now = self._now()
        for name, message in wanted.items():
            value = found.get(name)
            if value is None:
                self._absent[name] = now + _ABSENT_FOR
            else:
                self._adopt(caller, model, message, value)
        while len(self._absent) > _ABSENT:
            self._absent.popitem(last=False)

    def _wanted(
        self, caller: str, model: str, messages: Sequence[Mapping[str, Any]]
    ) -> dict[Name, Mapping[str, Any]]:
        wanted: dict[Name, Mapping[str, Any]] = {}
        opening: bytes | None = None
        for message in reversed(messages):
            calls = message.get("tool_calls")
            if not calls or not self._own.unknown(caller, calls[0].get("id")):
                continue
            if carries_own(message):
                continue
            opening = opening or opening_digest(messages)
            name = _name(caller, model, opening, message)
            if name is not None and self._absent.get(name, 0.0) < self._now():
                wanted[name] = message
                if len(wanted) == MOST_CALLS:
                    break
        return wanted

    def _adopt(self, caller: str, model: str, message: Mapping[str, Any], value: Any) -> None:
        form, *kept = value
        if form != _FORM:
            return
        if not kept:
            self._own.keep_bare(caller, [call.get("id") for call in message["tool_calls"]])
            return
        fields, ids, names, extras, opening, turn, place, size = kept
        digests = bytes.fromhex(opening), bytes.fromhex(turn)
        entry = Kept(
            caller, model, fields, tuple(ids), tuple(names), tuple(extras), OF_ANOTHER, digests,
            place, self._now() + MAX_AGE, size,
        )  # fmt: skip
        self._own.adopt(entry)


def _name(caller: str, model: str, opening: bytes, message: Mapping[str, Any]) -> Name | None:
    """By its first call, in the conversation with that beginning: some servers count calls anew in
    each. None of a call without an id.
    """
    call_id = message["tool_calls"][0].get("id")
    return (caller, model, call_id, opening.hex()) if call_id.__class__ is str else None


def _value(entry: Kept) -> list[Any]:
    opening, turn = entry.turn
    return [
        _FORM, entry.fields, entry.ids, entry.names, entry.extras, opening.hex(), turn.hex(),
        entry.place, entry.size,
    ]  # fmt: skip
