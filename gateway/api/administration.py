"""What an operator may ask of a running gateway, with a key of its own: callers' keys open none of it."""

from aiohttp import web

from gateway.api.context import GATEWAY
from gateway.api.middleware import json_response
from gateway.errors import ConfigRejected


async def reload(http: web.Request) -> web.Response:
    """POST /-/reload: read the files again. 422 with every problem if they cannot be used; the previous revision then goes on."""
    gateway = http.app[GATEWAY]
    gateway.admin.check(http.headers)
    done = await gateway.reloader.reload("request")
    if done.ok:
        return json_response(
            {
                "revision": done.revision,
                "previous": done.previous,
                "changed": done.changed,
                "needs_restart": list(done.needs_restart),
            }
        )
    count = len(done.problems)
    message = f"The configuration cannot be used: {done.problems[0]}" + (f" (and {count - 1} more)" if count > 1 else "")
    error = ConfigRejected(message)
    problems = [{"file": p.file, "line": p.line, "path": p.path, "message": p.message} for p in done.problems]
    error.beside.update(revision=done.revision, problems=problems)
    raise error
