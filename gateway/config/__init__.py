"""Persona policy and capabilities: read, checked whole, frozen; read again as a new value.

`load` gives one value that is passed on, never imported; whatever is wrong comes as one ConfigError with every problem in it.
"""

from gateway.config.files import ConfigFiles
from gateway.config.loading import find_directory, load
from gateway.config.problems import ConfigError, Problem
from gateway.config.schema import (
    BreakerSettings,
    Concurrency,
    Feature,
    HealthCheck,
    MediaFetch,
    ParamsMode,
    Price,
    PriceTier,
    Resilience,
    RetryBudget,
    ServerSettings,
    StrategyName,
    Timeouts,
)
from gateway.config.values import (
    ALWAYS,
    NO_CLOCKS,
    ApiKey,
    Balance,
    Clocks,
    Config,
    Hedge,
    Model,
    OnFailure,
    Persona,
    Provider,
    Rule,
    TargetRef,
    TimeWindow,
    When,
    simulated_by,
)

__all__ = [
    "ALWAYS",
    "NO_CLOCKS",
    "ApiKey",
    "Balance",
    "BreakerSettings",
    "Clocks",
    "Concurrency",
    "Config",
    "ConfigError",
    "ConfigFiles",
    "Feature",
    "HealthCheck",
    "Hedge",
    "MediaFetch",
    "Model",
    "OnFailure",
    "ParamsMode",
    "Persona",
    "Price",
    "PriceTier",
    "Problem",
    "Provider",
    "Resilience",
    "RetryBudget",
    "Rule",
    "ServerSettings",
    "StrategyName",
    "TargetRef",
    "TimeWindow",
    "Timeouts",
    "When",
    "find_directory",
    "load",
    "simulated_by",
]
