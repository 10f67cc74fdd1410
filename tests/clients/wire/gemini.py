"""Gemini's generateContent API."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.clients.task import Asked, Call, Say, Step, Tool
from tests.clients.wire.sse import compact, event, pieces, text_field, text_of

_USAGE: Final = {
    "promptTokenCount": 120,
    "candidatesTokenCount": 10,
    "totalTokenCount": 130,
    "cachedContentTokenCount": 20,
}
_SIGNATURE: Final = "c2NyaXB0ZWQtdGhvdWdodA=="
_UNSIGNED: Final = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
"""What stands for a signature on calls that another model made."""
_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}").fullmatch
_FIELDS: Final = frozenset(
    re.findall(
        r"\w+",
        "model contents systemInstruction tools toolConfig generationConfig safetySettings"
        " cachedContent serviceTier store labels",
    )
)


def read(body: Mapping[str, Any], stream: bool = False) -> Asked:
    contents = body["contents"]
    return Asked(
        texts=[text_of(c["parts"]) for c in contents if c.get("role", "user") == "user"],
        tools=[
            Tool(declared["name"], field=text_field(_schema(declared)))
            for tool in body.get("tools", [])
            for declared in tool.get("functionDeclarations", [])
        ],
        results=[
            compact(part["functionResponse"]["response"]).replace("\\n", "\n")
            for content in contents
            for part in content["parts"]
            if "functionResponse" in part
        ],
        stream=stream,
    )


def _schema(declared: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return declared.get("parametersJsonSchema") or declared.get("parameters")


def refusal(body: Mapping[str, Any]) -> str | None:
    """What the API says 400 of; None if it takes the request."""
    unknown = sorted(set(body) - _FIELDS)
    if unknown:
        return f'Invalid JSON payload received. Unknown name "{unknown[0]}": Cannot find field.'
    if not body.get("contents"):
        return "* GenerateContentRequest.contents: contents is not specified"
    for tool in body.get("tools", []):
        for declared in tool.get("functionDeclarations", []):
            if _NAME(declared["name"]) is None:
                return "* GenerateContentRequest.tools[0]: Invalid function name."
    if any(not content.get("parts") for content in body["contents"]):
        return "* GenerateContentRequest.contents[0].parts: contents.parts must not be empty."
    return _unpaired(body["contents"]) or _unsigned(body["contents"])


def _unpaired(contents: Sequence[Mapping[str, Any]]) -> str | None:
    waiting: list[str] = []
    for content in contents:
        answered = [
            p["functionResponse"]["name"] for p in content["parts"] if "functionResponse" in p
        ]
        if sorted(answered) != sorted(waiting):
            return (
                "Please ensure that the number of function response parts is equal to the number"
                " of function call parts of the function call turn."
            )
        waiting = [p["functionCall"]["name"] for p in content["parts"] if "functionCall" in p]
    return None


def _unsigned(contents: Sequence[Mapping[str, Any]]) -> str | None:
    """The first call of each step of the current turn is signed by this API, or said not to be."""
    for content in contents:
        calls = [part for part in content["parts"] if "functionCall" in part]
        for part in calls[:1]:
            if "thoughtSignature" not in part:
                return "Function call is missing a thought_signature in functionCall parts."
            if part["thoughtSignature"] not in (_SIGNATURE, *_UNSIGNED):
                return "Thought signature is not valid."
    return None


def parts(step: Step) -> list[dict[str, Any]]:
    """The parts of the answer."""
    match step:
        case Say(text):
            return [{"text": text}]
        case Call(tool, arguments, number):
            call = {"name": tool.name, "args": arguments, "id": f"step{number}"}
            return [{"functionCall": call, "thoughtSignature": _SIGNATURE}]


def answer(asked: Asked, step: Step, model: str) -> bytes:
    """The whole answer: JSON, or all events of a stream."""
    frames = [[part] for part in parts(step)]
    if asked.stream and isinstance(step, Say):
        frames = [[{"text": piece}] for piece in pieces(step.text)]
    written = [_frame(frame, frame is frames[-1], model) for frame in frames]
    if not asked.stream:
        return compact(written[-1]).encode()
    return b"".join(event(None, frame, "\r\n\r\n") for frame in written)


def _frame(frame: Sequence[Mapping[str, Any]], last: bool, model: str) -> dict[str, Any]:
    candidate = {"content": {"parts": frame, "role": "model"}, "index": 0}
    ended = {"finishReason": "STOP"} if last else {}
    return {
        "candidates": [{**candidate, **ended}],
        "usageMetadata": _USAGE,
        "modelVersion": model,
        "responseId": "step",
    }


def error(status: int, message: str) -> bytes:
    names = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 404: "NOT_FOUND"}
    told = {"code": status, "message": message, "status": names.get(status, "INTERNAL")}
    return compact({"error": told}).encode()
