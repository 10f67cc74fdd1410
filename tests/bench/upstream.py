"""A provider that costs next to nothing: canned answers in the four dialects from a bare
asyncio.Protocol.

    python -m tests.bench.upstream PORT TLS_PORT

The answer is chosen by path and body: JSON of 1 KB (100 KB if the prompt holds LARGE), or a burst
of CHUNKS text chunks in one write, each event in an HTTP chunk of its own as servers send them; if
the prompt holds COALESCED, in HTTP chunks of PROXYS_BYTES that end anywhere, as a proxy in front
leaves them. A stream whose prompt holds `[[every SECONDS]]` gives a chunk that often until the
caller leaves. A GET is answered with a list of models.
"""

import asyncio
import random
import re
import ssl
import sys
from collections.abc import Iterator
from itertools import count, cycle
from pathlib import Path
from typing import Final

from translators.json_codec import dumps

CHUNKS: Final = 200
TEXTS: Final = tuple(f"token {number} of some " for number in range(CHUNKS))
"""Of each chunk: one that repeats itself is taken for a model gone mad by some."""
TOKEN: Final = b"token "
LARGE: Final = b"[[large]]"
COALESCED: Final = b"[[coalesced]]"
PROXYS_BYTES: Final = 16 * 1024
SMALL_WORDS, LARGE_WORDS = 130, 20_000
CERTIFICATE: Final = Path(__file__).parents[1] / "upstream" / "localhost.pem"
_STREAM: Final = re.compile(rb'"stream": ?true')
_STREAM_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)
_EVERY: Final = re.compile(rb"\[\[every ([0-9.]+)\]\]")


def _http(body: bytes, content_type: str) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _part(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _openai_json(text: str) -> bytes:
    message = {"role": "assistant", "content": text, "refusal": None}
    usage = {"prompt_tokens": 100, "completion_tokens": 200, "total_tokens": 300}
    choices = [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}]
    document = {
        "id": "chatcmpl-bench",
        "object": "chat.completion",
        "created": 1,
        "model": "bench",
        "choices": choices,
        "usage": usage,
    }
    return dumps(document)


Stream = tuple[bytes, list[bytes], bytes]
"""What comes before the text, the text chunks, what comes after them."""


def _openai_stream() -> Stream:
    def chunk(delta: dict[str, str], reason: str | None = None) -> bytes:
        choices = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}]
        common = {
            "id": "chatcmpl-bench",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "bench",
        }
        return b"data: " + dumps({**common, "choices": choices, "usage": None}) + b"\n\n"

    texts = [chunk({"content": text}) for text in TEXTS]
    return (
        chunk({"role": "assistant", "content": ""}),
        texts,
        chunk({}, "stop") + b"data: [DONE]\n\n",
    )


def _claude_json(text: str) -> bytes:
    usage = {"input_tokens": 100, "output_tokens": 200}
    content = [{"type": "text", "text": text}]
    return dumps(
        {"id": "msg_b", "type": "message", "role": "assistant", "model": "bench",
         "content": content, "stop_reason": "end_turn",
         "stop_sequence": None, "usage": usage}
    )  # fmt: skip


def _claude_stream() -> Stream:
    def event(name: str, **fields: object) -> bytes:
        return b"event: %s\ndata: %s\n\n" % (name.encode(), dumps({"type": name, **fields}))

    message: dict[str, object] = {
        "id": "msg_b",
        "type": "message",
        "role": "assistant",
        "model": "bench",
        "content": [],
    }
    return (
        event(
            "message_start",
            message={
                **message,
                "stop_reason": None,
                "usage": {"input_tokens": 100, "output_tokens": 1},
            },
        )
        + event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        [
            event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})
            for text in TEXTS
        ],
        event("content_block_stop", index=0)
        + event(
            "message_delta",
            delta={"stop_reason": "end_turn", "stop_sequence": None},
            usage={"output_tokens": 200},
        )
        + event("message_stop"),
    )


def _gemini_document(text: str, reason: str | None) -> bytes:
    candidate = {
        "content": {"parts": [{"text": text}], "role": "model"},
        "index": 0,
        **({"finishReason": reason} if reason else {}),
    }
    usage = {"promptTokenCount": 100, "candidatesTokenCount": 200, "totalTokenCount": 300}
    return dumps(
        {
            "candidates": [candidate],
            "usageMetadata": usage,
            "modelVersion": "bench",
            "responseId": "b",
        }
    )


def _gemini_stream() -> Stream:
    def event(text: str, reason: str | None) -> bytes:
        return b"data: " + _gemini_document(text, reason) + b"\r\n\r\n"

    return b"", [event(text, None) for text in TEXTS], event("", "STOP")


def _response(output: list[dict[str, object]], status: str, counted: bool) -> dict[str, object]:
    usage = {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 200,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 300,
    }
    return {
        "id": "resp_b", "object": "response", "created_at": 1, "status": status, "error": None,
        "incomplete_details": None, "instructions": None, "max_output_tokens": 1000,
        "model": "bench", "output": output, "parallel_tool_calls": True,
        "previous_response_id": None, "reasoning": {"effort": None, "summary": None},
        "store": False, "temperature": 1.0, "text": {"format": {"type": "text"}},
        "tool_choice": "auto", "tools": [], "top_p": 1.0, "truncation": "disabled",
        "usage": usage if counted else None, "metadata": {},
    }  # fmt: skip


def _response_item(text: str) -> dict[str, object]:
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {
        "id": "msg_b",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [part],
    }


def _responses_json(text: str) -> bytes:
    return dumps(_response([_response_item(text)], "completed", True))


def _responses_stream() -> Stream:
    number = count()

    def event(kind: str, **fields: object) -> bytes:
        document = {"type": kind, "sequence_number": next(number), **fields}
        return b"event: %s\ndata: %s\n\n" % (kind.encode(), dumps(document))

    place = {"item_id": "msg_b", "output_index": 0, "content_index": 0}
    whole = _response_item("".join(TEXTS))
    empty = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    begun = _response([], "in_progress", False)
    item = {**whole, "status": "in_progress", "content": []}
    first = [
        event("response.created", response=begun),
        event("response.in_progress", response=begun),
        event("response.output_item.added", output_index=0, item=item),
        event("response.content_part.added", **place, part=empty),
    ]
    texts = [
        event("response.output_text.delta", **place, delta=text, logprobs=[]) for text in TEXTS
    ]
    said = "".join(TEXTS)
    last = [
        event("response.output_text.done", **place, text=said, logprobs=[]),
        event("response.content_part.done", **place, part={**empty, "text": said}),
        event("response.output_item.done", output_index=0, item=whole),
        event("response.completed", response=_response([whole], "completed", True)),
    ]
    return b"".join(first), texts, b"".join(last)


_SMALL, _LARGE = "word " * SMALL_WORDS, "word " * LARGE_WORDS

_MODELS: Final = _http(
    dumps({"object": "list", "data": [{"id": "bench", "object": "model", "owned_by": "bench"}]}),
    "application/json",
)
_JSON: Final = {
    (dialect, text is _LARGE): _http(document(text), "application/json")
    for text in (_SMALL, _LARGE)
    for dialect, document in (
        ("openai", _openai_json),
        ("claude", _claude_json),
        ("gemini", lambda text: _gemini_document(text, "STOP")),
        ("responses", _responses_json),
    )
}
_STREAMS: Final = {
    "openai": _openai_stream(),
    "claude": _claude_stream(),
    "gemini": _gemini_stream(),
    "responses": _responses_stream(),
}
_PATHS: Final = (
    (b"/messages", "claude"), (b"generatecontent", "gemini"), (b"/responses", "responses"),
)  # fmt: skip
"""What stands in the path of a request, and the dialect that it is then of."""
_PARTS: Final = {
    dialect: [_part(text) for text in texts] for dialect, (_, texts, _) in _STREAMS.items()
}
_BURSTS: Final = {
    dialect: b"".join([_STREAM_HEAD, *map(_part, filter(None, [first, *texts, last])), _part(b"")])
    for dialect, (first, texts, last) in _STREAMS.items()
}


def _coalesced(first: bytes, texts: list[bytes], last: bytes) -> bytes:
    events = b"".join([first, *texts, last])
    parts = [events[at : at + PROXYS_BYTES] for at in range(0, len(events), PROXYS_BYTES)]
    return b"".join([_STREAM_HEAD, *map(_part, parts), _part(b"")])


_COALESCED_BURSTS: Final = {dialect: _coalesced(*stream) for dialect, stream in _STREAMS.items()}


class Upstream(asyncio.Protocol):
    """One connection, keep-alive, requests one after the other."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._loop = asyncio.get_running_loop()
        self._gone = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        self._gone = True

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        while (end := buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(buffer[:end]).lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
            if len(buffer) < end + 4 + length:
                return
            body = bytes(buffer[end + 4 : end + 4 + length])
            del buffer[: end + 4 + length]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        method, path, _ = head.split(b" ", 2)
        dialect = next((name for part, name in _PATHS if part in path), "openai")
        if method == b"get":
            self._transport.write(_MODELS)
        elif b"streamgenerate" not in path and not _STREAM.search(body):
            self._transport.write(_JSON[dialect, LARGE in body])
        elif paced := _EVERY.search(body):
            self._transport.write(
                _STREAM_HEAD + _part(_STREAMS[dialect][0] + _STREAMS[dialect][1][0])
            )
            every = float(paced[1])
            # Not in step with other streams: chunks that come together cost less.
            self._pace(
                cycle(_PARTS[dialect]), every, self._loop.time() + every * (0.1 + random.random())
            )
        else:
            bursts = _COALESCED_BURSTS if COALESCED in body else _BURSTS
            self._transport.write(bursts[dialect])

    def _pace(self, parts: Iterator[bytes], every: float, due: float) -> None:
        if not self._gone:
            self._loop.call_at(due, self._chunk, parts, every, due)

    def _chunk(self, parts: Iterator[bytes], every: float, due: float) -> None:
        self._transport.write(next(parts))
        self._pace(parts, every, due + every)


async def main(port: int, tls_port: int) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    loop = asyncio.get_running_loop()
    await loop.create_server(Upstream, "127.0.0.1", tls_port, ssl=context, backlog=1024)
    server = await loop.create_server(Upstream, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
