"""What a caller's dialect asks for in every request, whether it is needed or not: left out where a
model lacks it."""

from collections.abc import Mapping

from translators.capabilities import Capability
from translators.chat.request import ChatRequest
from translators.notes import Note


def without_lacking(
    request: ChatRequest,
    optional: Mapping[Capability, str],
    capabilities: frozenset[Capability],
) -> tuple[ChatRequest, tuple[Note, ...]]:
    """The request without the fields of `optional` capabilities that the model has not."""
    lacking = {
        field: capability
        for capability, field in optional.items()
        if capability not in capabilities and field in request.body
    }
    if not lacking:
        return request, ()
    body = {name: value for name, value in request.body.items() if name not in lacking}
    notes = [Note("dropped", name, f"this model has no {need}") for name, need in lacking.items()]
    return ChatRequest(body, request.size, request.usual_schemas), tuple(notes)
