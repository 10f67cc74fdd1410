"""Tokens of a request, counted by o200k: in a process of its own, started at the first count and
kept.

tiktoken holds Python's lock, 0.2 s for its vocabulary and some milliseconds for every count; in
another process it holds up nobody. What fails there, or takes too long, costs the count and no
more: there is always the estimate.
"""

import asyncio
import contextlib
import logging
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from gateway.accounting.prompt_contents import contents_of
from gateway.http.offload import BIG, off_loop
from translators.chat.request import ChatRequest

ENCODING: Final = "o200k_base"
WORKER: Final = Path(__file__).with_name("tokenizer_worker.py")
"""Run by its path, not imported: tiktoken stays out of this process."""
WINDOW: Final = 4096
"""Characters that are encoded at once. tiktoken is slow on long texts without a boundary and panics
(a BaseException) on a million spaces; cutting costs less than a tenth of a percent of accuracy.
"""
MOST_WINDOWS: Final = 1024
"""Windows that are encoded of one request: 4 million characters, as much as the largest context
window holds. Of more, so many are taken from all over the text.
"""
TIME_LIMIT: Final = 5.0
"""Seconds for a count, its turn and the start of the process included."""

_BATCH: Final = 262_144
"""Characters that are encoded and written before other tasks have their turn."""
_MOST_TEXTS: Final = 2048
"""The same for many small texts."""
_END: Final = bytes(4)
_log: Final = logging.getLogger("llm_router")


class _Worker(NamedTuple):
    """The process, and our end of the socket that is its standard input and output."""

    process: subprocess.Popen[bytes]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class TokenCounter:
    """Counts for one gateway, one request at a time. `running` ends its process, too."""

    def __init__(self, time_limit: float = TIME_LIMIT) -> None:
        self._time_limit = time_limit
        self._turn = asyncio.Lock()
        self._worker: _Worker | None = None

    @classmethod
    @asynccontextmanager
    async def running(cls, time_limit: float = TIME_LIMIT) -> AsyncIterator["TokenCounter"]:
        counter = cls(time_limit)
        try:
            yield counter
        finally:
            await counter._end()

    @property
    def pid(self) -> int | None:
        """Of the process that counts, None before the first count."""
        return None if self._worker is None else self._worker.process.pid

    async def count_request(self, request: ChatRequest) -> int | None:
        """Prompt tokens of a request, its frames and media estimated as ever. None if they cannot
        be counted now.
        """
        contents = (
            contents_of(request) if request.size <= BIG else await off_loop(contents_of, request)
        )
        await asyncio.sleep(0)
        counted = await self.count_texts(contents.texts)
        return None if counted is None else int((counted + contents.tokens) * contents.scale) + 1

    async def count_texts(self, texts: Sequence[str]) -> int | None:
        """Tokens of all `texts`, each for itself; 10 ms for 100 KB once the process runs."""
        try:
            async with asyncio.timeout(self._time_limit), self._turn:
                return await self._counted(texts)
        except TimeoutError:
            _log.warning(
                "counting tokens took longer than %g s: the estimate is used instead",
                self._time_limit,
            )
        except (OSError, EOFError) as error:
            _log.error(
                "counting tokens failed (%s): the estimate is used instead", type(error).__name__
            )
        return None

    async def _counted(self, texts: Sequence[str]) -> int:
        """Ask the process, and a new one if it is gone: somebody may have killed it for its
        memory."""
        if self._worker is not None:
            with contextlib.suppress(ConnectionError, EOFError):
                return await self._ask(self._worker, texts)
            _log.warning("the process that counts tokens is gone: it is started again")
        self._worker = await _started()
        return await self._ask(self._worker, texts)

    async def _ask(self, worker: _Worker, texts: Sequence[str]) -> int:
        _, reader, writer = worker
        try:
            if reader.at_eof():
                raise ConnectionResetError
            total, windows = windows_of(texts)
            seen = 0
            for characters, frames in _batches(windows):
                seen += characters
                writer.write(frames)
                await writer.drain()
                await asyncio.sleep(0)  # draining alone lets no other task run while there is room
            writer.write(_END)
            counted = int.from_bytes(await reader.readexactly(8))
        except BaseException:
            # A question asked by half, or its answer not read: nothing more can be asked of this
            # process.
            await self._end()
            raise
        return counted * total // max(1, seen)

    async def _end(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.process.kill()
            worker.writer.transport.abort()
            await asyncio.to_thread(worker.process.wait)


async def _started() -> _Worker:
    """A new process. Not by asyncio's own means: a loop may fork all of its memory for that and
    wait, 0.4 s where processors are busy.
    """
    ours, its = socket.socketpair()
    with its:
        reader, writer = await asyncio.open_connection(sock=ours)
        try:
            # In a session of its own, because a terminal's Ctrl-C is the gateway's to handle.
            process = subprocess.Popen(  # noqa: ASYNC220 - it takes a millisecond
                [sys.executable, "-P", str(WORKER)],
                stdin=its.fileno(),
                stdout=its.fileno(),
                start_new_session=True,
            )
        except OSError:
            writer.transport.abort()
            raise
    return _Worker(process, reader, writer)


def windows_of(texts: Sequence[str]) -> tuple[int, Iterator[str]]:
    """The characters of all `texts`, and the windows that are encoded of them."""
    total = sum(map(len, texts))
    every = 1
    if total > MOST_WINDOWS * WINDOW:
        every = -(-sum(-(-len(text) // WINDOW) for text in texts) // MOST_WINDOWS)
    spans = ((text, start) for text in texts for start in range(0, len(text), WINDOW))
    return total, (text[start : start + WINDOW] for text, start in islice(spans, 0, None, every))


def _batches(windows: Iterator[str]) -> Iterator[tuple[int, bytes]]:
    """Frames for the process, as many as are written at once, and the characters in them."""
    frames: list[bytes] = []
    characters = 0
    for window in windows:
        data = window.encode("utf-8", "surrogatepass")
        frames += (len(data).to_bytes(4), data)
        characters += len(window)
        if characters >= _BATCH or len(frames) >= 2 * _MOST_TEXTS:
            yield characters, b"".join(frames)
            frames, characters = [], 0
    if frames:
        yield characters, b"".join(frames)
