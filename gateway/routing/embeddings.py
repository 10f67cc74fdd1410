"""A decision for a request for embeddings: the same gates, rules and strategies as for chat, within
one vector space."""

from dataclasses import replace
from typing import Final

from gateway.config import Config, Persona
from gateway.routing.candidates import Candidate
from gateway.routing.decision import Decision
from gateway.routing.facts import Caller, Facts, Prompt
from gateway.routing.plan import plan, policy_of, resolve
from gateway.routing.requirements import Requirement
from gateway.routing.rules import first_match
from gateway.routing.state import RoutingContext
from translators.chat.embeddings import EmbeddingsRequest, unsupported_dimensions
from translators.chat.request import ChatRequest
from translators.errors import InvalidRequest

_NEED: Final = Requirement("embeddings", "input")


def decide_embeddings(
    config: Config,
    request: EmbeddingsRequest,
    caller: Caller,
    context: RoutingContext,
    tokens: int,
    exact: bool = False,
) -> tuple[Decision, EmbeddingsRequest]:
    """The decision, and the request with its persona's defaults. `tokens`: of all inputs, an
    estimate unless they are `exact`.

    Raises ModelNotFound, and InvalidRequest for dimensions that no target has. Pure.
    """
    asked = resolve(config, request.model)
    persona = asked if isinstance(asked, Persona) else None
    if (
        persona is not None
        and request.dimensions is None
        and (dimensions := persona.defaults.get("dimensions")) is not None
    ):
        request = replace(request, dimensions=dimensions)
    facts = _facts(request, persona, caller, Prompt(None, request.size, tokens, exact))
    rule = (
        None
        if persona is None or not persona.rules
        else first_match(persona.rules, facts, context.moment)
    )
    params = (
        (rule.params if rule is not None else None)
        or (persona.params if persona is not None else None)
        or config.params
    )
    planned = plan(config, policy_of(asked, rule), facts, context)
    candidates = _of_one_space(planned.candidates, request, persona)
    if (first := next((c for c in candidates if c.verdict != "rejected"), None)) is not None:
        first.verdict = "chosen"
    # What carries a decision out reads of a chat request only what both kinds have.
    stands_for = ChatRequest({"model": request.model, "messages": []}, request.size)
    return Decision(replace(planned, candidates=candidates), stands_for, (), params), request


def _facts(
    request: EmbeddingsRequest, persona: Persona | None, caller: Caller, prompt: Prompt
) -> Facts:
    requires = () if persona is None else sorted(persona.requires - {"embeddings"})
    native = request.natives_only
    return Facts(
        requirements=(_NEED, *(Requirement(capability, "persona") for capability in requires)),
        features=frozenset(),
        prompt=prompt,
        caller=caller,
        natives=() if native is None else (native,),
        spoken="" if native is None else "gemini",
    )


def _of_one_space(
    candidates: tuple[Candidate, ...], request: EmbeddingsRequest, persona: Persona | None
) -> tuple[Candidate, ...]:
    """Without those that cannot make such vectors, or vectors of another space than the first's."""
    refused = ""
    space: str | None = None
    for candidate in candidates:
        facts = candidate.model.record.embedding
        if candidate.verdict == "rejected" or facts is None:
            continue
        if (why := unsupported_dimensions(request.dimensions, facts)) is not None:
            refused = refused or why
            candidate.refuse(f"dimensions: {request.dimensions}")
            continue
        own = facts.space_of(candidate.name)
        space = space or own
        if own != space and not (persona is not None and persona.equivalent):
            candidate.refuse(f"other_space: {own} is not {space}")
    if refused and space is None:
        raise InvalidRequest(refused, "dimensions", "unsupported_value")
    able = [c for c in candidates if c.verdict != "rejected"]
    return (*able, *(c for c in candidates if c.verdict == "rejected"))
