"""Whole conversations: what Gemini sends, byte for byte, and what the caller must see."""

from pathlib import Path
from typing import Any

import pytest

from tests.translators.gemini.official import check_chunk
from tests.translators.gemini.streams import read, written
from translators.errors import UpstreamFailure
from translators.json_codec import loads
from translators.sse import Decoder

HERE = Path(__file__).parent / "transcripts"
NAMES = sorted(path.name.removesuffix(".gemini.sse") for path in HERE.glob("*.gemini.sse"))


def gemini_side(name: str) -> bytes:
    return (HERE / f"{name}.gemini.sse").read_bytes()


def openai_side(name: str) -> list[dict[str, Any]]:
    """The expected chunks; an error frame as the last one."""
    decoder = Decoder()
    events = decoder.receive((HERE / f"{name}.openai.sse").read_bytes()) + decoder.receive_eof()
    return [loads(data) for _, data in events if data != b"[DONE]"]


def plain(chunk: dict[str, Any]) -> dict[str, Any]:
    """A chunk without what may be there or not, and without the ids that were drawn."""
    made = {name: value for name, value in chunk.items() if value is not None}
    made["choices"] = [
        {name: value for name, value in choice.items() if name != "logprobs"}
        for choice in chunk["choices"]
    ]
    for choice in made["choices"]:
        for call in choice["delta"].get("tool_calls", ()):
            if call["id"].startswith("call_"):
                call["id"] = "drawn"
    return made


def error_of(failure: UpstreamFailure) -> dict[str, Any]:
    return {
        "error": {
            "message": failure.message,
            "type": failure.type,
            "param": failure.param,
            "code": failure.code,
        }
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_caller_sees_what_the_transcript_says(name: str) -> None:
    stream, chunks = read(gemini_side(name))
    expected = openai_side(name)
    told = [plain(chunk) for chunk in written(stream, chunks)]
    if "error" not in expected[-1]:
        assert stream.finished
        assert told == [plain(chunk) for chunk in expected]
        return
    assert not stream.finished
    assert told == [plain(chunk) for chunk in expected[:-1]]
    assert stream.failure is not None
    if stream.failure.code == "stream_truncated":  # every dialect tells of a cut in the same words
        assert expected[-1]["error"]["code"] == "upstream_truncated"
    else:
        assert error_of(stream.failure) == expected[-1]


@pytest.mark.parametrize("name", NAMES)
def test_chunks_are_ones_openai_knows(name: str) -> None:
    for chunk in written(*read(gemini_side(name))):
        check_chunk(chunk)


@pytest.mark.parametrize("name", NAMES)
def test_each_choice_has_one_role_and_one_end(name: str) -> None:
    stream, chunks = read(gemini_side(name))
    indexes = {chunk.index for chunk in chunks if chunk.delta is not None}
    for index in indexes:
        own = [chunk for chunk in chunks if chunk.index == index and chunk.delta is not None]
        assert [chunk.delta.get("role") for chunk in own if chunk.delta] == ["assistant"] + [
            None
        ] * (sum(1 for c in own if c.delta) - 1)
        assert sum(chunk.finish_reason is not None for chunk in own) == (
            1 if stream.finished else 0
        )
