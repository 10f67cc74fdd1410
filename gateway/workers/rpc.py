"""Questions and answers between a worker and its parent: both may ask at any time, over the one
socket between them.

A frame is four bytes of length and a JSON list: `["?", number, question, about]`, or `["=", number,
answer]`.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, Final

from translators.json_codec import dumps, loads

Answers = Mapping[str, Callable[[Any], Awaitable[Any]]]
"""What can be asked. Each is told what the question is about, and gives an answer that JSON can
say."""

_QUESTION: Final = "?"
_ANSWER: Final = "="


class NoReply(Exception):
    """The other end is gone, or did not answer in time."""


class RpcChannel:
    """One end of the socket; use `running`. `ended` is done once the other end is gone."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answers: Answers
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._answers = answers
        self._numbers = count()
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self.ended = asyncio.create_task(self._read())

    @classmethod
    @asynccontextmanager
    async def running(cls, ours: socket.socket, answers: Answers) -> AsyncIterator["RpcChannel"]:
        """Answers until the block ends."""
        link = cls(*await asyncio.open_connection(sock=ours), answers)
        try:
            yield link
        finally:
            tasks = [link.ended, *link._answering]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            link._writer.transport.abort()

    async def ask(self, question: str, about: Any = None, *, limit: float) -> Any:
        """The other end's answer, within `limit` seconds. Raises NoReply."""
        if self.ended.done():
            raise NoReply
        number = next(self._numbers)
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        self._write([_QUESTION, number, question, about])
        try:
            async with asyncio.timeout(limit):
                return await answer
        except TimeoutError:
            raise NoReply from None
        finally:
            del self._asked[number]

    async def _read(self) -> None:
        try:
            while True:
                length = int.from_bytes(await self._reader.readexactly(4))
                kind, number, *rest = loads(await self._reader.readexactly(length))
                if kind == _QUESTION:
                    task = asyncio.create_task(self._answer(number, *rest))
                    self._answering.add(task)
                    task.add_done_callback(self._answering.discard)
                elif (asked := self._asked.get(number)) is not None and not asked.done():
                    asked.set_result(rest[0])
        except (EOFError, ConnectionError):
            pass  # the other process has ended
        finally:
            for asked in self._asked.values():
                if not asked.done():
                    asked.set_exception(NoReply())

    async def _answer(self, number: int, question: str, about: Any) -> None:
        self._write([_ANSWER, number, await self._answers[question](about)])

    def _write(self, frame: list[Any]) -> None:
        data = dumps(frame)
        self._writer.write(len(data).to_bytes(4) + data)
