"""Sets of tools that bodies declared before, and what was made of them.

An agent declares the same tools in each of its turns. A set is known by its own JSON text, to the
last byte: its text is not read again, and what was derived from it (checks, requirements,
translations for one target's facts, their bytes) is taken as it was made. All of it is a function
of that text and those facts, so a body that is known gives what it would give otherwise. Nobody
changes a set, or what was made of it. Bounded in sets and bytes; one memory for each process.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Final, TypeVar

from translators.json_codec import JsonObject, dumps, first_flaw, loads
from translators.known_messages import Place, Written, place_of, read_messages
from translators.long_json import dumps_long
from translators.pieces import LONG

_Made = TypeVar("_Made")

MOST_SETS: Final = 64
MOST_BYTES: Final = 32 * 1024 * 1024
"""Of all sets together, with what is made of them; estimated."""
MOST_MADE: Final = 24
"""Things made of one set: some for itself, and two for each row of targets."""
SHORTEST: Final = 2048
"""Bytes of a set from which on it is worth it."""
LONGEST: Final = 256 * 1024
_OF_A_VALUE: Final = 256
"""Bytes that a value of a set and its name take, in what it is read as and in what is made of it.
"""

_KEY: Final = b'"tools":'
_MESSAGES: Final = b'"messages":'
_SPACES: Final = frozenset({b" ", b"\t", b"\r", b"\n"})
_OPEN: Final = ord("[")
_BACKSLASH: Final = ord("\\")
_STAND_FOR: Final = {"tools": 7170910190719071911, "messages": 7170910190719071919}
"""What stands for a set, or for messages, in a body that is read or written. No float is equal to
it, and JSON has one way to write it."""
_MARKS: Final = {name: b"%d" % number for name, number in _STAND_FOR.items()}


class KnownTools:
    """A set: the value of `tools` as JSON text, and as it was read."""

    __slots__ = ("_made", "size", "text", "value")

    def __init__(self, text: bytes, value: list[Any]) -> None:
        self.text = text
        self.value = value
        values = len(text) - len(text.replace(b",", b""))  # an eighth of what counting them costs
        self.size = 2 * len(text) + _OF_A_VALUE * values
        self._made: OrderedDict[Hashable, tuple[object, Any]] = OrderedDict()

    def once(self, what: Hashable, make: Callable[[], _Made], facts: object = None) -> _Made:
        """`what` was made of the set under `facts`, the very object; made now if it was not. What
        `make` raises is not kept.
        """
        key = what, id(facts)
        found = self._made.get(key)
        if found is not None:
            made: _Made = found[1]
            return made
        made = make()
        self._made[key] = facts, made  # while they are kept, no other facts have their id
        if len(self._made) > MOST_MADE:
            self._made.popitem(last=False)
        return made

    def write(self, tools: Any) -> None:
        """Keep the JSON text of what was made of the set for a provider: see `dumps_known`."""
        self.once("text", lambda: dumps(tools), tools)

    def text_of(self, body: Any) -> bytes | None:
        """The text that `write` kept of the very tools of a body."""
        found = self._made.get(("text", id(body.get("tools"))))
        return None if found is None else found[1]


_known: Final[OrderedDict[int, KnownTools]] = OrderedDict()
"""By the identity of a set's value, the one used last at the end. Threads share it: each step is
whole by itself."""


def known_tools(tools: Any) -> KnownTools | None:
    """What is known of the value of `tools`, if it is the very one that `read` gave."""
    found = _known.get(id(tools))
    return found if found is not None and found.value is tools else None


def forget_tools() -> None:
    """Begin anew."""
    _known.clear()


def read(text: bytes) -> JsonObject | None:
    """The document of a body that declares tools, or holds a conversation, without a flaw
    (`first_flaw`): what is known of them is not read, but the rest of the body. What was not is
    known from now on.

    None: read it otherwise, there may be something wrong with it.
    """
    tools = _tools_in(text)
    said = place_of(text, -1 if tools is None else tools[0])
    if said is not None and (document := _read_around(text, tools, said)) is not None:
        return document
    return None if tools is None else _read_around(text, tools, None)


_Tools = tuple[int, "KnownTools"]
"""A set, and where in a body it begins."""


def _tools_in(text: bytes) -> _Tools | None:
    """Looked for from the end, which takes half as long; the last may be a parameter of a tool that
    is called so."""
    last = text.rfind(_KEY)
    if last < 1:
        return None
    found = _tools_at(text, last)
    if found is None and (first := text.find(_KEY)) != last:
        found = _tools_at(text, first)
    return found


def _tools_at(text: bytes, at: int) -> _Tools | None:
    if at < 1 or text[at - 1] == _BACKSLASH:  # the end of a longer key
        return None
    at += len(_KEY)
    while text[at : at + 1] in _SPACES:
        at += 1
    found = _recalled(text, at) or _learned(text, at)
    return None if found is None else (at, found)


def _read_around(text: bytes, tools: _Tools | None, said: Place | None) -> JsonObject | None:
    """The document, of which the tools and the messages are not read with the rest."""
    cuts: list[tuple[int, int, str]] = [] if said is None else [(said.start, said.end, "messages")]
    if tools is not None:
        cuts.append((tools[0], tools[0] + len(tools[1].text), "tools"))
        cuts.sort()
    pieces, at = list[bytes](), 0
    for start, end, name in cuts:
        pieces += (text[at:start], _MARKS[name])
        at = end
    rest = b"".join((*pieces, text[at:]))
    if any(rest.count(_MARKS[name]) != 1 for _, _, name in cuts):
        return None
    try:
        document = loads(rest)
    except ValueError:
        return None
    # A mark stands where a member's value stood: it is the body's own, of which there is one.
    if (
        document.__class__ is not dict
        or any(document.get(name) != _STAND_FOR[name] for _, _, name in cuts)
        or first_flaw(rest, document) is not None
    ):
        return None
    if said is not None:
        if (messages := read_messages(text, said)) is None:
            return None
        document["messages"] = messages
    if tools is not None:
        document["tools"] = tools[1].value
        _keep(tools[1])
    known: JsonObject = document
    return known


def dumps_known(body: Any, declared: Any, size: int, written: Written | None = None) -> bytes:
    """What `dumps_sized` writes of a body for a provider. Its tools may be made of a set that is
    known: of the one that the caller `declared`. Its messages may be those that are `written`.
    """
    if size > LONG:
        return dumps_long(body)
    texts: dict[str, Sequence[bytes | memoryview]] = {}
    found = _known.get(id(declared))
    if found is not None and found.value is declared and (text := found.text_of(body)) is not None:
        texts["tools"] = (text,)
    if written is not None and (said := written.pieces(body["messages"])) is not None:
        texts["messages"] = said
    if not texts:
        return dumps(body)
    rest = dumps({**body, **{name: _STAND_FOR[name] for name in texts}})
    if any(rest.count(_MARKS[name]) != 1 for name in texts):
        return dumps(body)
    pieces, at = list[bytes | memoryview](), 0
    for start, name in sorted((rest.index(_MARKS[name]), name) for name in texts):
        pieces += (rest[at:start], *texts[name])
        at = start + len(_MARKS[name])
    return b"".join((*pieces, rest[at:]))


def _recalled(text: bytes, at: int) -> KnownTools | None:
    """The set that begins at that place: one array is never the beginning of another."""
    for found in reversed([*_known.values()]):
        if text.startswith(found.text, at):
            return found
    return None


def _learned(text: bytes, at: int) -> KnownTools | None:
    """The set that begins at that place, read for itself; None if that is not seen to be right."""
    length = _likely_end(text, at) - at
    if not SHORTEST <= length <= LONGEST or text[at] != _OPEN:
        return None
    wrapped = b"[%b]" % text[at : at + length]  # as deep as it is in the body
    try:
        (value,) = loads(wrapped)
    except ValueError:
        return None
    if first_flaw(wrapped, [value]) is not None:
        return None
    return KnownTools(wrapped[1:-1], value)


def _likely_end(text: bytes, at: int) -> int:
    """The end of the last array of objects that the messages are not in."""
    end = len(text)
    if text.find(_MESSAGES, 0, at) < 0 and (behind := text.find(_MESSAGES, at)) >= 0:
        end = behind
    return text.rfind(b"}]", at, end) + 2


def _keep(found: KnownTools) -> None:
    """As the one that was used last; those go that were used longest ago."""
    key = id(found.value)
    is_new = key not in _known
    _known[key] = found
    _known.move_to_end(key)
    while is_new and (
        len(_known) > MOST_SETS or sum([one.size for one in [*_known.values()]]) > MOST_BYTES
    ):
        _known.popitem(last=False)
