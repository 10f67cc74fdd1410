"""What requests of the Responses API refer to: responses and items that were kept, put into the
request itself before it is read."""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from gateway.store.entry import Entry, Store
from translators.errors import InvalidRequest
from translators.json_codec import JsonObject, dumps, loads
from translators.responses.inbound.state import CONTINUED, PREVIOUS, has_references, is_reference
from translators.splices import Edit, Member, elements, last, members, spliced

MOST_LINKS: Final = 1000
MOST_BYTES: Final = 32 * 1024 * 1024
_HINT: Final = (
    " Items are not persisted when `store` is set to false. Try again with `store` set to true,"
    " or remove this item from your input."
)


class WholeRequest(NamedTuple):
    """A request with its history in it."""

    document: Any
    text: bytes
    own: list[Any]
    """The items that it brought itself."""


async def whole_request(
    document: Any, text: bytes, store: Store | None, caller: str
) -> WholeRequest:
    """Raises InvalidRequest for what was not kept, or not for this caller."""
    if document.__class__ is not dict:
        return WholeRequest(document, text, [])
    previous, given = document.get(PREVIOUS), document.get("input")
    own = given if given.__class__ is list else []
    if given.__class__ is str:
        own = [{"type": "message", "role": "user", "content": given}]
    refers = has_references(own)
    if previous is None and not refers:
        return WholeRequest(document, text, own)
    history = [] if previous is None else await chain(previous, store, caller)
    found = await _references(own, store, caller) if refers else {}
    items = [found.get(i, item) for i, item in enumerate(own)]
    known = {item.get("id") for item in history if item.get("id") is not None}
    repeated = {
        i for i, item in enumerate(items) if item.__class__ is dict and item.get("id") in known
    }
    kept = [item for i, item in enumerate(items) if i not in repeated]
    whole = {**document, "input": [*history, *kept]}
    return WholeRequest(whole, _spliced(text, history, found, repeated, given), kept)


async def chain(previous: Any, store: Store | None, caller: str) -> list[JsonObject]:
    """The items of a response and of all before it, oldest first. Raises InvalidRequest."""
    links: list[Entry] = []
    size, wanted = 0, previous
    while wanted is not None:
        entry = None
        if store is not None and wanted.__class__ is str and len(links) < MOST_LINKS:
            entry = await store.get(wanted, caller)
        if entry is None or entry.status not in CONTINUED:
            raise _no_response(previous, store)
        links.append(entry)
        size += entry.size
        if size > MOST_BYTES:
            said = "The conversation behind 'previous_response_id' is too long."
            raise InvalidRequest(said, PREVIOUS, "context_length_exceeded")
        wanted = entry.previous
    items: list[JsonObject] = []
    for entry in reversed(links):
        kept = loads(entry.object)
        items += [*loads(entry.input), *kept["response"].get("output", ()), *kept["hidden"]]
    return items


def _no_response(previous: Any, store: Store | None) -> InvalidRequest:
    said = f"Previous response with id '{str(previous)[:100]}' not found."
    if store is None:
        said += " This gateway stores no responses: send the whole history."
    return InvalidRequest(said, PREVIOUS, "previous_response_not_found")


async def _references(items: list[Any], store: Store | None, caller: str) -> dict[int, JsonObject]:
    """The kept items by the places of the references to them; one of reasoning that is not kept is
    left for the reader to report."""
    found: dict[int, JsonObject] = {}
    for i, item in enumerate(items):
        if not is_reference(item) or item.get("id").__class__ is not str:
            continue
        held = None if store is None else await store.holder_of(item["id"], caller)
        if held is not None:
            entry, place = held
            kept = loads(entry.object)
            found[i] = [*kept["response"].get("output", ()), *kept["hidden"]][place]
        elif not item["id"].startswith("rs_"):
            hint = _HINT if store is None else ""
            raise InvalidRequest(f"Item with id '{item['id'][:100]}' not found.{hint}", "input")
    return found


def _spliced(
    text: bytes,
    history: list[JsonObject],
    found: dict[int, JsonObject],
    repeated: Iterable[int],
    given: Any,
) -> bytes:
    """The request's text with the same done to it; every other character as it came."""
    document = text.decode()
    outer = members(document)
    member, gone = last(outer, "input"), set(repeated)
    if member is None:
        model = last(outer, "model")
        if model is None:
            return text
        whole = f',"input":{dumps(history).decode()}'
        return spliced(document, [Edit(model.end, model.end, whole)]).encode()
    if given.__class__ is str:
        said = document[member.value_start : member.end]
        own = [f'{{"type":"message","role":"user","content":{said}}}']
    else:
        own = _own_texts(document, member, found, gone)
    texts = [*(dumps(item).decode() for item in history), *own]
    whole = f"[{','.join(texts)}]"
    return spliced(document, [Edit(member.value_start, member.end, whole)]).encode()


def _own_texts(
    document: str, member: Member, found: dict[int, JsonObject], gone: set[int]
) -> list[str]:
    texts = []
    for i, element in enumerate(elements(document, member.value_start)):
        if i not in gone:
            kept = found.get(i)
            own = document[element.start : element.end]
            texts.append(own if kept is None else dumps(kept).decode())
    return texts
