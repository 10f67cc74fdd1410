"""Answers that are much to read: nobody else waits for them meanwhile."""

import asyncio
import threading
from typing import Any

import aiohttp
import pytest

from gateway.api import chat
from gateway.dispatch import continuation
from gateway.http import offload
from tests.fakes import fake_upstream, json_answer, openai_chunk, openai_completion, sse
from tests.serving import serving
from translators.json_codec import dumps

WORDS = "many words " * 100_000
LOGPROBS = {
    "content": [{"token": "w", "logprob": -0.5, "bytes": [119], "top_logprobs": []}] * 20_000,
    "refusal": None,
}
EVENTS = sse(
    openai_chunk({"role": "assistant", "content": ""}),
    openai_chunk({"content": WORDS}),
    openai_chunk({}, "stop"),
    b"data: [DONE]\n\n",
)
GEMINI: dict[str, Any] = {
    "candidates": [
        {"content": {"role": "model", "parts": [{"text": WORDS}]}, "finishReason": "STOP"}
    ]
}


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names of the threads in which big work is done."""
    used: set[str] = set()

    async def noted(work: Any, *args: Any) -> Any:
        def working() -> Any:
            used.add(threading.current_thread().name.partition("_")[0])
            return work(*args)

        return await asyncio.get_running_loop().run_in_executor(offload._THREAD, working)

    monkeypatch.setattr(continuation, "off_loop", noted)
    return used


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is written in the thread."""
    works: list[str] = []

    async def noted(work: Any, *args: Any) -> Any:
        works.append(work.__name__)
        return await offload.off_loop(work, *args)

    monkeypatch.setattr(chat, "off_loop", noted)
    return works


async def asked(model: str, stream: bool) -> Any:
    logged = openai_completion(WORDS)
    logged["choices"][0]["logprobs"] = LOGPROBS
    async with (
        fake_upstream(
            openai=EVENTS if stream else json_answer(logged), gemini=json_answer(GEMINI)
        ) as fake,
        serving(fake.environ()) as running,
        aiohttp.ClientSession() as session,
        session.post(
            f"{running.url}/v1/chat/completions",
            json={
                "model": model,
                "messages": [{"role": "user", "content": "hi"}],
                "stream": stream,
            },
        ) as answer,
    ):
        assert answer.status == 200
        return await (answer.read() if stream else answer.json())


@pytest.mark.parametrize("model", ["on_openai", "on_gemini"])
async def test_a_big_answer_is_read_in_the_thread(model: str, threads: set[str]) -> None:
    told = await asked(model, stream=False)
    assert told["choices"][0]["message"]["content"] == WORDS
    assert model != "on_openai" or told["choices"][0]["logprobs"] == LOGPROBS
    assert threads == {"big-requests"}


async def test_a_big_event_of_a_stream_is_read_in_the_thread(threads: set[str]) -> None:
    told = await asked("on_openai", stream=True)
    assert dumps(WORDS) in told
    assert told.endswith(b"data: [DONE]\n\n")
    assert threads == {"big-requests"}


@pytest.mark.parametrize("model", ["on_openai", "on_gemini"])
async def test_a_big_answer_is_written_in_the_thread(model: str, written: list[str]) -> None:
    await asked(model, stream=False)
    assert written == ["_written_whole"]


async def test_a_big_event_is_written_in_the_thread(written: list[str]) -> None:
    await asked("on_openai", stream=True)
    assert written == ["_written"] * len(written) != []
