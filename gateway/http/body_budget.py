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


class BodyHold:
    """What one request has in memory of its body and of what is fetched for it; given back at its
    end.
    """

    __slots__ = ("_all", "_limit", "size")

    def __init__(self, bodies: Bodies, limit: int) -> None:
        """`limit`: bytes of the bodies of all requests."""
        self._all = bodies
        self._limit = limit
        self.size = 0

    def take(self, size: int) -> None:
        """`size` bytes more. Raises TooManyBodies."""
        self._all.take(size, self._limit)
        self.size += size

    def give_back(self) -> None:
        self._all.give_back(self.size)
        self.size = 0
