"""The calls of a streamed choice, told apart by id and index together: servers number them from 1,
all alike, or not at all.

What goes out is as OpenAI's own: dense indexes from 0; id, type and name with the first piece of a
call only.
"""

from typing import Any, Final

from translators.chat.wire import ToolCall
from translators.dialect import Envelope
from translators.json_codec import loads
from translators.openai.answer.message import callers_name, write_out
from translators.openai.wire import Call, Called

_TEXT_OF: Final = {"function": "arguments", "custom": "input"}


class _Call:
    """One call so far. `given` is the id that the server gave it, "" if it gave none."""

    __slots__ = ("given", "id", "kind", "name", "number", "shown", "texts", "type")

    def __init__(self, number: int, given: str, kind: str) -> None:
        self.number = number
        self.given = given
        self.kind = kind
        self.id = given
        self.type = kind
        self.name = ""
        self.texts: list[str] = []
        self.shown = False
        """Held back until it has its whole name."""

    def is_whole(self) -> bool:
        """Whether the arguments so far are a JSON object, so that nothing can follow in this
        call."""
        text = "".join(self.texts).strip()
        if not text.endswith("}"):
            return False
        try:
            return loads(text).__class__ is dict
        except ValueError:
            return False


class StreamedCalls:
    """The calls of one choice."""

    def __init__(self, envelope: Envelope) -> None:
        self._envelope = envelope
        self._calls: list[_Call] = []
        self._at: dict[Any, _Call] = {}
        """The newest call at each of the server's indexes."""
        self._by_id: dict[str, _Call] = {}
        self._ids: set[str] = set()

    def read(self, pieces: list[Call]) -> bool:
        """Write the pieces of one delta as OpenAI would. False if that changed any."""
        kept = True
        for piece in pieces:
            if len(piece) == 2 and (call := self._at.get(piece.get("index"))) is not None:
                function = piece.get("function")
                if (
                    function is not None
                    and len(function) == 1
                    and (text := function.get("arguments")).__class__ is str
                    and call.shown
                ):
                    call.texts.append(text)  # as OpenAI's own: nearly every piece but the first
                    if piece["index"] != call.number:
                        piece["index"] = call.number
                        kept = False
                    continue
            kept &= self._read(piece)
        if not kept:
            pieces[:] = filter(None, pieces)
        return kept

    def bare(self) -> list[ToolCall]:
        """What is left to be said at the end: an empty object to the functions for which no
        arguments came, because callers parse them as JSON; calls that never got a name.
        """
        bare: list[ToolCall] = []
        for call in self._calls:
            text = "".join(call.texts)
            empty = call.kind == "function" and not text.strip()
            if not call.shown:
                last: Any = {"index": call.number, "id": call.id, "type": call.type}
                name = callers_name(call.name, self._envelope.shape)
                last[call.kind] = {"name": name, _TEXT_OF[call.kind]: "{}" if empty else text}
                bare.append(last)
            elif empty:
                bare.append({"index": call.number, "function": {"arguments": "{}"}})
        return bare

    def _read(self, piece: Call) -> bool:
        index = piece.get("index")
        changed = write_out(piece)
        kind = "custom" if piece.get("custom") is not None else "function"
        called = piece.get(kind)
        if called is None:
            called = piece["function"] = {}
            changed = True
        given = str(piece.get("id") or "")
        name = called.get("name") or ""
        text = called.get(_TEXT_OF[kind])
        found = self._find(index, given, name, text or "")
        if found is None:
            changed |= self._begin(piece, called, kind, index, given)
            call = self._calls[-1]
        else:
            changed |= self._go_on(found, piece, called, index, given)
            call = found
        if text is None:
            called[_TEXT_OF[kind]] = ""
            changed = True
        elif text:
            call.texts.append(text)
        if not call.shown:
            changed |= self._introduce(call, piece, called)
        return not changed

    def _introduce(self, call: _Call, piece: Call, called: Called) -> bool:
        """Show all of a call so far, or nothing of the piece while its name is not whole. Whether
        that changed the piece.
        """
        if not call.name or (not call.texts and self._begins_a_name(call.name)):
            piece.clear()
            return True
        call.shown = True
        if "id" in piece:
            return False
        piece["id"], piece["type"] = call.id, call.type
        called["name"] = callers_name(call.name, self._envelope.shape)
        called[_TEXT_OF[call.kind]] = "".join(call.texts)
        return True

    def _begins_a_name(self, name: str) -> bool:
        """Whether a declared tool's name goes on where `name` ends, and none is `name` itself."""
        declared, renamed = self._envelope.shape.declared_tools, self._envelope.shape.tool_names
        if name in declared or name in renamed:
            return False
        return any(each.startswith(name) for known in (declared, renamed) for each in known)

    def _find(self, index: Any, given: str, name: str, text: str) -> _Call | None:
        """The call that a piece belongs to; None if it begins another."""
        call = self._at.get(index)
        if given and (call is None or call.given != given):
            return self._find_by_id(call, index, given, name)
        if index is None and not given:
            call = self._calls[-1] if self._calls else None
        if (
            call is not None
            and name
            and call.name
            and self._begins_another(call, index, given, name, text)
        ):
            return None
        return call

    def _find_by_id(self, call: _Call | None, index: Any, given: str, name: str) -> _Call | None:
        """The same for an id that is not that of `call`, the newest at this index."""
        if (
            call is not None
            and not call.given
            and (not name or name == call.name)
            and not call.is_whole()
        ):
            call.given = given  # an id that comes late
            self._by_id[given] = call
            return call
        known = self._by_id.get(given)
        # The same id at a new index with a name of its own is a second call of a server that
        # repeats ids.
        return None if known is not None and call is None and index is not None and name else known

    @staticmethod
    def _begins_another(call: _Call, index: Any, given: str, name: str, text: str) -> bool:
        """Whether a piece with a name is more than a repetition of it."""
        if name != call.name and not given:
            return index is None or bool(call.texts)
        return text.lstrip().startswith("{") and call.is_whole()

    def _begin(self, piece: Call, called: Called, kind: str, index: Any, given: str) -> bool:
        number = len(self._calls)
        call = _Call(number, given, kind)
        self._calls.append(call)
        if index is not None:
            self._at[index] = call
        if given:
            self._by_id[given] = call
        own = given or f"{self._envelope.call_id}_{number}"
        if own in self._ids:
            own = f"{own}_{number}"
        self._ids.add(own)
        changed = index != number or piece.get("id") != own or not piece.get("type")
        call.id, call.type = own, piece.get("type") or kind
        piece["index"], piece["id"], piece["type"] = number, own, call.type
        return self._name(call, called) or changed

    def _go_on(self, call: _Call, piece: Call, called: Called, index: Any, given: str) -> bool:
        """A further piece: of id, type and name only a name that was missing so far is news."""
        if index is not None:
            self._at[index] = call
        changed = index != call.number or "id" in piece or "type" in piece
        piece["index"] = call.number
        piece.pop("id", None)
        piece.pop("type", None)
        if "name" not in called:
            return changed
        if call.name and (call.texts or called["name"] == call.name or not called["name"]):
            del called["name"]
            return True
        return self._name(call, called) or changed

    def _name(self, call: _Call, called: Called) -> bool:
        """Remember the name that the server gives, and show the caller's own for it. Whether that
        differs.
        """
        name = called.get("name") or ""
        call.name += name
        shown = callers_name(name, self._envelope.shape)
        changed = called.get("name") != shown
        called["name"] = shown
        return changed
