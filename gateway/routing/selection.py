"""The plan: every target of the persona, in order, each chosen, eligible or rejected, with the reasons as a machine reads them.

The same value is what dispatch executes and what `POST /api/v1/route` shows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from gateway.accounting.tokens import estimate_request
from gateway.config import Config, Model, Persona, Provider, TargetRef
from gateway.errors import ModelNotFound, NoEligibleTarget
from gateway.routing.requirements import Requirement, derive
from translators.chat.request import ChatRequest

MOST_FANNED_OUT: Final = 8
"""`n` up to which a model that gives one answer is asked several times: each time pays for the whole prompt."""
_NOT_SEVERAL: Final = "missing_capability:multiple_choices"
_TIERS: Final = ("low", "medium", "high")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One target in the plan. `reasons` are codes: `missing_capability:vision`, `context_overflow: needs 182000 > 128000`."""

    provider: Provider
    model: Model
    verdict: Literal["chosen", "eligible", "rejected"]
    reasons: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.provider.name}/{self.model.id}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be tried, in order, and why nothing else."""

    persona: str
    requirements: tuple[Requirement, ...]
    candidates: tuple[Candidate, ...]
    estimated_tokens: int | None
    """Prompt tokens, where they had to be estimated: None when the request's size alone shows that it fits everywhere."""
    revision: str

    @property
    def eligible(self) -> list[Candidate]:
        return [candidate for candidate in self.candidates if candidate.verdict != "rejected"]


def resolve(config: Config, name: str) -> tuple[Persona | None, Sequence[TargetRef]]:
    """The persona called `name` and its targets, or the one target of a direct model. Raises ModelNotFound listing the personas."""
    persona = config.personas.get(name)
    if persona is not None:
        return persona, persona.targets
    provider, slash, model = name.partition("/")
    if slash and config.direct_models and provider in config.providers and model in config.providers[provider].models:
        return None, (TargetRef(provider=provider, model=model),)
    known = ", ".join(sorted(config.personas))
    raise ModelNotFound(f"The model {name[:100]!r} does not exist. The personas are: {known}.")


def plan(config: Config, persona: Persona | None, targets: Sequence[TargetRef], request: ChatRequest) -> Plan:
    """Hold every target against what the request needs. Pure: the same arguments give the same plan."""
    requirements = derive(request, persona)
    fans_out = (persona is None or persona.fan_out) and (request.body.get("n") or 1) <= MOST_FANNED_OUT
    tokens: int | None = None
    held: list[tuple[Provider, Model, list[str]]] = []
    for ref in targets:
        provider = config.providers[ref.provider]
        model = provider.models[ref.model]
        reasons = _rejections(provider, model, persona, requirements)
        if fans_out and _NOT_SEVERAL in reasons:
            reasons.remove(_NOT_SEVERAL)
        if not _fits_by_size(request, model):
            tokens = estimate_request(request) if tokens is None else tokens
            reasons += _overflow(tokens, request, model)
        held.append((provider, model, reasons))
    if _forces_a_tool(request):
        _prefer_forcible(held)
    return Plan(request.model, requirements, tuple(_judged(held)), tokens, config.revision)


def _judged(held: list[tuple[Provider, Model, list[str]]]) -> Iterator[Candidate]:
    """The first target without a reason against it is chosen, the others like it are eligible."""
    chosen = False
    for provider, model, reasons in held:
        if reasons:
            yield Candidate(provider, model, "rejected", tuple(reasons))
        else:
            yield Candidate(provider, model, "eligible" if chosen else "chosen")
            chosen = True


def _forces_a_tool(request: ChatRequest) -> bool:
    choice = request.body.get("tool_choice")
    if choice.__class__ is dict:
        return choice.get("type") != "allowed_tools" or choice["allowed_tools"]["mode"] == "required"
    return choice == "required"


def _prefer_forcible(held: list[tuple[Provider, Model, list[str]]]) -> None:
    """A model that cannot be made to call a tool is asked only if no other can serve: it may then answer without the call."""
    if any(not reasons and model.record.forced_tool_choice != "no" for _, model, reasons in held):
        for _, model, reasons in held:
            if model.record.forced_tool_choice == "no":
                reasons.append("cannot_force_tools")


def _rejections(provider: Provider, model: Model, persona: Persona | None, requirements: tuple[Requirement, ...]) -> list[str]:
    capabilities = model.record.capabilities
    reasons = [f"missing_capability:{need.capability}" for need in requirements if need.capability not in capabilities]
    ceiling = persona.max_cost_tier if persona is not None else None
    if ceiling is not None and _TIERS.index(model.cost_tier) > _TIERS.index(ceiling):
        reasons.append(f"over_cost_tier: {model.cost_tier} > {ceiling}")
    if not provider.available:
        reasons.append(f"unavailable: {provider.unavailable_reason}")
    return reasons


def _fits_by_size(request: ChatRequest, model: Model) -> bool:
    """A token is at least one byte, or nearly so: a small request needs no estimate."""
    return request.size * max(1.0, model.token_factor) + _answer_tokens(request, model) <= model.record.context_window


def _answer_tokens(request: ChatRequest, model: Model) -> int:
    return min(request.max_tokens or 0, model.record.max_output_tokens)


def _overflow(tokens: int, request: ChatRequest, model: Model) -> list[str]:
    record = model.record
    prompt = int(tokens * model.token_factor)
    limit = record.max_input_tokens
    if limit is not None and prompt > limit:
        return [f"context_overflow: needs {prompt} > {limit}"]
    needed = prompt + _answer_tokens(request, model)
    return [f"context_overflow: needs {needed} > {record.context_window}"] if needed > record.context_window else []


def refusal(plan: Plan) -> NoEligibleTarget:
    """The error for a plan without an eligible target: 503 if one could serve but is not available now, else 400."""
    reasons = {candidate.name: list(candidate.reasons) for candidate in plan.candidates}
    could = [c for c in plan.candidates if all(reason.startswith("unavailable:") for reason in c.reasons)]
    shown = "; ".join(f"{name}: {', '.join(why)}" for name, why in reasons.items())
    if could:
        return NoEligibleTarget(f"No target of {plan.persona!r} is available now. {shown}", 503, None, reasons)
    causes = {need.capability: need.cause for need in plan.requirements}
    lacking = [reason.partition(":")[2] for why in reasons.values() for reason in why if reason.startswith("missing_capability:")]
    param = next((causes[name] for name in causes if lacking.count(name) and causes[name] != "persona"), None)
    if param is None and any(reason.startswith("context_overflow") for why in reasons.values() for reason in why):
        error = NoEligibleTarget(f"The request fits no target of {plan.persona!r}. {shown}", 400, "messages", reasons)
        error.code = "context_length_exceeded"
        return error
    return NoEligibleTarget(f"No target of {plan.persona!r} can serve this request. {shown}", 400, param, reasons)


def plan_document(plan: Plan) -> dict[str, Any]:
    """The plan as JSON: what `POST /api/v1/route` answers."""
    return {
        "persona": plan.persona,
        "revision": plan.revision,
        "estimated_tokens": plan.estimated_tokens,
        "requirements": [{"capability": need.capability, "cause": need.cause} for need in plan.requirements],
        "targets": [
            {"provider": c.provider.name, "model": c.model.id, "verdict": c.verdict, "reasons": list(c.reasons)} for c in plan.candidates
        ],
    }
