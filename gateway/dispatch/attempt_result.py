"""What one attempt gave, as a value."""

from typing import Generic, NamedTuple, TypeVar

from translators.chat.wire import Usage
from translators.notes import Note

A = TypeVar("A")


class AttemptResult(NamedTuple, Generic[A]):
    """What came of an attempt that answered, said once by whoever asked. (A frozen dataclass would
    take four times as long to make.)

    What is known only at the end of a stream, its usage and finish reason, is asked of the stream
    then.
    """

    answer: A
    """A chat.completion, or a stream whose first content has arrived."""
    model: str | None
    """The upstream model that served, by its own name."""
    usage: Usage | None
    finish_reason: str | None
    notes: tuple[Note, ...]
    """What the translation did to the request."""
    warnings: tuple[str, ...] = ()
    """What the caller should know of an answer that is no failure, as words of our own."""
    unfollowed: str | None = None
    """The warning for an answer that lacks what was asked for in words only: it is shown if nobody
    gives a better one."""
    billed_prompt_tokens: int | None = None
    """What was read for an answer that took several requests, where its usage tells only of the
    first."""
