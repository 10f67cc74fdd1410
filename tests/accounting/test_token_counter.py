"""gateway.accounting.token_counter: o200k's own counts, from the vocabulary in the package, in
windows, by a process of its own.
"""

import asyncio
import base64
import hashlib
import logging
import os
import signal
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest
import tiktoken
import tiktoken_ext.openai_public

from gateway.accounting import token_counter
from gateway.accounting.token_counter import MOST_WINDOWS, WINDOW, TokenCounter
from gateway.accounting.tokenizer_worker import PATTERN, encoding, tokens_by_rank
from tests.accounting.counting import count_texts
from tests.accounting.pack import PACKED, pack
from tests.accounting.samples import SAMPLES
from translators.chat.request import ChatRequest


def user(content: str) -> ChatRequest:
    return ChatRequest({"messages": [{"role": "user", "content": content}]})


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("hello world", 2),
        ("The quick brown fox jumps over the lazy dog.", 10),
        ("今日は天気がいいので散歩に行きましょう。" * 10, 140),
        ("Сегодня хорошая погода, пойдём гулять. " * 10, 121),
        ("😀🎉🚀" * 10, 50),
        ("<|endoftext|>", 7),
    ],
)
def test_known_counts(text: str, tokens: int) -> None:
    """Counted once by tiktoken with the file it downloads. A special token's name is text like any
    other.
    """
    assert count_texts([text]) == tokens


def test_vocabulary_and_pattern_are_tiktokens_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that tiktoken would download can be made from ours: it has the hash that tiktoken
    expects of it.
    """
    expected: list[str] = []

    def load(url: str, expected_hash: str) -> dict[bytes, int]:
        expected.append(expected_hash)
        return {}

    monkeypatch.setattr(tiktoken_ext.openai_public, "load_tiktoken_bpe", load)
    theirs = tiktoken_ext.openai_public.o200k_base()
    lines = b"".join(
        b"%s %d\n" % (base64.b64encode(token), rank) for rank, token in enumerate(tokens_by_rank())
    )
    assert [hashlib.sha256(lines).hexdigest()] == expected
    assert theirs["pat_str"] == PATTERN
    assert zlib.decompress(pack(lines)) == zlib.decompress(PACKED.read_bytes())
    assert PACKED.stat().st_size < 1_000_000


_OFFLINE = """
import os, socket, sys, zlib
unpacked = []
original = zlib.decompress
def decompress(data, *more):
    if len(data) > 900_000:
        unpacked.append(len(data))
    return original(data, *more)
zlib.decompress = decompress
def refuse(*_): raise AssertionError("a network call")
socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
import gateway.app
assert "tiktoken" not in sys.modules, "tiktoken in the gateway's process"
from gateway.accounting.tokenizer_worker import count
assert unpacked == [], "unpacked at start"
assert count("hello world") == count("hello there") == 2
assert len(unpacked) == 1, unpacked
assert "requests" not in sys.modules
assert os.listdir(os.environ["TIKTOKEN_CACHE_DIR"]) == []
"""


def test_nothing_is_downloaded_and_nothing_unpacked_before_it_is_needed(tmp_path: Path) -> None:
    environ = {"TIKTOKEN_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", _OFFLINE], env=environ, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


class Encoded:
    """The lengths of the windows that tiktoken was given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lengths: list[int] = []
        original = tiktoken.Encoding.encode_ordinary

        def encode(encoding: Any, text: str) -> list[int]:
            self.lengths.append(len(text))
            return original(encoding, text)

        monkeypatch.setattr(tiktoken.Encoding, "encode_ordinary", encode)


@pytest.mark.parametrize("character", [" ", "\t ", "a", "\n", "ก", "渡", "😀", "\ud800"])
def test_no_window_is_so_long_that_tiktoken_becomes_slow_or_panics(
    character: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = Encoded(monkeypatch)
    assert count_texts([character * 1_000_000]) > 0
    assert max(encoded.lengths) == WINDOW


def test_a_text_beyond_all_windows_is_counted_by_windows_from_all_over_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    once = count_texts([SAMPLES["log"]])
    times = 3 * MOST_WINDOWS * WINDOW // len(SAMPLES["log"])
    encoded = Encoded(monkeypatch)
    assert count_texts([SAMPLES["log"] * times, "", "short"]) == pytest.approx(
        once * times, rel=0.01
    )
    assert len(encoded.lengths) <= MOST_WINDOWS


@pytest.mark.parametrize("name", SAMPLES)
def test_windows_change_the_count_by_less_than_half_a_percent(name: str) -> None:
    """Against the count in one piece, of a text that is sixteen windows long."""
    text = SAMPLES[name] * (16 * WINDOW // len(SAMPLES[name]))
    assert count_texts([text]) == pytest.approx(len(encoding().encode_ordinary(text)), rel=0.005)


LONG = SAMPLES["english"] * 8000
"""Some 2 MB."""


async def test_the_process_counts_the_same() -> None:
    """Any text, also one with half a surrogate pair in it, and any number of them; then it is still
    the same process.
    """
    async with TokenCounter.running() as counter:
        assert counter.pid is None
        assert await counter.count_texts([]) == 0
        pid = counter.pid
        for texts in (
            [LONG, "", "short"],
            [*SAMPLES.values()],
            ["a", "b c"] * 10_000,
            ["\ud800" * 10, "\0", "<|endoftext|>"],
        ):
            assert await counter.count_texts(texts) == count_texts(texts)
        assert counter.pid == pid


async def test_frames_are_counted_with_the_text() -> None:
    async with TokenCounter.running() as counter:
        assert await counter.count_request(user("hello world")) == 2 + 4 + 1


async def test_many_counts_at_once_are_kept_apart() -> None:
    texts = [SAMPLES["english"] * n for n in range(1, 40)]
    async with TokenCounter.running() as counter:
        counts = await asyncio.gather(*(counter.count_texts([text]) for text in texts))
    assert counts == [count_texts([text]) for text in texts]


def gone(pid: int | None) -> bool:
    assert pid is not None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def test_no_process_is_left_over() -> None:
    async with TokenCounter.running() as counter:
        await counter.count_texts(["hello"])
        pid = counter.pid
        assert not gone(pid)
    assert gone(pid)


async def test_a_killed_process_is_started_again() -> None:
    """Killed while nobody asks, and in the middle of a count."""
    async with TokenCounter.running() as counter:
        await counter.count_texts(["hello"])
        first = counter.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        assert await counter.count_texts(["hello world"]) == 2
        second = counter.pid
        assert second not in (None, first)
        count = asyncio.ensure_future(counter.count_texts([LONG]))
        await asyncio.sleep(0)
        os.kill(second or 0, signal.SIGKILL)
        assert await count == count_texts([LONG])
        assert gone(first)
        assert gone(second)


async def test_a_process_that_cannot_run_costs_the_count_only(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with TokenCounter.running() as counter:
        with monkeypatch.context() as broken:
            broken.setattr(token_counter, "WORKER", Path("no such file"))
            assert await counter.count_texts(["secret words"]) is None
            broken.setattr(sys, "executable", "/no/such/python")
            assert await counter.count_texts(["secret words"]) is None
        assert await counter.count_texts(["hello world"]) == 2
    assert [r.levelno for r in caplog.records if r.name == "llm_router"] == [logging.ERROR] * 2
    assert "secret" not in caplog.text


async def test_a_process_that_hangs_is_given_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """By all who wait; the next one has a new process."""
    hanging = tmp_path / "hanging.py"
    hanging.write_text("import time\ntime.sleep(1000)\n")
    async with TokenCounter.running(0.5) as counter:
        with monkeypatch.context() as broken:
            broken.setattr(token_counter, "WORKER", hanging)
            count = asyncio.gather(*(counter.count_texts([LONG]) for _ in range(3)))
            while counter.pid is None:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0)
            pid = counter.pid
            assert await count == [None, None, None]
        assert gone(pid)
    async with TokenCounter.running() as counter:
        assert await counter.count_texts(["hello world"]) == 2
    assert {r.getMessage() for r in caplog.records} == {
        "counting tokens took longer than 0.5 s: the estimate is used instead"
    }


async def test_a_caller_who_leaves_in_the_middle_does_not_confuse_the_next() -> None:
    async with TokenCounter.running() as counter:
        await counter.count_texts(["hello"])
        count = asyncio.ensure_future(counter.count_texts([LONG]))
        await asyncio.sleep(0)
        count.cancel()
        with pytest.raises(asyncio.CancelledError):
            await count
        assert await counter.count_texts(["hello world"]) == 2


async def test_it_ends_with_a_gateway_that_was_killed() -> None:
    """Its standard input ends, whoever held the other end."""
    code = """
import asyncio
from gateway.accounting.token_counter import TokenCounter
async def main():
    async with TokenCounter.running() as counter:
        await counter.count_texts(["hello"])
        print(counter.pid, flush=True)
        await asyncio.sleep(1000)
asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    pid = int(await process.stdout.readline())
    assert not gone(pid)
    process.kill()
    await process.wait()
    while not gone(pid):  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.01)
