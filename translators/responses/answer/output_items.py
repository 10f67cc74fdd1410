"""Where each item of a streamed answer stands: known by its ids first, by the index that the server
gives it only where it has none.

Servers number items wrongly, list others at the end than they streamed, in another order, or change
an item's id from event to event.
"""

from collections.abc import Callable, Container

from translators.responses.items import is_call, parts_of, text_of
from translators.responses.wire import Item, StreamEvent


class Places:
    """Gives every item one place. As long as each index meant one item, that is the index."""

    def __init__(self) -> None:
        self._items: dict[int, Item] = {}
        """The item at each place, as it was last seen."""
        self._called: dict[str, int] = {}
        self._named: dict[str, int] = {}
        """By the id that the answer to a call goes by, and by the item's own."""
        self.moved: dict[int, int] = {}
        """The place that an index means now, where it is another: empty, as nearly always, and
        every index is the place."""

    def of(self, event: StreamEvent, index: int) -> int:
        """The place of the item that an event adds to."""
        return self._named.get(text_of(event, "item_id"), self.moved.get(index, index))

    def begun(self, event: StreamEvent, item: Item, finished: Container[int]) -> int:
        """The place of an item that is announced: a new one, unless it was announced before."""
        place = self._known(item)
        if place is None or place in finished:
            place = self._new(_index(event))
        return self._keep(place, item)

    def done(self, event: StreamEvent, item: Item, finished: Container[int]) -> int:
        """The place of an item that is complete."""
        index, place = _index(event), self._known(item)
        if place is None:
            place = self.moved.get(index, index)
            before = self._items.get(place)
            if before is not None and (place in finished or not _may_be(before, item)):
                place = self._new(index)
        elif place in finished and self._items[place] != item:  # some servers give all items one id
            place = self._new(index)
        return self._keep(place, item)

    def matched(self, output: list[Item], said: Callable[[int], str]) -> list[int]:
        """The places of all items of the whole answer. `said`: what has been shown of the item at a
        place.
        """
        places: list[int] = []
        unknown: list[int] = []
        for n, item in enumerate(output):
            place = self._known(item)
            if place is None:
                unknown.append(n)
            places.append(-1 if place is None else place)
        left = [place for place in self._items if place not in places] if unknown else []
        for n in unknown:
            item = output[n]
            place = next((place for place in left if self._is_same(place, item, said)), None)
            if place is None:
                place = self._new()
            else:
                left.remove(place)
            places[n] = self._keep(place, item)
        return places

    def _known(self, item: Item) -> int | None:
        """The place of an item by its ids."""
        call_id = item.get("call_id")
        if (
            call_id
            and call_id.__class__ is str
            and (place := self._called.get(call_id)) is not None
        ):
            return place
        own = item.get("id")
        place = self._named.get(own) if own.__class__ is str else None
        return place if place is not None and _may_be(self._items[place], item) else None

    def _new(self, index: int | None = None) -> int:
        """A free place: that of the `index`, or one behind all others, which the index means from
        now on.
        """
        if index is not None and index not in self._items:
            return index
        place = max(self._items, default=-1) + 1
        if index is not None:
            self.moved[index] = place
        return place

    def _keep(self, place: int, item: Item) -> int:
        self._items[place] = item
        call_id, own = item.get("call_id"), item.get("id")
        if call_id and call_id.__class__ is str:
            self._called[call_id] = place
        if own and own.__class__ is str:
            self._named[own] = place
        return place

    def _is_same(self, place: int, item: Item, said: Callable[[int], str]) -> bool:
        """Whether an item that no id tells is the one at `place`."""
        before = self._items[place]
        if not _may_be(before, item):
            return False
        if is_call(item):
            return text_of(before, "name") == text_of(item, "name")
        return _text(item).startswith(said(place))


def _index(event: StreamEvent) -> int:
    index = event.get("output_index")
    return index if index.__class__ is int else 0


def _may_be(before: Item, item: Item) -> bool:
    """Whether nothing speaks against two items being one. An id of their own may change; the one of
    a call does not.
    """
    if before.get("type") != item.get("type"):
        return False
    one, other = text_of(before, "call_id"), text_of(item, "call_id")
    return not one or not other or one == other


def _text(item: Item) -> str:
    """All that is shown of an item that is no call."""
    fields = (
        [("content", "text"), ("content", "refusal")]
        if item.get("type") == "message"
        else [("summary", "text"), ("content", "text")]
    )
    return "".join(text_of(part, name) for field, name in fields for part in parts_of(item, field))
