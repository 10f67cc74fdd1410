"""What a stream cost: shown once to who asked, and on record however the stream ended."""

import asyncio

import aiohttp
import pytest

from gateway.telemetry.events import RequestEnded, Usage
from tests.api.test_commit_rule import CLAUDE_STREAM, chunks, stream
from tests.fakes import OPENAI_STREAM, Hang, fake_upstream, sse
from tests.serving import POLICY, Running, serving
from translators.json_codec import dumps

COUNTING = [
    b"data: "
    + dumps(
        {
            "id": "chatcmpl-up",
            "model": "gpt-served",
            "choices": [
                {
                    "index": 0,
                    "delta": {"content": "a"} if n < 3 else {},
                    "finish_reason": "stop" if n == 3 else None,
                }
            ],
            "usage": {"prompt_tokens": 3, "completion_tokens": n, "total_tokens": 3 + n},
        }
    )
    + b"\n\n"
    for n in (1, 2, 3)
]
"""A compatible server that counts with every chunk."""


@pytest.mark.parametrize(("n", "total"), [(1, 6), (2, 12)])
async def test_a_running_usage_is_one_chunk_with_the_last_count(n: int, total: int) -> None:
    policy = POLICY + "  mini: {description: d, targets: [openai/gpt-5-mini]}\n"
    async with (
        fake_upstream(openai=sse(*COUNTING, b"data: [DONE]\n\n")) as fake,
        serving(fake.environ(), policy) as running,
    ):
        _, _, text = await stream(running, "mini", n=n, stream_options={"include_usage": True})
    assert [chunk["usage"]["total_tokens"] for chunk in chunks(text) if chunk.get("usage")] == [
        total
    ]


CLAUDE_HEAD = CLAUDE_STREAM[:3]
GEMINI_HEAD = [
    b"data: "
    + dumps(
        {
            "candidates": [{"content": {"parts": [{"text": "a"}]}}],
            "usageMetadata": {
                "promptTokenCount": 3,
                "candidatesTokenCount": 1,
                "totalTokenCount": 4,
            },
        }
    )
    + b"\n\n"
]
BEGUN: dict[str, list[bytes]] = {
    "claude": CLAUDE_HEAD,
    "gemini": GEMINI_HEAD,
    "openai": COUNTING[:1],
}
"""Answers with content, of which three tokens were read and one was written so far."""


def ended(running: Running) -> RequestEnded:
    (event,) = [event for event in running.events if isinstance(event, RequestEnded)]
    return event


@pytest.mark.parametrize(
    ("provider", "n"), [("claude", 1), ("claude", 2), ("gemini", 1), ("openai", 1)]
)
async def test_a_stream_that_breaks_is_recorded_as_far_as_it_was_counted(
    provider: str, n: int
) -> None:
    """In the event that makes the log line, and in the metrics."""
    async with (
        fake_upstream(**{provider: sse(*BEGUN[provider])}) as fake,
        serving(fake.environ()) as running,
        aiohttp.ClientSession() as session,
    ):
        _, _, text = await stream(running, f"on_{provider}", n=n)
        async with session.get(f"{running.url}/metrics") as answer:
            metrics = await answer.text()
    assert b'"error"' in text
    assert ended(running).outcome == "stream_aborted"
    assert ended(running).usage == Usage(prompt=3 * n, completion=n)
    assert any(
        line.startswith("llm_router_tokens_total{")
        and 'kind="prompt"' in line
        and line.endswith(f" {3.0 * n}")
        for line in metrics.split("\n")
    )


async def test_an_answer_that_breaks_while_it_is_added_up_is_recorded_too() -> None:
    """The caller waits for JSON, while the provider streams."""
    body = {"model": "on_claude", "messages": [{"role": "user", "content": "hi"}]}
    async with (
        fake_upstream(claude=sse(*CLAUDE_HEAD)) as fake,
        serving(fake.environ()) as running,
        aiohttp.ClientSession() as session,
        session.post(f"{running.url}/v1/chat/completions", json=body) as answer,
    ):
        assert answer.status == 502
    assert ended(running).usage == Usage(prompt=3, completion=1)


@pytest.mark.parametrize("n", [1, 2])
async def test_a_caller_who_leaves_is_recorded_as_far_as_it_was_counted(n: int) -> None:
    body = {
        "model": "on_claude",
        "messages": [{"role": "user", "content": "hi"}],
        "n": n,
        "stream": True,
    }
    async with (
        fake_upstream(claude=[*sse(*CLAUDE_HEAD, end=False), Hang()]) as fake,
        serving(fake.environ()) as running,
    ):
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{running.url}/v1/chat/completions", json=body) as answer,
        ):
            assert await answer.content.readuntil(b"from claude")
        async with asyncio.timeout(10):
            while not running.events:  # noqa: ASYNC110  events are told to a list
                await asyncio.sleep(0.01)
    assert ended(running).outcome == "client_gone"
    assert ended(running).usage == Usage(prompt=3 * n, completion=n)


async def test_a_failed_attempts_usage_is_not_the_next_ones() -> None:
    """The tokens of a record are those of the target that it names."""
    policy = (
        "version: 1\npersonas:\n  p: {description: d, targets: [claude/claude-sonnet-5,"
        " openai/gpt-4.1]}\n"
    )
    async with (
        fake_upstream(claude=sse(CLAUDE_STREAM[0]), openai=sse(*OPENAI_STREAM)) as fake,
        serving(fake.environ(), policy) as running,
    ):
        await stream(running, "p")
    assert (ended(running).provider, ended(running).usage) == ("openai", None)
