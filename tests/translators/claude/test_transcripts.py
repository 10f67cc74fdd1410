"""Transcripts: what Claude sends and what our callers must see, read whole, in pieces, and
cut off."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.translators.claude.streams import TRANSCRIPTS, opened, run

NAMES = [path.name.removesuffix(".claude.sse") for path in sorted(TRANSCRIPTS.glob("*.claude.sse"))]
_BROKEN = ("T3_error_mid", "T4_truncated")


def _claude(name: str) -> bytes:
    return (TRANSCRIPTS / f"{name}.claude.sse").read_bytes()


def _expected(
    path: Path,
) -> tuple[list[dict[str, Any]], dict[str, Any] | None, dict[str, Any] | None, bool]:
    """Deltas with finish reasons, usage, error, and whether [DONE] came."""
    steps, usage, error, done = [], None, None, False
    for line in path.read_text("utf-8").splitlines():
        if not line:
            continue
        data = line.removeprefix("data: ")
        if data == "[DONE]":
            done = True
            continue
        chunk = json.loads(data)
        error = chunk.get("error") or error
        usage = chunk.get("usage") or usage
        for choice in chunk.get("choices", ()):
            steps.append({"delta": choice["delta"], "finish_reason": choice["finish_reason"]})
    return steps, usage, error, done


@pytest.mark.parametrize("name", NAMES)
def test_the_caller_sees_what_is_written(name: str) -> None:
    """Deltas, finish reason, usage, error and end are those of the transcript (`provider_content`
    is ours, beside it).
    """
    steps, usage, error, done = _expected(TRANSCRIPTS / f"{name}.openai.sse")
    chunks, stream = run(_claude(name))
    seen = []
    for chunk in chunks:
        if "delta" in chunk:
            delta = {
                key: value for key, value in chunk["delta"].items() if key != "provider_content"
            }
            seen.append({"delta": delta, "finish_reason": chunk.get("finish_reason")})
    failure = stream.failure
    shown = failure and {
        "message": failure.message,
        "type": failure.type,
        "param": failure.param,
        "code": failure.code,
    }
    assert (seen, shown, stream.finished) == (steps, error, done)
    assert usage is None or chunks[-1]["usage"] == usage
    assert (stream.id, stream.model) == ("chatcmpl-msg_01A", "claude-sonnet-5")


@pytest.mark.parametrize("name", [name for name in NAMES if name not in _BROKEN])
def test_a_stop_reason_is_proof_of_the_end(name: str) -> None:
    """Without message_stop, but with the stop reason, the answer is whole."""
    data = _claude(name)
    cut = data[: data.index(b"event: message_stop")]
    assert run(cut)[0] == run(data)[0]
    assert run(cut)[1].finished


@pytest.mark.parametrize("name", NAMES)
def test_before_the_last_byte_nothing_is_finished(name: str) -> None:
    """Only the end mark itself finishes a stream that is still open."""
    stream = opened()
    data = _claude(name)
    stream.receive(data[: data.index(b"message_stop") if b"message_stop" in data else len(data)])
    assert not stream.finished
