"""Liveness, readiness and metrics. No provider is ever called here."""

from aiohttp import web

from gateway.api.catalog import standing
from gateway.api.context import GATEWAY, VERSION
from gateway.api.middleware import json_response


async def health(http: web.Request) -> web.Response:
    """GET /health: the process answers."""
    gateway = http.app[GATEWAY]
    return json_response({"status": "ok", "version": VERSION, "simulated": gateway.simulated})


async def ready(http: web.Request) -> web.Response:
    """GET /health/ready: 503 while stopping, or when no persona can be served."""
    gateway = http.app[GATEWAY]
    view = gateway.memory.view()
    servable = [p.name for p in gateway.config.personas.values() if standing(gateway.config, p, view).eligible]
    status = "draining" if gateway.draining else "ready" if servable else "no_persona_available"
    document = {"status": status, "revision": gateway.config.revision, "personas": servable}
    return json_response(document, 200 if status == "ready" else 503)


async def metrics(http: web.Request) -> web.Response:
    """GET /metrics: Prometheus text, or OpenMetrics for who accepts it."""
    gateway = http.app[GATEWAY]
    health, now = gateway.memory.health, gateway.memory.now()
    gateway.metrics.show(health.availability(now), health.key_availability(gateway.config, now), gateway.dispatcher.places.waiting())
    text, content_type = await gateway.metrics.scrape(http.headers.get("accept", ""))
    return web.Response(body=text, headers={"content-type": content_type})
