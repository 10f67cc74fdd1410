"""What the journal's lines say. Each is JSON, a space and its CRC-32 in hex: a torn one is dropped.
No line holds content.

What requests have in common, their caller, target and counters, is told once in a file, as a form;
a line of a request has but its number, so that little is written for each:

    {"form":1,"of":[KEY,TEAM,PERSONA,PROVIDER,MODEL,REVISION,[[SCOPE,NAME,WINDOW],…]]}
    ["hold",1,ID,USER,REQUEST,TOKENS,READ,WRITTEN,NANO_USD]
    ["row",1,ID,USER,REQUEST,STATE,ATTEMPTS,READ,OUTPUT,COST,DECISION,WHY,
     CACHED,WRITTEN,REASONING,NANO_USD]

The last of a row is what it counts of money where its cost is not known. Where the last four are 0,
as they nearly always are, they are left out.
"""

import logging
from collections.abc import Iterator, Sequence
from itertools import compress
from json.encoder import encode_basestring as quoted
from operator import add
from pathlib import Path
from typing import Any, Final, NamedTuple
from zlib import crc32

from gateway.admission.amounts import INDEX, Amounts, Counts, picked
from gateway.store.ledger import row_of
from gateway.store.ledger import rows_of as booked_rows
from gateway.store.limits_rows import DAY, Booking, Charge, CounterId, LedgerRow
from translators.json_codec import dumps, loads

_ROW: Final = 1
_ROWS: Final = 2
"""What a line of an older program is, its `v`: a row, as it is held or was settled; or rows that
were settled, with their charges as text."""
_log: Final = logging.getLogger("llm_router")
_ON: Final = {str(on): index for on, index in INDEX.items()}


class JournalUnknown(Exception):
    """A whole line of a journal is not what its version says that it is."""


class Settled(NamedTuple):
    """A request that has ended, without its form: as names for what SettledRow has."""

    id: str
    user: str
    request: str
    state: str
    attempts: int
    input: int
    output: int
    cost: int | None
    decision: str
    why: str | None
    cached: int = 0
    written: int = 0
    reasoning: int = 0
    unpriced: int = 0
    """Nano-USD that it counts where its cost is not known."""


SettledRow = tuple[
    str, str, str, str, int, int, int, int | None, str, str | None, int, int, int, int
]


class Form:
    """What requests of one caller to one target have in common."""

    __slots__ = ("_charges", "_of", "_pick", "counters", "file", "hold", "row")

    def __init__(self, of: Sequence[str], counters: Sequence[CounterId]) -> None:
        """`of`: key, team, persona, provider, model, revision. `counters`: those whose numbers
        stay.
        """
        self._of = of
        self.counters = tuple(counters)
        self._pick = picked([_ON[each.name.partition("/")[0]] for each in counters])
        """Of amounts in the order of amounts.INDEX, those of the counters, in their order."""
        self._charges = _charges_form(counters)
        self.file: object = None
        """Where it was told last."""
        self.hold = self.row = ""
        """What lines of its requests begin with there."""

    @property
    def key_id(self) -> str:
        return self._of[0]

    def told(self, file: object, number: int) -> None:
        """It was, in a file, as a number of that."""
        self.file, self.hold, self.row = file, f'["hold",{number},', f'["row",{number},'

    def document(self, number: int) -> str:
        return dumps({"form": number, "of": [*self._of, self.counters]}).decode()

    def bookings(self, settled: Sequence[SettledRow]) -> Iterator[Booking]:
        """The rows as the ledger has them, and what they count: nearly always one, as they are of a
        day, and nothing is said of why they were admitted.
        """
        ats = [int(row[0][:12], 16) for row in settled]
        kinds = [*zip([at // DAY for at in ats], [row[9] for row in settled], strict=True)]
        several = {*kinds}
        for kind in several:
            if len(several) > 1:
                which = [its == kind for its in kinds]
                yield self._booking([*compress(settled, which)], [*compress(ats, which)], *kind)
            else:
                yield self._booking(settled, ats, *kind)

    def booking(self, settled: SettledRow) -> Booking:
        """The same of one row."""
        (booking,) = self.bookings([settled])
        return booking

    def _booking(
        self, settled: Sequence[SettledRow], ats: Sequence[int], day: int, why: str | None
    ) -> Booking:
        (names, users, requests, states, attempts, read, output, costs, decisions, _, cached,
         written, reasoning, unpriced) = zip(*settled, strict=True)  # fmt: skip
        usd = [u if c is None else c for c, u in zip(costs, unpriced, strict=True)]
        total = [*map(add, read, output)]
        counted = self._pick(([1] * len(ats), total, read, output, usd, [0] * len(ats)))
        if any(0 in amounts for amounts in counted):
            charges = [self.charges(amounts) for amounts in zip(*counted, strict=True)]
        else:
            charges = [*map(self._charges.__mod__, zip(*counted, strict=True))]
        return Booking(
            (day, *self._of, why, None),
            [*zip(names, ats, users, states, attempts, read, cached, written, output, reasoning,
                  costs, decisions, requests, charges or ("[]",) * len(ats), strict=True)],
            self.counters,
            [*map(sum, counted)],
        )  # fmt: skip

    def presumed(self, name: str, user: str, request: str, held: Sequence[int]) -> LedgerRow:
        """The row of a request of which nobody knows more than what was held for it."""
        *of, revision = self._of
        key_id, team, persona, provider, model = of
        _, _, read, written, usd, _ = held
        return row_of((
            name, at_of(name), key_id, team, persona, user, provider, model, "presumed", 0, read, 0,
            0, written, 0, usd or None, revision, "", request, None, None,
            self.charges(self._pick(held)),
        ))  # fmt: skip

    def charges(self, amounts: Sequence[int]) -> str:
        """What a row counts, as JSON, without what counts nothing."""
        counted = [found for found in zip(self.counters, amounts, strict=True) if found[1]]
        return _charges_form([counter for counter, _ in counted]) % tuple(
            amount for _, amount in counted
        )


def at_of(name: str) -> int:
    """When a row of that id was admitted, Unix milliseconds."""
    return int(name[:12], 16)


def said_of(name: str, user: str, request: str) -> str:
    """What both lines of a request say behind its form."""
    return f'"{name}","{user}",{quoted(request)}'


def hold_document(form: Form, said: str, held: Counts) -> str:
    """What is held for a request, as a document: the row as it stands should the process be
    killed. The target is the one that is asked first.
    """
    _, total, read, written, usd, _ = held
    return f"{form.hold}{said},{total},{read},{written},{usd}]"


def row_document(form: Form, said: str, settled: SettledRow) -> str:
    """How it ended, as a document."""
    (_, _, _, state, attempts, read, output, cost, decision, why, cached, written, reasoning,
     unpriced) = settled  # fmt: skip
    rest = "null" if why is None else quoted(why)
    if cached or written or reasoning or unpriced:
        rest = f"{rest},{cached},{written},{reasoning},{unpriced}"
    return (
        f'{form.row}{said},"{state}",{attempts},{read},{output},'
        f'{"null" if cost is None else cost},"{decision}",{rest}]'
    )


def _charges_form(counters: Sequence[CounterId]) -> str:
    """What a row counts in these, as JSON. To be filled in (`%`): the amounts."""
    return f"[{','.join(map(_charge_form, counters))}]"


def _charge_form(counter: CounterId) -> str:
    name = f"{quoted(counter.scope)},{quoted(counter.name)}".replace("%", "%%")
    return f"[{name},{counter.window},%d]"


def read_journal(path: Path) -> Iterator[LedgerRow]:
    """The rows that it gives: settled ones as they come, and at the end what was held for requests
    that never were. It has in memory what is held at one moment. Raises OSError, JournalUnknown.
    """
    held: dict[str, LedgerRow] = {}
    forms: dict[int, Form] = {}
    for document in _documents(path):
        try:
            found = list(rows_of(document, forms))
        except (ValueError, TypeError, LookupError, AttributeError):
            raise JournalUnknown(f"{path} cannot be understood") from None
        for settled, row in found:
            if settled:
                held.pop(row.id, None)
                yield row
            else:
                held[row.id] = row
    yield from held.values()


def rows_of(document: Any, forms: dict[int, Form]) -> Iterator[tuple[bool, LedgerRow]]:
    """What a line says: rows, and whether they were settled; nothing if it is of a kind that is not
    known: what was held counts then. `forms`: those told so far. Raises ValueError, TypeError,
    LookupError, AttributeError.
    """
    if isinstance(document, list):
        what, number, *said = document
        form = forms.get(number)
        if form is None:
            _log.error("a row of a journal is lost: %s", said[0])  # the line of its form is
        elif what == "row":
            yield True, booked_rows(form.booking(Settled(*said)))[0]
        elif what == "hold":
            name, user, request, *held = said
            yield False, form.presumed(name, user, request, Amounts._make((1, *held, 1)))
    elif "form" in document:
        *of, counters = document["of"]
        forms[document["form"]] = Form(of, [CounterId(*each) for each in counters])
    elif document.get("v") == _ROWS:
        for values in document["rows"]:
            yield True, row_of(values[:-1])
    elif document.get("v") == _ROW:
        *fields, counted = document["row"]
        charges = tuple(Charge(CounterId(*name), amount) for *name, amount in counted)
        yield document["op"] == "settle", LedgerRow._make((*fields, charges))


def _documents(path: Path) -> Iterator[Any]:
    """The lines that are whole. Of a file whose process was killed the last one may not be; more
    than that is told, because it is no such thing.
    """
    torn = 0
    with path.open("rb") as lines:
        for line in lines:
            text, _, crc = line.rstrip(b"\n").rpartition(b" ")
            if crc == b"%08x" % crc32(text):
                yield loads(text)
            elif line != b"\n":
                torn += 1
    if torn > 1:
        _log.error("%d lines of %s are damaged, and what they say is lost", torn, path)
