"""gateway.dispatch.send: a status that means success comes back, every other one is an
UpstreamError in the dialect's words.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.dispatch.attempt_record import Attempt
from gateway.dispatch.send import MAX_ERROR_BYTES, PreparedRequest, send
from gateway.routing.candidates import Candidate
from gateway.upstream.client import UpstreamClient
from tests.fakes import Step, fake_upstream, json_answer, openai_completion
from tests.serving import POLICY, config_of
from translators import openai
from translators.dialect import Envelope, UpstreamRequest
from translators.errors import FailureKind, UpstreamError

KEY = "sk-canary-0123456789abcdef"


@asynccontextmanager
async def prepared(answer: list[Step]) -> AsyncIterator[PreparedRequest]:
    """A request for a provider that answers so."""
    async with fake_upstream(openai=answer) as fake, UpstreamClient.running() as client:
        config = config_of(POLICY, {**fake.environ(), "OPENAI_API_KEY": KEY})
        ref = config.personas["on_openai"].targets[0]
        provider = config.providers[ref.provider]
        now = time.perf_counter()
        candidate = Candidate(ref, provider, provider.models[ref.model])
        attempt = Attempt(
            candidate, "first", provider.timeouts, time.perf_counter, now + 60, now, now
        )
        request = UpstreamRequest(
            f"{provider.base_url}/chat/completions",
            {"content-type": "application/json"},
            b"{}",
            False,
        )
        yield PreparedRequest(
            client, openai, request, Envelope("chatcmpl-1", 1, ref.model), attempt
        )


async def test_an_answer_with_a_good_status_is_given_with_its_body_unread() -> None:
    async with prepared(json_answer(openai_completion("words"))) as ready:
        response = await send(ready, ready.request)
        assert response.status == 200
        assert b"words" in await response.read()
        response.close()


async def test_what_the_provider_said_of_its_limits_is_on_record() -> None:
    head = (
        b"HTTP/1.1 200 OK\r\nx-ratelimit-remaining-requests: 7\r\nx-request-id:"
        b" abc\r\ncontent-length: 2\r\n\r\n{}"
    )
    async with prepared([head]) as ready:
        (await send(ready, ready.request)).close()
        assert ready.attempt.upstream_headers == {
            "x-llm-router-upstream-ratelimit-remaining-requests": "7",
            "x-llm-router-upstream-request-id": "abc",
        }


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("401 Unauthorized", FailureKind.AUTHENTICATION),
        ("429 Too Many Requests", FailureKind.RATE_LIMIT),
        ("302 Found", None),
    ],
)
async def test_any_other_status_is_a_failure_without_our_key_in_it(
    status: str, kind: FailureKind | None
) -> None:
    async with prepared(
        json_answer({"error": {"message": f"no: {KEY}", "type": "x"}}, status)
    ) as ready:
        with pytest.raises(UpstreamError) as caught:
            await send(ready, ready.request)
        assert caught.value.failure.upstream_status == int(status[:3])
        assert kind is None or caught.value.failure.kind is kind
        assert KEY not in str(caught.value.failure)


async def test_an_error_of_endless_words_is_not_read_to_its_end() -> None:
    words = b"x" * (MAX_ERROR_BYTES + 1)
    head = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: %d\r\n\r\n" % len(words)
    async with prepared([head, words]) as ready:
        with pytest.raises(UpstreamError, match=f"larger than {MAX_ERROR_BYTES} bytes"):
            await send(ready, ready.request)
