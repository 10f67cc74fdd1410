"""What a cache of whole answers did for a request: gateway.cache has it, where a persona asks for
it.
"""

from typing import Any, Literal, NamedTuple

Reason = Literal["no-store", "tools", "stored", "body"]


class CacheUse(NamedTuple):
    """As far as it is known."""

    result: Literal["hit", "miss", "wait", "bypass"]
    """wait: for the same request of another caller."""
    age: int = 0
    """Seconds since the answer was given first."""
    reason: Reason | None = None
    """Why the cache has nothing to do with the request."""
    waited: float = 0.0
    """Seconds, for another caller's answer."""

    @property
    def header(self) -> str:
        """`hit; age=12`, `bypass; reason=tools`, or the result alone."""
        if self.result == "hit":
            return f"hit; age={self.age}"
        return self.result if self.reason is None else f"{self.result}; reason={self.reason}"

    def told(self, usage: Any, upstream_seconds: float) -> tuple[str, Any, float]:
        """The result; what was counted for this request, which is nothing of an answer that was
        given before; and the seconds in which others worked for it.
        """
        counted = None if self.result == "hit" else usage
        return self.result, counted, upstream_seconds + self.waited
