"""Providers that repeat the key they were sent: it reaches neither callers nor logs, events,
metrics or decisions.
"""

import logging
from collections.abc import Sequence
from urllib.parse import quote

import aiohttp
import pytest

from tests.fakes import End, Received, Step, fake_upstream, json_answer
from tests.serving import serving
from translators.json_codec import dumps

KEYS = {
    "OPENAI_API_KEY": "c0ffee/Azure+71aa9b2e44d5",
    "ANTHROPIC_API_KEY": "kkk9183-claude-5577-zz-0201",
    "GEMINI_API_KEY": "GEM.1n1.aa/bb+cc==dd_ee-91",
}
SPELLINGS = {
    "whole": lambda key: key,
    "first half": lambda key: f"{key[: (len(key) + 1) // 2]}...",
    "last half": lambda key: f"...{key[(len(key) + 1) // 2 :]}",
    "in a URL": lambda key: f"/x?k={quote(key, safe='')}",
}
"""Each holds at least one half of the key."""


def traces(text: str) -> list[str]:
    """The keys that are in a text, whole or in half."""
    halves = [
        (key, half)
        for key in KEYS.values()
        for half in (key[: (len(key) + 1) // 2], key[(len(key) + 1) // 2 :])
    ]
    return [key for key, half in halves if half in text or quote(half, safe="") in text]


def answers(spelling: str, where: str) -> "Sequence[Step] | object":
    def answer(received: Received) -> Sequence[Step]:
        headers = received.headers
        sent = (
            headers.get("x-api-key")
            or headers.get("x-goog-api-key")
            or headers["authorization"].removeprefix("Bearer ")
        )
        said = SPELLINGS[spelling](sent)
        error = {
            "message": f"no {said} here",
            "type": f"t {said}",
            "code": f"c {said}",
            "param": said,
            "status": said,
        }
        told = dict.fromkeys(
            (
                "x-request-id",
                "request-id",
                "x-ratelimit-limit-requests",
                "anthropic-ratelimit-requests-limit",
            ),
            said,
        )
        if where == "event":
            return [
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
                b"event: error\ndata: " + dumps({"type": "error", "error": error}) + b"\n\n",
                End(),
            ]
        return json_answer({"error": error}, where, **told)

    return answer


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize(
    "where", ["400 Bad Request", "401 Unauthorized", "429 Too Many Requests", "500 Oops", "event"]
)
async def test_nobody_hears_of_it(
    spelling: str, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answer = answers(spelling, where)
    heard = []
    async with (
        fake_upstream(openai=answer, claude=answer, gemini=answer) as fake,  # type: ignore[arg-type]
        serving({**fake.environ(), **KEYS}) as running,
        aiohttp.ClientSession() as session,
    ):
        for model in ("on_openai", "on_claude", "on_gemini"):
            for stream in (False, True):
                body = {
                    "model": model,
                    "messages": [{"role": "user", "content": "hi"}],
                    "stream": stream,
                }
                async with session.post(f"{running.url}/v1/chat/completions", json=body) as got:
                    heard += [str(dict(got.headers)), await got.text()]
        for path in ("/metrics", "/api/v1/providers"):
            async with session.get(running.url + path) as got:
                heard.append(await got.text())
        heard += [repr(event) for event in running.events]
        assert len(fake.received) >= 3
    assert traces("\n".join([*heard, caplog.text])) == []


async def test_a_model_that_is_named_like_our_key_is_shown_by_the_configured_name() -> None:
    key = KEYS["OPENAI_API_KEY"]
    completion = {
        "id": "1", "object": "chat.completion", "created": 1, "model": key,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"},
         "finish_reason": "stop"}],
    }  # fmt: skip
    async with (
        fake_upstream(
            openai=json_answer(
                completion, **{"x-request-id": key, "x-ratelimit-remaining-requests": "7"}
            )
        ) as fake,
        serving({**fake.environ(), **KEYS}) as running,
        aiohttp.ClientSession() as session,
        session.post(
            f"{running.url}/v1/chat/completions",
            json={"model": "on_openai", "messages": [{"role": "user", "content": "hi"}]},
        ) as got,
    ):
        assert got.status == 200
        assert got.headers["x-llm-router-model"] == "gpt-4.1"
        assert got.headers["x-llm-router-upstream-ratelimit-remaining-requests"] == "7"
        assert traces(str(dict(got.headers))) == []
