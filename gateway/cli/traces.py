"""Whether traces are told, by the environment. The module that tells them, and with it the SDK, is
imported only then."""

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from typing import Final

from gateway.api.request import VERSION
from gateway.config import Config
from gateway.telemetry.events import TraceSource

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_NEEDED: Final = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")


class TracingUnusable(Exception):
    """The environment asks for traces that cannot be told. The text is for the operator."""


def tracing(environ: Mapping[str, str]) -> Callable[[Callable[[], Config]], TraceSource] | None:
    """What makes the traces' source, given what tells the configuration that holds; None where no
    endpoint is set. Raises TracingUnusable without the extra.
    """
    asked = next((name for name in ENDPOINTS if environ.get(name)), None)
    disabled = environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if asked is None or disabled or environ.get("OTEL_TRACES_EXPORTER") == "none":
        return None
    if not all(map(_installed, _NEEDED)):
        raise TracingUnusable(
            f"{asked} is set, and the extra otel is not installed: pip install 'llm-router[otel]'"
        )
    make = importlib.import_module("gateway.telemetry.traces").Traces

    def source(config: Callable[[], Config]) -> TraceSource:
        def url_of(name: str) -> str:
            provider = config().providers.get(name)
            return "" if provider is None else provider.base_url

        made: TraceSource = make(lambda: config().server.tracing, url_of, VERSION, environ)
        return made

    return source


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of what it is in
        return False
