"""Faults planted into keys, limits, the journal and the ledger; tests.mutants plants them with all
others.
"""

from typing import Final

from tests.planting import Mutant

_KEYS: Final = "gateway/admission/keys.py"
_LEDGER: Final = "gateway/store/ledger.py"


def _pytest(*paths: str) -> tuple[str, ...]:
    return ("pytest", "-x", "-q", "-p", "no:cacheprovider", *(f"tests/{path}" for path in paths))


_OF_KEYS: Final = _pytest("admission/test_keys.py")
_OF_SCOPES: Final = _pytest("api/test_scoped_admin.py")
_OF_LEDGER: Final = _pytest("admission/test_ledger.py")
_OF_SUMS: Final = _pytest("admission/test_ledger_sums.py")
_OF_JOURNAL: Final = _pytest("admission/test_journal.py")
_OF_CALLS: Final = _pytest("api/test_limits_and_failover.py")
OF_LIMITS: Final = (
    # Who may call, and who may administer.
    Mutant(
        "a key that has expired opens", _KEYS, "until <= self._clock():", "until < 0:", _OF_KEYS,
    ),
    Mutant(
        "a key that was revoked opens", _KEYS,
        'if state != "active":', 'if state == "":', _OF_KEYS,
    ),
    Mutant(
        "a key is looked up whatever its checksum", _KEYS,
        "if found is None and key_id_in(key) is None:", 'if key_id_in(key) == "":', _OF_KEYS,
    ),
    Mutant(
        "keys are known for ever without the store", _KEYS,
        "if age > self._most_age:", "if age > 9 * self._most_age:", _OF_KEYS,
    ),
    Mutant(
        "a key that could not be looked up is told to be none", _KEYS,
        "            if age > FRESH:  # it may have been made since\n", "            if False:\n",
        _OF_KEYS,
    ),
    Mutant(
        "any scope opens every route of operators", "gateway/api/operators.py",
        "if scope not in (found.scopes or ()):", "if not found.scopes:", _OF_SCOPES,
    ),
    Mutant(
        "a key without scopes administers", "gateway/api/operators.py",
        "if known is not None and known.scopes:", "if known is not None:", _OF_SCOPES,
    ),
    Mutant(
        "a scoped key gives scopes that it has not", "gateway/admission/administration.py",
        "(more := set(scopes) - granted)", "(more := set(scopes) - set(scopes))", _OF_SCOPES,
    ),
    Mutant(
        "a key may ask every persona", "gateway/admission/service.py",
        "        if rules.restricted and not rules.allows(persona):\n", "        if False:\n",
        _pytest("api/test_keys_and_spend.py"),
    ),
    # What a request may use is held.
    Mutant(
        "a slice is given though it does not fit", "gateway/store/counters.py",
        "    if left < want.need:\n", "    if left < 0:\n",
        _pytest("admission/test_interleavings.py"),
    ),
    Mutant(
        "another call is made whether it fits or not", "gateway/admission/reservation.py",
        "        if not any(more):\n", "        if True:\n", _OF_CALLS,
    ),
    Mutant(
        "what cannot be written down is sent", "gateway/admission/reservation.py",
        '            if self.leases.when_down.budgets == "refuse":\n', "            if False:\n",
        _OF_CALLS,
    ),
    # What it used is settled.
    Mutant(
        "a stream is settled once its caller has it", "gateway/api/chat.py",
        "    if reservation is not None:\n        exchange.settle(reservation)\n", "", _OF_CALLS,
    ),
    Mutant(
        "a prompt that timed out costs nothing", "gateway/admission/reservation.py",
        '    "first_content_timeout": "presumed",\n', "", _OF_LEDGER,
    ),
    Mutant(
        "an unknown price is nothing", "gateway/admission/reservation.py",
        "most_usd if cost is None else cost", "cost or 0",
        _OF_LEDGER,
    ),
    # The journal and the ledger.
    Mutant(
        "a changed line of the journal counts", "gateway/admission/journal_lines.py",
        'if crc == b"%08x" % crc32(text):', "if crc:", _OF_JOURNAL,
    ),
    Mutant(
        "what a killed process held is lost", "gateway/admission/journal_lines.py",
        "    yield from held.values()\n", "", _OF_JOURNAL,
    ),
    Mutant(
        "a line follows a torn one on its line", "gateway/admission/journal.py",
        "        if self._torn:\n            line ", "        if False:\n            line ",
        _OF_JOURNAL,
    ),
    Mutant(
        "a row is counted as often as it is booked", _LEDGER,
        "charged = every if len(new) == len(bookings) else _charged(new)", "charged = every",
        _OF_LEDGER,
    ),
    Mutant(
        "money of a process that is gone is free again", "gateway/store/presumed.py",
        "    if money:\n", "    if not money:\n", _OF_SUMS,
    ),
    Mutant(
        "what is pruned is not carried over", "gateway/store/retention.py",
        "    return counter.window == FOREVER or ", "    return ", _OF_SUMS,
    ),
    Mutant(
        "what comes into a month that was carried over counts nowhere", _LEDGER,
        "    if database.remote:\n        until", "    if False:\n        until",
        _pytest("store/test_partitions.py"),
    ),
)  # fmt: skip
