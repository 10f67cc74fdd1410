"""Limits in a running gateway: the one value that the API asks before a request is sent."""

import contextlib
import hashlib
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from gateway.accounting.observed import Learned
from gateway.admission.accounts import Account
from gateway.admission.administrator import Administrator, Known
from gateway.admission.amounts import Amounts, Counts
from gateway.admission.bounds import Bound, Offers, ask_of, dearest, wavers
from gateway.admission.budget import Budget
from gateway.admission.counters import Applied, Counter, CounterPool
from gateway.admission.journal import LARGEST, Journal
from gateway.admission.keys import KeyDirectory
from gateway.admission.leases import EASILY, NOT, Leases, release
from gateway.admission.ledger_queue import LedgerQueue
from gateway.admission.metrics import LimitMetrics, Standing
from gateway.admission.refusals import exceeded
from gateway.admission.reservation import WITHOUT_HOLD, Reservation
from gateway.admission.scopes import NO_KEY, CallerRules, OwnRules, applied, rules_of
from gateway.admission.store_thread import StoreDown, StoreThread
from gateway.admission.teams import with_stored
from gateway.config.limits import LimitsPolicy
from gateway.errors import LimitExceeded, LimitsUnavailable, PersonaNotAllowed
from gateway.routing.candidates import Candidate
from gateway.routing.plan import Plan
from gateway.store import counters as counter_store
from gateway.store import keys as key_store
from gateway.store import teams as team_store
from gateway.store.limits_rows import Raise, TeamRow
from gateway.telemetry.ids import stamped
from translators.chat.request import ChatRequest

_MOST_RULES: Final = 10_000
_OF_PROMPTS: Final = ("tokens", "input_tokens", "usd")
"""What a prompt's tokens are a part of."""
_MOST_ACCOUNTS: Final = 20_000
_CACHED: Final = Amounts(requests=1, concurrency=1)
"""What a request uses whose answer is there already."""
_new: Final = tuple.__new__
_log: Final = logging.getLogger("llm_router")


class Asking(NamedTuple):
    """A request that asks for admission."""

    key_id: str | None
    user: str
    request_id: str
    request: ChatRequest
    day: date


class Admission:
    """One for a process; upkeep.running makes it. `clock`: Unix seconds; `now`: monotonic ones."""

    def __init__(
        self,
        policy: LimitsPolicy,
        instance: str,
        thread: StoreThread,
        journal: Journal,
        clock: Callable[[], float],
        now: Callable[[], float],
    ) -> None:
        self.policy = self._written = policy
        self.keys = KeyDirectory(clock, now)
        self.keys.apply_policy(policy.store.when_down)
        self.thread = thread
        self.clock = clock
        self.journal = journal
        self.signals: Any = None
        """Of a store that tells of changes: what was changed since somebody looked."""
        self.queue = LedgerQueue(instance, thread, journal, clock)
        self._raises: Sequence[Raise] = ()
        self._teams: Sequence[TeamRow] = ()
        self.pool = CounterPool(self._raised)
        self.leases = Leases(instance, thread, self.pool, policy.store.when_down, clock, now)
        self._rules: dict[str, CallerRules] = {}
        self._accounts: dict[tuple[str | None, str, str], Account] = {}
        """By key, persona, and the digest of an end user where these are counted."""
        self._offers = Offers()
        self._revision = -1
        self._cut_revision = 0
        self.cut: Callable[[str], None] = _nobody
        """Told of each key whose running requests are to be ended."""
        self.unseen = self.allow_cold = False
        """The store was not seen since the start; and requests are admitted nevertheless."""
        self.share = counter_store.ALONE
        """Of what live processes divide, as the store was seen last."""
        self.administrator = Administrator(
            thread,
            clock,
            Known(
                lambda: self.policy,
                lambda: self._written,
                self.learn_changes,
                self.rules,
                lambda key_id: self.counters(key_id, "", ""),
                self.leases.refresh,
            ),
        )
        self.metrics = LimitMetrics(
            self.pool, lambda: Standing(not thread.down, self.queue.backlog, self.queue.age), clock
        )
        thread.took = self.metrics.took

    async def learn(self, revision: int) -> None:
        """The store was seen with that revision. Raises StoreDown."""
        if revision != self._revision:
            await self.learn_changes()
            self._revision = revision
        elif any(more.until <= self.clock() for more in self._raises):
            await self.learn_changes()
        self.keys.seen()

    async def learn_changes(self) -> None:
        """Read the keys and raises that have changed. Raises StoreDown."""
        await self.keys.learn(self.thread)
        self._raises = await self.thread.call(counter_store.raises, int(self.clock()))
        self._teams = await self.thread.call(team_store.every)
        self.policy = with_stored(self._written, self._teams)
        self.pool.recap()
        self._forget_rules()
        for revision, key_id in await self.thread.call(key_store.cut_since, self._cut_revision):
            self._cut_revision = revision
            self.cut(key_id)

    def apply_policy(self, policy: LimitsPolicy) -> None:
        """From now on this holds."""
        self._written = policy
        self.policy = with_stored(policy, self._teams)
        self.leases.when_down = policy.store.when_down
        self.keys.apply_policy(policy.store.when_down)
        self._forget_rules()

    def _forget_rules(self) -> None:
        self._rules.clear()
        self._accounts.clear()

    def _raised(self, scope: str, name: str) -> int:
        now = self.clock()
        return sum(
            more.by
            for more in self._raises
            if (more.scope, more.name) == (scope, name) and more.until > now
        )

    def rules(self, key_id: str | None) -> CallerRules:
        """What holds for a caller; `key_id` None where callers have no keys."""
        name = key_id or NO_KEY
        found = self._rules.get(name)
        if found is None:
            if len(self._rules) >= _MOST_RULES:
                self._forget_rules()
            stored = self.keys.find(name)
            own = OwnRules() if stored is None else stored.own
            found = self._rules[name] = rules_of(self.policy, name, own)
        return found

    def allows(self, key_id: str | None, name: str) -> bool:
        """Whether the caller may ask for the persona, or for `provider/model`."""
        return self.rules(key_id).allows(name)

    def check_persona(self, key_id: str | None, persona: str) -> None:
        """Raises PersonaNotAllowed."""
        rules = self._rules.get(key_id or NO_KEY) or self.rules(key_id)
        if rules.restricted and not rules.allows(persona):
            raise PersonaNotAllowed(f"This API key may not ask {persona[:100]!r}.")

    def _account(self, key_id: str | None, persona: str, user: str, now: float) -> Account:
        """With the counters of `now`. `user`: the digest of its end user. Raises
        LimitsUnavailable for one end user too many, and before the store was seen.
        """
        found = self._accounts.get((key_id, persona, user))
        if found is None and user:
            plain = self._accounts.get((key_id, persona, ""))
            if plain is not None and not plain.of_users:
                found, user = plain, ""
        if found is None or found.ends <= now or found.dropped != self.pool.dropped:
            found = self._made(key_id, persona, user, now)
        return found

    def _made(self, key_id: str | None, persona: str, user: str, now: float) -> Account:
        if self.unseen and not self.allow_cold:
            raise LimitsUnavailable
        rules, pool = self.rules(key_id), self.pool
        every = list(applied(self.policy, rules, persona))
        refusing = [each for each in every if each.limit.when_reached == "refuse"]
        warning = [each for each in every if each.limit.when_reached == "warn"]
        of_users = any(each.of_user for each in every)
        if not of_users:
            user = ""
        elif user:
            self._check_users(refusing, user)
        if len(self._accounts) >= _MOST_ACCOUNTS:
            self._accounts.clear()
        made = self._accounts[key_id, persona, user] = Account(
            rules, persona, pool.of(refusing, user, now), pool.of(warning, user, now),
            of_users, pool.dropped,
        )  # fmt: skip
        if self.policy.report_budget:
            made.rates.budgets = [c for c in made.counters if c.limit.on == "usd"]
        return made

    def _check_users(self, limits: Sequence[Applied], user: str) -> None:
        """Raises LimitsUnavailable for one end user too many."""
        for each in limits:
            if self.pool.full(each, user):
                _log.error("%s has too many end users: one more is refused", each.scope)
                raise LimitsUnavailable

    def asking(
        self, key_id: str | None, request_id: str, request: ChatRequest, day: date
    ) -> Asking:
        """The request as it asks for admission; its end user is `safety_identifier` or
        `user`, or what Anthropic's clients call `metadata.user_id`.
        """
        body = request.body
        user = body.get("safety_identifier") or body.get("user") or ""
        user = user if user.__class__ is str else ""
        return _new(Asking, (key_id, user, request_id, request, day))

    def counters(self, key_id: str | None, persona: str, user: str) -> Sequence[Counter]:
        """Those that refuse, of the windows of this moment. Raises LimitsUnavailable."""
        return self._account(key_id, persona, _digest(user), self.clock()).counters

    async def budget(self, asking: Asking, plan: Plan, learned: Learned) -> Budget:
        """What is left for a request now. Raises LimitsUnavailable."""
        counters = self.counters(asking.key_id, plan.policy.name, asking.user)
        with contextlib.suppress(StoreDown):  # then what is known of them
            await self.leases.refresh(counters)
        return Budget(counters, ask_of(asking.request, plan.facts), learned, asking.day)

    def near(self, asking: Asking, plan: Plan, learned: Learned) -> bool:
        """Whether counting the prompt, which was only estimated, may tell if it fits. Raises
        LimitsUnavailable.
        """
        persona = plan.policy.name
        if plan.facts.prompt.exact or not plan.eligible:
            return False
        account = self._account(asking.key_id, persona, _digest(asking.user), self.clock())
        bounds = self._offers.bounds(asking.request, plan, learned, asking.day)
        return _wavers(account, bounds.values(), Amounts(), asking.day)

    async def reserve(
        self, asking: Asking, plan: Plan, learned: Learned, *, whole: bool
    ) -> Reservation | None:
        """Hold what any eligible target of the plan may need. Raises LimitExceeded,
        LimitsUnavailable.

        With `whole`, None where only a part of the targets, or of an answer, may fit, or where it
        fits so narrowly that the prompt should be counted (`near`).
        """
        key_id, user, _, request, day = asking
        now, persona = self.clock(), plan.policy.name
        if user:
            user = _digest(user)
        account = self._accounts.get((key_id, persona, user))
        if account is None or account.ends <= now or account.dropped != self.pool.dropped:
            account = self._account(key_id, persona, user, now)
        bounds = self._offers.bounds(request, plan, learned, day)
        for bound in bounds.values():
            if not bound.priced and whole and account.of_money:
                return None
        needs = bound.needs if len(bounds) == 1 else dearest(bounds.values())
        taken, unheld = self.leases.take_of(account, needs), False
        if taken != EASILY:
            try:
                if taken == NOT:
                    unheld = not await self.leases.take(account.counters, needs)
            except LimitExceeded as error:
                if whole and error.limit["on"] not in ("requests", "concurrency"):
                    return None
                self.metrics.refused(error)
                raise
            exact = plan.facts.prompt.exact
            if whole and not exact and _wavers(account, bounds.values(), needs, day):
                release(account.counters, needs)
                return None
        held = self._held(asking, plan, account, plan.candidates[0], bounds, needs, now, user)
        if unheld:
            held.why = WITHOUT_HOLD
        return held

    async def reserve_cached(self, asking: Asking, plan: Plan, target: Candidate) -> Reservation:
        """Count a request whose answer is there already, of `target`: a request, and one at a time,
        without tokens and without money. Raises LimitExceeded, LimitsUnavailable.
        """
        now, user = self.clock(), _digest(asking.user)
        account = self._account(asking.key_id, plan.policy.name, user, now)
        try:
            await self.leases.take([c for c in account.counters if _CACHED[c.index]], _CACHED)
        except LimitExceeded as error:
            self.metrics.refused(error)
            raise
        held = self._held(asking, plan, account, target, {}, _CACHED, now, user)
        held.cached = True
        return held

    def _held(
        self,
        asking: Asking,
        plan: Plan,
        account: Account,
        first: Candidate,
        bounds: dict[str, Bound],
        needs: Counts,
        now: float,
        user: str,
    ) -> Reservation:
        """Write down what is held. Raises LimitsUnavailable if that cannot be, and the policy does
        not let a request pass then.
        """
        file = self.journal.files[-1]
        if file.size >= LARGEST:
            file = self.journal.current
        at = int(now * 1000)
        reservation = Reservation(
            self.leases, self.queue, file, account, bounds, first,
            stamped(at), user, asking.request_id,
            plan.revision, needs, at, asking.day, asking.request.body.get("service_tier"),
        )  # fmt: skip
        try:
            reservation.note()
        except OSError as error:
            self.journal.failed(error)
            if self.leases.when_down.budgets == "refuse":
                release(account.counters, needs)
                raise LimitsUnavailable from None
        file.pending += 1
        return reservation

    @property
    def standing(self) -> dict[str, Any]:
        """How what limits are counted in is at the moment."""
        when_down = self.leases.when_down
        return {
            "store": "unseen" if self.unseen else "down" if self.thread.down else "up",
            "journal": "down" if self.journal.fault is not None else "up",
            "when_down": {
                "keys": when_down.keys,
                "limits": when_down.limits,
                "budgets": when_down.budgets,
            },
        }

    @property
    def refusing(self) -> bool:
        """No request can be admitted: what it may use cannot be written down, or nobody knows yet
        what was used.
        """
        if self.unseen and not self.allow_cold:
            return True
        return self.journal.fault is not None and self.leases.when_down.budgets == "refuse"

    def refusal(self, budget: Budget) -> LimitExceeded | None:
        """Why no target may be asked, where it is a limit."""
        if not budget.refusing:
            return None
        counter, bound = min(
            budget.refusing, key=lambda found: found[1].needs[found[0].index] - found[0].left
        )
        return self.metrics.refused(exceeded(counter, bound.needs, self.clock()))


def _nobody(key_id: str) -> None:
    """Nothing listens yet, so nothing runs."""


def _wavers(account: Account, bounds: Iterable[Bound], held: Counts, day: date) -> bool:
    """Whether a prompt's estimate decides if it fits; what is `held` is for it."""
    return any(
        wavers(bound, counter.index, counter.left + held[counter.index], day)
        for counter in account.counters
        if counter.limit.on in _OF_PROMPTS
        for bound in bounds
    )


def _digest(user: str) -> str:
    """What stands for an end user: never the name itself."""
    return hashlib.sha256(user.encode("utf-8", "surrogatepass")).hexdigest()[:16] if user else ""
