"""The gates: what a target must pass to be in a plan, whatever its place in the order; each reason
against it as a machine reads it.

Its health is held against it beside them, where the plan is made.
"""

from operator import attrgetter
from typing import Final

from gateway.accounting.token_estimate import near, overflow
from gateway.config import ALWAYS, Capacity, Model, Persona, Policy
from gateway.routing.candidates import Candidate
from gateway.routing.facts import Facts
from gateway.routing.requirements import NATIVE, Requirement
from gateway.routing.rules import failing
from gateway.routing.state import RoutingContext
from gateway.routing.strategies import NANO, prices, prompt_tokens
from translators.capabilities import Capability

MOST_FANNED_OUT: Final = 8
"""`n` up to which a model that gives one answer is asked several times: each time pays for the
whole prompt."""
TOO_MANY_TOOLS: Final = "too_many_tools"
EMBEDDINGS_ONLY: Final = "embeddings_only"
NO_EMBEDDINGS: Final = "missing_capability:embeddings"
_NOT_SEVERAL: Final = "missing_capability:multiple_choices"
_TIERS: Final = {"low": 0, "medium": 1, "high": 2}
_HIGHEST: Final = max(_TIERS.values())
_capability: Final = attrgetter("capability")


def asks_for_embeddings(need: Requirement) -> bool:
    """The request itself does: a persona that requires the capability may be asked for a chat."""
    return need.capability == "embeddings" and need.cause == "input"


def all_pass(capacity: Capacity, facts: Facts, context: RoutingContext) -> bool:
    """Whether no gate can stop any target of a persona, as each can do all that the request needs.
    False where they must be looked at.
    """
    size, answer = facts.prompt.size * capacity.token_factor, facts.max_tokens or 0
    return (
        size + answer <= capacity.window
        and size <= capacity.longest
        and answer <= capacity.answer
        and facts.tools <= capacity.tools
        and facts.tools <= capacity.tools
        and context.budget is None
        and not facts.natives
        and not (facts.requirements and context.lacks.known)
        and capacity.capabilities.issuperset(map(_capability, facts.requirements))
    )


class Gates:
    """What a target must pass, whatever its place in the order."""

    __slots__ = (
        "_answer",
        "_context",
        "_embeds",
        "_facts",
        "_lacking",
        "_max_price",
        "_max_tier",
        "_name",
        "_natives",
        "_needed",
        "_needs",
        "_persona",
        "_regions",
        "_size",
        "_tools",
        "near_limit",
    )  # fmt: skip

    def __init__(self, policy: Policy, facts: Facts, context: RoutingContext) -> None:
        self._facts = facts
        self._context = context
        self._persona = persona = policy.persona
        self._name = policy.name
        self._needs = tuple(map(_capability, facts.requirements)) if facts.requirements else ()
        self._needed = frozenset(self._needs)
        self._lacking = bool(self._needs and context.lacks.known)
        self._regions = persona is not None and bool(persona.regions)
        self._max_tier = (
            _HIGHEST
            if persona is None or persona.max_cost_tier is None
            else _TIERS[persona.max_cost_tier]
        )
        self._max_price = (
            None if persona is None or persona.max_price is None else int(persona.max_price * 10**9)
        )
        self._embeds = "embeddings" in self._needed and any(
            map(asks_for_embeddings, facts.requirements)
        )
        self._size = (
            0 if self._embeds else facts.prompt.size
        )  # inputs are held against their limits one by one
        self._answer = facts.max_tokens or 0
        self._tools = facts.tools
        self._natives = bool(facts.natives)
        self.near_limit = False

    def hold(self, candidate: Candidate) -> None:
        """Write down every reason against the target that its health has no part in."""
        model, provider, ref = candidate.model, candidate.provider, candidate.ref
        if (
            ref.when is not ALWAYS
            and (condition := failing(ref.when, self._facts, self._context.moment)) is not None
        ):
            candidate.refuse(f"condition: {condition}")
        record = model.record
        capabilities = record.capabilities
        if not self._needed <= capabilities:
            self._capabilities(candidate, capabilities)
        elif self._lacking:
            self._capabilities(
                candidate,
                capabilities - self._context.lacks.of(candidate.name, record, self._context.now),
            )
        if record.embedding is not None and not self._embeds:
            candidate.refuse(EMBEDDINGS_ONLY)
        if self._natives and provider.relays != self._facts.spoken:
            candidate.refuse(f"missing_capability:{NATIVE[self._facts.spoken]}")
        if self._tools and record.max_tools is not None and self._tools > record.max_tools:
            candidate.refuse(f"{TOO_MANY_TOOLS}: {self._tools} > {record.max_tools}")
        if (
            self._regions or _TIERS[model.cost_tier] > self._max_tier
        ) and self._persona is not None:
            self._bounds(candidate, self._persona)
        if provider.unavailable_reason is not None:
            candidate.refuse(f"unavailable: {provider.unavailable_reason}")
        # Prompt and answer must fit; a token is at least one byte, or nearly so: a small request
        # needs no estimate.
        window = record.context_window
        answer = (
            self._answer if self._answer < record.max_output_tokens else record.max_output_tokens
        )
        longest = record.max_input_tokens or window
        most = self._size * model.token_factor if model.token_factor > 1 else self._size
        if most + answer > window or most > longest:
            self._window(candidate, model, answer, window, longest)
        if self._max_price is not None and not candidate.reasons:
            self._price(candidate, self._max_price)
        budget = self._context.budget
        if (
            budget is not None
            and not candidate.reasons
            and (objection := budget.objection(candidate, self._facts)) is not None
        ):
            candidate.refuse(objection)

    def _capabilities(self, candidate: Candidate, has: frozenset[Capability]) -> None:
        lacking = [f"missing_capability:{need}" for need in self._needs if need not in has]
        fans_out = (
            self._persona is None or self._persona.fan_out
        ) and self._facts.answers <= MOST_FANNED_OUT
        if fans_out and _NOT_SEVERAL in lacking:
            lacking.remove(_NOT_SEVERAL)
        if lacking:
            candidate.refuse(*lacking)

    def _bounds(self, candidate: Candidate, persona: Persona) -> None:
        """What the persona's operator says of cost tiers and regions."""
        model, most, regions = candidate.model, persona.max_cost_tier, persona.regions
        if most is not None and _TIERS[model.cost_tier] > _TIERS[most]:
            candidate.refuse(f"over_cost_tier: {model.cost_tier} > {most}")
        if regions and (region := model.region or candidate.provider.region) not in regions:
            candidate.refuse(
                f"outside_region: {region or 'unknown'} is not {' or '.join(sorted(regions))}"
            )

    def _window(
        self, candidate: Candidate, model: Model, answer: int, window: int, longest: int
    ) -> None:
        facts = self._facts
        prompt = prompt_tokens(candidate, facts, self._context)
        if (over := overflow(model, prompt, facts.max_tokens)) is not None:
            candidate.refuse(f"context_overflow: needs {over[0]} > {over[1]}")
        if not facts.prompt.exact and (near(prompt, longest) or near(prompt + answer, window)):
            self.near_limit = True

    def _price(self, candidate: Candidate, ceiling: int) -> None:
        (cost,) = prices([candidate], self._facts, self._context, self._name)
        if cost is None:
            candidate.refuse("over_max_price: its price is not known")
        elif cost > ceiling:
            candidate.refuse(f"over_max_price: {cost / NANO:.4g} > {ceiling / NANO:.4g} USD")
