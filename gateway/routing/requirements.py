"""What a request needs from a model, each need with what in the request caused it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from gateway.config import Persona
from translators.chat.request import ChatRequest
from translators.dialect import Capability


@dataclass(frozen=True, slots=True)
class Requirement:
    """One capability a target must have. `cause` is a path in the request, or `persona`."""

    capability: Capability
    cause: str


_PARTS: Final[dict[str, Capability]] = {"image_url": "vision", "input_audio": "audio_input", "video_url": "video"}


def derive(request: ChatRequest, persona: Persona | None) -> tuple[Requirement, ...]:
    """The needs of `request` and of the persona it names, each capability once, the request's own cause first."""
    found: dict[Capability, str] = {}
    for capability, cause in _of_request(request):
        found.setdefault(capability, cause)
    for capability in sorted(persona.requires) if persona is not None else ():
        found.setdefault(capability, "persona")
    return tuple(Requirement(capability, cause) for capability, cause in found.items())


def _of_request(request: ChatRequest) -> Iterator[tuple[Capability, str]]:
    body = request.body
    if request.stream:
        yield "streaming", "stream"
    if body.get("tools"):
        yield "tool_calling", "tools"
    elif body.get("functions"):
        yield "tool_calling", "functions"
    if (response_format := body.get("response_format")) is not None and response_format["type"] == "json_schema":
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
    for i, message in enumerate(request.messages):
        content = message.get("content")
        if content.__class__ is list:
            yield from _of_parts(content, f"messages[{i}].content")


def _of_parts(content: list[dict[str, Any]], at: str) -> Iterator[tuple[Capability, str]]:
    for j, part in enumerate(content):
        kind = part["type"]
        if kind == "file":
            if (capability := _of_file(part["file"])) is not None:
                yield capability, f"{at}[{j}]"
        elif kind == "image_url" and part["image_url"]["url"][:21].lower() == "data:application/pdf;":
            yield "pdf", f"{at}[{j}]"
        elif (need := _PARTS.get(kind)) is not None:
            yield need, f"{at}[{j}]"


def _of_file(file: dict[str, Any]) -> Capability | None:
    data, name = file.get("file_data") or "", (file.get("filename") or "").lower()
    head = data[:32].lower()
    if head.startswith("data:image/"):
        return "vision"
    if head.startswith("data:text/") or name.endswith((".txt", ".md", ".csv", ".json")):
        return None
    return "pdf"
