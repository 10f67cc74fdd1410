"""The pass table as a page: TABLE.md is what `python -m tests.chaos` wrote, and a test holds it
against the expectations.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.chaos import store_table
from tests.chaos.apis import APIS, Api
from tests.chaos.fault import Fault
from tests.chaos.faults import EVERY_API, FAULTS
from tests.chaos.outcomes import Broken
from tests.chaos.run import cases

PAGE: Final = Path(__file__).parent / "TABLE.md"
Score = tuple[int, int]
"""Cases as specified, and all."""

HEAD: Final = """# What a caller sees when a provider fails

Made by `python -m tests.chaos`: a gateway, its callers and the failing providers on real sockets. Each fault is tried with the three
dialects (Claude, OpenAI, Gemini), for a JSON answer and for a stream, with a healthy second target and without one. How often the
failing provider is asked for one request is counted: it may charge for each time. After each fault no task, connection, file descriptor,
place or probe may be left over. A stream that was served has one role, one finish and one `[DONE]`; one that broke off ends with the
error event and has no `[DONE]`.
"""  # noqa: E501


OTHER_APIS: Final = """## The other APIs

The same for callers of the other APIs, each at a provider that it is relayed to and at one that it is translated for, with the other of
the two as the healthy second target: what had shown no content is served by it, from a relay to a translation and back. A stream that
broke off ends as each API's clients read it: `error` and no `message_stop`; `error`, then `response.failed`; an error in a frame, then
the bare object. The cases are counted above. What a provider says inside an event of the text is relayed unread, so that an event which is cut
in the middle is the caller's to see where a Chat caller is told of it.
"""  # noqa: E501


def page(scores: Mapping[str, Score]) -> str:
    """`scores` by the faults' titles."""
    rows = [_row(fault, scores[fault.title]) for fault in FAULTS]
    passed, total = (sum(score[i] for score in scores.values()) for i in (0, 1))
    columns = (
        "phase",
        "fault",
        "JSON",
        "stream",
        "JSON, with a fallback",
        "stream, with a fallback",
        "asked",
        "as specified",
    )
    summary = f"**{passed} of {total} cases as specified.**"
    telling = [_row_of_apis(fault) for fault in FAULTS if fault.title in EVERY_API]
    table = [*_table(columns, rows), "", OTHER_APIS, *_table(("phase", "fault", *APIS), telling)]
    table += ["", store_table.HEAD, *_table(store_table.COLUMNS, store_table.store_rows())]
    return "\n".join([HEAD, summary, "", *table, ""])


def _table(columns: Sequence[str], rows: Sequence[str]) -> list[str]:
    return [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|", *rows]


def _row_of_apis(fault: Fault) -> str:
    cells = [_cell_of_api(fault, api) for api in APIS.values()]
    return f"| {fault.phase} | {fault.name} | {' | '.join(cells)} |"


def _cell_of_api(fault: Fault, api: Api) -> str:
    """What a caller of the API sees without a fallback."""
    ways = (False, True) if api.streams else (False,)
    told = [api.told(fault.outcome(stream, False)) for stream in ways]
    words = [
        f"breaks off with `{outcome.code}`" if isinstance(outcome, Broken) else str(outcome)
        for outcome in dict.fromkeys(told)
        if outcome is not None
    ]
    return "; ".join(dict.fromkeys(words)) or "–"


def expected_page() -> str:
    return page({fault.title: (len(cases(fault)), len(cases(fault))) for fault in FAULTS})


def _row(fault: Fault, score: Score) -> str:
    cells = [_cell(fault, stream, backed) for backed in (False, True) for stream in (False, True)]
    mark = "" if score[0] == score[1] else " ✗"
    return (
        f"| {fault.phase} | {fault.name} | {' | '.join(cells)} | {_asked(fault)} | {score[0]} /"
        f" {score[1]}{mark} |"
    )


def _asked(fault: Fault) -> str:
    return "–" if fault.calls is None or fault.place != "server" else str(fault.calls)


def _cell(fault: Fault, stream: bool, backed: bool) -> str:
    outcome = fault.outcome(stream, backed)
    if outcome is None:
        return "–"
    told = str(outcome)
    if not fault.sometimes_served:
        return told
    return "served, by one of the two" if backed else f"served, or {told}"
