"""What an operator may ask of a running gateway, with a key of its own: callers' keys open none of it."""

from typing import Any, Final

from gateway.api.request import Request
from gateway.config import Problem
from gateway.config.reload import Reload
from gateway.errors import ConfigRejected
from gateway.http.response import Response, json_response

_SHOWN: Final = ("revision", "previous", "changed", "needs_restart")


async def reload(http: Request) -> Response:
    """POST /-/reload: read the files again. 422 with every problem if they cannot be used; the previous revision then goes on.

    Where there are several workers all of them reload, and `workers` says what came of it at each.
    """
    gateway = http.gateway
    gateway.admin.check(http.headers)
    done = reload_document(await gateway.reloader.reload("request"))
    beside: dict[str, Any] = {}
    if gateway.siblings is not None:
        everywhere = sorted([(gateway.siblings.number, done), *await gateway.siblings.reload()])
        beside["workers"] = [_worker(number, document) for number, document in everywhere]
        done = next((document for _, document in everywhere if document is not None and document["problems"]), done)
    if not done["problems"]:
        return json_response({**{name: done[name] for name in _SHOWN}, **beside})
    problems = done["problems"]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    error = ConfigRejected(f"The configuration cannot be used: {Problem(**problems[0])}{more}")
    error.beside.update(revision=done["revision"], problems=problems, **beside)
    raise error


def reload_document(done: Reload) -> dict[str, Any]:
    """What came of it, as JSON."""
    problems = [{"file": p.file, "line": p.line, "path": p.path, "message": p.message} for p in done.problems]
    return {
        "result": done.result,
        "revision": done.revision,
        "previous": done.previous,
        "changed": done.changed,
        "needs_restart": list(done.needs_restart),
        "problems": problems,
    }


def _worker(number: int, document: dict[str, Any] | None) -> dict[str, Any]:
    """One that did not answer is being started, or will be: it begins with the files as they are then."""
    if document is None:
        return {"worker": number, "result": "no_answer", "revision": None}
    return {"worker": number, "result": document["result"], "revision": document["revision"]}
