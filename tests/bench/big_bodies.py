"""How long one big request holds the event loop of a gateway: `python -m tests.bench.big_bodies`.

The gateway runs here beside a heartbeat; caller and provider are a process of their own, so that
only the gateway's work is seen. Printed for each shape of a 30 MB body: the longest time between
two beats, how often it was more than 20 ms, and the request's duration.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from typing import Final

import aiohttp

from tests.fakes import fake_upstream, json_answer, openai_completion
from tests.serving import POLICY, serving

BYTES: Final = 30 * 1024 * 1024
BEAT: Final = 0.001
HELD: Final = 0.02


def _chat(*contents: object, separators: tuple[str, str] = (",", ":"), **more: object) -> bytes:
    messages = [{"role": "user", "content": content} for content in contents]
    return json.dumps(
        {"model": "on_openai", "messages": messages, **more},
        separators=separators,
        ensure_ascii=False,
    ).encode()


def _times(text: str) -> str:
    return text * (BYTES // (len(json.dumps(text, ensure_ascii=False).encode()) - 2))


def _image() -> bytes:
    url = "data:image/png;base64," + _times("iVBORw0K")
    return _chat(
        [{"type": "text", "text": "what is it?"}, {"type": "image_url", "image_url": {"url": url}}]
    )


SHAPES: Final[dict[str, Callable[[], bytes]]] = {
    "one image": _image,
    "one text": lambda: _chat(_times("word and more ")),
    "quotes and escapes": lambda: _chat(_times('say "x": \\ \n then ')),
    "Japanese": lambda: _chat(_times("日本語の文章。")),
    "100,000 messages": lambda: _chat(*["hello there " * 22] * 100_000),
    "spaced JSON": lambda: _chat(*["hello there " * 22] * 100_000, separators=(" , ", " : ")),
    "a key ending in a backslash": lambda: _chat(_times("word and more "), **{"a\\": 1}),
    "3 million objects": lambda: _chat("hi", odd=[{"a": 1}] * 3_000_000),
}


async def _measure() -> None:
    """Beat here while the other process asks."""
    print(
        f"{'shape':30} {'longest':>9} {'held':>6} {'request':>9}   (ms; beats over {HELD * 1000:g}"
        " ms late)"
    )
    caller = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.bench.big_bodies",
        "caller",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert caller.stdin is not None
    assert caller.stdout is not None
    upstream = (await caller.stdout.readline()).decode().strip()
    environ = {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": f"{upstream}/openai/v1"}
    async with serving(environ, POLICY) as running:
        for shape in SHAPES:
            caller.stdin.write(f"{running.url} {shape}\n".encode())
            asked = asyncio.ensure_future(caller.stdout.readline())
            gaps, last = [0.0], time.perf_counter()
            while not asked.done():
                await asyncio.sleep(BEAT)
                now = time.perf_counter()
                gaps.append(now - last - BEAT)
                last = now
            seconds, status = (await asked).split()
            late = sum(gap > HELD for gap in gaps)
            print(
                f"{shape:30} {max(gaps) * 1000:9.1f} {late:6} {float(seconds) * 1000:9.0f}  "
                f" {status.decode()}",
                flush=True,
            )
    caller.stdin.close()
    await caller.wait()


async def _caller() -> None:
    """Ask for each shape that is named on standard input, and say how long it took."""
    async with (
        fake_upstream(openai=json_answer(openai_completion())) as fake,
        aiohttp.ClientSession() as session,
    ):
        print(fake.url, flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            url, _, shape = line.strip().partition(" ")
            body = SHAPES[shape]()
            started = time.perf_counter()
            async with session.post(
                f"{url}/v1/chat/completions",
                data=body,
                headers={"content-type": "application/json"},
            ) as answer:
                await answer.read()
            fake.received.clear()
            print(time.perf_counter() - started, answer.status, flush=True)


if __name__ == "__main__":
    asyncio.run(_caller() if sys.argv[1:] == ["caller"] else _measure())
