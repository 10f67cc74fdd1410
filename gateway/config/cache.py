"""What a persona says of answers that are given again to the same request."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import Field

from gateway.config.schema import Row

LEAST_BYTES: Final = 64 * 1024
MOST_SECONDS: Final = 7 * 86_400
Scope = Literal["team", "key"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheSettings(Row):
    """Whole answers are kept for requests that are the same in every byte that counts."""

    ttl: Annotated[int, Field(gt=0, le=MOST_SECONDS)] = 3600
    """Seconds for which an answer is given again."""
    max_bytes: Annotated[int, Field(ge=LEAST_BYTES)] = 32 * 1024 * 1024
    """Of the persona's answers in the memory of one process; the least recently used go first."""
    tools: bool = False
    """Requests with tools, too: a call that is given again may be carried out again."""
    scope: Scope = "team"
    """Who shares answers: the keys of a team, or each key by itself."""
    persist: bool = True
    """In the store, too, where there is one: for later processes and other instances."""
