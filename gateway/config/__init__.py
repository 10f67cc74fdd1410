"""What the two files and the environment may say: frozen values, and how each is read and checked
by itself.

`gateway.lint` checks them against each other, `gateway.revisions` loads them as one value.
"""

from gateway.config.capacity import Capacity, with_models
from gateway.config.conditions import ALWAYS, CAPABILITY_OF, Condition, Feature, TimeWindow
from gateway.config.configuration import Config
from gateway.config.errors import ConfigError, Problem
from gateway.config.links import Link, Proxy, TlsFiles, tls_context
from gateway.config.origins import EVERY_ORIGIN, OPAQUE_ORIGIN
from gateway.config.personas import (
    NO_OVERRIDES,
    NOTHING,
    Backoff,
    Balance,
    Hedge,
    OnFailure,
    Persona,
    Policy,
    PromptMode,
    Rule,
    StrategyName,
    TargetRef,
    TimeoutOverrides,
)
from gateway.config.providers import (
    ApiKey,
    CheckOutcome,
    Concurrency,
    CostTier,
    DialectName,
    HealthCheck,
    Model,
    Price,
    PriceTier,
    Provider,
    Timeouts,
)
from gateway.config.server import (
    BreakerSettings,
    ConsoleSettings,
    MediaFetch,
    ParamsMode,
    Resilience,
    RetryBudget,
    ServerSettings,
    Tracing,
)

__all__ = [
    "ALWAYS", "CAPABILITY_OF", "EVERY_ORIGIN", "NOTHING", "NO_OVERRIDES", "OPAQUE_ORIGIN", "ApiKey",
    "Backoff", "Balance", "BreakerSettings", "Capacity", "CheckOutcome", "Concurrency", "Condition",
    "Config", "ConfigError", "ConsoleSettings", "CostTier", "DialectName", "Feature", "HealthCheck",
    "Hedge", "Link", "MediaFetch", "Model", "OnFailure", "ParamsMode", "Persona", "Policy", "Price",
    "PriceTier", "Problem", "PromptMode", "Provider", "Proxy", "Resilience", "RetryBudget", "Rule",
    "ServerSettings", "StrategyName", "TargetRef", "TimeWindow", "TimeoutOverrides", "Timeouts",
    "TlsFiles", "Tracing", "tls_context", "with_models",
]  # fmt: skip
