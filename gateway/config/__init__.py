"""Persona policy and capabilities: read once, checked whole, frozen.

`load` gives one value that is passed on, never imported; whatever is wrong comes as one ConfigError with every problem in it.
"""

from gateway.config.loading import find_directory, load
from gateway.config.problems import ConfigError, Problem
from gateway.config.schema import MediaFetch, Price, PriceTier, ServerSettings, Timeouts
from gateway.config.values import Config, Model, Persona, Provider, TargetRef, simulated_by

__all__ = [
    "Config",
    "ConfigError",
    "MediaFetch",
    "Model",
    "Persona",
    "Price",
    "PriceTier",
    "Problem",
    "Provider",
    "ServerSettings",
    "TargetRef",
    "Timeouts",
    "find_directory",
    "load",
    "simulated_by",
]
