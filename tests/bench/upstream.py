"""A provider that costs next to nothing: canned answers in the three dialects from a bare asyncio.Protocol.

    python -m tests.bench.upstream PORT

The answer is chosen by path and body: a JSON answer of 1 KB (100 KB to a body over 50 KB), or a burst of CHUNKS text chunks in one write.
"""

import asyncio
import sys
from typing import Final

from translators.jsontext import dumps

CHUNKS: Final = 200
_WORDS: Final = "token " * 3


def _http(body: bytes, content_type: str) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _chunked(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


def _openai_json(text: str) -> bytes:
    message = {"role": "assistant", "content": text, "refusal": None}
    usage = {"prompt_tokens": 100, "completion_tokens": 200, "total_tokens": 300}
    choices = [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}]
    document = {"id": "chatcmpl-bench", "object": "chat.completion", "created": 1, "model": "bench", "choices": choices, "usage": usage}
    return dumps(document)


def _openai_stream() -> bytes:
    def chunk(delta: dict[str, str], reason: str | None = None) -> bytes:
        choices = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}]
        common = {"id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1, "model": "bench"}
        return b"data: " + dumps({**common, "choices": choices, "usage": None}) + b"\n\n"

    texts = b"".join(chunk({"content": _WORDS}) for _ in range(CHUNKS))
    return chunk({"role": "assistant", "content": ""}) + texts + chunk({}, "stop") + b"data: [DONE]\n\n"


def _claude_json(text: str) -> bytes:
    usage = {"input_tokens": 100, "output_tokens": 200}
    content = [{"type": "text", "text": text}]
    return dumps(
        {"id": "msg_b", "type": "message", "role": "assistant", "model": "bench", "content": content, "stop_reason": "end_turn",
         "stop_sequence": None, "usage": usage}
    )  # fmt: skip


def _claude_stream() -> bytes:
    def event(name: str, **fields: object) -> bytes:
        return b"event: %s\ndata: %s\n\n" % (name.encode(), dumps({"type": name, **fields}))

    message = {"id": "msg_b", "type": "message", "role": "assistant", "model": "bench", "content": [], "stop_reason": None}
    texts = b"".join(event("content_block_delta", index=0, delta={"type": "text_delta", "text": _WORDS}) for _ in range(CHUNKS))
    return (
        event("message_start", message={**message, "usage": {"input_tokens": 100, "output_tokens": 1}})
        + event("content_block_start", index=0, content_block={"type": "text", "text": ""})
        + texts
        + event("content_block_stop", index=0)
        + event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 200})
        + event("message_stop")
    )


def _gemini_document(text: str, reason: str | None) -> bytes:
    candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0, **({"finishReason": reason} if reason else {})}
    usage = {"promptTokenCount": 100, "candidatesTokenCount": 200, "totalTokenCount": 300}
    return dumps({"candidates": [candidate], "usageMetadata": usage, "modelVersion": "bench", "responseId": "b"})


def _gemini_stream() -> bytes:
    texts = b"".join(b"data: " + _gemini_document(_WORDS, None) + b"\r\n\r\n" for _ in range(CHUNKS))
    return texts + b"data: " + _gemini_document("", "STOP") + b"\r\n\r\n"


_SMALL, _LARGE = "word " * 130, "word " * 20_000

ANSWERS: Final = {
    ("openai", "json", False): _http(_openai_json(_SMALL), "application/json"),
    ("openai", "json", True): _http(_openai_json(_LARGE), "application/json"),
    ("openai", "stream", False): _chunked(_openai_stream()),
    ("claude", "json", False): _http(_claude_json(_SMALL), "application/json"),
    ("claude", "json", True): _http(_claude_json(_LARGE), "application/json"),
    ("claude", "stream", False): _chunked(_claude_stream()),
    ("gemini", "json", False): _http(_gemini_document(_SMALL, "STOP"), "application/json"),
    ("gemini", "json", True): _http(_gemini_document(_LARGE, "STOP"), "application/json"),
    ("gemini", "stream", False): _chunked(_gemini_stream()),
}


class Upstream(asyncio.Protocol):
    """One connection, keep-alive, requests one after the other."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

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
            path = head.split(b" ", 2)[1]
            dialect = "claude" if b"/messages" in path else "gemini" if b"generatecontent" in path else "openai"
            stream = b"streamgenerate" in path or b'"stream":true' in body
            self._transport.write(ANSWERS[dialect, "stream" if stream else "json", not stream and len(body) > 50_000])


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
