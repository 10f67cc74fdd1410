"""Providers that run in this process on loopback and speak the real dialects: for the keyless first
run, tests and benchmarks.

Nothing of the gateway is used. The inbound dialects of `translators` read and write; directives in
the last user message say what the model does: see `script`. It takes what the inbound dialects
take: what the real APIs refuse besides is for `tests/strict` to judge."""

from gateway.simulator.server import SIMULATOR, Arrival, Simulator, make_app, running

__all__ = ["SIMULATOR", "Arrival", "Simulator", "make_app", "running"]
