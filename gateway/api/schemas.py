"""The JSON answers as types: functions that build an answer return one of these, and /openapi.json
is made from them.

A text under a field is its description there. Those of chat stand in gateway.api.chat_schemas,
those of a reload in gateway.api.admin_schemas; those of plans, decisions, health and errors where
their values are made.
"""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict  # pydantic reads typing's own from Python 3.12 on only

from gateway.config import CostTier, DialectName, PromptMode, StrategyName
from gateway.health.documents import CheckDocument, KeyDocument, TargetHealthDocument
from gateway.revisions.reload import Trigger
from gateway.workers.peers import WorkersDocument
from translators.capabilities import Capability


class ModelDocument(TypedDict):
    """A persona, or a direct model, as OpenAI lists models."""

    id: str
    """What `model` says in a request."""
    object: Literal["model"]
    """Always this."""
    created: int
    """When the gateway was started: seconds since 1970."""
    owned_by: str
    """llm-router for a persona, the provider's name for a direct model."""


class ModelListDocument(TypedDict):
    """Personas and, where they are allowed, direct models."""

    object: Literal["list"]
    """Always this."""
    data: list[ModelDocument]
    """All of them."""


class CodexCatalogDocument(TypedDict):
    """What Codex is told of models beside what it knows itself."""

    models: list[dict[str, str]]
    """Always empty: an entry needs instructions, which take the place of Codex's own."""


class TargetDocument(TypedDict):
    """A target of a persona."""

    provider: str
    """The provider's name."""
    model: str
    """The model's id at the provider."""
    available: bool
    """Whether it can serve the smallest request now."""
    reasons: list[str]
    """Why it cannot."""


class PersonaDocument(TypedDict):
    """A persona and what can serve it now."""

    name: str
    """What `model` or `persona` says in a request."""
    description: str
    """The operator's words."""
    system_prompt_mode: PromptMode
    """What becomes of the caller's own system prompt beside the persona's."""
    requires: list[Capability]
    """What its targets must be able to do, whatever a request needs."""
    defaults: dict[str, Any]
    """Parameters for requests that do not say them."""
    caps: dict[str, Any]
    """Limits of parameters, whatever a request says."""
    max_cost_tier: CostTier | None
    """Models of a higher tier may not serve; null: all may."""
    strategy: StrategyName
    """What puts its targets in order."""
    rules: list[str]
    """The names of its rules, in order: the first that holds decides."""
    hedge: bool
    """Whether a second target is asked when the first is slow."""
    resume: bool
    """Whether an answer that broke off is continued by another target."""
    available: bool
    """Whether any target can serve now."""
    targets: list[TargetDocument]
    """In the order in which they are asked."""


class PersonasDocument(TypedDict):
    """Every persona."""

    revision: str
    """The revision of the configuration."""
    personas: list[PersonaDocument]
    """In the order of the file."""


class RatesDocument(TypedDict):
    """USD for a million tokens, as decimal text so that nothing is rounded."""

    input: str
    """Tokens of the prompt."""
    output: str
    """Tokens of the answer, reasoning included."""
    cached_input: NotRequired[str]
    """Tokens of the prompt that the provider had cached; `input` where this is missing."""
    cache_write: NotRequired[str]
    """Tokens of the prompt that the provider caches."""
    cache_write_1h: NotRequired[str]
    """Tokens of the prompt that the provider caches for an hour."""
    audio_input: NotRequired[str]
    """Tokens of audio in the prompt."""


class PriceTierDocument(RatesDocument):
    """Rates of a request whose prompt is longer."""

    above_prompt_tokens: int
    """Tokens of the prompt above which these rates hold for the whole request."""


class PriceDocument(RatesDocument):
    """The rates that hold today."""

    currency: Literal["USD"]
    """Always this."""
    per_tokens: int
    """The tokens that the rates are for: a million."""
    valid_from: str
    """The day from which on they hold (ISO 8601)."""
    tiers: list[PriceTierDocument]
    """Rates of longer prompts, in rising order."""


class CapabilitiesDocument(TypedDict):
    """What a model can do and costs."""

    id: str
    """The model's id at the provider."""
    capabilities: list[Capability]
    """What it can do."""
    context_window: int
    """Tokens of prompt and answer together."""
    max_output_tokens: int
    """Tokens of an answer."""
    cost_tier: CostTier
    """Its class of prices, as the operator says."""
    region: str | None
    """Where it runs, if that is not its provider's region."""
    prices: PriceDocument | None
    """By the price list; null where it has none for today."""


class ProviderModelDocument(CapabilitiesDocument):
    """A model at a provider."""

    health: TargetHealthDocument
    """How it is doing."""


class ProviderDocument(TypedDict):
    """A provider, its keys and its models."""

    name: str
    """The provider's name."""
    dialect: DialectName
    """The wire format of its API."""
    available: bool
    """Whether it can be asked."""
    reason: str | None
    """Why it cannot."""
    simulated: bool
    """Whether the simulator answers in its place."""
    region: str | None
    """Where it runs, as the operator says."""
    health_check: CheckDocument | None
    """What its health check found; null where it has none."""
    key_variables: list[str]
    """The environment variables that hold its keys."""
    keys: list[KeyDocument]
    """How those that are set are doing."""
    models: list[ProviderModelDocument]
    """Its models."""


class ProvidersDocument(TypedDict):
    """Every provider."""

    revision: str
    """The revision of the configuration."""
    simulated: bool
    """Whether the simulator answers in place of all of them."""
    providers: list[ProviderDocument]
    """In the order of the file."""


class ExactTokensDocument(TypedDict):
    """A count by a tokenizer."""

    encoding: Literal["o200k_base"]
    """The tokenizer's vocabulary."""
    tokens: int
    """The number of tokens."""


class TargetTokensDocument(TypedDict):
    """A request in the tokens of one target."""

    provider: str
    """The provider's name."""
    model: str
    """The model's id at the provider."""
    tokens: int
    """The estimate in the model's own tokens."""
    context_window: int
    """Tokens of prompt and answer together."""
    max_output_tokens: int
    """Tokens of an answer."""
    fits: bool
    """Whether the prompt and the answer asked for fit into the window."""


class TokensDocument(TypedDict):
    """What a chat request weighs."""

    persona: str
    """The persona, or provider/model of a direct model."""
    estimated_tokens: int
    """Tokens of o200k_base, estimated: what routing decides by."""
    exact: ExactTokensDocument | None
    """Counted; null if that was not possible in time."""
    targets: list[TargetTokensDocument]
    """Every target that the persona can have."""


class HealthDocument(TypedDict):
    """The process answers."""

    status: Literal["ok"]
    """Always this."""
    version: str
    """The gateway's version."""
    simulated: bool
    """Whether the simulator answers in place of all providers."""


class ProblemPlaceDocument(TypedDict):
    """Where a problem is in a configuration file."""

    file: str
    """The file's name."""
    line: int | None
    """Its line, from 1 on; null where no line is at fault."""


class LastReloadDocument(TypedDict):
    """What came of the last reload."""

    ok: bool
    """Whether the files could be used."""
    at: str
    """When: UTC, ISO 8601."""
    trigger: Trigger
    """What asked for it."""
    problems: NotRequired[list[ProblemPlaceDocument]]
    """Where the first problems are; there if the files could not be used."""
    problem_count: NotRequired[int]
    """How many problems there are; there if the files could not be used."""


class ConfigDocument(TypedDict):
    """Which configuration holds."""

    revision: str
    """Its revision."""
    loaded_at: str
    """Since when: UTC, ISO 8601."""
    last_reload: LastReloadDocument | None
    """What came of the last reload; null if there was none."""


class WhenDownDocument(TypedDict):
    """What becomes of requests then."""

    keys: Literal["last_known", "refuse"]
    """Of callers with keys of the store."""
    limits: Literal["last_known", "open", "refuse"]
    """Of limits on what is no money."""
    budgets: Literal["refuse", "open"]
    """Of limits on money."""


class LimitsStandingDocument(TypedDict):
    """How what limits are counted in is."""

    store: Literal["up", "down", "unseen"]
    """Down: it failed, and is probed once a second. Unseen: the same, since the start; no request
    is admitted then, unless the gateway was started with `--allow-cold`.
    """
    journal: Literal["up", "down"]
    """Down: it cannot be written, and with `budgets: refuse` no request is admitted."""
    when_down: WhenDownDocument
    """The policy's `store.when_down`."""


class InstancesDocument(TypedDict):
    """The processes on the store of limits."""

    live: int
    """How many were seen within ten seconds; each worker is one."""
    versions: list[str]
    """Of the program, that these have."""
    revisions: list[str]
    """Of the configuration, that these have."""


class ReadinessDocument(TypedDict):
    """Whether requests can be served."""

    status: Literal["ready", "draining", "no_persona_available", "limits_unavailable"]
    """200 goes with ready, 503 with the others."""
    revision: str
    """The revision of the configuration."""
    personas: list[str]
    """The personas that can be served now."""
    config: ConfigDocument
    """Which configuration holds, and what came of the last reload."""
    workers: NotRequired[WorkersDocument | None]
    """There if there are several workers; null if their parent does not answer."""
    limits: NotRequired[LimitsStandingDocument]
    """There if limits are counted."""
    instances: NotRequired[InstancesDocument]
    """There if they are counted in a store."""
