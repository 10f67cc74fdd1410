"""Conversations that bodies held before, as they were read.

A caller sends the whole conversation in each of its turns, and a turn only adds to it. Messages are
known by their own JSON text, to the last byte: of a body that begins with them only what follows is
read. Whoever asks for them is given a list of its own; nobody changes a message. Bounded in
conversations and bytes; one memory for each process.

Messages that are sent on as they came need not be written anew, either, if their text is what
`dumps` would write: see `Written`.
"""

from collections import OrderedDict
from collections.abc import Sequence
from operator import is_
from typing import Any, Final, NamedTuple

from translators.json_codec import JsonObject, dumps, loads, looked_at

MOST_CONVERSATIONS: Final = 16
MOST_BYTES: Final = 8 * 1024 * 1024
"""Of all conversations together, with what they are read as; estimated."""
SHORTEST: Final = 4096
"""Bytes of a conversation from which on it is worth it."""
LONGEST: Final = 512 * 1024
FEWEST: Final = 3
"""Messages: with fewer nobody has answered yet."""
BEGUN: Final = 4096
"""Bytes of a beginning: most sessions of one agent differ in them."""
MOST_BEGUN: Final = 4096
_OF_A_TEXT: Final = 64
"""Bytes that a text takes beside its characters."""
_TAIL: Final = 32
"""Bytes by which most conversations are told apart: their ends differ sooner than their beginnings.
"""

LEAST_WRITTEN: Final = 8192
"""Bytes of a body from which on it is worth it to keep its messages as text."""
_MOST_CHANGED: Final = 2
"""Messages at the beginning, the instructions, that may be others than the caller's."""
_STANDS_FOR: Final = 7170910190719071913
"""Stands for messages in a body that is written."""
_MARK: Final = b"%d" % _STANDS_FOR

_KEY: Final = b'"messages":'
_SPACES: Final = frozenset({b" ", b"\t", b"\r", b"\n"})
_OPEN: Final = ord("[")
_COMMA: Final = ord(",")
_BACKSLASH: Final = ord("\\")


class _Known:
    """A conversation: the value of `messages` as JSON text, but for the bracket that closes it, and
    as it was read. `plain`: it is what `dumps` writes of that."""

    __slots__ = ("plain", "size", "tail", "text", "value")

    def __init__(self, text: bytes, value: tuple[Any, ...], size: int, plain: bool) -> None:
        self.text = text
        self.plain = plain
        self.tail = text[-_TAIL:]
        self.value = value
        self.size = size


_known: Final[OrderedDict[int, _Known]] = OrderedDict()
"""By identity, the one used last at the end. Threads share it: each step is whole by itself."""


_begun: Final[OrderedDict[int, None]] = OrderedDict()
"""Hashes of how conversations began, the newest at the end."""


def forget_messages() -> None:
    """Begin anew."""
    _known.clear()
    _begun.clear()


class Written:
    """The messages of a body as it came, and their JSON text, which is what `dumps` writes of them,
    but for the bracket that closes it.
    """

    __slots__ = ("messages", "text")

    def __init__(self, messages: tuple[Any, ...], text: bytes) -> None:
        self.messages = messages
        self.text = text

    def forget(self) -> None:
        """Nobody is likely to be sent them again: if so, they are written anew."""
        self.messages, self.text = (), b""

    def pieces(self, messages: Sequence[Any]) -> Sequence[bytes | memoryview] | None:
        """What `dumps` writes of `messages`, in pieces. They are these, the very objects, but for
        what stands before them and the first of them, the instructions; None of any others.
        """
        own, before = self.messages, len(messages) - len(self.messages)
        if not own or not 0 <= before <= _MOST_CHANGED:
            return None
        changed = 0
        while changed < len(own) - 1 and messages[before + changed] is not own[changed]:
            changed += 1
        kept = before + changed
        if changed > _MOST_CHANGED or not all(map(is_, messages[kept:], own[changed:])):
            return None
        if not kept:
            return self.text, b"]"
        begun, rest = dumps(messages[:kept])[:-1], memoryview(self.text)
        if not changed:
            return begun, b",", rest[1:], b"]"
        return begun, rest[len(dumps(own[:changed])) - 1 :], b"]"


def as_written(text: bytes, document: Any) -> Written | None:
    """The messages of a body whose `text` is what `dumps` writes; None of short ones."""
    if len(text) < LEAST_WRITTEN or document.__class__ is not dict:
        return None
    messages = document.get("messages")
    if messages.__class__ is not list or not messages:
        return None
    head, _, tail = dumps({**document, "messages": _STANDS_FOR}).partition(_MARK)
    if _MARK in tail:
        return None
    return Written(tuple(messages), text[len(head) : len(text) - len(tail) - 1])


def known_as_written(document: JsonObject) -> Written | None:
    """The messages of a body that `read_messages` gave, if their text is what `dumps` writes."""
    messages = document.get("messages")
    if messages.__class__ is not list or not messages:
        return None
    for found in reversed([*_known.values()]):
        if len(found.value) == len(messages) and found.value[-1] is messages[-1]:
            return Written(found.value, found.text) if found.plain else None
    return None


class Place(NamedTuple):
    """Where the value of `messages` begins and ends in a body, and what is known of it."""

    start: int
    end: int
    known: _Known | None


def place_of(text: bytes, tools: int) -> Place | None:
    """The place of messages that are known, or begin as others did before: of those that nobody has
    seen nothing is kept, as most would have to make room for it.

    Their end is that of the last array of objects in front of the tools, or of all where they do
    not follow: whoever cuts it out sees whether the rest is right. `tools`: where they begin; -1:
    nowhere. None: too short, too long, odd or new.
    """
    at = text.find(_KEY)
    if at < 1 or text[at - 1] == _BACKSLASH:  # the end of a longer key
        return None
    at += len(_KEY)
    while text[at : at + 1] in _SPACES:
        at += 1
    end = text.rfind(b"}]", at, tools if tools > at else len(text)) + 2
    if not SHORTEST <= end - at <= LONGEST or text[at] != _OPEN:
        return None
    known = _recalled(text, at, end)
    return Place(at, end, known) if known is not None or _was_begun(text[at : at + BEGUN]) else None


def _was_begun(beginning: bytes) -> bool:
    """Whether a conversation began like that before; from now on one did."""
    key = hash(beginning)
    found = key in _begun
    _begun[key] = None
    if len(_begun) > MOST_BEGUN:
        _begun.popitem(last=False)
    return found


def read_messages(text: bytes, place: Place) -> list[Any] | None:
    """The array that stands there in a body, without a flaw (`first_flaw`); None where there may be
    something wrong with it. It is known from now on.
    """
    start, end, found = place
    before: tuple[Any, ...]
    plain = True
    if found is None:
        before, size, own = (), 0, text[start:end]
    else:
        if start + len(found.text) + 1 == end:  # the same turn again
            _keep(found, found)
            return [*found.value]
        before, size, plain = found.value, found.size, found.plain
        own = b"[%b" % text[start + len(found.text) + 1 : end]
    wrapped = b"[%b]" % own  # as deep as it is in the body
    try:
        (value,) = loads(wrapped)
    except ValueError:
        return None
    if value.__class__ is not list:
        return None
    flaw, own_plain = looked_at(wrapped, [value])
    if flaw is not None:
        return None
    messages = [*before, *value]
    if len(messages) >= FEWEST:
        size += 3 * len(own) + _OF_A_TEXT * own.count(b'"')
        known = _Known(text[start : end - 1], tuple(messages), size, plain and own_plain)
        _keep(known, found)
    return messages


def _recalled(text: bytes, start: int, end: int) -> _Known | None:
    """The conversation with which that array begins and goes on, or which is all of it."""
    for found in reversed([*_known.values()]):
        length = len(found.text)
        if (
            text.startswith(found.tail, start + length - len(found.tail))
            and start + length < end
            and (text[start + length] == _COMMA or start + length + 1 == end)
            and text.startswith(found.text, start)
        ):
            return found
    return None


def _keep(known: _Known, before: _Known | None) -> None:
    """In the place of the one that it goes on; those go that were used longest ago."""
    if before is not None:
        _known.pop(id(before), None)
    _known[id(known)] = known
    while (
        len(_known) > MOST_CONVERSATIONS
        or sum([one.size for one in [*_known.values()]]) > MOST_BYTES
    ):
        _known.popitem(last=False)
