"""Persona policy and capabilities: read, checked whole, frozen; read again as a new value.

`load` returns one value that is passed on, never imported, or raises ConfigError with every problem.
"""

from gateway.config.conditions import ALWAYS, Feature, TimeWindow, When
from gateway.config.errors import ConfigError, Problem
from gateway.config.links import Link, Proxy, TlsFiles, tls_context
from gateway.config.load import Config, ConfigFiles, find_directory, load, simulated_by
from gateway.config.origins import EVERY_ORIGIN, OPAQUE_ORIGIN
from gateway.config.personas import (
    NO_CLOCKS,
    NOTHING,
    Backoff,
    Balance,
    Clocks,
    Hedge,
    OnFailure,
    Persona,
    Policy,
    Rule,
    StrategyName,
    TargetRef,
)
from gateway.config.providers import (
    ApiKey,
    CheckOutcome,
    Concurrency,
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
)

__all__ = [
    "ALWAYS", "EVERY_ORIGIN", "NOTHING", "NO_CLOCKS", "OPAQUE_ORIGIN", "ApiKey", "Backoff",
    "Balance", "BreakerSettings", "CheckOutcome", "Clocks", "Concurrency", "Config",
    "ConfigError", "ConfigFiles", "Feature", "HealthCheck", "Hedge", "Link", "MediaFetch",
    "Model", "OnFailure", "ParamsMode", "Persona", "Policy", "Price", "PriceTier", "Problem",
    "Provider", "Proxy", "Resilience", "RetryBudget", "Rule", "ServerSettings", "StrategyName",
    "TargetRef", "TimeWindow", "Timeouts", "TlsFiles", "When", "find_directory", "load",
    "simulated_by", "tls_context",
]  # fmt: skip
