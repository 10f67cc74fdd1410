"""Responses that were kept: shown, forgotten, and what was said in them."""

from typing import Final

from gateway.api.request import Request
from gateway.api.responses_history import chain
from gateway.errors import NotServed
from gateway.http.response import Response, json_response
from gateway.store.entry import Entry
from translators.errors import InvalidRequest
from translators.json_codec import loads
from translators.responses.inbound.state import listed_item

_MOST: Final = 100
_USUAL: Final = 20


async def get_response(http: Request) -> Response:
    """GET /v1/responses/{id}."""
    if http.query.get("stream", "").lower() in ("true", "1"):
        said = "A stored response cannot be streamed again."
        raise InvalidRequest(said, "stream", "unsupported_parameter")
    return json_response(loads((await _kept(http)).object)["response"])


async def delete_response(http: Request) -> Response:
    """DELETE /v1/responses/{id}."""
    entry, store = await _kept(http), http.gateway.store
    assert store is not None
    await store.delete(entry.id, entry.caller)
    return json_response({"id": entry.id, "object": "response", "deleted": True})


async def cancel_response(http: Request) -> Response:
    """POST /v1/responses/{id}/cancel: there is nothing that runs behind its connection."""
    await _kept(http)
    said = "Responses can only be cancelled if they were created with background=true."
    raise InvalidRequest(said)


async def input_items(http: Request) -> Response:
    """GET /v1/responses/{id}/input_items: of the chain and of the request, a page at a time."""
    entry = await _kept(http)
    before = (
        []
        if entry.previous is None
        else await chain(entry.previous, http.gateway.store, entry.caller)
    )
    items = [
        listed_item(item, entry.id, n) for n, item in enumerate([*before, *loads(entry.input)])
    ]
    order = http.query.get("order", "desc")
    if order not in ("asc", "desc"):
        said = "Invalid 'order': expected 'asc' or 'desc'."
        raise InvalidRequest(said, "order", "invalid_value")
    if order == "desc":
        items.reverse()
    after, limit = http.query.get("after"), _limit(http.query.get("limit"))
    if after is not None:
        places = [n for n, item in enumerate(items) if item["id"] == after]
        items = items[places[0] + 1 :] if places else []
    page = items[:limit]
    return json_response(
        {
            "object": "list",
            "data": page,
            "first_id": page[0]["id"] if page else None,
            "last_id": page[-1]["id"] if page else None,
            "has_more": len(items) > len(page),
        }
    )


def _limit(given: str | None) -> int:
    if given is None:
        return _USUAL
    if not given.isascii() or not given.isdigit() or not 1 <= int(given) <= _MOST:
        said = f"Invalid 'limit': expected an integer from 1 to {_MOST}."
        raise InvalidRequest(said, "limit", "invalid_value")
    return int(given)


async def _kept(http: Request) -> Entry:
    store = http.gateway.store
    entry = None if store is None else await store.get(http.id, http.key_id or "")
    if entry is None:
        raise NotServed(404, f"Response with id '{http.id[:100]}' not found.")
    return entry
