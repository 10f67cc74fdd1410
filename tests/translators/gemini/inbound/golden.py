"""Golden cases: one JSON file each, a caller's body and what it is to the hub, or the hub's chunks
and what a caller is shown.
"""

from pathlib import Path
from typing import Any

from tests.translators.gemini.golden import Case, read, write
from translators.chat.chunks import Chunk, Collector
from translators.dialect.inbound import AnswerFacts, Call, CallerError
from translators.errors import InvalidRequest
from translators.gemini import inbound
from translators.gemini.inbound.signatures import unsealed_signature
from translators.json_codec import dumps, loads
from translators.sealed import SEALED

HERE = Path(__file__).parent
REQUESTS = sorted((HERE / "requests").glob("*.json"))
RESPONSES = sorted((HERE / "responses").glob("*.json"))
FACTS = AnswerFacts("answer-7", 1_795_000_000, "served-1", "claude/c", lambda: 1)

__all__ = ["REQUESTS", "RESPONSES", "read", "request_result", "response_result", "write"]


def request_result(case: Case) -> Case:
    """What the hub is asked, and what reading the body found; or the refusal."""
    text = dumps(case["request"])
    call = Call(url=case.get("url", "/v1beta/models/p:generateContent"), text=text, size=len(text))
    try:
        made = inbound.read_request(loads(text), call)
    except InvalidRequest as error:
        return {
            "refused": {
                "message": error.message,
                "param": error.param,
                "code": error.code,
                "status": error.status,
            }
        }
    origin = made.origin
    assert origin is not None
    found: Case = {
        "body": {
            **made.request.body,
            "messages": [_plain(message) for message in made.request.messages],
        },
        "notes": [[note.kind, note.param, note.why] for note in origin.notes],
        "natives": list(origin.natives),
        "shows_reasoning": origin.shows_reasoning,
    }
    return {name: value for name, value in found.items() if value}


def _plain(message: Case) -> Case:
    if SEALED not in message:
        return message
    return {**message, SEALED: [state._asdict() for state in message[SEALED]]}


def response_result(case: Case) -> Case:
    """The frames of a stream, and the same as one answer."""
    shown = {
        "contents": "q",
        "generationConfig": {"thinkingConfig": {"includeThoughts": case.get("thoughts", False)}},
    }
    made = inbound.read_request(shown, Call(url="/v1/models/p:streamGenerateContent?alt=sse"))
    array = inbound.read_request(shown, Call(url="/v1/models/p:streamGenerateContent"))
    events, elements = written(made, case), written(array, case)
    assert [
        unsealed(loads(piece[6:]))
        for piece in events.split(b"\r\n\r\n")
        if piece.startswith(b"data: ")
    ] == unsealed(loads(elements))
    expected: Case = {"frames": unsealed(loads(elements))}
    if "error" not in case:
        expected["answer"] = unsealed(loads(made.write_completion(collected(case), FACTS)))
    return expected


def chunks_of(case: Case) -> list[Chunk]:
    return [Chunk(**chunk) for chunk in case["chunks"]]


def written(made: Any, case: Case) -> bytes:
    """All that one writer gives, chunk by chunk."""
    writer = made.open_writer("answer-0", 1_795_000_000)
    writer.begin(FACTS)
    pieces = [writer.write([chunk]) for chunk in chunks_of(case)]
    if (error := case.get("error")) is not None:
        return b"".join((*pieces, *writer.fail(CallerError(**error))))
    return b"".join((*pieces, writer.end()))


def collected(case: Case) -> Any:
    collector = Collector(FACTS.id, FACTS.created, FACTS.model)
    for chunk in chunks_of(case):
        collector.add(chunk)
    return collector.completion()


def unsealed(value: Any) -> Any:
    """With what is sealed in it in clear: how zlib packs is its own affair."""
    if isinstance(value, list):
        return [unsealed(each) for each in value]
    if not isinstance(value, dict):
        return value
    state = unsealed_signature(value.get("thoughtSignature", ""))
    opened = {} if state is None else {"thoughtSignature": state._asdict()}
    return {**{name: unsealed(each) for name, each in value.items()}, **opened}
