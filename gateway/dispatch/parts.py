"""A request for embeddings cut into parts that its targets take: in order, none of them empty."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from gateway.routing.candidates import Candidate
from translators.chat.embeddings import Input

TOKENS_FACTOR: Final = 1.1
"""An estimate is held to be too low by so much."""
_OF_AN_INPUT: Final = 160
"""Bytes that stand around an input in the request's body, for each."""
_OF_AN_ID: Final = 7
"""Bytes of a token's id and its comma."""


class PartLimits(NamedTuple):
    """What one request may hold; None: there is no limit."""

    inputs: int
    tokens: int | None = None
    bytes: int | None = None


def limits_of(candidates: Sequence[Candidate]) -> PartLimits:
    """What every one of them takes."""
    facts = [
        fact for candidate in candidates if (fact := candidate.model.record.embedding) is not None
    ]
    tokens = [fact.max_request_tokens for fact in facts if fact.max_request_tokens is not None]
    sizes = [fact.max_request_bytes for fact in facts if fact.max_request_bytes is not None]
    return PartLimits(
        min((fact.max_inputs for fact in facts), default=1),
        min(tokens, default=None),
        min(sizes, default=None),
    )


def spans(
    tokens: Sequence[int], sizes: Sequence[int], limits: PartLimits
) -> Iterator[tuple[int, int]]:
    """Where each part begins and ends. `tokens` and `sizes`: of each input.

    An input that alone is more than a part may hold is a part by itself.
    """
    start, held_tokens, held_bytes = 0, 0.0, 0
    for i, (count, size) in enumerate(zip(tokens, sizes, strict=True)):
        weight = count * TOKENS_FACTOR
        full = (
            i - start >= limits.inputs
            or (limits.tokens is not None and held_tokens + weight > limits.tokens)
            or (limits.bytes is not None and held_bytes + size > limits.bytes)
        )
        if full and i > start:
            yield start, i
            start, held_tokens, held_bytes = i, 0.0, 0
        held_tokens, held_bytes = held_tokens + weight, held_bytes + size
    yield start, len(tokens)


def size_of(item: Input) -> int:
    """Bytes that an input takes in a request's body, or a few more."""
    if not isinstance(item, str):
        return len(item) * _OF_AN_ID + _OF_AN_INPUT
    return (
        len(item) if item.isascii() else len(item.encode("utf-8", "surrogatepass"))
    ) + _OF_AN_INPUT
