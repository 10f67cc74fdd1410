"""Reasoning, remembered between the turns of a tool loop.

Claude's thinking blocks, Gemini's thought signatures and OpenAI's encrypted items must come back
with the tool results, and so must what compatible servers reasoned; but a plain OpenAI client sends
back only what OpenAI's SDK keeps: role, content, tool calls. So what an answer with tool calls
carried beside them is kept for the caller who got it, and put back when a message with those calls
returns to the same model. It is known by the ids of its calls; where a client gave them others, by
what was said and called after the same first message. Bounded in entries, bytes and age.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any, Final, Literal, NamedTuple

from translators.chat.request import ChatRequest
from translators.chat.turns import (
    called_names,
    details_text,
    open_loop,
    opening_digest,
    turn_digest,
    turn_hash,
)
from translators.json_codec import dumps

MAX_ENTRIES: Final = 10_000
MAX_BYTES: Final = 64 * 1024 * 1024
MAX_AGE: Final = 24 * 3600.0
"""Seconds."""

_FIELDS: Final = (
    "thinking_blocks",
    "provider_content",
    "extra_content",
    "reasoning_content",
    "reasoning",
    "reasoning_details",
)
SIGNED: Final = frozenset(_FIELDS[:3])
_TEXTS: Final = frozenset(_FIELDS[3:5])
RELAYED: Final = frozenset(_FIELDS)
"""What servers of the hub's own dialect want back, each in the words it used. Others sign what
matters of it."""
_CARRYING: Final = SIGNED | {"provider_specific_fields"}
_THINKING: Final = ("thinking", "redacted_thinking")
_HIDDEN: Final = "__thought__"
"""Behind it another gateway hid a signature in a call's id."""
_PER_CALL: Final = 100
"""Bytes that a call's id takes in the index."""

OF_ANOTHER: Final = -1
"""In place of a hash, which is a process's own: no text's is this."""

Turn = tuple[bytes, bytes]
"""The digests of a conversation's first message and of a turn in it."""


class Kept(NamedTuple):
    """What one answer carried beside its text and calls, and what it is known by."""

    caller: str
    model: str
    fields: dict[str, Any]
    ids: tuple[Any, ...]
    names: tuple[str, ...]
    extras: tuple[Any, ...]
    """Each call's own `extra_content`; empty if none has any."""
    said: int
    turn: Turn
    place: int
    """How often the assistant had spoken before."""
    expires: float
    size: int

    def says(self, message: Mapping[str, Any]) -> bool:
        """Whether a message has the text and the calls of the answer, however they are written."""
        return self.said == turn_hash(message) or self.turn[1] == turn_digest(message)


class _History:
    """A conversation in which turns are looked for that are not known by the ids of their calls."""

    def __init__(self, messages: Sequence[Mapping[str, Any]]) -> None:
        self._messages = messages
        self._opening = opening_digest(messages)
        self._places = list(accumulate([message["role"] == "assistant" for message in messages]))

    def find(self, at: int, turns: Mapping[Turn, Mapping[int, Kept]]) -> Kept | None:
        """The entry of a message: at its place, or the only one there is."""
        found = turns.get((self._opening, turn_digest(self._messages[at])))
        if found is None:
            return None
        return found.get(self._places[at] - 1) or (
            next(iter(found.values())) if len(found) == 1 else None
        )


Loss = Literal["edited", "unknown"]
"""Why reasoning cannot be put back: its message was edited, or nothing is known of its calls here.
"""


class ReasoningStore:
    """One for the process. `clock` gives seconds that only grow."""

    def __init__(
        self, clock: Callable[[], float], max_entries: int = MAX_ENTRIES, max_bytes: int = MAX_BYTES
    ) -> None:
        self._clock = clock
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._entries: OrderedDict[int, Kept] = OrderedDict()
        """By the identity of an entry, the one that was used last at the end."""
        self._calls: dict[tuple[str, Any], Kept] = {}
        """By caller and id of a call: the newest one."""
        self._again: set[tuple[str, Any]] = set()
        """Of these, the ids that were used before, as some servers do: they tell nothing of the
        turn."""
        self._turns: dict[tuple[str, str], dict[Turn, dict[int, Kept]]] = {}
        """By caller and model, then by turn and its place: an agent may call the same several
        times."""
        self._bare: OrderedDict[tuple[str, Any], None] = OrderedDict()
        """Calls, and turns, that are known to have come without any reasoning."""
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def remember(
        self,
        caller: str,
        model: str,
        messages: Sequence[Mapping[str, Any]],
        answer: Mapping[str, Any],
        kept: frozenset[str] = SIGNED,
    ) -> Kept | None:
        """Keep what `answer`, which `model` (`provider/model`) gave to `messages`, carries for its
        calls, of the fields that are `kept`; what that is.
        """
        calls = answer.get("tool_calls")
        if not calls:
            return None
        fields = _fields(answer, kept)
        extras = tuple([call.get("extra_content") for call in calls])
        extras = extras if any(extras) else ()
        ids = tuple([call.get("id") for call in calls])
        turn = opening_digest(messages), turn_digest(answer)
        if not fields and not extras:
            self.keep_bare(caller, (*ids, turn))
            return None
        place = sum([message["role"] == "assistant" for message in messages])
        size = len(dumps([fields, extras])) + _PER_CALL * len(ids)
        expires = self._clock() + MAX_AGE
        entry = Kept(
            caller,
            model,
            fields,
            ids,
            called_names(answer),
            extras,
            turn_hash(answer),
            turn,
            place,
            expires,
            size,
        )
        self.adopt(entry)
        return entry

    def unknown(self, caller: str, call_id: Any) -> bool:
        """Whether nothing is known of the call of that id."""
        key = caller, call_id
        return key not in self._calls and key not in self._bare

    def keep_bare(self, caller: str, keys: Sequence[Any]) -> None:
        """These calls, or turns, came without any reasoning."""
        for key in keys:
            self._bare[caller, key] = None
        while len(self._bare) > self._max_entries:
            self._bare.popitem(last=False)

    def adopt(self, entry: Kept) -> None:
        """Keep what this process, or another, has of an answer."""
        self._entries[id(entry)] = entry
        self._bytes += entry.size
        for key in [(entry.caller, call_id) for call_id in entry.ids]:
            if key in self._calls:
                self._again.add(key)
            self._calls[key] = entry
        self._turns.setdefault((entry.caller, entry.model), {}).setdefault(entry.turn, {})[
            entry.place
        ] = entry
        while self._bytes > self._max_bytes or len(self._entries) > self._max_entries:
            self._forget(next(iter(self._entries.values())))

    def _forget(self, entry: Kept) -> None:
        del self._entries[id(entry)]
        self._bytes -= entry.size
        for key in [(entry.caller, call_id) for call_id in entry.ids]:
            if self._calls.get(key) is entry:
                del self._calls[key]
                self._again.discard(key)
        turns = self._turns.get((entry.caller, entry.model), {})
        places = turns.get(entry.turn, {})
        if places.get(entry.place) is entry:
            del places[entry.place]
            if not places:
                del turns[entry.turn]
            if not turns:
                del self._turns[entry.caller, entry.model]

    def restore(self, caller: str, model: str, request: ChatRequest) -> ChatRequest:
        """The request with what was kept put back on the messages of `model`'s own answers; the
        same request if there is nothing.
        """
        if not self._entries:
            return request
        messages: list[dict[str, Any]] | None = None
        history: _History | None = None
        for i, message in enumerate(request.messages):
            calls = message.get("tool_calls")
            if not calls:
                continue
            key = caller, calls[0].get("id")
            entry = self._alive(self._calls.get(key))
            if entry is None or key in self._again:
                if (turns := self._turns.get((caller, model))) is None:
                    continue
                history = history or _History(request.messages)
                entry = self._alive(history.find(i, turns)) or (
                    entry if entry is not None and entry.says(message) else None
                )
            if (
                entry is not None
                and entry.model == model
                and (restored := _restored(message, entry)) is not message
            ):
                messages = list(request.messages) if messages is None else messages
                messages[i] = restored
        return (
            request
            if messages is None
            else ChatRequest(
                {**request.body, "messages": messages}, request.size, request.usual_schemas
            )
        )

    def _alive(self, entry: Kept | None) -> Kept | None:
        if entry is None:
            return None
        if entry.expires < self._clock():
            self._forget(entry)
            return None
        self._entries.move_to_end(id(entry))
        return entry

    def lost(self, caller: str, model: str, request: ChatRequest) -> Loss | None:
        """Why the turn that is going on in `request`, as `restore` gave it, lacks reasoning of
        `model`'s.

        None if it lacks none: calls of others had none of its, and of its own some come without.
        """
        for message in open_loop(request.messages):
            if carries_own(message):
                continue
            key = caller, message["tool_calls"][0].get("id")
            entry = self._calls.get(key)
            if entry is not None and entry.model == model:
                return "edited"
            if entry is None and key not in self._bare:
                turn = opening_digest(request.messages), turn_digest(message)
                if (caller, turn) not in self._bare:
                    return "unknown"
        return None


def _fields(answer: Mapping[str, Any], kept: frozenset[str]) -> dict[str, Any]:
    """What is kept of an answer, once: a text that stands in other fields, or that signed blocks
    hold, is not kept beside them.
    """
    fields: dict[str, Any] = {
        name: answer[name] for name in _FIELDS if name in kept and answer.get(name)
    }
    if "provider_content" in fields:
        return {name: value for name, value in fields.items() if name in SIGNED}
    shown = fields.get("reasoning_content")
    if shown is not None and shown in (
        fields.get("reasoning"),
        details_text(fields.get("reasoning_details")),
    ):
        del fields["reasoning_content"]
    return fields


def _restored(message: dict[str, Any], entry: Kept) -> dict[str, Any]:
    """What the caller sent of its own wins; blocks that repeat the whole turn are put back only if
    the turn says what it said.
    """
    fields = entry.fields
    if not RELAYED.isdisjoint(message):
        if any(message.get(name) for name in SIGNED):
            return message
        own = _has_own_text(message, fields)
        fields = {
            name: value
            for name, value in fields.items()
            if not (message.get(name) or (own and name in _TEXTS))
        }
    if "provider_content" in fields and not entry.says(message):
        fields = {name: value for name, value in fields.items() if name != "provider_content"}
    if "provider_content" in fields:
        fields = {
            **fields,
            "provider_content": _with_ids(fields["provider_content"], entry, message["tool_calls"]),
        }
    if entry.extras:
        return {**message, **fields, "tool_calls": _with_extras(message["tool_calls"], entry)}
    return {**message, **fields} if fields else message


def _with_ids(content: Any, entry: Kept, calls: list[dict[str, Any]]) -> Any:
    """The blocks of a turn with the ids that its calls have now: results name those."""
    ids = [call.get("id") for call in calls]
    if (
        ids == list(entry.ids)
        or content.__class__ is not dict
        or content.get("blocks").__class__ is not list
    ):
        return content
    names = dict(zip(entry.ids, ids, strict=False))
    blocks = []
    for block in content["blocks"]:
        if (
            block.__class__ is dict
            and block.get(key := "call_id" if "call_id" in block else "id") in names
        ):
            block = {**block, key: names[block[key]]}
        blocks.append(block)
    return {**content, "blocks": blocks}


def _has_own_text(message: Mapping[str, Any], fields: Mapping[str, Any]) -> bool:
    """Whether a message holds reasoning of its caller's own, and not what it was shown, which may
    have come under another name.
    """
    shown = (
        fields.get("reasoning_content"),
        fields.get("reasoning"),
        details_text(fields.get("reasoning_details")),
    )
    return any(message.get(name) and message[name] not in shown for name in _TEXTS)


def _with_extras(calls: list[dict[str, Any]], entry: Kept) -> list[dict[str, Any]]:
    """By the ids of the calls; where these are others, by their places."""
    ids = [call.get("id") for call in calls]
    extras = dict(zip(ids if ids[0] not in entry.ids else entry.ids, entry.extras, strict=False))
    found = []
    for call, call_id in zip(calls, ids, strict=True):
        extra = extras.get(call_id)
        found.append(
            {**call, "extra_content": extra} if extra and not call.get("extra_content") else call
        )
    return found


def carries_own(message: Mapping[str, Any]) -> bool:
    """Whether a message with calls has signed reasoning of its own."""
    return not _CARRYING.isdisjoint(message) or _carries(message)


def _carries(message: Mapping[str, Any]) -> bool:
    """Whether a message has signed reasoning in its parts or calls."""
    content = message.get("content")
    if content.__class__ is list and any(part.get("type") in _THINKING for part in content):
        return True
    return any(
        not _CARRYING.isdisjoint(call)
        or _HIDDEN in str(call.get("id"))
        or "thought_signature" in (call.get("function") or ())
        for call in message["tool_calls"]
    )
