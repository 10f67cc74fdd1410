"""What requests become, and what answers are written as: kept in two files, and made anew by
`python -m tests.regenerate`."""

import json
from pathlib import Path
from typing import Any, Final

from tests.translators.responses.inbound.request_cases import REFUSED, REQUESTS
from tests.translators.responses.inbound.stream_cases import STREAMS, TOOLS, Case
from translators.chat.chunks import Chunk
from translators.dialect.inbound import AnswerFacts, Call, CallerError
from translators.errors import InvalidRequest
from translators.json_codec import dumps, loads
from translators.responses.inbound.dialect import read_request
from translators.responses.inbound.writer import ResponsesWriter
from translators.sealed import SEALED, unpacked

HERE: Final = Path(__file__).parent
BROKE: Final = CallerError(502, "The stream ended.", "server_error", "upstream_truncated")
FACTS: Final = AnswerFacts("chatcmpl-1", 1000, "served-1", "claude/big", lambda: 1)
USAGE: Final[Any] = {
    "prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 2},
}  # fmt: skip


def hub_of(document: Any) -> Any:
    """What a request becomes; what is sealed is shown open."""
    try:
        read = read_request(loads(dumps(document)), Call(size=1))
    except InvalidRequest as error:
        return {"param": error.param, "code": error.code, "message": error.message}
    body = {**read.request.body}
    body["messages"] = [
        {name: [state._asdict() for state in value] if name == SEALED else value
         for name, value in message.items()}
        for message in body["messages"]
    ]  # fmt: skip
    notes = [f"{note.kind} {note.param}: {note.why}" for note in read.origin.notes]
    return loads(dumps({"body": body, "natives": list(read.origin.natives), "notes": notes}))


def chunks_of(case: Case) -> list[Chunk]:
    """As a target's stream gives them."""
    _, deltas, reason = case
    chunks = [Chunk(loads(dumps(delta))) for delta in deltas]
    return chunks if reason is None else [*chunks, Chunk({}, reason), Chunk(usage=USAGE)]


def writer_of(case: Case) -> ResponsesWriter:
    """For the answer to a case's request."""
    asked = {"model": "p", "input": "hi", "stream": True, "store": False, "tools": TOOLS, **case[0]}
    return read_request(asked, Call(size=1)).open_writer("0" * 24, 990)


def told(case: Case) -> bytes:
    """The whole answer, written chunk by chunk."""
    writer = writer_of(case)
    writer.begin(FACTS)
    text = b"".join([writer.write([chunk]) for chunk in chunks_of(case)])
    return text + (b"".join(writer.fail(BROKE)) if case[2] is None else writer.end())


def events_of(text: bytes) -> list[Any]:
    """The events, with what is sealed in them open: zlib's bytes are its own."""
    data = [line[6:] for line in text.split(b"\n") if line.startswith(b"data: ")]
    return [opened(loads(each)) for each in data]


def opened(value: Any) -> Any:
    """A document with what is sealed in it open."""
    if value.__class__ is list:
        return [opened(each) for each in value]
    if value.__class__ is not dict:
        return value
    return {
        name: unpacked(each.partition(".")[2])
        if name == "encrypted_content" and each.startswith("llmr1")
        else opened(each)
        for name, each in value.items()
    }


def shortened(events: list[Any]) -> list[Any]:
    """Of lifecycle events what differs from case to case."""
    names = ("status", "error", "incomplete_details", "output", "usage", "model")
    return [
        {**event, "response": {name: event["response"][name] for name in names}}
        if "response" in event
        else event
        for event in events
    ]


def golden() -> dict[str, Any]:
    """What stands in the files, by their names."""
    return {
        "requests.json": {name: hub_of(document) for name, document in REQUESTS.items()},
        "refused.json": {name: hub_of(document) for name, document in REFUSED.items()},
        "streams.json": {name: shortened(events_of(told(case))) for name, case in STREAMS.items()},
    }


def regenerate() -> None:
    """Write the files anew."""
    for name, document in golden().items():
        lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in document.items()]
        (HERE / name).write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
