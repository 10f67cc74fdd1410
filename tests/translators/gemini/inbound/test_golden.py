"""Every golden case says what it did."""

from pathlib import Path

import pytest

from tests.translators.gemini.inbound import golden
from translators.chat.chunks import Chunk
from translators.dialect.inbound import Call
from translators.gemini import inbound


@pytest.mark.parametrize("path", golden.REQUESTS, ids=lambda path: path.stem)
def test_requests(path: Path) -> None:
    case = golden.read(path)
    assert case["expected"] == golden.request_result(case)


@pytest.mark.parametrize("path", golden.RESPONSES, ids=lambda path: path.stem)
def test_answers(path: Path) -> None:
    case = golden.read(path)
    assert case["expected"] == golden.response_result(case)


def test_there_are_enough_of_them() -> None:
    assert (len(golden.REQUESTS) >= 40, len(golden.RESPONSES) >= 20) == (True, True)


@pytest.mark.parametrize("path", golden.RESPONSES, ids=lambda path: path.stem)
def test_a_stream_may_break_behind_every_chunk(path: Path) -> None:
    """What was shown stays, and the failure is told in both forms: bare at the very end."""
    case = golden.read(path)
    error = {"status": 502, "message": "broken", "type": "server_error"}
    for cut in range(len(case["chunks"]) + 1):
        made = inbound.read_request(
            {"contents": "q"}, Call(url="/v1/models/p:streamGenerateContent?alt=sse")
        )
        pieces = golden.written(made, {"chunks": case["chunks"][:cut], "error": error}).split(
            b"\r\n\r\n"
        )
        assert pieces[-1] == b'{"error":{"code":502,"message":"broken","status":"INTERNAL"}}'
        assert pieces[-2] == b"data: " + pieces[-1]


def test_several_chunks_at_once_are_written_as_one_by_one() -> None:
    for path in golden.RESPONSES:
        case = golden.read(path)
        url = "/v1/models/p:streamGenerateContent?alt=sse"
        singly = golden.written(
            inbound.read_request({"contents": "q"}, Call(url=url)), {"chunks": case["chunks"]}
        )
        writer = inbound.read_request({"contents": "q"}, Call(url=url)).open_writer("a", 1)
        writer.begin(golden.FACTS)
        assert writer.write([Chunk(**chunk) for chunk in case["chunks"]]) + writer.end() == singly
