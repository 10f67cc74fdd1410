"""The plan: every target of a policy, in the order in which it will be asked, or rejected, with the
reasons as a machine reads them.

The same value is what dispatch executes and what `POST /api/v1/route` shows. Pure: the same
arguments give the same plan.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.config import Config, Persona, Policy, Rule, StrategyName, TargetRef, with_models
from gateway.errors import ModelNotFound, NoEligibleTarget
from gateway.health.news import in_words
from gateway.health.targets import WELL
from gateway.routing.candidates import Candidate
from gateway.routing.documents import CandidateDocument, PlanDocument, RequirementDocument
from gateway.routing.facts import Facts
from gateway.routing.gates import (
    EMBEDDINGS_ONLY,
    NO_EMBEDDINGS,
    TOO_MANY_TOOLS,
    Gates,
    all_pass,
    asks_for_embeddings,
)
from gateway.routing.requirements import NATIVE, Requirement
from gateway.routing.state import RoutingContext
from gateway.routing.strategies import NANO, order
from translators.errors import FailureKind

SCHEMA_IN_WORDS: Final = "schema_in_words"
TEMPORARY: Final = ("unavailable:", "cooldown:", "no_usable_key:")
"""What a reason begins with that may be gone later: the target could serve the request."""


@dataclass(
    slots=True
)  # a tuple's fields take three times as long to read, and some twenty are read for a request
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
        candidates = self.candidates
        if candidates and candidates[-1].verdict != "rejected":  # the last of all: none is
            return [*candidates]
        return [candidate for candidate in candidates if candidate.verdict != "rejected"]


DISCOVERED: Final = "claude-"
"""Before a persona's name in lists for clients that show only names of Claude's."""


def resolve(config: Config, name: str) -> Persona | TargetRef:
    """The persona called `name`, the target of a direct model, or the persona of an alias. Raises
    ModelNotFound listing the personas.
    """
    persona = config.personas.get(name) or config.personas.get(name.removeprefix(DISCOVERED))
    if persona is not None:
        return persona
    provider, slash, model = name.partition("/")
    if (
        slash
        and config.direct_models
        and provider in config.providers
        and model in config.providers[provider].models
    ):
        return TargetRef(provider, model)
    if (alias := config.aliases.persona(name)) is not None:
        return config.personas[alias]
    known = ", ".join(sorted(config.personas))
    raise ModelNotFound(f"The model {name[:100]!r} does not exist. The personas are: {known}.")


def policy_of(asked: Persona | TargetRef, rule: Rule | None = None) -> Policy:
    """The policy of a persona under the rule that holds, or of a direct model."""
    if isinstance(asked, TargetRef):
        return Policy(str(asked), None, None, (asked,))
    if rule is None:
        return asked.policy
    return Policy(
        asked.name, asked, rule, rule.targets or asked.targets, rule.strategy or asked.strategy,
        rule.balance or asked.balance
    )  # fmt: skip


def plan(config: Config, policy: Policy, facts: Facts, context: RoutingContext) -> Plan:
    """Hold every target against what the request needs, and put those that can serve it in
    order."""
    capacity = config.capacities.get(policy.name) if policy.rule is None else None
    gates = None
    if capacity is None or not all_pass(capacity, facts, context):
        gates = Gates(policy, facts, context)
    able: list[Candidate] = []
    rejected: list[Candidate] = []
    retry_in: float | None = None
    standing_of, now = context.health.standing, context.now
    wanted, in_part = facts.max_tokens or 0, facts.forces_tool
    for ref, provider, model in (
        with_models(policy.targets, config.providers) if capacity is None else capacity.targets
    ):
        candidate = Candidate(ref, provider, model)
        if gates is not None:
            gates.hold(candidate)
        standing = standing_of(provider, candidate.name, now)
        if standing is not WELL:
            if standing.reason is not None:
                if not candidate.reasons:
                    retry_in = (
                        standing.retry_in if retry_in is None else min(retry_in, standing.retry_in)
                    )
                candidate.refuse(standing.reason)
            candidate.share = standing.share
        if wanted > model.record.max_output_tokens:
            in_part = True
        (rejected if candidate.reasons else able).append(candidate)
    if in_part:
        able = _preferred(able, rejected, facts)
    able = order(policy.strategy, policy.balance, able, facts, context, policy.name)
    if context.health.hinted and len(able) > 1:
        able = _hinted_last(able, context)
    pinned = (
        _take_up(able, policy.strategy, facts, context)
        if able and (facts.settled or able[0].share < 1)
        else None
    )
    if facts.schema is not None and not facts.forces_tool and len(able) > 1:
        able = _holding_first(able, facts)
        if pinned is not None and able[0].name != pinned:
            pinned = None
    if able:
        able[0].verdict = "chosen"
    return Plan(
        policy,
        facts,
        (*able, *rejected),
        config.revision,
        pinned,
        retry_in,
        gates is not None and gates.near_limit,
    )


def _preferred(able: list[Candidate], rejected: list[Candidate], facts: Facts) -> list[Candidate]:
    """Without those that could serve only in part, if another can in full: who cannot be made to
    call a tool, or answers too shortly.
    """
    if facts.forces_tool:
        able = _without(
            able,
            rejected,
            {c.name: "cannot_force_tools" for c in able if not c.model.record.can_force_tools},
        )
    wanted = facts.max_tokens
    if wanted is not None:
        short = {
            c.name: f"max_output: needs {wanted} > {most}"
            for c in able
            if wanted > (most := c.model.record.max_output_tokens)
        }
        if short:
            able = _without(able, rejected, short)
    return able


def _without(
    able: list[Candidate], rejected: list[Candidate], reasons: Mapping[str, str]
) -> list[Candidate]:
    if not reasons or len(reasons) == len(able):
        return able
    for candidate in able:
        if candidate.name in reasons:
            candidate.refuse(reasons[candidate.name])
            rejected.append(candidate)
    return [candidate for candidate in able if candidate.name not in reasons]


def _holding_first(able: list[Candidate], facts: Facts) -> list[Candidate]:
    """Those that can only be told the schema of the answer in words behind those that are held to
    it, whatever the strategy says.

    They are not rejected: what they answer is checked, so they do when nobody else answers.
    """
    beside_tools = "tools" in facts.features
    told = []
    for candidate in able:
        record = candidate.model.record
        if (not record.open_schemas and facts.holds_open_schema()) or (
            beside_tools and not record.tools_with_json
        ):
            told.append(candidate)
    if not told or len(told) == len(able):
        return able
    for candidate in told:
        candidate.defer(SCHEMA_IN_WORDS)
    return [*(candidate for candidate in able if candidate not in told), *told]


def _hinted_last(able: list[Candidate], context: RoutingContext) -> list[Candidate]:
    """Those that other instances have set aside behind those that nobody has, whatever the
    strategy says.
    """
    health, names = context.health, [candidate.name for candidate in able]
    reasons = [*in_words(health.hinted, health.instances, names, context.now)]
    hinted = [candidate for candidate, why in zip(able, reasons, strict=True) if why is not None]
    if not hinted or len(hinted) == len(able):
        return able
    for candidate, why in zip(able, reasons, strict=True):
        if why is not None:
            candidate.defer(why)
    return [*(candidate for candidate in able if candidate not in hinted), *hinted]


def _take_up(
    able: list[Candidate], strategy: StrategyName, facts: Facts, context: RoutingContext
) -> str | None:
    """The target that served the conversation goes first. One that comes back from a failure gets a
    part of the others. `able` has at least one.
    """
    if facts.conversation is not None and facts.settled:
        pin = context.affinity.find(facts.conversation, context.now)
        if (
            pin is not None
            and (
                found := next(
                    (candidate for candidate in able if candidate.name == pin.target), None
                )
            )
            is not None
        ):
            able.remove(found)
            able.insert(0, found)
            return found.name
    if (
        strategy != "weighted"
        and len(able) > 1
        and able[0].share < 1
        and context.random() >= able[0].share
    ):  # else its weight says so
        able.append(able.pop(0))
    return None


def is_obvious(plan: Plan) -> bool:
    """Whether any instance would ask the same target first, with the same key, while all are well:
    nothing that is known only here, or for a while, has had a say.
    """
    if plan.policy.strategy not in ("priority", "weighted"):
        return False
    passing = (*TEMPORARY, "hinted")
    return len(plan.eligible[0].provider.keys) < 2 and not any(
        candidate.share < 1 or any(reason.startswith(passing) for reason in candidate.reasons)
        for candidate in plan.candidates
    )


def _window_of(candidate: Candidate) -> int:
    record = candidate.model.record
    return record.context_window if record.max_input_tokens is None else record.max_input_tokens


def refusal(plan: Plan) -> NoEligibleTarget:
    """The error for a plan without an eligible target: 503 if one could serve later, 429 if only
    rate limits are in its way, else 400.
    """
    reasons = {candidate.name: list(candidate.reasons) for candidate in plan.candidates}
    shown = "; ".join(f"{name}: {', '.join(why)}" for name, why in reasons.items())
    if later := [
        why for why in reasons.values() if all(reason.startswith(TEMPORARY) for reason in why)
    ]:
        limited = all(
            reason.endswith(f"({FailureKind.RATE_LIMIT.value})") for why in later for reason in why
        )
        status = 429 if limited else 503
        error = NoEligibleTarget(
            f"No target of {plan.persona!r} is available now. {shown}", status, None, reasons
        )
        if plan.retry_in is not None:
            error.retry_in(plan.retry_in)
        return error
    if (of_embeddings := _refusal_of_embeddings(plan, reasons)) is not None:
        return of_embeddings
    causes: dict[str, str] = {need.capability: need.cause for need in plan.requirements}
    lacking = {
        reason.partition(":")[2]
        for why in reasons.values()
        for reason in why
        if reason.startswith("missing_capability:")
    }
    if plan.facts.natives:
        causes[NATIVE[plan.facts.spoken]] = plan.facts.natives[0]
    param = next(
        (cause for name, cause in causes.items() if name in lacking and cause != "persona"), None
    )
    if param is None and any(
        reason.startswith("context_overflow") for why in reasons.values() for reason in why
    ):
        error = NoEligibleTarget(
            f"The request fits no target of {plan.persona!r}. {shown}", 400, "messages", reasons
        )
        error.code = "context_length_exceeded"
        largest = max(plan.candidates, key=_window_of)
        error.needed, error.window = largest.prompt_tokens or 0, _window_of(largest)
        return error
    if param is None and any(
        reason.startswith(TOO_MANY_TOOLS) for why in reasons.values() for reason in why
    ):
        param = "tools"
    return NoEligibleTarget(
        f"No target of {plan.persona!r} can serve this request. {shown}", 400, param, reasons
    )


def _refusal_of_embeddings(plan: Plan, reasons: Mapping[str, list[str]]) -> NoEligibleTarget | None:
    """Where embeddings are asked of models that chat, or the other way round."""
    if reasons and all(EMBEDDINGS_ONLY in why for why in reasons.values()):
        said = f"The persona {plan.persona!r} makes embeddings only: it is asked at /v1/embeddings."
    elif any(map(asks_for_embeddings, plan.requirements)) and all(
        NO_EMBEDDINGS in why for why in reasons.values()
    ):
        said = f"The persona {plan.persona!r} has no model that makes embeddings."
    else:
        return None
    return NoEligibleTarget(said, 400, "model", reasons)


def plan_document(plan: Plan) -> PlanDocument:
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
        "requirements": _requirements(facts),
        "features": sorted(facts.features),
        "targets": [_candidate_document(candidate) for candidate in plan.candidates],
    }


def _requirements(facts: Facts) -> list[RequirementDocument]:
    found = [
        RequirementDocument(capability=need.capability, cause=need.cause)
        for need in facts.requirements
    ]
    return found + [
        RequirementDocument(capability=NATIVE[facts.spoken], cause=field) for field in facts.natives
    ]


def _candidate_document(candidate: Candidate) -> CandidateDocument:
    return {
        "provider": candidate.provider.name,
        "model": candidate.model.id,
        "verdict": candidate.verdict,
        "reasons": list(candidate.reasons),
        "score": None if candidate.score is None else round(candidate.score, 9),
        "prompt_tokens": candidate.prompt_tokens,
        "expected_cost_usd": None if candidate.cost is None else candidate.cost / NANO,
    }
