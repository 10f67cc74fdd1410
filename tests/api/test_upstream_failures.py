"""What a provider's failure is to the caller and to the other targets: statuses, headers, requests
that are mended and sent again.
"""

import asyncio
from typing import Any

import aiohttp
import pytest

from tests.fakes import FakeUpstream, Step, fake_upstream, json_answer, sse
from tests.serving import serving
from translators.json_codec import dumps, loads

HI: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 99}
CLAUDE_FIRST = """
version: 1
direct_models: true
personas:
  both: {description: d, targets: [claude/claude-sonnet-5, gemini/gemini-3.5-flash]}
"""
GEMINI_ANSWER = {
    "candidates": [
        {"content": {"role": "model", "parts": [{"text": "from gemini"}]}, "finishReason": "STOP"}
    ]
}
CLAUDE_ANSWER = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-served",
    "content": [{"type": "text", "text": "from claude"}],
    "stop_reason": "end_turn", "usage": {"input_tokens": 3, "output_tokens": 2},
}  # fmt: skip
RPC = "type.googleapis.com/google.rpc."


def claude_error(status: str, type_: str, message: str = "m") -> list[Step]:
    return json_answer({"type": "error", "error": {"type": type_, "message": message}}, status)


async def ask(fake: FakeUpstream, model: str, **body: Any) -> tuple[int, dict[str, str], Any]:
    async with (
        serving(fake.environ(), CLAUDE_FIRST) as running,
        aiohttp.ClientSession() as session,
        session.post(
            f"{running.url}/v1/chat/completions", json={"model": model, **HI, **body}
        ) as answer,
    ):
        return (
            answer.status,
            {k.lower(): v for k, v in answer.headers.items()},
            loads(await answer.read()),
        )


async def test_a_spent_limit_is_not_asked_again() -> None:
    """Claude's 429 that names no wait, Google's daily allowance: one call upstream, and the caller
    is told not to retry.
    """
    details = [
        {
            "@type": RPC + "QuotaFailure",
            "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}],
        },
        {"@type": RPC + "RetryInfo", "retryDelay": "30s"},
    ]
    daily = {
        "error": {
            "code": 429,
            "status": "RESOURCE_EXHAUSTED",
            "message": "You exceeded your quota.",
            "details": details,
        }
    }
    async with fake_upstream(
        claude=claude_error("429 Too Many Requests", "rate_limit_error"),
        gemini=json_answer(daily, "429 Too Many Requests"),
    ) as fake:
        for model in ("claude/claude-sonnet-5", "gemini/gemini-3.5-flash"):
            status, headers, body = await ask(fake, model)
            assert (status, body["error"]["code"], headers["x-should-retry"]) == (
                429,
                "insufficient_quota",
                "false",
            )
            assert "retry-after" not in headers
        assert len(fake.received) == 2


async def test_an_empty_account_of_ours_moves_on() -> None:
    """Claude says it with a 400: it is no error of the caller's."""
    low = claude_error(
        "400 Bad Request",
        "invalid_request_error",
        "Your credit balance is too low to access the Claude API.",
    )
    async with fake_upstream(claude=low, gemini=json_answer(GEMINI_ANSWER)) as fake:
        status, headers, body = await ask(fake, "both")
        alone, _, told = await ask(fake, "claude/claude-sonnet-5")
    assert (status, headers["x-llm-router-provider"], body["choices"][0]["message"]["content"]) == (
        200,
        "gemini",
        "from gemini",
    )
    assert (alone, told["error"]["code"]) == (429, "insufficient_quota")


@pytest.mark.parametrize(
    ("steps", "status", "code"),
    [
        (claude_error("529 Overloaded", "overloaded_error"), 503, "provider_overloaded"),
        (
            [
                b"HTTP/1.1 413 Too Large\r\nContent-Type: text/html\r\nContent-Length:"
                b" 6\r\n\r\n<html>"
            ],
            413,
            "request_too_large",
        ),
    ],
    ids=["529", "413 in HTML"],
)
async def test_statuses_that_openai_has_not(steps: list[Step], status: int, code: str) -> None:
    async with fake_upstream(claude=steps) as fake:
        got, headers, body = await ask(fake, "claude/claude-sonnet-5")
    assert (got, headers["content-type"], set(body["error"])) == (
        status,
        "application/json",
        {"message", "type", "param", "code"},
    )
    assert body["error"]["code"] == code


@pytest.mark.parametrize(
    "shown",
    [b"", b'data: {"type":"message_start","message":{"id":"m","usage":{"input_tokens":1}}}\n\n'],
)
async def test_claudes_error_as_the_first_event_is_an_answer_with_its_status(shown: bytes) -> None:
    """Though it came under a 200; with another target it is not seen at all, as often as it
    happens.
    """
    error = (
        b"event: error\ndata:"
        b' {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
    )
    gemini = sse(b"data: " + dumps(GEMINI_ANSWER) + b"\n\n")
    async with (
        fake_upstream(claude=sse(shown, error), gemini=gemini) as fake,
        serving(fake.environ(), CLAUDE_FIRST) as running,
        aiohttp.ClientSession() as session,
    ):
        url, alone = (
            f"{running.url}/v1/chat/completions",
            {"model": "claude/claude-sonnet-5", **HI, "stream": True},
        )
        async with session.post(url, json=alone) as answer:
            assert (answer.status, (await answer.json())["error"]["code"]) == (
                503,
                "provider_overloaded",
            )
        for _ in range(2):
            async with session.post(url, json={**alone, "model": "both"}) as answer:
                text = await answer.read()
            assert (
                answer.status,
                text.count(b"from gemini"),
                text.endswith(b"data: [DONE]\n\n"),
            ) == (200, 1, True)


THINKING = {"type": "thinking", "thinking": "hm", "signature": "SIG"}
MENDED: dict[str, tuple[str, dict[str, Any], str]] = {
    "strict tools": (
        "Too many strict tools: 21",
        {
            "tools": [
                {
                    "type": "function",
                    "function": {
                        "name": "f",
                        "strict": True,
                        "parameters": {"type": "object", "properties": {}},
                    },
                }
            ]
        },
        "strict",
    ),
    "bound thinking": (
        (
            "messages.1.content.0: Invalid `signature` in `thinking` block. The block is bound to a"
            " different conversation."
        ),
        {
            "messages": [
                *HI["messages"],
                {"role": "assistant", "content": "a", "thinking_blocks": [THINKING]},
                *HI["messages"],
            ]
        },
        "signature",
    ),
}


@pytest.mark.parametrize(("message", "body", "refused"), MENDED.values(), ids=MENDED.keys())
async def test_a_refusal_that_can_be_mended_costs_one_request(
    message: str, body: dict[str, Any], refused: str
) -> None:
    """What was refused is taken out and the request is sent once more; a second refusal is given
    back.
    """
    async with fake_upstream(
        claude=claude_error("400 Bad Request", "invalid_request_error", message)
    ) as fake:
        status, _, _ = await ask(fake, "claude/claude-sonnet-5", **body)
        assert status == 400
        assert [refused.encode() in dumps(received.body) for received in fake.received] == [
            True,
            False,
        ]
        fake.received.clear()
        fake.arrived.clear()
        again = asyncio.ensure_future(ask(fake, "claude/claude-sonnet-5", **body))
        await fake.arrived.wait()
        fake.answers["/claude"] = json_answer(CLAUDE_ANSWER)
        status, _, told = await again
    assert (status, told["choices"][0]["message"]["content"], len(fake.received)) == (
        200,
        "from claude",
        2,
    )
