"""A request as far as its bytes are concerned: what reading its body and streaming its answer need
of it.
"""

from operator import attrgetter
from typing import TYPE_CHECKING, Final

from aiohttp import web

from gateway.http.body_budget import BodyHold
from gateway.http.response import Stream
from translators.known_messages import Written

BODY_ATTRIBUTES: Final = frozenset({"stream", "repaired", "in_memory", "json_text", "written"})


class IncomingRequest(web.BaseRequest):
    """aiohttp's request without its Application (`web.Request` is for that), and what becomes known
    of it on the way.
    """

    ATTRS = web.BaseRequest.ATTRS | BODY_ATTRIBUTES

    if not TYPE_CHECKING:  # the same values as aiohttp's properties, without a call for each
        method = property(attrgetter("_method"))
        version = property(attrgetter("_version"))
        headers = property(attrgetter("_headers"))
        raw_path = property(attrgetter("_message.path"))
        content = property(attrgetter("_payload"))
        protocol = property(attrgetter("_protocol"))
        transport = property(attrgetter("_protocol.transport"))
        writer = property(attrgetter("_payload_writer"))
        client_max_size = property(attrgetter("_client_max_size"))

    in_memory: BodyHold
    """Counts what is in memory of its body."""
    repaired: bool = False
    """Its body was not JSON as it came, and was mended: the caller is told."""
    json_text: bytes = b""
    """Its body as JSON text, where somebody asked for it: inflated, and mended."""
    written: Written | None = None
    """Its messages as text, where they need not be written anew."""
    stream: Stream | None = None
    """The streamed answer whose headers are out: from then on an error can only be its last event.
    """
