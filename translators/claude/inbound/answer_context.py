"""What of a request decides how its answer is written."""

from typing import NamedTuple


class AnswerContext(NamedTuple):
    """See translators.claude.inbound.request."""

    model: str
    """The name that the caller sent: every answer bears it."""
    call_ids: frozenset[str] = frozenset()
    """Ids of the history's calls: an answer's must be others."""
    asked: bool = False
    """The caller asked for reasoning."""
    shown: bool = False
    """And wants to see it."""
    only_search: bool = False
    """Its only tool is web search: then the search is shown as blocks."""
    stops: tuple[str, ...] = ()
    """Stop sequences."""
