"""Metrics of the configuration: which revision holds, and what came of reloads."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from gateway.telemetry.events import ConfigReloaded


class RevisionMetrics:
    """Part of gateway.telemetry.metrics.Metrics."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._info = Gauge(
            "llm_router_build_info",
            "1, with version and config revision.",
            ["version", "revision"],
            registry=registry,
        )
        self._reloads = Counter(
            "llm_router_config_reloads_total",
            "Reloads of the configuration.",
            ["result"],
            registry=registry,
        )
        for result in ("changed", "unchanged", "failed"):
            self._reloads.labels(result)
        self._successful = Gauge(
            "llm_router_config_last_reload_successful",
            "0 while the files cannot be used and the last good revision goes on.",
            registry=registry,
        )  # fmt: skip
        self._successful.set(1)

    def apply_config(self, version: str, revision: str) -> None:
        """This revision holds, and no other."""
        self._info.clear()
        self._info.labels(version, revision).set(1)

    def on_event(self, event: ConfigReloaded) -> None:
        self._reloads.labels(event.result).inc()
        self._successful.set(event.result != "failed")
