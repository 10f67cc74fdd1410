"""Each compatible server's answers through the translator alone: streams cut everywhere, errors as
what they are.
"""

from typing import Any, Final

import pytest

from tests.servers.corpus import SERVERS, STREAMS, Error, Server
from tests.servers.told import DONE, added_up, part_of
from tests.translators.cuts import every_way
from translators.chat.chunks import ChunkWriter
from translators.dialect import AnswerShape, Envelope, StreamTranslator
from translators.errors import FailureKind
from translators.json_codec import dumps
from translators.openai import open_stream, parse_error, parse_response

ENVELOPE: Final = Envelope(
    "chatcmpl-ours",
    1,
    "asked-for",
    "call_ours",
    AnswerShape(declared_tools=frozenset({"get_weather", "get_time"})),
)
KINDS: Final = {
    "overflow": {FailureKind.CONTEXT_LENGTH},
    "rate_limit": {FailureKind.RATE_LIMIT, FailureKind.OVERLOADED},
    "moderation": {FailureKind.CONTENT_FILTER},
    "bad_output": {FailureKind.MODEL_OUTPUT},
}
ERRORS: Final = [
    (server, kind, error)
    for server in SERVERS
    for kind, errors in server.errors.items()
    for error in errors
]


def opened() -> StreamTranslator:
    return open_stream(ENVELOPE)


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)
@pytest.mark.parametrize("kind", STREAMS)
def test_a_stream_adds_up_however_it_is_cut(server: Server, kind: str) -> None:
    stream = server.streams[kind]
    translator = opened()
    chunks = [*translator.receive(stream.data), *translator.receive_eof()]
    assert (translator.failure, translator.finished) == (None, True)
    told = added_up(
        ChunkWriter(translator.id, 1, translator.model, include_usage=True).write(chunks) + DONE
    )
    expected = {"content": "", "reasoning": "", "calls": [], **stream.expected}
    assert (
        part_of({**told, "usage": part_of(told["usage"] or {}, expected["usage"])}, expected)
        == expected
    )
    every_way(stream.data, opened, "the corpus")


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)
@pytest.mark.parametrize("kind", STREAMS)
def test_a_stream_that_breaks_off_is_not_whole(server: Server, kind: str) -> None:
    """Wherever it ends before its finish: then it is a failure, and no finish was shown."""
    data = server.streams[kind].data
    finish = data.index(b'"finish_reason":"' + _last_reason(data))
    for end in range(1, finish):
        translator = opened()
        chunks = [*translator.receive(data[:end]), *translator.receive_eof()]
        assert translator.failure is not None, end
        assert not any(chunk.finish_reason for chunk in chunks), end


def _last_reason(data: bytes) -> bytes:
    """The reason that the stream ends with."""
    return data.rpartition(b'"finish_reason":"')[2].partition(b'"')[0]


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)
def test_a_whole_answer_is_a_completion(server: Server) -> None:
    from_server: dict[str, Any] = server.answer.json
    completion = parse_response(dumps(from_server), ENVELOPE)
    assert completion["object"] == "chat.completion"
    assert (completion["id"], completion["model"]) == (from_server["id"], from_server["model"])
    assert completion["choices"][0]["finish_reason"] == server.answer.expected["finish_reason"]


@pytest.mark.parametrize(
    ("server", "kind", "error"),
    ERRORS,
    ids=[
        f"{server.name}-{kind}-{server.errors[kind].index(error)}" for server, kind, error in ERRORS
    ],
)
def test_an_error_is_what_it_is(server: Server, kind: str, error: Error) -> None:
    assert parse_error(error.status, error.headers, error.body).kind in KINDS[kind]
