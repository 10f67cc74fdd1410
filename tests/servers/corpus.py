"""What compatible servers say: one file a server, each beside its documentation's shape, each asked
by its row of config/examples.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import yaml

from tests.fakes import SSE_HEAD, End, Step, json_answer
from tests.serving import ROOT
from translators.json_codec import dumps

ERRORS: Final = ("overflow", "rate_limit", "moderation", "bad_output")
STREAMS: Final = ("tool_call_stream", "reasoning_stream")
KEY: Final = "canary-of-the-corpus"
"""What every provider's key variable holds."""

_EXAMPLES: Final = ROOT / "config" / "examples" / "compatible.yaml"


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a caller sends, and what the server must be sent for it."""

    asked: dict[str, Any]
    sent: dict[str, Any]
    reported: list[str]
    """Words that stand in x-llm-router-dropped-params; none if the header must not be there."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, and what its caller must get of it: at least this."""

    json: dict[str, Any]
    expected: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stream:
    """A streamed answer, and what it must add up to."""

    data: bytes
    """All events, as they come over the wire."""
    expected: dict[str, Any]
    target: str
    path: str


@dataclass(frozen=True, slots=True)
class Error:
    """A refusal, and what its caller must be told where nobody else serves."""

    status: int
    body: bytes
    headers: dict[str, str]
    expected: dict[str, Any] = field(default_factory=dict)

    def steps(self) -> list[Step]:
        """It as an answer of a fake provider."""
        headers = {
            "content-type": "application/json",
            **self.headers,
            "content-length": str(len(self.body)),
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return [
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}\r\n{lines}\r\n".encode()
            + self.body
        ]


@dataclass(frozen=True, slots=True)
class Server:
    """One file."""

    name: str
    """The file's, without its ending."""
    target: str
    path: str
    """Where the server is asked, with its query."""
    request: Exchange
    answer: Answer
    streams: Mapping[str, Stream]
    errors: Mapping[str, list[Error]]
    without: Mapping[str, str]
    """Errors that the server does not have, each with the reason."""


def _stream(written: dict[str, Any], target: str, path: str) -> Stream:
    data = b"".join(_event(event, written.get("each", {})) for event in written["events"])
    return Stream(
        data, written["expected"], written.get("target", target), written.get("path", path)
    )


def _event(event: Any, each: dict[str, Any]) -> bytes:
    if isinstance(event, dict):
        return b"data: " + dumps({**each, **event}) + b"\n\n"
    text: str = event
    return f"{text}\n\n".encode() if text.startswith(":") else f"data: {text}\n\n".encode()


def _error(written: dict[str, Any]) -> Error:
    body = written["text"].encode() if "text" in written else dumps(written["json"])
    return Error(written["status"], body, written.get("headers", {}), written.get("expected", {}))


def _server(path: Path) -> Server:
    written = yaml.safe_load(path.read_text("utf-8"))
    target, where = written["target"], written["path"]
    errors = {kind: written[kind] for kind in ERRORS if kind in written}
    return Server(
        name=path.stem,
        target=target,
        path=where,
        request=Exchange(**written["request"]),
        answer=Answer(**written["answer"]),
        streams={name: _stream(written[name], target, where) for name in STREAMS},
        errors={
            kind: [_error(one) for one in some]
            for kind, some in errors.items()
            if isinstance(some, list)
        },
        without={kind: some["none"] for kind, some in errors.items() if isinstance(some, dict)},
    )


SERVERS: Final = [_server(path) for path in sorted(Path(__file__).parent.glob("*.yaml"))]


def capabilities(url: str, targets: list[str]) -> dict[str, Any]:
    """The rows of these targets as the examples have them, their providers at a fake server's URL,
    each below its own name.

    Two more targets stand by: small/m, whose window is no larger than anybody's, and large/m, whose
    window is larger than everybody's.
    """
    written = yaml.safe_load(_EXAMPLES.read_text("utf-8"))
    rows = {
        name: row
        for name, row in written["providers"].items()
        if any(target.startswith(f"{name}/") for target in targets)
    }
    for name, row in rows.items():
        row["base_url"] = f"{url}/{name}/{row['base_url'].split('://')[1].partition('/')[2]}"
        row.pop("health_check", None)
    for name, window in (("small", 2_000), ("large", 4_000_000)):
        facts = {
            "context_window": window,
            "max_output_tokens": 1_000,
            "capabilities": ["streaming", "tool_calling"],
            "cost_tier": "low",
        }
        rows[name] = {"dialect": "openai", "base_url": f"{url}/{name}/v1", "models": {"m": facts}}
    return {"version": 1, "families": written["families"], "providers": rows}


def environ(rows: dict[str, Any]) -> dict[str, str]:
    """The key of every provider that wants one."""
    return {
        row["key_variable"]: KEY for row in rows["providers"].values() if row.get("key_variable")
    }


def streamed(data: bytes) -> list[Step]:
    """A stream as an answer of a fake provider; its end is the connection's."""
    return [SSE_HEAD, data, End()]


def whole(document: dict[str, Any]) -> list[Step]:
    return json_answer(document)
