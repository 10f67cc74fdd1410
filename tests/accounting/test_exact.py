"""gateway.accounting.exact: o200k's own counts, from the vocabulary in the package, off the loop, in windows."""

import asyncio
import base64
import hashlib
import subprocess
import sys
import threading
import zlib
from pathlib import Path
from typing import Any

import pytest
import tiktoken
import tiktoken_ext.openai_public

from gateway.accounting.exact import MOST_WINDOWS, PATTERN, WINDOW, count_exactly, count_request, count_texts, encoding, tokens_by_rank
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
    """Counted once by tiktoken with the file it downloads. A special token's name is text like any other."""
    assert count_texts([text]) == tokens


def test_vocabulary_and_pattern_are_tiktokens_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that tiktoken would download can be made from ours: it has the hash that tiktoken expects of it."""
    expected: list[str] = []

    def load(url: str, expected_hash: str) -> dict[bytes, int]:
        expected.append(expected_hash)
        return {}

    monkeypatch.setattr(tiktoken_ext.openai_public, "load_tiktoken_bpe", load)
    theirs = tiktoken_ext.openai_public.o200k_base()
    lines = b"".join(b"%s %d\n" % (base64.b64encode(token), rank) for rank, token in enumerate(tokens_by_rank()))
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
from gateway.accounting.exact import count_texts
assert unpacked == [], "unpacked at start"
assert count_texts(["hello world"]) == count_texts(["hello there"]) == 2
assert len(unpacked) == 1, unpacked
assert "requests" not in sys.modules
assert os.listdir(os.environ["TIKTOKEN_CACHE_DIR"]) == []
"""


def test_nothing_is_downloaded_and_nothing_unpacked_before_it_is_needed(tmp_path: Path) -> None:
    environ = {"TIKTOKEN_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", _OFFLINE], env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


class Encoded:
    """The windows that tiktoken was given, and the threads it ran in."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lengths: list[int] = []
        self.threads: set[str] = set()
        original = tiktoken.Encoding.encode_ordinary

        def encode(encoding: Any, text: str) -> list[int]:
            self.lengths.append(len(text))
            self.threads.add(threading.current_thread().name)
            return original(encoding, text)

        monkeypatch.setattr(tiktoken.Encoding, "encode_ordinary", encode)


@pytest.mark.parametrize("character", [" ", "\t ", "a", "\n", "ก", "渡", "😀", "\ud800"])
def test_no_window_is_so_long_that_tiktoken_becomes_slow_or_panics(character: str, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = Encoded(monkeypatch)
    assert count_texts([character * 1_000_000]) > 0
    assert max(encoded.lengths) == WINDOW


def test_a_text_beyond_all_windows_is_counted_by_windows_from_all_over_it(monkeypatch: pytest.MonkeyPatch) -> None:
    once = count_texts([SAMPLES["log"]])
    times = 3 * MOST_WINDOWS * WINDOW // len(SAMPLES["log"])
    encoded = Encoded(monkeypatch)
    assert count_texts([SAMPLES["log"] * times, "", "short"]) == pytest.approx(once * times, rel=0.01)
    assert len(encoded.lengths) <= MOST_WINDOWS


@pytest.mark.parametrize("name", SAMPLES)
def test_windows_change_the_count_by_less_than_half_a_percent(name: str) -> None:
    """Against the count in one piece, of a text that is eight windows long."""
    text = SAMPLES[name] * (8 * WINDOW // len(SAMPLES[name]))
    assert count_texts([text]) == pytest.approx(len(encoding().encode_ordinary(text)), rel=0.005)


async def test_counting_runs_in_a_thread_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """One at a time, however many are asked for."""
    encoded = Encoded(monkeypatch)
    request = user(SAMPLES["english"] * 100)
    counts = await asyncio.gather(*(count_exactly(request) for _ in range(5)))
    assert set(counts) == {count_request(request)}
    assert threading.current_thread().name in encoded.threads
    assert {name.rpartition("_")[0] for name in encoded.threads} == {"", "token-count"}


def test_frames_are_counted_with_the_text() -> None:
    assert count_request(user("hello world")) == 2 + 4 + 1
