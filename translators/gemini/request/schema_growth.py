"""How much the schemas of one request grow when what their references point at stands in their
place: a few of them can say very much.
"""

from typing import Any, Final

from translators.dialect import MAX_GROWTH
from translators.errors import GrownTooLarge
from translators.json_codec import dumps

MAX_BYTES: Final = 1024 * 1024
"""Of JSON."""
_TOO_MUCH: Final = (
    "Invalid schema: with what its references point at it is too large: in all schemas of a"
    f" request they may add {MAX_GROWTH} nodes and {MAX_BYTES} bytes."
)


class Growth:
    """Counts, while it happens, what is added to one request."""

    __slots__ = ("_bytes", "_max_nodes", "_nodes", "_sizes", "following")

    def __init__(self, max_nodes: int) -> None:
        self._max_nodes = max_nodes
        self._nodes = self._bytes = 0
        self.following = 0
        """References that are being followed, one inside the other."""
        self._sizes: dict[int, tuple[Any, int]] = {}
        """Bytes by identity; what is measured is kept, so that nothing else takes its place in
        memory."""

    def follow(self, target: Any) -> None:
        """What a reference points at is put in its place from here on, until `following` is counted
        down again.
        """
        self.following += 1
        known = self._sizes.get(id(target))
        if known is None:
            known = self._sizes[id(target)] = target, len(dumps(target))
        self._bytes += known[1]

    def add(self, param: str) -> None:
        """A node stands where a reference was, in the schema named `param`. Raises
        GrownTooLarge."""
        self._nodes += 1
        if self._nodes > self._max_nodes or self._bytes > MAX_BYTES:
            raise GrownTooLarge(_TOO_MUCH, param, "invalid_function_parameters")
