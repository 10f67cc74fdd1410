"""What persona_policy.yaml says of the server, and of all personas and providers together."""

import ipaddress
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field

from gateway.config.limits import (
    AlertSettings,
    KeyDefaults,
    KeySettings,
    Limits,
    StoreSettings,
    Team,
)
from gateway.config.origins import check_origin, check_origins
from gateway.config.schema import Row, Seconds, matching

ParamsMode = Literal["report", "strict", "quiet"]
PARAMS_MODES: Final[tuple[ParamsMode, ...]] = ("report", "strict", "quiet")

_HOST: Final = matching(
    "[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?",
    "must be a host name in small letters, without scheme and port",
)
_TRACE_URL: Final = matching(
    r"|https?://[^\s]{1,500}\{trace_id\}[^\s]{0,500}",
    "must be an http or https URL with {trace_id} in it",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerSettings(Row):
    """When a target or a key is set aside, and how it comes back. Seconds."""

    window: Annotated[float, Field(ge=1, le=3600)] = 30.0
    """Outcomes older than this do not count."""
    min_calls: Annotated[int, Field(ge=1, le=10_000)] = 10
    """Fewer outcomes than this in the window prove nothing."""
    failure_rate: Annotated[float, Field(gt=0, le=1)] = 0.5
    open_for: Annotated[float, Field(gt=0, le=3600)] = 10.0
    """Before the first probe; twice as long after each probe that fails."""
    longest_open: Annotated[float, Field(gt=0, le=86_400)] = 15.0
    """Between probes, at least open_for: a probe costs one request, a long wait many."""
    ramp: Annotated[float, Field(ge=0, le=3600)] = 10.0
    """From the probe that succeeded until everything is sent again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryBudget(Row):
    """What keeps retries from making an outage worse."""

    ratio: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Retries, as a share of requests."""
    reserve: Annotated[float, Field(ge=0, le=1000)] = 10.0
    """Retries that may be made at once, when little was sent before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resilience(Row):
    """What holds for all personas and providers together."""

    breaker: BreakerSettings = BreakerSettings()
    retry_budget: RetryBudget = RetryBudget()


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaFetch(Row):
    """Limits for one image or file that is fetched for a provider."""

    max_bytes: Annotated[int, Field(gt=0)] = 20 * 1024 * 1024
    timeout: Seconds = 10.0


def _check_networks(networks: tuple[str, ...]) -> tuple[str, ...]:
    for text in networks:
        try:
            ipaddress.ip_network(text)
        except ValueError:
            raise ValueError(f"{text!r} is no address and no network like 10.0.0.0/8") from None
    return networks


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleSettings(Row):
    """The page at /console."""

    enabled: bool = False
    auth: Literal["admin_key", "proxy"] = "admin_key"
    """What opens it: the admin key, typed once, or a user whom a trusted proxy names."""
    trusted_proxies: Annotated[
        tuple[str, ...], Field(max_length=100), AfterValidator(_check_networks)
    ] = ()
    """Addresses and networks of proxies whose `x-forwarded-*` is believed."""
    admin_groups: Annotated[tuple[str, ...], Field(max_length=100)] = ()
    """Of `x-forwarded-groups`: who may also send requests; all others look."""
    trace_url: Annotated[str, _TRACE_URL] = ""
    """Where a trace is shown; `{trace_id}` in it stands for the trace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracing(Row):
    """Which requests are traced, where traces are told at all (OTEL_EXPORTER_OTLP_ENDPOINT)."""

    trust_parent: bool = True
    """The caller's own decision to sample is obeyed."""
    always: tuple[Literal["error", "failover", "hedge"], ...] = ()
    """Told whatever the sampler said: what callers saw fail, what took another target, what was
    hedged."""
    slow: Seconds | None = None
    """The same of requests that take as long."""
    caller: bool = False
    """Spans of requests say the caller's address and user agent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsSettings(Row):
    """What GET /metrics has beside the gateway's own."""

    gen_ai: bool = False
    """The metrics of OpenTelemetry's conventions for generative AI. Holds from the start on."""
    by_key: bool = False
    """Requests, tokens and cost by callers' keys and their teams. Holds from the start on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings(Row):
    """Limits and time limits of the server itself; bytes and seconds."""

    max_body_bytes: Annotated[int, Field(gt=0)] = 32 * 1024 * 1024
    max_bodies_bytes: Annotated[int, Field(gt=0)] = 128 * 1024 * 1024
    """Of all bodies in memory at a time. Serving one takes two to three times its size."""
    body_timeout: Seconds = 30.0
    """Between two reads of a request body; for all of it at less than 4 KB a second on average."""
    body_total_timeout: Seconds = 300.0
    """For all of a request body."""
    write_timeout: Seconds = 60.0
    """In which a caller takes nothing of what waits for it, before its connection is cut."""
    keep_alive_interval: Seconds = 15.0
    drain_delay: Annotated[float, Field(ge=0)] = 0.5
    """Between failing readiness and closing the listener."""
    drain_grace: Annotated[float, Field(ge=0)] = 30.0
    watch: Annotated[float, Field(ge=0)] = 5.0
    """Between two looks at the files, for a change to be loaded; 0: never."""
    media_fetch: MediaFetch = MediaFetch()
    responses_store: Literal["memory", "sqlite", "off"] = "memory"
    """Where answers of the Responses API are kept for `previous_response_id`."""
    tracing: Tracing = Tracing()
    metrics: MetricsSettings = MetricsSettings()
    cors_origins: Annotated[
        tuple[Annotated[str, AfterValidator(check_origin)], ...], AfterValidator(check_origins)
    ] = ()
    """Origins whose pages may call from a browser; `*` is every one but `null`."""
    hosts: Annotated[tuple[Annotated[str, _HOST], ...], Field(max_length=100)] = ()
    """Names of a gateway that listens on loopback without callers' keys, beside loopback's own."""
    console: ConsoleSettings = ConsoleSettings()
    """The page at /console. Holds from the start on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFile(Row):
    """persona_policy.yaml, its personas still unread."""

    version: Literal[1]
    direct_models: bool = False
    strict_params: bool = False
    params: ParamsMode | None = None
    server: ServerSettings = ServerSettings()
    resilience: Resilience = Resilience()
    aliases: dict[str, str] = field(default_factory=dict)
    """Other names of personas; one may end with `*`."""
    messages_discovery: bool = True
    """Anthropic's clients are listed each persona again under a name with `claude` in it."""
    limits: Limits | None = None
    """Of everything together, or of a persona."""
    teams: dict[str, Team] | None = None
    keys: dict[str, KeySettings] | None = None
    """By the ids of keys."""
    key_defaults: KeyDefaults | None = None
    store: StoreSettings | None = None
    alerts: AlertSettings | None = None
    report_budget: bool = False
    """Callers are told what is left of their tightest budget."""
    personas: Annotated[dict[str, Any], Field(min_length=1)]
