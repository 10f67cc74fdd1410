"""Stored responses that any instance finds: kept here, and for the others; looked for there where
it is not here.
"""

from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from gateway.store.entry import Entry, Store
from gateway.store.states import Name, States

PATIENCE: Final = 0.25
"""Seconds that a request waits for what it refers to: without it, it is refused."""
MOST_DELETED: Final = 1000
_FORM: Final = 1
"""Of a state. Another one is another program's."""


class SharedResponses:
    """A store around a process's own. `lifetime`: seconds."""

    def __init__(self, own: Store, states: States, lifetime: float) -> None:
        self._own = own
        self._states = states
        self._lifetime = lifetime
        self.deleted: deque[Name] = deque(maxlen=MOST_DELETED)
        """What other processes must forget, too."""

    async def put(self, entry: Entry) -> bool:
        kept = await self._own.put(entry)
        if kept:
            self._share(entry)
        return kept

    def _share(self, entry: Entry) -> None:
        keep, caller = self._states.keep, entry.caller
        keep("response", (caller, entry.id), _value(entry), entry.size, self._lifetime)
        for place, item in enumerate(entry.items):
            keep("item", (caller, item), [entry.id, place], 100, self._lifetime)

    async def get(self, entry_id: str, caller: str) -> Entry | None:
        entry = await self._own.get(entry_id, caller)
        if entry is None:
            value = await self._found("response", (caller, entry_id))
            entry = None if value is None else _entry(entry_id, caller, value)
            if entry is not None:
                await self._own.put(entry)
        return entry

    async def delete(self, entry_id: str, caller: str) -> bool:
        entry = await self.get(entry_id, caller)
        if entry is None:
            return False
        await self._own.delete(entry_id, caller)
        self._states.forget("response", (caller, entry_id))
        for item in entry.items:
            self._states.forget("item", (caller, item))
        self.deleted.append((caller, entry_id))
        return True

    async def forget_here(self, caller: str, entry_id: str) -> None:
        """Another process has deleted it."""
        await self._own.delete(entry_id, caller)

    async def holder_of(self, item_id: str, caller: str) -> tuple[Entry, int] | None:
        held = await self._own.holder_of(item_id, caller)
        if held is not None:
            return held
        value = await self._found("item", (caller, item_id))
        if value is None:
            return None
        entry_id, place = value
        entry = await self.get(entry_id, caller)
        return None if entry is None else (entry, place)

    async def close(self) -> None:
        await self._own.close()

    async def _found(self, kind: Any, name: Name) -> Any:
        return (await self._states.find(kind, [name], PATIENCE) or {}).get(name)


def _value(entry: Entry) -> Sequence[Any]:
    return [
        _FORM,
        entry.previous,
        entry.status,
        entry.target,
        entry.input.decode(),
        entry.object.decode(),
        entry.items,
    ]


def _entry(entry_id: str, caller: str, value: Any) -> Entry | None:
    if value[0] != _FORM:
        return None
    _, previous, status, target, given, object_, items = value
    return Entry(
        id=entry_id,
        caller=caller,
        previous=previous,
        status=status,
        target=target,
        input=given.encode(),
        object=object_.encode(),
        items=tuple(items),
    )
