"""Golden cases: one JSON file each, with what goes in and what must come out."""

import json
from pathlib import Path
from typing import Any

from tests.translators.claude.models import record
from translators import claude
from translators.chat.request import parse
from translators.dialect import AnswerShape, Envelope, Target, UpstreamRequest
from translators.errors import InvalidRequest, UpstreamError
from translators.json_codec import dumps, loads

HERE = Path(__file__).parent
REQUESTS = sorted((HERE / "requests").glob("*.json"))
RESPONSES = sorted((HERE / "responses").glob("*.json"))

Case = dict[str, Any]

_SETS = ("declared_tools", "custom_tools", "wrapped_tools")


def read(path: Path) -> Case:
    case: Case = json.loads(path.read_text("utf-8"))
    return case


def write(path: Path, case: Case) -> None:
    path.write_text(json.dumps(case, indent=1, ensure_ascii=False) + "\n", "utf-8")


def build(case: Case) -> UpstreamRequest:
    target = Target(
        "claude",
        "claude",
        "https://api.anthropic.com",
        case["model"],
        record(case["model"], case.get("record", {})),
        "sk-test",
    )
    return claude.build_request(parse({"model": "persona", **case["request"]}), target)


def request_result(case: Case) -> Case:
    """What `build_request` makes of the case: body and notes, or the refusal."""
    try:
        built = build(case)
    except InvalidRequest as error:
        return {
            "refused": {
                "message": error.message,
                "param": error.param,
                "code": error.code,
                "status": error.status,
            }
        }
    result: Case = {
        "body": loads(built.body),
        "notes": [[note.kind, note.param, note.why] for note in built.notes],
    }
    beta = built.headers.get("anthropic-beta")
    if beta is not None:
        result["beta"] = beta
    if case.get("show_shape"):
        shape = {name: getattr(built.shape, name) for name in AnswerShape._fields}
        result["shape"] = {name: _plain(value) for name, value in shape.items() if value}
    return result


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    return dict(value) if not isinstance(value, bool) else value


def envelope(case: Case) -> Envelope:
    shape = {
        name: frozenset(value) if name in _SETS else value
        for name, value in case.get("shape", {}).items()
    }
    return Envelope(
        id="chatcmpl-ours", created=1764547200, model="claude-asked", shape=AnswerShape(**shape)
    )


def response_result(case: Case) -> Case:
    """What `parse_response` makes of the case, or the failure."""
    try:
        return {"completion": claude.parse_response(dumps(case["answer"]), envelope(case))}
    except UpstreamError as error:
        failure = error.failure
        return {
            "failure": {
                "kind": failure.kind.value,
                "status": failure.status,
                "code": failure.code,
                "message": failure.message,
            }
        }
