"""Errors of servers that speak the hub's language, with the wait that their headers ask for."""

from collections.abc import Mapping
from typing import Any

from translators.chat.failures import failure as failure_of
from translators.errors import UpstreamFailure
from translators.jsontext import loads_repaired
from translators.retry_after import retry_after


def parse_error(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamFailure:
    """An error answer of any shape: OpenAI's object, a bare string, a list, HTML."""
    try:
        document = loads_repaired(body)
    except ValueError:
        document = body.decode("utf-8", "replace").strip()
    return failure(document, status, headers)


def failure(document: Any, status: int, headers: Mapping[str, str]) -> UpstreamFailure:
    """The failure that an error document tells of; `status` is 200 for one inside a stream."""
    return failure_of(document, status, retry_after(headers))
