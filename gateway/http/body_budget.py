"""How many bytes of request bodies are in memory, of all requests together.

Counted are bodies that take more than one read; of those that arrive with their headers each
connection has at most as much as one read.
"""

from typing import Final

from gateway.errors import RequestFailed

_WAIT: Final = 1.0
"""Seconds after which a caller may try again."""


class TooManyBodies(RequestFailed):
    status, code = 503, "too_many_bodies"


class Bodies:
    """Of one running gateway."""

    def __init__(self) -> None:
        self.held = 0
        """Bytes."""

    def take(self, size: int, limit: int) -> None:
        """`size` bytes more. Raises TooManyBodies if that is more than `limit` altogether: then
        nothing was taken.
        """
        if self.held + size > limit:
            full = TooManyBodies(
                "The bodies of other requests take all the memory there is for them."
            )
            full.retry_in(_WAIT)
            raise full
        self.held += size

    def give_back(self, size: int) -> None:
        self.held -= size
