"""Every route, one line each."""

from typing import Final

from aiohttp import web

from gateway.api import administration, catalog, health
from gateway.api.chat_completions import chat_completions
from gateway.api.native_chat import native_chat
from gateway.api.openapi import openapi
from gateway.api.tokens import count_tokens

ROUTES: Final = (
    web.post("/v1/chat/completions", chat_completions),
    web.get("/v1/models", catalog.list_models),
    web.get("/v1/models/{id:.+}", catalog.get_model),
    web.post("/api/v1/chat", native_chat),
    web.get("/api/v1/personas", catalog.list_personas),
    web.get("/api/v1/providers", catalog.list_providers),
    web.post("/api/v1/route", catalog.route),
    web.get("/api/v1/decisions/{id}", catalog.decision),
    web.post("/api/v1/tokens", count_tokens),
    web.post("/-/reload", administration.reload),
    web.get("/health", health.health),
    web.get("/health/ready", health.ready),
    web.get("/metrics", health.metrics),
    web.get("/openapi.json", openapi),
)
