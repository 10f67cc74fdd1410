"""Providers that run in this process on loopback and speak the real dialects: for the keyless first
run, tests and benchmarks.

It stands alone (nothing of the gateway is used) and is steered by directives in the last user
message: see `script`.
"""

from gateway.simulator.server import SIMULATOR, Arrival, Simulator, make_app, running

__all__ = ["SIMULATOR", "Arrival", "Simulator", "make_app", "running"]
