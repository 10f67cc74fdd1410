"""What one process keeps for the others: the contract of it."""

from collections.abc import Awaitable, Sequence
from typing import Any, Literal, Protocol

StateKind = Literal["pin", "reasoning", "response", "item"]
Name = tuple[str, ...]
"""What a state is found by, its caller among it."""


class States(Protocol):
    """Nothing in it raises. `find` waits for the store as long as it is told, nothing else does."""

    def keep(self, kind: StateKind, name: Name, value: Any, size: int, lifetime: float) -> None:
        """Keep a value that JSON can say for the others, `lifetime` seconds; soon, if at all. It
        has about `size` bytes, and is not changed any more.
        """

    def forget(self, kind: StateKind, name: Name) -> None:
        """Take one away; soon."""

    def find(
        self, kind: StateKind, names: Sequence[Name], patience: float
    ) -> Awaitable[dict[Name, Any] | None]:
        """Those of these that were kept; None if that is not known within so many seconds."""
