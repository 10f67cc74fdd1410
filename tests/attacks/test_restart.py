"""A stop under load: nobody gets a 503 or a cut connection before its time, and who is cut is told
why.
"""

import asyncio
from collections import Counter

import pytest

from gateway.server import listener
from gateway.telemetry.events import RequestEnded
from tests.fakes import (
    SSE_HEAD,
    Hang,
    InTurn,
    Pause,
    fake_upstream,
    json_answer,
    openai_chunk,
    openai_completion,
)
from tests.serving import POLICY, Running, serving
from translators.json_codec import dumps, loads

HEAD = (
    b"POST %b HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
)


def request(path: str = "/v1/chat/completions", stream: bool = False) -> bytes:
    name = "persona" if path.startswith("/api/") else "model"
    body = dumps(
        {name: "on_openai", "stream": stream, "messages": [{"role": "user", "content": "hi"}]}
    )
    return HEAD % (path.encode(), len(body)) + body


async def caller(running: Running, seen: Counter[str], closes: Counter[bool]) -> None:
    """Sends one request after the other, on a connection as long as that is left to it, until
    nobody listens.
    """
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None
    while True:
        try:
            if reader is None or writer is None:
                reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
        except ConnectionRefusedError:
            seen["refused"] += 1
            return
        try:
            writer.write(request())
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r")[0]))
            seen[head[9:12].decode()] += 1
        except (ConnectionError, asyncio.IncompleteReadError):
            seen["cut"] += 1
            head = b"connection: close"
        closes[b"connection: close" in head] += 1
        if b"connection: close" in head:
            writer.close()
            reader = writer = None


async def test_callers_who_do_not_look_at_readiness_are_served_or_find_nobody() -> None:
    seen: Counter[str] = Counter()
    closes: Counter[bool] = Counter()
    policy = POLICY.replace("drain_delay: 0", "drain_delay: 0.6, drain_grace: 10")
    answer = [Pause(0.01), *json_answer(openai_completion())]
    async with fake_upstream(openai=answer) as fake, serving(fake.environ(), policy) as running:
        callers = [asyncio.create_task(caller(running, seen, closes)) for _ in range(8)]
        await asyncio.sleep(0.3)
        assert closes[True] == 0
        async with asyncio.timeout(20):
            await running.server.drain()
            await asyncio.gather(*callers)
    assert set(seen) == {"200", "refused"}
    assert seen["refused"] == 8
    assert closes[True] > 8


async def asked(running: Running, sent: bytes) -> tuple[bytes, bool]:
    """The status of what is sent on a connection of its own, and whether that is its last."""
    reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
    writer.write(sent)
    head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    return head.split(b" ")[1], b"connection: close" in head


async def test_readiness_is_answered_while_answers_finish_until_a_request_comes() -> None:
    """That one is served: who sent it looks at whether anybody listens."""
    policy = POLICY.replace("drain_delay: 0", "drain_delay: 0.1, drain_grace: 10")
    finish = asyncio.Event()
    stream = [
        SSE_HEAD,
        openai_chunk({"content": "begun"}),
        finish,
        openai_chunk({}, "stop"),
        b"data: [DONE]\n\n",
    ]
    answers = InTurn(stream, json_answer(openai_completion()))
    async with fake_upstream(openai=answers) as fake, serving(fake.environ(), policy) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
        writer.write(request(stream=True))
        await reader.readuntil(b"begun")
        drained = asyncio.create_task(running.server.drain())
        await asyncio.sleep(1.5)
        looks = b"GET /health/ready HTTP/1.1\r\nhost: x\r\n\r\n"
        seen = [await asked(running, sent) for sent in (looks, request())]
        await asyncio.sleep(1.5)
        with pytest.raises(ConnectionRefusedError):
            await asked(running, looks)
        finish.set()
        await asyncio.wait_for(reader.readuntil(b"[DONE]"), 5)
        await drained
        writer.close()
    assert seen == [(b"503", True), (b"200", True)]


async def test_what_comes_late_on_a_connection_that_was_kept_is_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A proxy that was held up sends it when nobody listens any more."""
    monkeypatch.setattr(listener, "_QUIET_WHILE_OPEN", 60.0)
    policy = POLICY.replace("drain_delay: 0", "drain_delay: 0, drain_grace: 60")
    answer = json_answer(openai_completion())
    async with fake_upstream(openai=answer) as fake, serving(fake.environ(), policy) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
        assert await told(reader, writer) == (b"200", False)
        drained = asyncio.create_task(running.server.drain())
        async with asyncio.timeout(20):
            while await listens(running.server.port):  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        assert not drained.done()
        assert await told(reader, writer) == (b"200", True)
        async with asyncio.timeout(20):
            assert await reader.read() == b""
            await drained
        writer.close()


async def told(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[bytes, bool]:
    """The status of a request on this connection, and whether it is its last."""
    writer.write(request())
    head = await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r")[0]))
    return head[9:12], b"connection: close" in head


async def listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return False
    writer.close()
    return True


@pytest.mark.parametrize(
    ("path", "name"), [("/v1/chat/completions", b""), ("/api/v1/chat", b"event: error\n")]
)
async def test_a_stream_that_is_cut_ends_with_the_error_event_and_a_whole_body(
    path: str, name: bytes
) -> None:
    policy = POLICY.replace("drain_delay: 0", "drain_delay: 0, drain_grace: 0.2")
    answer = [SSE_HEAD, openai_chunk({"content": "begun"}), Hang()]
    async with fake_upstream(openai=answer) as fake, serving(fake.environ(), policy) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
        writer.write(request(path, True))
        await reader.readuntil(b"begun")
        await running.server.drain()
        rest = await asyncio.wait_for(reader.readuntil(b"\r\n0\r\n\r\n"), 5)
        writer.close()
        event = next(event for event in running.events if isinstance(event, RequestEnded))
    last = rest.removesuffix(b"\r\n0\r\n\r\n").rpartition(b"\r\n")[2]
    assert rest.endswith(b"\n\n\r\n0\r\n\r\n")
    assert last.startswith(name + b"data: ")
    assert loads(last.removeprefix(name + b"data: "))["error"]["code"] == "restarting"
    assert (event.outcome, event.error_code) == ("restarting", "restarting")


async def test_a_whole_answer_that_is_cut_is_503() -> None:
    policy = POLICY.replace("drain_delay: 0", "drain_delay: 0, drain_grace: 0.2")
    async with fake_upstream(openai=[Hang()]) as fake, serving(fake.environ(), policy) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
        writer.write(request())
        await fake.arrived.wait()
        await running.server.drain()
        got = await asyncio.wait_for(reader.read(), 5)
        writer.close()
    assert got.startswith(b"HTTP/1.1 503 ")
    assert b'"code":"restarting"' in got
