"""gateway.telemetry: listeners are told, a broken one harms nobody, lines hold no more than they
should.
"""

import asyncio
import os
import threading
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.telemetry import request_log
from gateway.telemetry.events import AttemptEnded, Event, EventBus, RequestEnded, Usage
from gateway.telemetry.request_log import RequestLog, line
from translators.json_codec import dumps_str, loads

ATTEMPT = AttemptEnded(provider="claude", model="opus", outcome="ok", seconds=0.5, status=200)
ENDED = RequestEnded(
    request_id="req_1", api="chat", key_id="0a0b0c0d", persona="p", provider="claude",
    model="opus", stream=True, status=200, outcome="ok",
    error_code=None, attempts=(ATTEMPT,), dropped=("seed",), usage=Usage(prompt=3, completion=2),
    finish_reason="stop", seconds=0.6,
    upstream_seconds=0.5, first_chunk_seconds=0.2, cost_nano_usd=56_000,
)  # fmt: skip


def test_every_listener_hears_every_event_even_after_one_fails(
    caplog: pytest.LogCaptureFixture,
) -> None:
    heard: list[Event] = []

    def broken(event: Event) -> None:
        raise RuntimeError("prompt text that must not be logged")

    EventBus([broken, heard.append]).publish(ENDED)
    assert heard == [ENDED]
    assert "RuntimeError" in caplog.text
    assert "prompt text" not in caplog.text


def test_a_line() -> None:
    assert loads(line(0.25, ENDED)) == {
        "time": "1970-01-01T00:00:00.250Z",
        "event": "request",
        "request_id": "req_1",
        "api": "chat",
        "key_id": "0a0b0c0d",
        "persona": "p",
        "provider": "claude",
        "model": "opus",
        "stream": True,
        "status": 200,
        "outcome": "ok",
        "finish_reason": "stop",
        "attempts": [{"target": "claude/opus", "outcome": "ok", "ms": 500.0}],
        "dropped": ["seed"],
        "prompt_tokens": 3,
        "cached_tokens": 0,
        "completion_tokens": 2,
        "reasoning_tokens": 0,
        "cost_usd": 0.000056,
        "ms": 600.0,
        "upstream_ms": 500.0,
        "first_chunk_ms": 200.0,
    }


def test_a_line_says_what_a_cache_did() -> None:
    given_again = ENDED._replace(attempts=(), usage=None, cost_nano_usd=0, cache="hit")
    told = loads(line(0.25, given_again))
    assert (told["cache"], told["cost_usd"], told["attempts"]) == ("hit", 0.0, [])


def test_what_is_not_known_is_left_out() -> None:
    bare = ENDED._replace(
        key_id=None, persona=None, provider=None, model=None, attempts=(), dropped=(), usage=None,
        finish_reason=None,
        first_chunk_seconds=None, cost_nano_usd=None,
    )  # fmt: skip
    assert list(loads(line(0.25, bare))) == [
        "time", "event", "request_id", "api", "stream", "status", "outcome", "attempts", "ms",
        "upstream_ms",
    ]  # fmt: skip


@given(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.sampled_from(["stop", 'a"\\b', 5, None, ["x"], {"a": 1}]),
)
def test_a_line_is_json_whatever_is_in_its_texts(text: str, reason: Any) -> None:
    attempt = AttemptEnded(text, text, text, 1.5, why="retry")
    told = ENDED._replace(
        persona=text, key_id=text, error_code=text, outcome=text, attempts=(ATTEMPT, attempt),
        dropped=(text,), finish_reason=reason,
        seconds=0.0123456, decision=lambda: dumps_str({"id": text}),
    )  # fmt: skip
    read = loads(line(0.25, told))
    assert [read[name] for name in ("persona", "key_id", "error_code", "outcome")] == [text] * 4
    assert read["attempts"][1] == {
        "target": f"{text}/{text}",
        "outcome": text,
        "ms": 1500.0,
        "why": "retry",
    }
    assert (read["dropped"], read.get("finish_reason"), read["decision"], read["ms"]) == (
        [text],
        reason,
        {"id": text},
        12.35,
    )


@given(st.integers(0, 10**12))
def test_a_cost_is_written_exactly(nano: int) -> None:
    assert loads(line(0.0, ENDED._replace(cost_nano_usd=nano)))["cost_usd"] == nano / 1e9


async def test_lines_are_written_soon_and_at_the_end() -> None:
    read_end, write_end = os.pipe()
    log = RequestLog(write_end)
    log.on_event(ATTEMPT)
    log.on_event(ENDED)
    await asyncio.sleep(0.15)
    log.on_event(ENDED)
    log.close()
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        assert [loads(text)["event"] for text in pipe.read().splitlines()] == ["request", "request"]


async def test_a_reader_that_stands_still_costs_lines_and_holds_up_nobody(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(request_log, "CAPACITY", 500)
    monkeypatch.setattr(request_log, "_PATIENCE", 0.2)
    read_end, write_end = os.pipe()
    log = RequestLog(write_end)
    for _ in range(8):
        for _ in range(300):
            log.on_event(ENDED)
        await asyncio.sleep(request_log.INTERVAL * 1.5)
    held = 65_536 // len(line(0.0, ENDED)) + 1
    assert 2400 - 500 - held <= log.lost <= 2400 - 500
    assert "lines of the request log were lost" in caplog.text
    started = time.monotonic()
    log.close()
    assert time.monotonic() - started < 2
    os.close(read_end)


async def test_a_reader_that_goes_on_gets_lines_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_log, "CAPACITY", 500)
    read_end, write_end = os.pipe()
    log = RequestLog(write_end)
    for _ in range(900):
        log.on_event(ENDED)
    reader = threading.Thread(
        target=lambda: [*iter(lambda: os.read(read_end, 65_536), b"")], daemon=True
    )
    reader.start()
    await asyncio.sleep(request_log.INTERVAL * 4)
    before = log.lost
    for _ in range(400):
        log.on_event(ENDED)
    log.close()
    assert (before, log.lost) == (400, 400)
    os.close(write_end)
    reader.join(5)
    os.close(read_end)


async def test_a_log_nobody_reads_costs_lines_and_nothing_else() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    log = RequestLog(write_end)
    log.on_event(ENDED)
    log.close()
    os.close(write_end)
    assert log.lost == 1
