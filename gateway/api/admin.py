"""What an operator may ask of a running gateway, with a key of its own: callers' keys open none of
it.
"""

from typing import TypedDict

from gateway.api.operators import operator
from gateway.api.request import Request
from gateway.api.schemas import ReloadedDocument
from gateway.config import Problem
from gateway.errors import (
    ConfigRejected,
    ProblemDocument,
    RejectedConfigDocument,
    WorkerReloadDocument,
)
from gateway.http.response import Response, json_response
from gateway.revisions.reload import Reload


class ReloadDocument(TypedDict):
    """What came of a reload in one process, as workers tell each other."""

    result: str
    revision: str
    previous: str
    changed: bool
    needs_restart: list[str]
    problems: list[ProblemDocument]


async def reload(http: Request) -> Response:
    """POST /-/reload: read the files again. 422 with every problem if they cannot be used; the
    previous revision then goes on.

    Where there are several workers all of them reload, and `workers` says what came of it at each.
    """
    gateway = http.gateway
    operator(http, "config:reload")
    done = reload_document(await gateway.reloader.reload("request"))
    workers: list[WorkerReloadDocument] | None = None
    if gateway.peers is not None:
        everywhere = sorted([(gateway.peers.number, done), *await gateway.peers.reload()])
        workers = [_worker(number, document) for number, document in everywhere]
        done = next(
            (
                document
                for _, document in everywhere
                if document is not None and document["problems"]
            ),
            done,
        )
    if done["problems"]:
        raise _rejected(done, workers)
    document: ReloadedDocument = {
        "revision": done["revision"],
        "previous": done["previous"],
        "changed": done["changed"],
        "needs_restart": done["needs_restart"],
    }
    if workers is not None:
        document["workers"] = workers
    return json_response(document)


def _rejected(done: ReloadDocument, workers: list[WorkerReloadDocument] | None) -> ConfigRejected:
    problems = done["problems"]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    rejected: RejectedConfigDocument = {"revision": done["revision"], "problems": problems}
    if workers is not None:
        rejected["workers"] = workers
    return ConfigRejected(
        f"The configuration cannot be used: {Problem(**problems[0])}{more}", rejected
    )


def reload_document(done: Reload) -> ReloadDocument:
    """What came of it, as JSON."""
    return {
        "result": done.result,
        "revision": done.revision,
        "previous": done.previous,
        "changed": done.changed,
        "needs_restart": list(done.needs_restart),
        "problems": [
            {"file": p.file, "line": p.line, "path": p.path, "message": p.message}
            for p in done.problems
        ],
    }


def _worker(number: int, document: ReloadDocument | None) -> WorkerReloadDocument:
    """One that did not answer is being started, or will be: it begins with the files as they are
    then.
    """
    if document is None:
        return {"worker": number, "result": "no_answer", "revision": None}
    return {"worker": number, "result": document["result"], "revision": document["revision"]}
