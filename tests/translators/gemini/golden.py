"""Golden cases: one JSON file each, with what goes in and what must come out."""

import json
from pathlib import Path
from typing import Any

from tests.translators.gemini.models import record
from translators import gemini
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


def target(case: Case) -> Target:
    facts = record(case["model"], case.get("record", {}))
    return Target(
        "gemini",
        "gemini",
        "https://generativelanguage.googleapis.com",
        case["model"],
        facts,
        "AIza-test",
    )


def build(case: Case) -> UpstreamRequest:
    return gemini.build_request(parse({"model": "persona", **case["request"]}), target(case))


def request_result(case: Case) -> Case:
    """What `build_request` makes of the case: body, notes and what is remembered for the answer, or
    the refusal.
    """
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
    shape = {name: getattr(built.shape, name) for name in AnswerShape._fields}
    result: Case = {
        "body": loads(built.body),
        "notes": [[note.kind, note.param, note.why] for note in built.notes],
        "shape": {name: _plain(value) for name, value in shape.items() if value},
    }
    return {name: value for name, value in result.items() if value}


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else value


def envelope(case: Case) -> Envelope:
    shape = {
        name: frozenset(value) if name in _SETS else value
        for name, value in case.get("shape", {}).items()
    }
    return Envelope(
        id="chatcmpl-1",
        created=1795000000,
        model="gemini-asked",
        call_id="call_u",
        shape=AnswerShape(**shape),
    )


def response_result(case: Case) -> Case:
    """What `parse_response` makes of the case, or the failure."""
    try:
        return {"completion": gemini.parse_response(dumps(case["answer"]), envelope(case))}
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
