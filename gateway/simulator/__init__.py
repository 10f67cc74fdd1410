"""Providers that run in this process on loopback and speak the real dialects: for the keyless first
run, tests and benchmarks. Nothing of the gateway is used: `translators` reads and writes, `script`
says what the model does. What the real APIs refuse besides is for `tests/strict` to judge."""

from gateway.simulator.server import SIMULATOR, Arrival, Simulator, make_app, running

__all__ = ["SIMULATOR", "Arrival", "Simulator", "make_app", "running"]
