"""What a request needs from a model, each need with what in the request caused it; and what it has,
as rules ask for it.
"""

from collections.abc import Iterator
from functools import lru_cache
from operator import methodcaller
from typing import Any, Final, Literal, NamedTuple

from gateway.config import CAPABILITY_OF, Feature, Persona
from translators.capabilities import Capability
from translators.chat.request import ChatRequest

NativeCapability = Literal["native:claude", "native:gemini", "native:responses"]
NATIVE: Final[dict[str, NativeCapability]] = {
    "claude": "native:claude",
    "gemini": "native:gemini",
    "responses": "native:responses",
}
"""By the dialect of a caller: what a target has that is sent the caller's own body."""


class Requirement(NamedTuple):
    """One capability a target must have. `cause` is a path in the request, or `persona`."""

    capability: Capability
    cause: str


_PARTS: Final[dict[str, Capability]] = {
    "image_url": "vision",
    "input_audio": "audio_input",
    "video_url": "video",
}
_FEATURES: Final = {capability: feature for feature, capability in CAPABILITY_OF.items()}
"""What a rule can ask for, by a plainer name than the need's. Files and history are seen apart: a
text file needs nothing."""


_content: Final = methodcaller("get", "content")
_NEEDING: Final = frozenset(
    {"tools", "functions", "response_format", "n", "logprobs", "modalities", "web_search_options"}
)
_NO_FEATURES: Final[frozenset[Feature]] = frozenset()
_REASONING: Final = frozenset({"reasoning_effort", "thinking", "reasoning"})
"""Most requests have none of these: one look tells."""


def derive(
    request: ChatRequest, persona: Persona | None
) -> tuple[tuple[Requirement, ...], frozenset[Feature]]:
    """The needs of `request` and of its persona, each capability once, the request's own cause
    first; and the request's features.
    """
    body = request.body
    found: dict[Capability, str] = {}
    features: set[Feature] = set()
    if body.get("stream") is True:
        found["streaming"] = "stream"
    if not _NEEDING.isdisjoint(body):
        for capability, cause in _of_parameters(body):
            found.setdefault(capability, cause)
    messages = body["messages"]
    for message in messages:
        if message["role"] == "assistant":
            features.add("history")
            break
    contents = [*map(_content, messages)]
    if list in map(type, contents):
        for i, content in enumerate(contents):
            for j, part in enumerate(content if content.__class__ is list else ()):
                if part["type"] == "file":
                    features.add("files")
                if (need := _of_part(part)) is not None:
                    found.setdefault(need, f"messages[{i}].content[{j}]")
    if not _REASONING.isdisjoint(body) and _reasons(body):
        features.add("reasoning")
    if found:
        features.update([_FEATURES[need] for need in found if need in _FEATURES])
        if "pdf" in found:
            features.add("files")
    if persona is not None and persona.requires:
        for capability in sorted(persona.requires):
            found.setdefault(capability, "persona")
    needs = _requirements(tuple(found.items())) if found else ()
    return needs, frozenset(features) if features else _NO_FEATURES


@lru_cache(maxsize=1024)
def _requirements(found: tuple[tuple[Capability, str], ...]) -> tuple[Requirement, ...]:
    """Few requests of a persona differ in what they need."""
    return tuple([Requirement(capability, cause) for capability, cause in found])


def _of_parameters(body: dict[str, Any]) -> Iterator[tuple[Capability, str]]:
    if body.get("tools"):
        yield "tool_calling", "tools"
    elif body.get("functions"):
        yield "tool_calling", "functions"
    if (response_format := body.get("response_format")) is not None and response_format[
        "type"
    ] == "json_schema":
        yield "json_schema", "response_format"
    if (body.get("n") or 1) > 1:
        yield "multiple_choices", "n"
    if body.get("logprobs"):
        yield "logprobs", "logprobs"
    if "audio" in (body.get("modalities") or ()):
        yield "audio_output", "modalities"
    if "image" in (body.get("modalities") or ()):
        yield "image_output", "modalities"
    if body.get("web_search_options") is not None:
        yield "web_search", "web_search_options"


def _of_part(part: dict[str, Any]) -> Capability | None:
    kind = part["type"]
    if kind == "file":
        return _of_file(part["file"])
    if kind == "image_url" and part["image_url"]["url"][:21].lower() == "data:application/pdf;":
        return "pdf"
    return _PARTS.get(kind)


def _of_file(file: dict[str, Any]) -> Capability | None:
    data, name = file.get("file_data") or "", (file.get("filename") or "").lower()
    head = data[:32].lower()
    if head.startswith("data:image/"):
        return "vision"
    if head.startswith("data:text/") or name.endswith((".txt", ".md", ".csv", ".json")):
        return None
    return "pdf"


def _reasons(body: dict[str, Any]) -> bool:
    """The request asks for reasoning, whichever way it says so."""
    effort = body.get("reasoning_effort")
    if effort is not None:
        return effort not in ("none", "default")
    thinking = body.get("thinking") or body.get("reasoning")
    return bool(thinking) and not (
        thinking.__class__ is dict
        and (thinking.get("type") == "disabled" or thinking.get("effort") == "none")
    )
