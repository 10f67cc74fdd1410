"""gateway.dispatch.fan_out: n answers from models that give one."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from openai import APIStatusError, AsyncOpenAI

from gateway.dispatch.fan_out import ended, merged, summed
from tests.api.test_commit_rule import CLAUDE_ANSWER, CLAUDE_STREAM
from tests.fakes import (
    OPENAI_STREAM,
    Received,
    Reset,
    fake_upstream,
    json_answer,
    openai_completion,
    sse,
)
from tests.serving import POLICY, Running, serving
from translators.json_codec import dumps


def client(running: Running) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"{running.url}/v1", api_key="x", max_retries=0)


MESSAGES: Any = [{"role": "user", "content": "hi"}]


def test_usage_is_summed_with_its_details() -> None:
    one = {"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": 1}, "service": "x"}
    assert summed([one, one, {"prompt_tokens": 1}]) == {
        "prompt_tokens": 7,
        "prompt_tokens_details": {"cached_tokens": 2},
        "service": "x",
    }


def test_answers_without_usage_have_none() -> None:
    answer = {"id": "a", "choices": [{"index": 0, "message": {}}]}
    assert merged([answer, answer]) == {
        "id": "a",
        "choices": [{"index": 0, "message": {}}, {"index": 1, "message": {}}],
    }


async def test_after_a_failure_what_is_made_already_is_given_and_the_rest_is_ended() -> None:
    async def made() -> str:
        return "made"

    async def broken() -> str:
        raise KeyError

    tasks = [asyncio.ensure_future(one) for one in (made(), broken(), asyncio.sleep(60, "late"))]
    with pytest.raises(KeyError):
        await asyncio.gather(*tasks)
    assert await ended(tasks) == ["made"]
    assert tasks[2].cancelled()


async def test_json() -> None:
    async with (
        fake_upstream(claude=json_answer(CLAUDE_ANSWER)) as fake,
        serving(fake.environ()) as running,
        client(running) as sdk,
    ):
        raw = await sdk.chat.completions.with_raw_response.create(
            model="on_claude", messages=MESSAGES, n=3, max_tokens=9
        )
        answer = raw.parse()
    assert [(c.index, c.message.content) for c in answer.choices] == [
        (i, "from claude") for i in range(3)
    ]
    assert answer.usage is not None
    assert (
        answer.usage.prompt_tokens,
        answer.usage.completion_tokens,
        answer.usage.total_tokens,
    ) == (9, 6, 15)
    assert raw.headers["x-llm-router-dropped-params"] == "n=emulated"
    assert len(fake.received) == 3


async def test_stream() -> None:
    """Every choice has one role and one finish; one usage chunk, the sum; the SDK's accumulator
    takes it.
    """
    async with (
        fake_upstream(claude=sse(*CLAUDE_STREAM)) as fake,
        serving(fake.environ()) as running,
        client(running) as sdk,
    ):
        stream = await sdk.chat.completions.create(
            model="on_claude",
            messages=MESSAGES,
            n=2,
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]
    texts: Counter[int] = Counter()
    for chunk in chunks:
        for choice in chunk.choices:
            texts[choice.index] += len(choice.delta.content or "")
    assert dict(texts) == {0: len("from claude"), 1: len("from claude")}
    assert sorted(
        c.index for chunk in chunks for c in chunk.choices if c.finish_reason == "stop"
    ) == [0, 1]
    assert sorted(c.index for chunk in chunks for c in chunk.choices if c.delta.role) == [0, 1]
    assert [chunk.usage.total_tokens for chunk in chunks if chunk.usage is not None] == [10]


async def test_if_one_fails_all_fail_over() -> None:
    async with fake_upstream(openai=[Reset()], claude=sse(*CLAUDE_STREAM)) as fake:
        policy = (
            POLICY
            + "  two: {description: d, targets: [openai/gpt-5-mini, claude/claude-sonnet-5]}\n"
        )
        async with serving(fake.environ(), policy) as running, client(running) as sdk:
            stream = await sdk.chat.completions.create(
                model="two", messages=MESSAGES, n=2, stream=True
            )
            assert (
                sum(
                    1
                    for chunk in [c async for c in stream]
                    for choice in chunk.choices
                    if choice.finish_reason
                )
                == 2
            )


@pytest.mark.parametrize("n", [2, 9])
async def test_a_persona_may_forbid_it_and_nine_are_too_many(n: int) -> None:
    policy = (
        POLICY + "  one: {description: d, targets: [claude/claude-sonnet-5], fan_out:"
        f" {'false' if n == 2 else 'true'}}}\n"
    )
    async with (
        fake_upstream() as fake,
        serving(fake.environ(), policy) as running,
        client(running) as sdk,
    ):
        with pytest.raises(APIStatusError) as caught:
            await sdk.chat.completions.create(model="one", messages=MESSAGES, n=n)
    assert (caught.value.status_code, caught.value.param) == (400, "n")  # type: ignore[attr-defined]


REFUSED: Any = json_answer(
    {
        "error": {
            "code": 400,
            "message": "Multiple candidates is not enabled for this model",
            "status": "INVALID_ARGUMENT",
        }
    },
    "400 Bad Request",
)
GROQ: Any = json_answer(
    {"error": {"message": "'n' : number must be at most 1", "type": "invalid_request_error"}},
    "400 Bad Request",
)
GEMINI_FRAME = {
    "candidates": [
        {
            "index": 0,
            "content": {"role": "model", "parts": [{"text": "from gemini"}]},
            "finishReason": "STOP",
        }
    ],
    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5},
}


def of_gemini(received: Received) -> Any:
    """A model of Google's that gives one candidate only, whatever its row says."""
    if received.body.get("generationConfig", {}).get("candidateCount"):
        return REFUSED
    return (
        sse(b"data: " + dumps(GEMINI_FRAME) + b"\n\n")
        if "stream" in received.path
        else json_answer(GEMINI_FRAME)
    )


def of_a_compatible_server(received: Received) -> Any:
    if received.body.get("n"):
        return GROQ
    return sse(*OPENAI_STREAM) if received.body.get("stream") else json_answer(openai_completion())


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("model", "upstream"),
    [
        ("gemini/gemini-2.5-flash", {"gemini": of_gemini}),
        ("openai/gpt-4.1", {"openai": of_a_compatible_server}),
    ],
)
async def test_a_model_that_turns_out_to_give_one_answer_is_asked_several_times(
    model: str, upstream: Any, stream: bool
) -> None:
    """One request is refused; from then on nobody asks it for several at once."""
    async with (
        fake_upstream(**upstream) as fake,
        serving(fake.environ()) as running,
        client(running) as sdk,
    ):
        for received in (4, 7):
            raw = await sdk.chat.completions.with_raw_response.create(
                model=model, messages=MESSAGES, n=3, stream=stream
            )  # type: ignore[call-overload]
            if stream:
                shown = {
                    choice.index
                    async for chunk in raw.parse()
                    for choice in chunk.choices
                    if choice.finish_reason
                }
            else:
                shown = {choice.index for choice in raw.parse().choices}
            assert shown == {0, 1, 2}
            assert raw.headers["x-llm-router-dropped-params"] == "n=emulated"
            assert len(fake.received) == received


async def test_what_turned_out_is_held_against_a_persona_that_forbids_it() -> None:
    policy = (
        POLICY
        + "  one: {description: d, targets: [gemini/gemini-2.5-flash, openai/gpt-4.1], fan_out:"
        " false}\n"
    )
    answers: Any = {"gemini": of_gemini, "openai": json_answer(openai_completion())}
    async with (
        fake_upstream(**answers) as fake,
        serving(fake.environ(), policy) as running,
        client(running) as sdk,
    ):
        for _ in range(2):
            answer = await sdk.chat.completions.create(model="one", messages=MESSAGES, n=2)
            assert answer.choices[0].message.content == "from openai"
        assert [received.path.split("/")[1] for received in fake.received] == [
            "gemini",
            "openai",
            "gemini",
            "openai",
        ]
