"""What is held for one request, from its admission until it is settled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Protocol

from gateway.accounting.cost import cost_of_usage, expected_cost
from gateway.accounting.usage import count, totals
from gateway.admission.accounts import Account
from gateway.admission.amounts import OUTPUT, Amounts, Counts, of_call
from gateway.admission.bounds import Bound, added, dearest
from gateway.admission.journal import JournalFile
from gateway.admission.journal_lines import said_of
from gateway.admission.leases import Leases, release
from gateway.admission.ledger_queue import LedgerQueue
from gateway.admission.refusals import rate_headers
from gateway.errors import LimitExceeded, LimitsUnavailable
from gateway.routing.candidates import Candidate
from gateway.telemetry.events import AttemptEnded, Why
from translators.chat.chunks import Chunk

SETTLED: Final = "settled"
CACHED: Final = "cached"
"""What a row is called whose answer came from the cache."""
UNHELD: Final = "unheld"
"""The same of one that was admitted while the store was down, beyond what was leased of money."""
WITHOUT_HOLD: Final = "admitted beyond what was held of money: the store was down"
_WORSE: Final = ("free", SETTLED, "estimated", "presumed", "unpriced")
"""What a row may be called, the more certain first."""
_PAID_FOR: Final[Mapping[str, str]] = {
    "cancelled": "estimated",
    "truncated": "estimated",
    "malformed": "estimated",
    "no_output": "estimated",
    "model_output": "estimated",
    "timeout": "presumed",
    "first_content_timeout": "presumed",
    "idle_timeout": "presumed",
    "total_timeout": "presumed",
}
"""Outcomes of attempts whose prompt was read, or may have been: what a row is called after one.
Others cost nothing: the provider refused, or was never reached."""
_TEXTS: Final = ("content", "reasoning_content", "refusal")
_AROUND_A_TEXT: Final = 10
"""How many times its text's bytes an event has that is relayed as it came."""
_BYTES_PER_TOKEN: Final = 4
"""Of an answer whose tokens nobody counted."""


Used = tuple[str, int, int, int, int, int, int | None]
"""What one request has used: what its row is called, tokens read, of these from a cache and to be
kept in one, tokens written, of these thoughts, and nano-USD, None if that is not known."""


class Ending(Protocol):
    """gateway.dispatch.reservation.Ending."""

    @property
    def attempts(self) -> Sequence[AttemptEnded]: ...
    @property
    def shown(self) -> int | None: ...
    @property
    def served(self) -> bool: ...
    @property
    def usage(self) -> Any: ...
    @property
    def counted_before(self) -> int: ...
    @property
    def received(self) -> int: ...
    @property
    def estimated(self) -> bool: ...
    @property
    def cost(self) -> int | None: ...
    @property
    def decision(self) -> str: ...
    @property
    def revision(self) -> str: ...


class _Tally:
    """The same while it is added up over attempts."""

    __slots__ = ("cached", "cost", "input", "output", "reasoning", "state", "written")

    def __init__(self) -> None:
        self.state = _WORSE[0]
        self.input = self.cached = self.written = self.output = self.reasoning = 0
        self.cost: int | None = 0

    def add(self, state: str, read: int, output: int, cost: int | None) -> None:
        self.input += read
        self.output += output
        if cost is None or self.cost is None:
            self.cost = None
        else:
            self.cost += cost
        if cost is None:
            state = "unpriced"
        if self.state is _WORSE[0] or _WORSE.index(state) > _WORSE.index(self.state):
            self.state = state

    def used(self) -> Used:
        return (
            self.state, self.input, self.cached, self.written, self.output, self.reasoning,
            self.cost,
        )  # fmt: skip


@dataclass(slots=True)
class Reservation:
    """One request's."""

    leases: Leases
    queue: LedgerQueue
    file: JournalFile
    account: Account
    """Whose limits they are, and the counters of the windows in which it was admitted."""
    bounds: Mapping[str, Bound]
    """By the names of the targets that may be asked."""
    first: Candidate
    """The target that is asked first."""
    id: str
    """Of its row."""
    user: str
    """The digest of its end user; "" without one."""
    request_id: str
    revision: str
    held: Counts
    at: int
    """When it was admitted, Unix milliseconds."""
    day: date
    tier: str | None
    refused: LimitExceeded | LimitsUnavailable | None = None
    """Why it could not have more."""
    cached: bool = False
    """Nobody is asked: the first target gave the answer once before."""
    why: str | None = None
    """What its row says of how it was admitted."""
    said: str = ""
    """journal_lines.said_of it, once it is written down."""
    streamed: int = 0
    """Bytes of text that the caller was shown so far, or about so many."""

    def saw(self, chunks: Sequence[Chunk]) -> None:
        """A piece of a streamed answer went to the caller."""
        for chunk in chunks:
            if (delta := chunk.delta) is not None:
                for name in _TEXTS:
                    if (text := delta.get(name)).__class__ is str:
                        self.streamed += len(text.encode("utf-8", "surrogatepass"))
                for call in delta.get("tool_calls") or ():
                    self.streamed += len(str(call.get("function") or call.get("custom") or ""))
            elif chunk.raw is not None:
                self.streamed += len(chunk.raw) // _AROUND_A_TEXT

    async def cover(self, target: str, why: Why, ended: Sequence[AttemptEnded]) -> bool:
        """Hold what another call may need beside what the ended ones may have used; the first is
        covered from the beginning.
        """
        bound = self.bounds.get(target)
        if bound is None or why in ("first", "key"):
            return True
        most = dearest(self.bounds.values())
        beside = [bound.needs]
        if why in ("hedge", "resume"):
            beside += [most] * max(1, sum(each.why == "resume" for each in ended) + 1)
        beside += [
            self._prompt_of(each) for each in ended if each.outcome in _PAID_FOR and why != "resume"
        ]
        needs = added(*beside)
        held = self.held
        more = Amounts(*(max(0, n - h) for n, h in zip(needs, held, strict=True)))
        if not any(more):
            return True
        try:
            if not await self.leases.take(self.account.counters, more):
                self.why = WITHOUT_HOLD
        except (LimitExceeded, LimitsUnavailable) as error:
            self.refused = error
            return False
        self.held = Amounts(*map(sum, zip(held, more, strict=True)))
        try:
            self.note()
        except OSError as error:
            self.queue.failed(error)
            if self.leases.when_down.budgets == "refuse":
                release(self.account.counters, more)
                self.held, self.refused = held, LimitsUnavailable()
                return False
        return True

    def _prompt_of(self, attempt: AttemptEnded) -> Amounts:
        """What an attempt that was given up may have used."""
        bound = self.bounds.get(f"{attempt.provider}/{attempt.model}")
        if bound is None:
            return Amounts()
        return of_call(bound.expected_input, 0, self._price(bound, bound.expected_input, 0) or 0)

    def note(self) -> None:
        """Write down what is held. Raises OSError."""
        first, account = self.first, self.account
        target = first.provider.name, first.model.id, self.revision
        form = account.forms.get(target) or account.form(*target)
        if not self.said:
            self.said = said_of(self.id, self.user, self.request_id)
        self.file.hold(form, self.said, self.held)

    def headers(self) -> Mapping[str, str]:
        return rate_headers(self.account.rates, self.at // 1000)

    def settle(self, ending: Ending) -> None:
        """Count what was used, and free the rest."""
        used = self._plainly_used(ending)
        self._close(self._used(ending) if used is None else used, ending)

    def _plainly_used(self, ending: Ending) -> Used | None:
        """Of a request whose only attempt was answered and counted, as nearly all are; None of
        others.
        """
        attempts, usage = ending.attempts, ending.usage
        if len(attempts) != 1 or not ending.served or ending.estimated or self.cached:
            return None
        attempt, first = attempts[0], self.first
        prompt, completion = totals(usage)
        if (
            prompt is None
            or completion is None
            or usage.get("prompt_tokens_details")
            or usage.get("completion_tokens_details")
            or attempt.model != first.model.id
            or attempt.provider != first.provider.name
        ):
            return None
        cost = ending.cost
        state = "unpriced" if cost is None else SETTLED if self.why is None else UNHELD
        return state, prompt, 0, 0, completion, 0, cost

    def _used(self, ending: Ending) -> Used:
        """Of any."""
        tally = _Tally()
        if self.cached:
            tally.state = CACHED
        attempts = ending.attempts
        if attempts and ending.shown is not None:
            self._add_shown(tally, ending, attempts[ending.shown])
        if len(attempts) > 1 or ending.shown is None:
            self._add_others(tally, ending)
        if self.why is not None and tally.state == SETTLED:
            tally.state = UNHELD
        return tally.used()

    def _add_others(self, tally: _Tally, ending: Ending) -> None:
        """Attempts whose answer was not shown."""
        skipped = ending.counted_before
        for number, attempt in enumerate(ending.attempts):
            if number == ending.shown or attempt.outcome not in _PAID_FOR:
                continue
            if skipped:  # it is among what was counted of the answer that was shown
                skipped -= 1
                continue
            bound = self.bounds.get(f"{attempt.provider}/{attempt.model}")
            if bound is not None:
                cost = self._price(bound, bound.expected_input, 0)
                tally.add(_PAID_FOR[attempt.outcome], bound.expected_input, 0, cost)

    def _add_shown(self, tally: _Tally, ending: Ending, attempt: AttemptEnded) -> None:
        usage = ending.usage
        bound = self.bounds.get(f"{attempt.provider}/{attempt.model}")
        prompt, completion = totals(usage)
        if bound is None:
            return
        if prompt is not None or completion is not None:
            read, output, state = prompt or 0, completion or 0, SETTLED
            if ending.estimated or prompt is None or completion is None:
                cost = self._price(bound, read, output)
                state = "estimated" if ending.estimated else SETTLED
            elif ending.served:
                cost = ending.cost
            else:
                cost = cost_of_usage(
                    bound.model, usage, self.day,
                    self.tier,
                )  # fmt: skip
            tally.add(state, read, output, cost)
            if details := usage.get("prompt_tokens_details"):
                tally.cached = count(details, "cached_tokens") or 0
                tally.written = count(details, "cache_write_tokens") or 0
            if spoken := usage.get("completion_tokens_details"):
                tally.reasoning = count(spoken, "reasoning_tokens") or 0
        elif ending.served or attempt.outcome in _PAID_FOR:
            read = bound.expected_input
            shown = ending.received or self.streamed
            output = min(-(-shown // _BYTES_PER_TOKEN), bound.needs[OUTPUT])
            state = "estimated" if output else _PAID_FOR.get(attempt.outcome, "estimated")
            tally.add(state, read, output, self._price(bound, read, output))

    def _price(self, bound: Bound, read: int, output: int) -> int | None:
        return expected_cost(bound.model, read, 0.0, output, self.day)

    def _close(self, used: Used, ending: Ending) -> None:
        account = self.account
        state, read, cached, written, output, reasoning, cost = used
        # An unknown price is never taken for nothing: all that was held of money is spent then.
        requests, tokens, most_read, most_output, most_usd, at_once = self.held
        usd, total = most_usd if cost is None else cost, read + output
        over = (1, total, read, output, usd, 0)
        freed = (
            requests - 1, tokens - total, most_read - read, most_output - output, most_usd - usd,
            at_once,
        )  # fmt: skip
        for counter, index in account.held:
            counter.free += freed[index]
            counter.unbooked += over[index]
        for counter in account.warned:
            amount = over[counter.index]
            counter.free -= amount
            counter.unbooked += amount
        attempts = ending.attempts
        if self.cached:
            target = self.first.provider.name, self.first.model.id, ending.revision
        elif attempts:
            last = attempts[ending.shown or 0]
            target = last.provider, last.model, ending.revision
        else:
            target = "", "", ending.revision
        form = account.forms.get(target) or account.form(*target)
        settled = (
            self.id, self.user, self.request_id, state, len(attempts), read, output, cost,
            ending.decision, self.why, cached, written, reasoning, 0 if cost is not None else usd,
        )  # fmt: skip
        self.queue.add((settled, form, account, self.file), self.said)
