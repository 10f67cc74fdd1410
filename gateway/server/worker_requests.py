"""What a worker answers when another one, or their parent, asks."""

from typing import Any

from gateway.api.admin import ReloadDocument, reload_document
from gateway.api.catalog import decision_document
from gateway.api.health import show_present
from gateway.api.request import Gateway
from gateway.revisions.reload import Trigger
from gateway.routing.documents import DecisionDocument
from gateway.telemetry.multiprocess import Snapshot
from gateway.workers.rpc import Answers


def answers_of(gateway: Gateway) -> Answers:
    async def snapshot(_: Any) -> Snapshot:
        show_present(gateway, gateway.reloader.config)
        return await gateway.metrics.snapshot()

    async def decision(name: str) -> DecisionDocument | None:
        return decision_document(gateway, name)

    async def reload(trigger: Trigger) -> ReloadDocument:
        return reload_document(await gateway.reloader.reload(trigger))

    return {"snapshot": snapshot, "decision": decision, "reload": reload}
