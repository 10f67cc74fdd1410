"""A provider on a real socket that does exactly what a test says: bytes, pauses, ends, resets."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from translators.json_codec import dumps, loads


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait before the next step."""

    seconds: float


class End:
    """Close the connection in an orderly way."""


class Reset:
    """Break the connection with a TCP reset."""


class Hang:
    """Send nothing more until the other side leaves."""


Step = bytes | Pause | End | Reset | Hang | asyncio.Event
"""An event: wait until the test sets it."""


class InTurn:
    """The answers to one request after the other; the last one stands for all that follow."""

    def __init__(self, *answers: Sequence[Step]) -> None:
        self._answers = list(answers)

    def next(self) -> Sequence[Step]:
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@dataclass(slots=True)
class Received:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: Any
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """The other side closed the connection while it was being answered."""


Answer = Sequence[Step] | InTurn | Callable[[Received], Sequence[Step]]


@dataclass(slots=True)
class FakeUpstream:
    """`answers` maps the beginning of a path to the steps of its answer, or to what says them;
    several requests may use one.
    """

    port: int = 0
    answers: dict[str, Answer] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    open: int = 0
    connections: int = 0
    """Ever made."""
    sent: int = 0
    """Bytes that the other side let us send."""
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    left_early: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environ(self) -> dict[str, str]:
        """Every provider at this server, each with its own first path segment."""
        return {
            "OPENAI_API_KEY": "sk-canary-openai", "ANTHROPIC_API_KEY": "sk-ant-canary",
            "GEMINI_API_KEY": "AIzaCanary",
            "OPENAI_BASE_URL": f"{self.url}/openai/v1", "ANTHROPIC_BASE_URL": f"{self.url}/claude",
            "GEMINI_BASE_URL": f"{self.url}/gemini",
        }  # fmt: skip

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.connections += 1
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open -= 1
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        path = head[0].split(" ")[1]
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head[1:] if line)
        }
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        received = Received(path, headers, loads(body) if body else None)
        self.received.append(received)
        self.arrived.set()
        answer = next(answer for prefix, answer in self.answers.items() if path.startswith(prefix))
        steps = (
            answer.next()
            if isinstance(answer, InTurn)
            else answer(received)
            if callable(answer)
            else answer
        )
        gone = asyncio.ensure_future(reader.read(1))
        try:
            for step in steps:
                match step:
                    case bytes():
                        writer.write(step)
                        await writer.drain()
                        self.sent += len(step)
                    case Pause(seconds):
                        await asyncio.wait({gone}, timeout=seconds)
                    case asyncio.Event():
                        opened = asyncio.ensure_future(step.wait())
                        await asyncio.wait({gone, opened}, return_when=asyncio.FIRST_COMPLETED)
                        opened.cancel()
                    case End():
                        return False
                    case Hang():
                        await gone
                    case Reset():
                        writer.get_extra_info("socket").setsockopt(1, 13, struct.pack("ii", 1, 0))
                        writer.transport.abort()
                        return False
                if gone.done():
                    self.left_early.set()
                    received.left.set()
                    return False
            return not gone.done()
        finally:
            gone.cancel()
            await asyncio.wait({gone})


@asynccontextmanager
async def fake_upstream(**answers: Answer) -> AsyncIterator[FakeUpstream]:
    """A running FakeUpstream; keywords are first path segments: `openai=[...]`, `claude=[...]`,
    `gemini=[...]`.
    """
    fake = FakeUpstream(answers={f"/{name}": steps for name, steps in answers.items()})
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    fake.port = server.sockets[0].getsockname()[1]
    try:
        yield fake
    finally:
        server.close()
        await asyncio.sleep(0)


def json_answer(document: Any, status: str = "200 OK", **headers: str) -> list[Step]:
    """A whole HTTP answer with a JSON body. Header names: underscores become hyphens."""
    body = document if isinstance(document, bytes) else dumps(document)
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return [
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{lines}Content-Length:"
        f" {len(body)}\r\n\r\n".encode()
        + body
    ]


SSE_HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


def sse(*events: bytes, end: bool = True) -> list[Step]:
    """An event stream whose end is the connection's."""
    return [SSE_HEAD, b"".join(events), *([End()] if end else [])]


def openai_chunk(delta: dict[str, Any], reason: str | None = None) -> bytes:
    choices = [{"index": 0, "delta": delta, "finish_reason": reason}]
    return (
        b"data: "
        + dumps(
            {
                "id": "chatcmpl-up",
                "object": "chat.completion.chunk",
                "created": 1,
                "model": "gpt-served",
                "choices": choices,
            }
        )
        + b"\n\n"
    )


def openai_completion(text: str = "from openai") -> dict[str, Any]:
    message = {"role": "assistant", "content": text, "refusal": None}
    return {
        "id": "chatcmpl-up", "object": "chat.completion", "created": 1, "model": "gpt-served",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }  # fmt: skip


OPENAI_STREAM: Final = [
    openai_chunk({"role": "assistant", "content": ""}),
    openai_chunk({"content": "from "}),
    openai_chunk({"content": "openai"}),
    openai_chunk({}, "stop"),
    b"data: [DONE]\n\n",
]
