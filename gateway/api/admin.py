"""What an operator may ask of a running gateway, with a key of its own: callers' keys open none of
it.
"""

from collections.abc import Iterable
from typing import TypedDict

from gateway.api.admin_schemas import (
    InstanceReloadDocument,
    ProblemDocument,
    RejectedConfigDocument,
    ReloadedDocument,
    WorkerReloadDocument,
)
from gateway.api.operators import flag, operator
from gateway.api.request import Gateway, Request
from gateway.config import Problem
from gateway.errors import ConfigRejected
from gateway.http.response import Response, json_response
from gateway.revisions.reload import Reload
from translators.errors import InvalidRequest


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

    Where there are several workers all of them reload, and `workers` says what came of it at each;
    with `everywhere=true` all processes on the store, and `instances` says it.
    """
    gateway = http.gateway
    operator(http, "config:reload")
    if flag(http, "everywhere"):
        return await _reload_everywhere(gateway)
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
    document = _reloaded(done)
    if workers is not None:
        document["workers"] = workers
    return json_response(document)


async def _reload_everywhere(gateway: Gateway) -> Response:
    """Workers of one machine are processes on the store like others. Raises StoreUnavailable."""
    cluster = gateway.cluster
    if cluster is None:
        raise InvalidRequest(
            "everywhere: needs a store, and persona_policy.yaml has none", "everywhere",
            "invalid_value",
        )  # fmt: skip
    own, others = await cluster.reload_everywhere()
    done = reload_document(own)
    instances: list[InstanceReloadDocument] = [
        {
            "instance": cluster.name,
            "host": cluster.host,
            "result": done["result"],
            "revision": done["revision"],
        }
    ]
    for each in others:
        instances.append(
            {
                "instance": each.instance,
                "host": each.host,
                "result": each.result,
                "revision": each.revision,
            }
        )
        if each.problems:
            instances[-1]["problems"] = _problems(each.problems)
            done["problems"] = done["problems"] or _problems(each.problems)
    if done["problems"]:
        raise _rejected(done, None, instances)
    return json_response({**_reloaded(done), "instances": instances})


def _reloaded(done: ReloadDocument) -> ReloadedDocument:
    return {
        "revision": done["revision"],
        "previous": done["previous"],
        "changed": done["changed"],
        "needs_restart": done["needs_restart"],
    }


def _problems(problems: Iterable[Problem]) -> list[ProblemDocument]:
    return [
        {"file": p.file, "line": p.line, "path": p.path, "message": p.message} for p in problems
    ]


def _rejected(
    done: ReloadDocument,
    workers: list[WorkerReloadDocument] | None,
    instances: list[InstanceReloadDocument] | None = None,
) -> ConfigRejected:
    problems = done["problems"]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    rejected: RejectedConfigDocument = {"revision": done["revision"], "problems": problems}
    if workers is not None:
        rejected["workers"] = workers
    if instances is not None:
        rejected["instances"] = instances
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
        "problems": _problems(done.problems),
    }


def _worker(number: int, document: ReloadDocument | None) -> WorkerReloadDocument:
    """One that did not answer is being started, or will be: it begins with the files as they are
    then.
    """
    if document is None:
        return {"worker": number, "result": "no_answer", "revision": None}
    return {"worker": number, "result": document["result"], "revision": document["revision"]}
