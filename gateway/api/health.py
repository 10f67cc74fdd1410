"""Liveness, readiness and metrics. No provider is ever called here."""

from datetime import UTC, datetime
from typing import Final, cast

from gateway.api.catalog import standing
from gateway.api.request import VERSION, Gateway, Request
from gateway.api.schemas import (
    ConfigDocument,
    HealthDocument,
    InstancesDocument,
    LastReloadDocument,
    LimitsStandingDocument,
    ReadinessDocument,
)
from gateway.config import Config
from gateway.http.response import Response, json_response
from gateway.revisions.reload import Reloader

MOST_PROBLEMS: Final = 20
"""Places of problems that readiness tells."""


async def health(http: Request) -> Response:
    """GET /health: the process answers."""
    gateway = http.gateway
    document: HealthDocument = {"status": "ok", "version": VERSION, "simulated": gateway.simulated}
    return json_response(document)


async def ready(http: Request) -> Response:
    """GET /health/ready: 503 while stopping, or when no persona can be served. Files that cannot be
    used are told, and no reason for 503: the last good revision serves. Nor is a store of limits
    that is away; a journal that cannot be written is, where the policy refuses then. Of several
    workers each speaks for itself, and says how many listen.
    """
    gateway, config = http.gateway, http.config
    context = gateway.state.view()
    servable = [p.name for p in config.personas.values() if standing(config, p, context).eligible]
    admission = gateway.admission
    document: ReadinessDocument = {
        "status": "draining"
        if gateway.draining
        else "limits_unavailable"
        if admission is not None and admission.refusing
        else "ready"
        if servable
        else "no_persona_available",
        "revision": config.revision,
        "personas": servable,
        "config": _config(gateway.reloader),
    }
    if gateway.peers is not None:
        document["workers"] = await gateway.peers.standing()
    if admission is not None:
        document["limits"] = cast(LimitsStandingDocument, admission.standing)
    if gateway.cluster is not None:
        document["instances"] = cast(InstancesDocument, gateway.cluster.standing)
    return json_response(document, 200 if document["status"] == "ready" else 503)


def _config(reloader: Reloader) -> ConfigDocument:
    """Which revision holds since when, and what came of the last reload."""
    last = reloader.last
    document: ConfigDocument = {
        "revision": reloader.config.revision,
        "loaded_at": _utc(reloader.loaded_at),
        "last_reload": None,
    }
    if last is not None:
        told: LastReloadDocument = {"ok": last.ok, "at": _utc(last.at), "trigger": last.trigger}
        if last.problems:
            # Everybody may read this, and a problem's text can quote the file: only its place is
            # told here.
            told["problems"] = [
                {"file": p.file, "line": p.line} for p in last.problems[:MOST_PROBLEMS]
            ]
            told["problem_count"] = len(last.problems)
        document["last_reload"] = told
    return document


def _utc(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


async def metrics(http: Request) -> Response:
    """GET /metrics: Prometheus text, or OpenMetrics for who accepts it; of all workers, where there
    are several.
    """
    gateway = http.gateway
    accept = http.headers.get("accept", "")
    if gateway.peers is None:
        show_present(gateway, http.config)
        text, content_type = await gateway.metrics.scrape(accept)
    else:
        text, content_type = await gateway.peers.scrape(accept)
    return Response(text, content_type=content_type)


def show_present(gateway: Gateway, config: Config) -> None:
    """Set the metrics of what holds at this moment."""
    health, now = gateway.state.health, gateway.state.now()
    targets = list(health.availability(now))
    shares = {(provider, model): share for provider, model, share in targets}
    gateway.metrics.routing.show(
        targets,
        health.key_availability(config, now),
        gateway.dispatcher.places.waiting(),
        health.checks.up(),
        (
            (name, max(shares.get((t.provider, t.model), 1.0) for t in persona.every_target()))
            for name, persona in config.personas.items()
        ),
    )
