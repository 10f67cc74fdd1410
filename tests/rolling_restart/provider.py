"""A provider that costs next to nothing, and knows which request it was answering when the gateway
left.
"""

import asyncio
import re
from typing import Any, Final

from tests.fakes import openai_chunk, openai_completion
from translators.json_codec import dumps

_NAME: Final = re.compile(rb"\[\[(.*?)\]\]")
_LENGTH: Final = re.compile(rb"content-length: ?(\d+)", re.IGNORECASE)
_STREAMED: Final = re.compile(rb'"stream": ?true')
_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)
_JSON: Final = dumps(openai_completion())
_ANSWER: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(_JSON)
    + _JSON
)
_USAGE: Final = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
_THINKING: Final = 0.02
"""Seconds before an answer begins."""


def _part(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _usage() -> bytes:
    event = {"id": "chatcmpl-up", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return b"data: " + dumps(event | {"choices": [], "usage": _USAGE}) + b"\n\n"


_LAST: Final = _part(openai_chunk({}, "stop") + _usage() + b"data: [DONE]\n\n") + b"0\r\n\r\n"


class Provider:
    """Its streams have `chunks`, one each `pause` seconds."""

    def __init__(self, chunks: int, pause: float) -> None:
        self.chunks = chunks
        self.pause = pause
        self.cut: set[str] = set()
        """Requests whose gateway left before it had all of the answer."""
        self.port = 0
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "Provider":
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._server is not None
        self._server.close()

    def environ(self) -> dict[str, str]:
        url = f"http://127.0.0.1:{self.port}/v1"
        return {"OPENAI_API_KEY": "sk-canary-openai", "OPENAI_BASE_URL": url}


class _Connection(asyncio.Protocol):
    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._loop = asyncio.get_running_loop()
        self._received = b""
        self._answering: str | None = None
        self._next: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not end or length is None or len(body) < int(length[1]):
            return
        self._received = b""
        name = _NAME.search(body)
        assert name is not None
        self._answering = name[1].decode()
        begin = self._stream if _STREAMED.search(body) else self._whole
        self._next = self._loop.call_later(_THINKING, begin)

    def connection_lost(self, error: Exception | None) -> None:
        if self._next is not None:
            self._next.cancel()
        if self._answering is not None:
            self._provider.cut.add(self._answering)

    def _whole(self) -> None:
        self._transport.write(_ANSWER)
        self._answering = None

    def _stream(self) -> None:
        self._transport.write(_HEAD + _part(openai_chunk({"role": "assistant", "content": ""})))
        self._chunk(0)

    def _chunk(self, number: int) -> None:
        if number == self._provider.chunks:
            self._transport.write(_LAST)
            self._answering = None
            return
        self._transport.write(_part(openai_chunk({"content": f"word {number} "})))
        self._next = self._loop.call_later(self._provider.pause, self._chunk, number + 1)
