"""A load generator on bare asyncio streams: bounded in requests, keep-alive connections, every answer looked at."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

from translators.jsontext import dumps


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of request; `units` is what its cost is divided by: 1 for a request, the number of chunks for a stream."""

    name: str
    model: str
    stream: bool = False
    large: bool = False
    units: int = 1
    requests: int = 3000
    connections: int = 8

    def body(self) -> bytes:
        text = "word " * (20_000 if self.large else 150)
        messages = [{"role": "user", "content": text}]
        return dumps({"model": self.model, "messages": messages, "stream": self.stream, "max_tokens": 1000})


async def run(work: Work, port: int, requests: int) -> list[float]:
    """Send `requests` requests over the connections; returns the latencies in seconds."""
    body = work.body()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    text = head.encode() + body
    left = requests
    latencies: list[float] = []

    async def connection() -> None:
        nonlocal left
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
        while left > 0:
            left -= 1
            started = perf_counter()
            writer.write(text)
            await _answer(reader, work.stream)
            latencies.append(perf_counter() - started)
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(connection() for _ in range(work.connections)))
    return latencies


async def _answer(reader: asyncio.StreamReader, stream: bool) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if not head.startswith(b"http/1.1 200"):
        raise RuntimeError(head.decode() + (await reader.read(2000)).decode("utf-8", "replace"))
    if b"chunked" not in head:
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        return
    last = b""
    while True:
        size = int(await reader.readuntil(b"\r\n"), 16)
        data = await reader.readexactly(size + 2)
        if size == 0:
            break
        last = data
    if stream and b"[DONE]" not in last and b'"STOP"' not in last and b"message_stop" not in last:
        raise RuntimeError(f"a stream without its end: {last[-300:]!r}")


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
