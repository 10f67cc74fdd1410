"""gateway.telemetry.stream_metrics and what feeds it: bytes, pieces and waits of streams."""

from typing import Any, Final

import aiohttp

from tests.fakes import (
    SSE_HEAD,
    End,
    Pause,
    fake_upstream,
    json_answer,
    openai_chunk,
    openai_completion,
)  # fmt: skip
from tests.serving import POLICY, Running, serving

PERSONA: Final = "on_openai"
DONE: Final = b"data: [DONE]\n\n"
LABELS: Final = '{persona="on_openai",target="openai/gpt-4.1"}'


async def stream(running: Running, **more: Any) -> bytes:
    body = {"model": PERSONA, "messages": [{"role": "user", "content": "hi"}], "stream": True}
    async with (
        aiohttp.ClientSession(running.url) as http,
        http.post("/v1/chat/completions", json={**body, **more}) as answer,
    ):
        return await answer.read()


async def told(running: Running) -> dict[str, float]:
    async with aiohttp.ClientSession(running.url) as http, http.get("/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return {
        name: float(value)
        for name, _, value in (line.rpartition(" ") for line in lines)
        if name.startswith(("llm_router_stream_", "llm_router_time_per_output_chunk"))
    }


def chunks(*texts: str) -> list[bytes]:
    return [openai_chunk({"content": text}) for text in texts]


async def test_a_stream_is_counted_in_bytes_pieces_and_waits_between_them() -> None:
    first, second, third = chunks("a", "b", "c")
    last = openai_chunk({}, "stop") + DONE
    steps = [SSE_HEAD, first, Pause(0.03), second, Pause(0.03), third, Pause(0.03), last, End()]
    async with fake_upstream(openai=steps) as fake, serving(fake.environ(), POLICY) as running:
        seen = await stream(running)
        found = await told(running)
    assert found[f"llm_router_stream_bytes_total{LABELS}"] == len(seen)
    assert found[f"llm_router_stream_chunks_total{LABELS}"] == 4
    assert found[f"llm_router_time_per_output_chunk_seconds_count{LABELS}"] == 3


async def test_a_burst_is_one_piece_and_a_whole_answer_none() -> None:
    burst = b"".join([*chunks("a", "b", "c"), openai_chunk({}, "stop"), DONE])
    answers = [SSE_HEAD + burst, End()]

    def answer(received: Any) -> Any:
        return answers if received.body.get("stream") else json_answer(openai_completion())

    async with fake_upstream(openai=answer) as fake, serving(fake.environ(), POLICY) as running:
        await stream(running, stream=False)
        assert not [name for name in await told(running) if LABELS in name]
        seen = await stream(running)
        found = await told(running)
    assert found[f"llm_router_stream_bytes_total{LABELS}"] == len(seen)
    assert found[f"llm_router_stream_chunks_total{LABELS}"] == 1
    assert found[f"llm_router_time_per_output_chunk_seconds_count{LABELS}"] == 0


async def test_comments_of_a_silent_stream_are_no_pieces_and_end_no_wait() -> None:
    first, second = chunks("a", "b")
    steps = [SSE_HEAD, first, Pause(0.5), second + openai_chunk({}, "stop") + DONE, End()]
    policy = POLICY.replace("keep_alive_interval: 15", "keep_alive_interval: 0.1")
    async with fake_upstream(openai=steps) as fake, serving(fake.environ(), policy) as running:
        seen = await stream(running)
        found = await told(running)
    assert b"\n\n: " in seen
    assert found[f"llm_router_stream_chunks_total{LABELS}"] == 2
    assert found[f"llm_router_time_per_output_chunk_seconds_count{LABELS}"] == 1
    assert found[f"llm_router_stream_bytes_total{LABELS}"] < len(seen)
