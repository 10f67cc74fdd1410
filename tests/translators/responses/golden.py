"""Golden cases: one JSON file each, with what goes in and what must come out."""

import json
from pathlib import Path
from typing import Any

from tests.translators.responses.models import record
from translators import responses
from translators.chat.request import parse
from translators.dialect import AnswerShape, Envelope, Target, UpstreamRequest
from translators.errors import InvalidRequest, UpstreamError
from translators.json_codec import dumps, loads

HERE = Path(__file__).parent
REQUESTS = sorted((HERE / "requests").glob("*.json"))
RESPONSES = sorted((HERE / "responses").glob("*.json"))

Case = dict[str, Any]


def read(path: Path) -> Case:
    case: Case = json.loads(path.read_text("utf-8"))
    return case


def write(path: Path, case: Case) -> None:
    path.write_text(json.dumps(case, indent=1, ensure_ascii=False) + "\n", "utf-8")


def build(case: Case) -> UpstreamRequest:
    model = case.get("model", "gpt-6-astra")
    target = Target(
        "openai",
        "openai",
        "https://api.openai.com/v1",
        model,
        record(model, case.get("record", {})),
        "sk-test",
    )
    return responses.build_request(parse({"model": "persona", **case["request"]}), target)


def request_result(case: Case) -> Case:
    """What `build_request` makes of the case: body, notes and what the shape says, or the
    refusal."""
    try:
        built = build(case)
    except InvalidRequest as error:
        return {"refused": {"message": error.message, "param": error.param, "code": error.code}}
    result: Case = {
        "body": loads(built.body),
        "notes": [[note.kind, note.param, note.why] for note in built.notes],
    }
    shape = {name: getattr(built.shape, name) for name in AnswerShape._fields}
    if told := {
        name: sorted(value) if isinstance(value, frozenset) else value
        for name, value in shape.items()
        if value
    }:
        result["shape"] = loads(dumps(told))
    return result


def envelope(case: Case) -> Envelope:
    shape = dict(case.get("shape", {}))
    shape["declared_tools"] = frozenset(shape.get("declared_tools", ()))
    return Envelope(
        id="chatcmpl-ours",
        created=1764547200,
        model="gpt-asked",
        call_id="call_u",
        shape=AnswerShape(**shape),
    )


def response_result(case: Case) -> Case:
    """What `parse_response` makes of the case, or the failure."""
    try:
        return {"completion": responses.parse_response(dumps(case["answer"]), envelope(case))}
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
