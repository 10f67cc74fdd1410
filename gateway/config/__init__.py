"""Persona policy and capabilities: read, checked whole, frozen; read again as a new value.

`load` returns one value that is passed on, never imported, or raises ConfigError with every
problem.
"""

from gateway.config.conditions import ALWAYS, Condition, Feature, TimeWindow
from gateway.config.errors import ConfigError, Problem
from gateway.config.links import Link, Proxy, TlsFiles, tls_context
from gateway.config.load import Config, ConfigFiles, find_directory, load, simulated_by
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
    MediaFetch,
    ParamsMode,
    Resilience,
    RetryBudget,
    ServerSettings,
    Tracing,
)

__all__ = [
    "ALWAYS", "EVERY_ORIGIN", "NOTHING", "NO_OVERRIDES", "OPAQUE_ORIGIN", "ApiKey", "Backoff",
    "Balance", "BreakerSettings", "CheckOutcome", "Concurrency", "Condition", "Config",
    "ConfigError", "ConfigFiles", "CostTier", "DialectName", "Feature", "HealthCheck", "Hedge",
    "Link", "MediaFetch", "Model", "OnFailure", "ParamsMode", "Persona", "Policy", "Price",
    "PriceTier", "Problem", "PromptMode", "Provider", "Proxy", "Resilience", "RetryBudget",
    "Rule", "ServerSettings", "StrategyName", "TargetRef", "TimeWindow", "TimeoutOverrides",
    "Timeouts", "TlsFiles", "Tracing", "find_directory", "load", "simulated_by", "tls_context",
]  # fmt: skip
