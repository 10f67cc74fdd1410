"""Connections that were paused read on one after the other."""

import asyncio
from itertools import pairwise
from typing import Any, Final

import pytest
from yarl import URL

from gateway.server.http_server import CallersProtocol
from gateway.server.round_robin import RoundRobin
from tests.fakes import fake_upstream, json_answer, openai_completion
from tests.serving import serving
from translators.json_codec import dumps

MEGABYTES: Final = 3


class Reader:
    """Notes in which round of the loop it read."""

    def __init__(self, name: str, turns: RoundRobin, reads: int) -> None:
        self.name = name
        self._turns = turns
        self._left = reads

    def read_on(self) -> None:
        READ.append(self.name)
        self._left -= 1
        if self._left:
            self._turns.wait(self)


READ: list[str] = []


@pytest.fixture(autouse=True)
def nothing_read() -> None:
    READ.clear()


async def rounds(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_one_reads_in_each_round_and_all_get_their_turn() -> None:
    turns = RoundRobin(asyncio.get_running_loop())
    for name in ("a", "b", "c"):
        turns.wait(Reader(name, turns, 2))
    seen = []
    for _ in range(7):
        await rounds(1)
        seen.append("".join(READ))
    assert seen == ["a", "ab", "abc", "abca", "abcab", "abcabc", "abcabc"]


async def test_who_asks_twice_reads_once() -> None:
    turns = RoundRobin(asyncio.get_running_loop())
    reader = Reader("a", turns, 1)
    turns.wait(reader)
    turns.wait(reader)
    await rounds(3)
    assert (READ, len(turns)) == (["a"], 0)


async def test_who_has_left_is_passed_over() -> None:
    turns = RoundRobin(asyncio.get_running_loop())
    first, second = Reader("a", turns, 1), Reader("b", turns, 1)
    turns.wait(first)
    turns.wait(second)
    turns.leave(first)
    await rounds(3)
    assert READ == ["b"]
    turns.wait(first)
    turns.leave(first)
    await rounds(2)
    turns.wait(first)
    await rounds(2)
    assert READ == ["b", "a"]


async def posted(port: int, path: str, data: bytes) -> int:
    """The status of the answer. All of the request is there at once."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = (
        f"POST {path} HTTP/1.1",
        f"host: 127.0.0.1:{port}",
        "content-type: application/json",
        "connection: close",
        f"content-length: {len(data)}",
    )
    writer.write("\r\n".join([*head, "", ""]).encode() + data)
    try:
        return int((await reader.read()).split(b" ", 2)[1])
    finally:
        writer.close()


def asked(image: str) -> bytes:
    part = {"type": "image_url", "image_url": {"url": image}}
    return dumps({"model": "on_openai", "messages": [{"role": "user", "content": [part]}]})


def image_in(body: Any) -> str:
    return str(body["messages"][0]["content"][0]["image_url"]["url"])


@pytest.mark.parametrize(("path", "status"), [("/v1/chat/completions", 200), ("/v1/nowhere", 404)])
async def test_bodies_at_once_are_read_in_turn(
    path: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is served arrives whole; what is refused is read to its end, too."""
    order: list[int] = []
    read_on = CallersProtocol.read_on

    def noted(caller: CallersProtocol) -> None:
        order.append(id(caller))
        read_on(caller)

    monkeypatch.setattr(CallersProtocol, "read_on", noted)
    start = "data:image/png;base64,iVBORw0KGgoA"
    images = [start + letter * (MEGABYTES * 1024 * 1024) for letter in "ABCD"]
    fake_provider = fake_upstream(openai=json_answer(openai_completion()))
    async with fake_provider as fake, serving(fake.environ()) as running:
        port = URL(running.url).port
        assert port is not None
        requests = [posted(port, path, asked(image)) for image in images]
        assert await asyncio.gather(*requests) == [status] * 4
        sent = {image_in(received.body) for received in fake.received}
    assert sent == (set(images) if status == 200 else set())
    assert len(set(order)) == 4
    turns_after_another = sum(mine != other for mine, other in pairwise(order))
    assert turns_after_another >= len(order) // 2
