"""A request that the real API would not take, and how each API says so."""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

THOUGHT: Final = "The user wrote a message, so I think about it and then answer."
"""What the simulated model thinks: where it is not shown its signature still stands for it."""


class Refused(Exception):
    """`param` and `code` appear where the dialect has a place for them."""

    def __init__(
        self, message: str, param: str | None = None, code: str | None = None, status: int = 400
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code
        self.status = status


class Asked(NamedTuple):
    """What came around a request's body."""

    headers: Mapping[str, str]
    """Names in lower case."""
    model: str = ""
    """As the path names it."""


def known_fields(value: Any, known: Iterable[str]) -> str | None:
    """The first key of an object that the API has no field for."""
    return next((key for key in value if key not in known), None)


def names(text: str) -> frozenset[str]:
    """Field names, written as one line of words."""
    return frozenset(text.split())


def signature(text: str) -> str:
    """What the simulator signs a text with."""
    digest = hashlib.sha256(text.encode()).digest()
    return base64.b64encode(b"simulated:" + digest).decode()


def openai_error(refused: Refused) -> dict[str, Any]:
    """OpenAI's shape."""
    code = refused.code or {401: "invalid_api_key"}.get(refused.status)
    told = {"message": refused.message, "type": "invalid_request_error"}
    return {"error": {**told, "param": refused.param, "code": code}}


def claude_error(refused: Refused) -> dict[str, Any]:
    """Anthropic's."""
    kind = {401: "authentication_error"}.get(refused.status, "invalid_request_error")
    told = {"type": kind, "message": refused.message, "details": None}
    return {"type": "error", "error": told, "request_id": "req_strict"}


def gemini_error(refused: Refused) -> dict[str, Any]:
    """Google's."""
    status = {403: "PERMISSION_DENIED"}.get(refused.status, "INVALID_ARGUMENT")
    told: dict[str, Any] = {"code": refused.status, "message": refused.message, "status": status}
    if refused.param:
        violation = {"field": refused.param, "description": refused.message}
        kind = "type.googleapis.com/google.rpc.BadRequest"
        told["details"] = [{"@type": kind, "fieldViolations": [violation]}]
    return {"error": told}


def dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
