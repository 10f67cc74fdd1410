"""The plan: every target of a policy, in the order in which it will be asked, or rejected, with the reasons as a machine reads them.

The same value is what dispatch executes and what `POST /api/v1/route` shows. Pure: the same arguments give the same plan.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from gateway.accounting.tokens import near, overflow
from gateway.config import ALWAYS, Balance, Config, Model, Persona, Provider, Rule, StrategyName, TargetRef
from gateway.errors import ModelNotFound, NoEligibleTarget
from gateway.routing.facts import Facts
from gateway.routing.requirements import Requirement
from gateway.routing.rules import failing
from gateway.routing.strategies import NANO, Held, order, price, prompt_tokens
from gateway.routing.view import View

MOST_FANNED_OUT: Final = 8
"""`n` up to which a model that gives one answer is asked several times: each time pays for the whole prompt."""
_NOT_SEVERAL: Final = "missing_capability:multiple_choices"
_TIERS: Final = {"low": 0, "medium": 1, "high": 2}
TEMPORARY: Final = ("unavailable:", "cooldown:", "no_usable_key:")
"""What a reason begins with that may be gone later: the target could serve the request."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How one request is routed: the persona, or the rule of it that holds, or one target that the caller named."""

    name: str
    persona: Persona | None
    rule: Rule | None
    targets: tuple[TargetRef, ...]
    strategy: StrategyName = "priority"
    balance: Balance = field(default_factory=Balance)


class Candidate(NamedTuple):
    """One target in the plan. `reasons` are codes: `missing_capability:vision`, `context_overflow: needs 182000 > 128000`."""

    provider: Provider
    model: Model
    verdict: Literal["chosen", "eligible", "rejected"]
    name: str
    reasons: tuple[str, ...] = ()
    ref: TargetRef | None = None
    score: float | None = None
    """By the strategy: a position, a share, USD, seconds or a balance."""
    cost: int | None = None
    """Nano-USD expected, where somebody had to know and it has a price."""
    prompt_tokens: int | None = None
    """Estimated by its own tokenizer, where somebody had to know."""

    @property
    def limited(self) -> bool:
        """Only so many requests are sent there at a time."""
        return self.model.concurrency is not None or self.provider.concurrency is not None


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be tried, in order, and why nothing else."""

    policy: Policy
    facts: Facts
    candidates: tuple[Candidate, ...]
    """Those that will be tried in their order, then those that will not."""
    revision: str
    pinned: str | None = None
    """The target that served the conversation before, if it is the first again."""
    retry_in: float | None = None
    """Seconds until a target can serve that cannot now; None if that is not known."""
    near_limit: bool = False
    """The estimate is so near a limit that counting exactly might change the plan."""

    @property
    def persona(self) -> str:
        return self.policy.name

    @property
    def requirements(self) -> tuple[Requirement, ...]:
        return self.facts.requirements

    @property
    def eligible(self) -> list[Candidate]:
        return [candidate for candidate in self.candidates if candidate.verdict != "rejected"]


def resolve(config: Config, name: str) -> Persona | TargetRef:
    """The persona called `name`, or the target of a direct model. Raises ModelNotFound listing the personas."""
    persona = config.personas.get(name)
    if persona is not None:
        return persona
    provider, slash, model = name.partition("/")
    if slash and config.direct_models and provider in config.providers and model in config.providers[provider].models:
        return TargetRef(provider, model)
    known = ", ".join(sorted(config.personas))
    raise ModelNotFound(f"The model {name[:100]!r} does not exist. The personas are: {known}.")


def policy_of(asked: Persona | TargetRef, rule: Rule | None = None) -> Policy:
    """The policy of a persona under the rule that holds, or of a direct model."""
    if isinstance(asked, TargetRef):
        return Policy(str(asked), None, None, (asked,))
    if rule is None:
        return Policy(asked.name, asked, None, asked.targets, asked.strategy, asked.balance)
    return Policy(
        asked.name, asked, rule, rule.targets or asked.targets, rule.strategy or asked.strategy, rule.balance or asked.balance
    )  # fmt: skip


def plan(config: Config, policy: Policy, facts: Facts, view: View) -> Plan:
    """Hold every target against what the request needs, and put those that can serve it in order."""
    gates = _Gates(policy, facts, view)
    able: list[Held] = []
    rejected: list[Held] = []
    retry_in: float | None = None
    for ref in policy.targets:
        provider = config.providers[ref.provider]
        held = Held(ref, provider, provider.models[ref.model], str(ref))
        gates.hold(held)
        standing = view.health.standing(provider, held.name, view.now)
        if standing.reason is not None:
            if not held.reasons:
                retry_in = standing.retry_in if retry_in is None else min(retry_in, standing.retry_in)
            held.reasons.append(standing.reason)
        held.share = standing.share
        (rejected if held.reasons else able).append(held)
    able = _preferred(able, rejected, facts)
    able = order(policy.strategy, policy.balance, able, facts, view, policy.name)
    pinned = _take_up(able, facts, view)
    return Plan(policy, facts, tuple(_candidates(able, rejected)), config.revision, pinned, retry_in, gates.near_limit)


class _Gates:
    """What a target must pass, whatever its place in the order."""

    def __init__(self, policy: Policy, facts: Facts, view: View) -> None:
        self._facts = facts
        self._view = view
        self._persona = persona = policy.persona
        self._name = policy.name
        self._needs = [need.capability for need in facts.requirements]
        self._needed = frozenset(self._needs)
        self._fans_out = (persona is None or persona.fan_out) and facts.answers <= MOST_FANNED_OUT
        self._ceiling = None if persona is None or persona.max_cost_tier is None else _TIERS[persona.max_cost_tier]
        self._max_price = None if persona is None or persona.max_price is None else int(persona.max_price * 10**9)
        self._regions = frozenset() if persona is None else persona.regions
        self.near_limit = False

    def hold(self, held: Held) -> None:
        """Write down every reason against the target that its health has no part in."""
        model, provider, reasons = held.model, held.provider, held.reasons
        if held.ref.when is not ALWAYS and (condition := failing(held.ref.when, self._facts, self._view.moment)) is not None:
            reasons.append(f"condition: {condition}")
        capabilities = model.record.capabilities
        if not self._needed <= capabilities:
            reasons += [f"missing_capability:{need}" for need in self._needs if need not in capabilities]
            if self._fans_out and _NOT_SEVERAL in reasons:
                reasons.remove(_NOT_SEVERAL)
        if self._ceiling is not None and _TIERS[model.cost_tier] > self._ceiling:
            assert self._persona is not None
            reasons.append(f"over_cost_tier: {model.cost_tier} > {self._persona.max_cost_tier}")
        if self._regions and (region := model.region or provider.region) not in self._regions:
            reasons.append(f"outside_region: {region or 'unknown'} is not {' or '.join(sorted(self._regions))}")
        if provider.unavailable_reason is not None:
            reasons.append(f"unavailable: {provider.unavailable_reason}")
        self._window(held)
        if self._max_price is not None and not reasons:
            self._price(held, self._max_price)

    def _window(self, held: Held) -> None:
        """Prompt and answer must fit; a token is at least one byte, or nearly so: a small request needs no estimate."""
        facts, record = self._facts, held.model.record
        answer = min(facts.max_tokens or 0, record.max_output_tokens)
        longest = record.max_input_tokens or record.context_window
        if facts.prompt.size * max(1.0, held.model.token_factor) + answer <= min(record.context_window, longest + answer):
            return
        prompt = prompt_tokens(held, facts, self._view)
        if (over := overflow(held.model, prompt, facts.max_tokens)) is not None:
            held.reasons.append(f"context_overflow: needs {over[0]} > {over[1]}")
        if not facts.prompt.exact and (near(prompt, longest) or near(prompt + answer, record.context_window)):
            self.near_limit = True

    def _price(self, held: Held, ceiling: int) -> None:
        cost = price(held, self._facts, self._view, self._name)
        if cost is None:
            held.reasons.append("over_max_price: its price is not known")
        elif cost > ceiling:
            held.reasons.append(f"over_max_price: {cost * NANO:.4g} > {ceiling * NANO:.4g} USD")


def _preferred(able: list[Held], rejected: list[Held], facts: Facts) -> list[Held]:
    """Without those that could serve only in part, if another can in full: who cannot be made to call a tool, or answers too shortly."""
    if facts.forces_tool:
        able = _without(able, rejected, {h.name: "cannot_force_tools" for h in able if h.model.record.forced_tool_choice == "no"})
    wanted = facts.max_tokens
    if wanted is not None:
        short = {h.name: f"max_output: needs {wanted} > {most}" for h in able if wanted > (most := h.model.record.max_output_tokens)}
        able = _without(able, rejected, short)
    return able


def _without(able: list[Held], rejected: list[Held], reasons: Mapping[str, str]) -> list[Held]:
    if not reasons or len(reasons) == len(able):
        return able
    for held in able:
        if held.name in reasons:
            held.reasons.append(reasons[held.name])
            rejected.append(held)
    return [held for held in able if held.name not in reasons]


def _take_up(able: list[Held], facts: Facts, view: View) -> str | None:
    """The target that served the conversation goes first. One that comes back from a failure gets a part of the others."""
    if not able:
        return None
    if facts.conversation is not None and facts.settled:
        pin = view.affinity.find(facts.conversation, view.now)
        if pin is not None and (found := next((held for held in able if held.name == pin.target), None)) is not None:
            able.remove(found)
            able.insert(0, found)
            return found.name
    if len(able) > 1 and able[0].share < 1 and view.dice() >= able[0].share:
        able.append(able.pop(0))
    return None


def _candidates(able: Sequence[Held], rejected: Sequence[Held]) -> Iterable[Candidate]:
    for place, held in enumerate(able):
        verdict: Literal["chosen", "eligible"] = "eligible" if place else "chosen"
        yield Candidate(held.provider, held.model, verdict, held.name, (), held.ref, held.score, held.cost, held.prompt_tokens)
    for held in rejected:
        yield Candidate(
            held.provider, held.model, "rejected", held.name, tuple(held.reasons), held.ref, None, held.cost, held.prompt_tokens
        )  # fmt: skip


def refusal(plan: Plan) -> NoEligibleTarget:
    """The error for a plan without an eligible target: 503 if one could serve but cannot now, else 400."""
    reasons = {candidate.name: list(candidate.reasons) for candidate in plan.candidates}
    shown = "; ".join(f"{name}: {', '.join(why)}" for name, why in reasons.items())
    if any(all(reason.startswith(TEMPORARY) for reason in why) for why in reasons.values()):
        error = NoEligibleTarget(f"No target of {plan.persona!r} is available now. {shown}", 503, None, reasons)
        if plan.retry_in is not None:
            error.retry_in(plan.retry_in)
        return error
    causes = {need.capability: need.cause for need in plan.requirements}
    lacking = {reason.partition(":")[2] for why in reasons.values() for reason in why if reason.startswith("missing_capability:")}
    param = next((cause for name, cause in causes.items() if name in lacking and cause != "persona"), None)
    if param is None and any(reason.startswith("context_overflow") for why in reasons.values() for reason in why):
        error = NoEligibleTarget(f"The request fits no target of {plan.persona!r}. {shown}", 400, "messages", reasons)
        error.code = "context_length_exceeded"
        return error
    return NoEligibleTarget(f"No target of {plan.persona!r} can serve this request. {shown}", 400, param, reasons)


def plan_document(plan: Plan) -> dict[str, Any]:
    """The plan as JSON: what `POST /api/v1/route` answers."""
    facts, policy = plan.facts, plan.policy
    return {
        "persona": plan.persona,
        "revision": plan.revision,
        "rule": None if policy.rule is None else policy.rule.name,
        "strategy": policy.strategy,
        "conversation": facts.conversation,
        "pinned": plan.pinned,
        "estimated_tokens": facts.prompt.known,
        "tokens_exact": facts.prompt.exact,
        "retry_in_seconds": None if plan.retry_in is None else round(plan.retry_in, 3),
        "requirements": [{"capability": need.capability, "cause": need.cause} for need in plan.requirements],
        "features": sorted(facts.features),
        "targets": [_candidate_document(candidate) for candidate in plan.candidates],
    }


def _candidate_document(candidate: Candidate) -> dict[str, Any]:
    document = {
        "provider": candidate.provider.name,
        "model": candidate.model.id,
        "verdict": candidate.verdict,
        "reasons": list(candidate.reasons),
        "score": candidate.score,
        "prompt_tokens": candidate.prompt_tokens,
        "expected_cost_usd": None if candidate.cost is None else round(candidate.cost * NANO, 9),
    }
    return document
