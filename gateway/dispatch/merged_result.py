"""What several attempts at one answer each gave, as the result of one."""

from collections.abc import Sequence
from typing import Any

from gateway.dispatch import fan_out
from gateway.dispatch.attempt_result import AttemptResult
from gateway.dispatch.continuation import EMPTY
from gateway.dispatch.streams import MergedStream
from translators.notes import Note


def merged_result(
    results: Sequence[AttemptResult[Any]], notes: Sequence[Note], whole: bool
) -> AttemptResult[Any]:
    """`results` as one, of whole answers or of streams. `notes`: what each of the requests noted,
    which was the same for all: it is kept once.
    """
    first = results[0]
    kept = (
        *dict.fromkeys(notes),
        Note("emulated", "n", "this model gives one answer: it was asked several times"),
    )
    warnings = (
        *(EMPTY for result in results if EMPTY in result.warnings),
        *(word for word in first.warnings if word != EMPTY),
    )
    unfollowed = next((result.unfollowed for result in results if result.unfollowed), None)
    answers = [result.answer for result in results]
    if whole:
        completion = fan_out.merged(answers)
        return first._replace(
            answer=completion,
            usage=completion.get("usage"),
            notes=kept,
            warnings=warnings,
            unfollowed=unfollowed,
        )
    if unfollowed is not None:  # the others go on, so they are shown
        warnings = (*warnings, unfollowed)
    return first._replace(
        answer=MergedStream(answers), notes=kept, warnings=warnings, unfollowed=None
    )
