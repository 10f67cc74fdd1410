"""GET /openapi.json."""

from aiohttp import web

from gateway.api.middleware import json_response


async def openapi(http: web.Request) -> web.Response:
    return json_response({})
