"""Plans and decisions as JSON: what `POST /api/v1/route` and `GET /api/v1/decisions/{id}` answer
and `llm-router replay` reads.
"""

from typing import NotRequired

from typing_extensions import TypedDict  # pydantic reads typing's own from Python 3.12 on only

from gateway.config import Feature, StrategyName
from gateway.routing.candidates import Verdict
from gateway.routing.requirements import NativeCapability
from gateway.telemetry.events import Why
from translators.capabilities import Capability


class RequirementDocument(TypedDict):
    """Something that a target must be able to do."""

    capability: Capability | NativeCapability
    """What is needed; `native:…`: a provider that is sent the caller's own body."""
    cause: str
    """The path in the request that needs it, or `persona`."""


class CandidateDocument(TypedDict):
    """A target of the plan."""

    provider: str
    """The provider's name."""
    model: str
    """The model's id at the provider."""
    verdict: Verdict
    """chosen is asked first, eligible ones after it in this order, rejected ones never."""
    reasons: list[str]
    """Why it is rejected (`missing_capability:vision`), or asked behind the others."""
    score: float | None
    """By the strategy: a position, a share, USD, seconds or a balance."""
    prompt_tokens: int | None
    """Estimated, in the model's own tokens; null where the plan did not depend on it."""
    expected_cost_usd: float | None
    """By the price list; null where the plan did not depend on it or the price is not known."""


class PlanDocument(TypedDict):
    """Which targets are asked, in which order, and why not the others."""

    persona: str
    """The persona, or provider/model of a direct model."""
    revision: str
    """The revision of the configuration that decided."""
    rule: str | None
    """The persona's rule that holds; null if none does."""
    strategy: StrategyName
    """What puts the eligible targets in order."""
    conversation: str | None
    """A digest that names the conversation; null where the persona has no affinity."""
    pinned: str | None
    """The target that served the conversation before, if it is asked first again."""
    estimated_tokens: int | None
    """Tokens of the prompt; null where its size alone shows that it fits everywhere."""
    tokens_exact: bool
    """Whether they were counted by a tokenizer instead of estimated."""
    retry_in_seconds: float | None
    """Seconds until a target may serve that cannot now; null if that is not known."""
    requirements: list[RequirementDocument]
    """What the request and its persona need."""
    features: list[Feature]
    """What the request has, as rules ask for it."""
    targets: list[CandidateDocument]
    """Those that are asked in their order, then the rejected ones."""


class FactsDocument(TypedDict):
    """What a decision was made from: no content. What is empty, zero or false is left out."""

    needs: dict[str, str]
    """Each capability that is needed, with its cause."""
    features: NotRequired[list[Feature]]
    """What the request has, as rules ask for it."""
    bytes: int
    """Size of the request's body."""
    tokens: NotRequired[int]
    """Tokens of the prompt, where the decision depended on them."""
    exact: NotRequired[bool]
    """Whether they were counted."""
    max_tokens: NotRequired[int]
    """The caller's limit for the answer, in tokens."""
    n: int
    """How many answers were asked for."""
    stream: NotRequired[bool]
    """Whether a stream was asked for."""
    forces_tool: NotRequired[bool]
    """Whether the model must call a tool."""
    key: NotRequired[str]
    """The first 8 hex digits of the SHA-256 digest of the caller's key."""
    conversation: NotRequired[str]
    """A digest that names the conversation."""
    settled: NotRequired[bool]
    """Whether the conversation may have been served before."""
    tools: NotRequired[int]
    """How many tools are declared."""
    spoken: NotRequired[str]
    """The caller's dialect, where it is not Chat Completions."""
    natives: NotRequired[list[str]]
    """Fields that only a provider of the caller's dialect can serve."""
    open_schema: NotRequired[bool]
    """Whether the schema of the answer has objects of any keys or refers to itself."""
    headers: NotRequired[dict[str, str]]
    """The headers that the persona's rules look at."""
    metadata: NotRequired[dict[str, str]]
    """The metadata that the persona's rules look at."""


class DecisionAttemptDocument(TypedDict):
    """One try at one target."""

    target: str
    """provider/model."""
    why: Why
    """What it was made for: key is the same target with another key, resume the rest of an answer
    that broke off."""
    outcome: str
    """ok, the kind of failure, the time limit that ran out, cancelled, rejected or no_place."""
    ms: float
    """Milliseconds."""


class ResumedDocument(TypedDict):
    """An answer that broke off and was continued by another target."""

    provider: str
    """The provider that continued it."""
    model: str
    """The model that continued it."""
    after_characters: int
    """Characters of text that had been shown by then."""


class OutcomeDocument(TypedDict, total=False):
    """What came of a decision: there once the request is over."""

    attempts: list[DecisionAttemptDocument]
    """Every try, in order."""
    served: str | None
    """The target (provider/model) whose answer was shown; null if none was."""
    resumed: list[ResumedDocument]
    """Where the answer broke off and another target continued it."""
    prompt_tokens: int | None
    """As the provider counted them; null if it counted nothing."""
    completion_tokens: int | None
    """As the provider counted them; null if it counted nothing."""
    status: int
    """The HTTP status of the answer; 499 if the caller left."""
    outcome: str
    """ok, invalid_request, not_authorized, no_target, refused, upstream_error, stream_aborted,
    client_gone, restarting, internal_error."""
    error_code: str | None
    """The code of the error that the caller was told; null if it was told none."""
    cache: str
    """Where the persona has a cache. hit: the answer was given again, and nobody was asked; miss;
    bypass: the request has nothing to do with the cache; wait: it ended while it waited."""


class DecisionHeadDocument(TypedDict):
    """Which decision it is, and what it was made from."""

    id: str
    """As the header `x-llm-router-decision` says it."""
    time: str
    """When it was made: UTC, ISO 8601 with milliseconds."""
    request_id: str
    """As the header `x-request-id` says it."""
    facts: FactsDocument
    """What it was made from."""


class DecisionDocument(DecisionHeadDocument, PlanDocument, OutcomeDocument):
    """A decision that was made: its facts, its plan and, once the request is over, what came of it.
    No content.
    """
