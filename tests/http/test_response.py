"""gateway.http.response: answers as they go over the wire, to callers of both versions of HTTP,
with connections that stay or do not.
"""

import asyncio
import re
from email.utils import parsedate_to_datetime

import pytest
from aiohttp.test_utils import make_mocked_request

from gateway.http.response import Response
from tests.fakes import fake_upstream, json_answer, openai_chunk, openai_completion, sse
from tests.serving import Running, serving
from translators.json_codec import dumps, loads

BODY = dumps({"model": "on_openai", "messages": [{"role": "user", "content": "hi"}]})


async def connected(running: Running) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", running.server.port)


def request(first: str, body: bytes = b"", **headers: str) -> bytes:
    ours = {"Content-Type": "application/json", "Content-Length": str(len(body))} if body else {}
    lines = {"Host": "x", **ours, **headers}
    head = [first, *(f"{name}: {value}" for name, value in lines.items()), "", ""]
    return "\r\n".join(head).encode() + body


def head_of(text: bytes) -> tuple[str, dict[str, str]]:
    first, *lines = text.decode().removesuffix("\r\n\r\n").split("\r\n")
    headers = [line.split(": ", 1) for line in lines]
    assert len({name for name, _ in headers}) == len(headers), "a header stands twice"
    return first, {name.lower(): value for name, value in headers}


async def read_whole(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], bytes]:
    first, headers = head_of(await reader.readuntil(b"\r\n\r\n"))
    return first, headers, await reader.readexactly(int(headers["content-length"]))


@pytest.mark.parametrize(
    ("version", "asked", "told", "stays"),
    [
        ("1.1", None, None, True),
        ("1.1", "close", "close", False),
        ("1.0", None, None, False),
        ("1.0", "keep-alive", "keep-alive", True),
    ],
)
async def test_a_whole_answer(
    version: str, asked: str | None, told: str | None, stays: bool
) -> None:
    headers = {} if asked is None else {"Connection": asked}
    async with (
        fake_upstream(openai=json_answer(openai_completion())) as fake,
        serving(fake.environ()) as running,
    ):
        reader, writer = await connected(running)
        for _ in range(2 if stays else 1):
            writer.write(request(f"POST /v1/chat/completions HTTP/{version}", BODY, **headers))
            first, answered, body = await read_whole(reader)
            assert first == f"HTTP/{version} 200 OK"
            assert loads(body)["choices"][0]["message"]["content"] == "from openai"
            assert answered.get("connection") == told
            assert answered["content-type"] == "application/json"
            assert answered["server"] == "llm-router"
            assert parsedate_to_datetime(answered["date"]).tzinfo is not None
            assert answered["x-llm-router-provider"] == "openai"
        if not stays:
            assert await reader.read() == b""
        writer.close()


@pytest.mark.parametrize("version", ["1.1", "1.0"])
async def test_a_streamed_answer(version: str) -> None:
    """Who knows no chunks gets the same events, and the end of the connection as their end."""
    events = sse(
        openai_chunk({"role": "assistant", "content": "one "}),
        openai_chunk({"content": "two"}),
        openai_chunk({}, "stop"),
    )
    body = dumps({**loads(BODY), "stream": True})
    async with fake_upstream(openai=events) as fake, serving(fake.environ()) as running:
        reader, writer = await connected(running)
        writer.write(request(f"POST /v1/chat/completions HTTP/{version}", body))
        first, headers = head_of(await reader.readuntil(b"\r\n\r\n"))
        text = b""
        if version == "1.1":
            assert headers["transfer-encoding"] == "chunked"
            assert "connection" not in headers
            while (size := int(await reader.readuntil(b"\r\n"), 16)) > 0:
                text += (await reader.readexactly(size + 2))[:-2]
            assert await reader.readexactly(2) == b"\r\n"
            writer.write(request("GET /health HTTP/1.1"))
            assert (await read_whole(reader))[0] == "HTTP/1.1 200 OK"
        else:
            assert "transfer-encoding" not in headers
            text = await reader.read()
        writer.close()
    assert first == f"HTTP/{version} 200 OK"
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert text.endswith(b"data: [DONE]\n\n")
    assert (
        "".join(re.findall(rb'"content": ?"([^"]*)"', text)[n].decode() for n in (0, 1))
        == "one two"
    )


async def test_a_head_without_a_body() -> None:
    async with fake_upstream() as fake, serving(fake.environ()) as running:
        reader, writer = await connected(running)
        writer.write(request("GET /v1/models HTTP/1.1"))
        _, got, body = await read_whole(reader)
        writer.write(request("HEAD /v1/models HTTP/1.1") + request("GET /health HTTP/1.1"))
        first, headers = head_of(await reader.readuntil(b"\r\n\r\n"))
        assert first == "HTTP/1.1 200 OK"
        assert headers["content-length"] == got["content-length"] == str(len(body))
        assert loads((await read_whole(reader))[2])["status"] == "ok", (
            "nothing stood between the two"
        )
        writer.close()


async def test_leave_to_send_a_body() -> None:
    async with (
        fake_upstream(openai=json_answer(openai_completion())) as fake,
        serving(fake.environ()) as running,
    ):
        reader, writer = await connected(running)
        whole = request("POST /v1/chat/completions HTTP/1.1", BODY, Expect="100-continue")
        writer.write(whole.removesuffix(BODY))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert fake.received == []
        writer.write(BODY)
        assert (await read_whole(reader))[0] == "HTTP/1.1 200 OK"
        writer.close()


@pytest.mark.parametrize(
    ("first", "status", "allow"),
    [
        ("GET /v1/chat/completions", 405, "POST"),
        ("POST /health", 405, "GET,HEAD"),
        ("DELETE /v1/models/on_openai", 405, "GET,HEAD,POST"),
        ("GET /nowhere", 404, None),
        ("GET /v1/models/", 404, None),
        ("GET /health/", 404, None),
        ("GET /v1/models/{id:.+}", 404, None),
        ("GET /v1/models/on%5Fopenai?x=1", 200, None),
        ("GET /v1/models/openai%2Fgpt-4.1", 200, None),
        ("GET http://elsewhere/health?x", 200, None),
        ("GET /health?x=/v1/models", 200, None),
        ("GET /%68ealth", 200, None),
    ],
)
async def test_routes(first: str, status: int, allow: str | None) -> None:
    async with fake_upstream() as fake, serving(fake.environ()) as running:
        reader, writer = await connected(running)
        writer.write(request(f"{first} HTTP/1.1"))
        line, headers, body = await read_whole(reader)
        writer.close()
    assert int(line.split()[1]) == status, body
    assert headers.get("allow") == allow
    if status != 200:
        assert set(loads(body)["error"]) == {"message", "type", "param", "code"}


async def test_a_large_answer_to_a_slow_reader() -> None:
    """It is sent as fast as it is read, whole."""
    text = "word " * 2_000_000
    async with (
        fake_upstream(openai=json_answer(openai_completion(text))) as fake,
        serving(fake.environ()) as running,
    ):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", running.server.port, limit=2**14
        )
        writer.write(request("POST /v1/chat/completions HTTP/1.1", BODY))
        await asyncio.sleep(0.2)
        _, _, body = await read_whole(reader)
        assert loads(body)["choices"][0]["message"]["content"] == text
        writer.write(request("GET /health HTTP/1.1"))
        assert (await read_whole(reader))[0] == "HTTP/1.1 200 OK"
        writer.close()


@pytest.mark.parametrize("value", ["two\nlines", "two\rlines", "two\r\nx-theirs: 1"])
async def test_a_header_of_several_lines_is_never_written(value: str) -> None:
    answer = Response(b"{}", headers={"x-ours": value})
    answer.begin(make_mocked_request("POST", "/v1/chat/completions"))
    with pytest.raises(ValueError, match="one line"):
        await answer.write_eof()
