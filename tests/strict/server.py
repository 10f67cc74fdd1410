"""The simulated providers with the real ones' strictness before them: what the real API would not
take is refused before the simulator sees it."""

import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway import simulator
from gateway.simulator import Simulator
from tests.strict import claude, embeddings, gemini, openai, responses
from tests.strict.refusal import Asked, Refused, claude_error, gemini_error, openai_error

Access = Callable[[Mapping[str, str]], None]
Check = Callable[[dict[str, Any], Asked], None]
Shape = Callable[[Refused], dict[str, Any]]

CHECKS: Final[dict[str, tuple[Access, Check, Shape]]] = {
    "completions": (openai.check_access, openai.check, openai_error),
    "responses": (openai.check_access, responses.check, openai_error),
    "embeddings": (openai.check_access, embeddings.check_openai, openai_error),
    "messages": (claude.check_access, claude.check, claude_error),
    "generateContent": (gemini.check_access, gemini.check, gemini_error),
    "streamGenerateContent": (gemini.check_access, gemini.check, gemini_error),
    "batchEmbedContents": (gemini.check_access, embeddings.check_gemini, gemini_error),
}
"""By the end of the path: who may ask, what may be asked, and how an error is told."""


@asynccontextmanager
async def running(port: int = 0) -> AsyncIterator[Simulator]:
    """The simulator on loopback, port 0 for a free one, as strict as the real providers."""
    async with simulator.running(port=port, middlewares=[strict]) as simulated:
        yield simulated


@web.middleware
async def strict(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses what the real API refuses."""
    end = re.split("[/:]", request.path)[-1]
    if end not in CHECKS:
        return await handler(request)
    check_access, check, shape = CHECKS[end]
    headers = {name.lower(): value for name, value in request.headers.items()}
    asked = Asked(headers, request.match_info.get("model", ""))
    try:
        check_access(headers)
        check(_object(await request.read()), asked)
    except Refused as refused:
        return web.json_response(shape(refused), status=refused.status)
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        refused = Refused(f"A field is missing or has the wrong type: {error!r}")
        return web.json_response(shape(refused), status=400)
    return await handler(request)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refused("We could not parse the JSON body of your request: an object is expected.")
    return body
