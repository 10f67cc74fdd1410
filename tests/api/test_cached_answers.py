"""The same request is given the same answer, where its persona says so."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from tests.api.cached import HI, POLICY, cached
from tests.fakes import (
    OPENAI_STREAM,
    FakeUpstream,
    Reset,
    fake_upstream,
    json_answer,
    openai_chunk,
    openai_completion,
    sse,
)
from tests.serving import Running, serving
from translators.json_codec import loads

TOOL: Final = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
USAGE: Final = b'data: {"id":"chatcmpl-up","object":"chat.completion.chunk","created":1,"model":"gpt-served","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n'  # noqa: E501
COUNTED: Final = [*OPENAI_STREAM[:-1], USAGE, OPENAI_STREAM[-1]]
"""A stream whose usage is told."""


def ended(reason: str, **more: Any) -> Any:
    completion = openai_completion()
    completion["choices"][0]["finish_reason"] = reason
    completion["choices"][0]["message"].update(more)
    return completion


async def test_the_second_request_is_given_the_first_ones_answer() -> None:
    async with cached() as it:
        first, second = await it.chat(), await it.chat()
        other = await it.chat(model="plain")
        ends = it.ends()
        metrics = await it.metrics()
        decision = await it.get(f"/api/v1/decisions/{second.headers['x-llm-router-decision']}")
    assert (first.cache, second.cache, other.cache) == ("miss", "hit; age=0", None)
    assert (second.status, second.body) == (200, first.body)
    assert it.asked == 2
    assert second.headers["x-llm-router-attempts"] == "0"
    assert second.headers["x-llm-router-provider"] == "openai"
    assert second.headers["x-llm-router-model"] == first.headers["x-llm-router-model"]
    assert [(end.cache, end.cost_nano_usd, end.usage is None) for end in ends[:2]] == [
        ("miss", ends[0].cost_nano_usd, False),
        ("hit", 0, True),
    ]
    assert ends[0].cost_nano_usd
    assert (ends[1].provider, ends[1].model, ends[1].attempts) == ("openai", "gpt-4.1", ())
    assert {name: decision[name] for name in ("cache", "served", "attempts", "outcome")} == {
        "cache": "hit", "served": "openai/gpt-4.1", "attempts": [], "outcome": "ok",
    }  # fmt: skip
    assert metrics == {"hit": 1, "miss": 1, "stored": 1}


async def test_a_stream_is_given_again_as_a_stream_and_whole() -> None:
    async with cached(sse(*COUNTED)) as it:
        first, second = await it.chat(stream=True), await it.chat(stream=True)
        counted = await it.chat(stream=True, stream_options={"include_usage": True})
        whole = await it.chat()
    assert (first.cache, second.cache) == ("miss", "hit; age=0")
    assert first.body == second.body
    assert counted.body == first.body.replace(b"data: [DONE]\n\n", USAGE + b"data: [DONE]\n\n")
    document = loads(whole.body)
    assert whole.cache == "hit; age=0"
    assert document["choices"][0]["message"]["content"] == "from openai"
    assert (document["id"], document["model"]) == ("chatcmpl-up", "gpt-served")
    assert document["usage"]["total_tokens"] == 5
    assert it.asked == 1


async def test_a_whole_answer_is_given_again_as_a_stream() -> None:
    async with cached() as it:
        await it.chat()
        streamed = await it.chat(stream=True, stream_options={"include_usage": True})
    events = [loads(event[6:]) for event in streamed.body.split(b"\n\n")[:-2]]
    assert streamed.cache == "hit; age=0"
    assert streamed.body.endswith(b"data: [DONE]\n\n")
    assert "".join(e["choices"][0]["delta"].get("content", "") for e in events[:-1]) == (
        "from openai"
    )
    assert events[-2]["choices"][0]["finish_reason"] == "stop"
    assert events[-1]["usage"]["total_tokens"] == 5
    assert it.asked == 1


CHANGES: Final = (
    {"messages": [{"role": "user", "content": "hi "}]},
    {"messages": [{"role": "developer", "content": "be"}, *HI]},
    {"temperature": 0}, {"top_p": 0.5}, {"max_tokens": 20}, {"seed": 1}, {"n": 2}, {"stop": "x"},
    {"logprobs": True}, {"response_format": {"type": "json_object"}}, {"service_tier": "flex"},
    {"reasoning_effort": "low"}, {"logit_bias": {"1": 2}}, {"presence_penalty": 0.1},
    {"frequency_penalty": 0.1}, {"unknown_parameter": 1}, {"model": "q"},
)  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=str)
async def test_any_other_parameter_is_another_request(change: dict[str, Any]) -> None:
    async with cached() as it:
        await it.chat()
        changed = await it.chat(**change)
        again = await it.chat()
    assert (changed.cache, again.cache) == ("miss", "hit; age=0")
    assert it.asked >= 2


async def test_the_order_of_keys_counts_only_inside_of_values() -> None:
    schemas = [dict(properties) for properties in ((("a", {}), ("b", {})), (("b", {}), ("a", {})))]
    async with cached() as it:
        got = [
            await it.ask("/v1/chat/completions", body)
            for body in (
                {"model": "p", "messages": HI, "seed": 1},
                {"seed": 1, "messages": HI, "model": "p"},
            )
        ]
        got += [
            await it.chat(
                response_format={
                    "type": "json_schema",
                    "json_schema": {"name": "n", "schema": {"properties": schema}},
                }
            )
            for schema in schemas
        ]
    assert [each.cache for each in got] == ["miss", "hit; age=0", "miss", "miss"]


@pytest.mark.parametrize(
    "change",
    [
        {"user": "u"}, {"safety_identifier": "s"}, {"metadata": {"a": "b"}},
        {"prompt_cache_key": "k"}, {"prompt_cache_retention": "24h"}, {"model": "other-name"},
    ],
    ids=str,
)  # fmt: skip
async def test_what_no_answer_depends_on_is_not_compared(change: dict[str, Any]) -> None:
    async with cached() as it:
        await it.chat()
        changed = await it.chat(**change)
    assert (changed.cache, it.asked) == ("hit; age=0", 1)


async def test_what_a_rule_looks_at_counts() -> None:
    async with cached() as it:
        got = [
            await it.chat(headers, model="ruled", metadata=metadata)
            for headers, metadata in (
                ({}, {}), ({"x-team": "a"}, {}), ({"x-team": "b"}, {}), ({}, {"kind": "x"}),
                ({"x-team": "a"}, {}), ({"x-other": "a"}, {"other": "x"}),
            )
        ]  # fmt: skip
    assert [each.cache for each in got] == [
        "miss", "miss", "miss", "miss", "hit; age=0", "hit; age=0",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "tools", [{"tools": [TOOL]}, {"functions": [TOOL["function"]]}, {"web_search_options": {}},
              {"x_provider": {"openai": {"tools": [TOOL]}}}],
    ids=str,
)  # fmt: skip
async def test_requests_with_tools_are_cached_only_where_that_is_allowed(tools: Any) -> None:
    if tools == {"web_search_options": {}}:
        tools = {"web_search_options": {"search_context_size": "low"}}
    async with cached() as it:
        got = [await it.chat(**tools) for _ in range(2)]
        allowed = [await it.chat(model="with-tools", **tools) for _ in range(2)]
    if got[0].status != 200:
        assert {each.status for each in (*got, *allowed)} == {got[0].status}
        return
    assert [each.cache for each in got] == ["bypass; reason=tools"] * 2
    assert [each.cache for each in allowed] == ["miss", "hit; age=0"]


async def test_a_default_of_the_persona_asks_for_tools_too() -> None:
    policy = POLICY.replace(
        "cache: {tools: true}",
        "cache: {tools: true}, defaults: {tools: [{type: function, function: {name: f}}]}",
    )
    async with cached(policy=policy) as it:
        got = [await it.chat(model="with-tools") for _ in range(2)]
    assert [each.cache for each in got] == ["miss", "hit; age=0"]


@pytest.mark.parametrize(
    ("answer", "more"),
    [
        (json_answer({"error": {"message": "m", "type": "t"}}, "500 Internal Server Error"), {}),
        (json_answer(ended("length")), {}),
        (json_answer(ended("content_filter")), {}),
        (json_answer(ended("stop", refusal="no")), {}),
        (json_answer(ended("stop", content="")), {}),
        ([*sse(*OPENAI_STREAM[:3], end=False), Reset()], {"stream": True}),
        (sse(OPENAI_STREAM[1], openai_chunk({}, "length"), OPENAI_STREAM[-1]), {"stream": True}),
        (sse(openai_chunk({"refusal": "no"}), *OPENAI_STREAM[3:]), {"stream": True}),
        (json_answer(openai_completion("x" * 70_000)), {"model": "small"}),
        (json_answer(openai_completion()), {"store": True}),
    ],
    ids=["error", "length", "filtered", "refused", "empty", "broken", "long stream",
         "refused stream", "too large", "stored"],
)  # fmt: skip
async def test_what_is_no_answer_to_give_again_is_not_kept(
    answer: Any, more: dict[str, Any]
) -> None:
    async with cached(answer) as it:
        first = await it.chat(**more)
        asked = it.asked
        second = await it.chat(**more)
    assert first.cache == second.cache
    assert str(first.cache).partition(";")[0] in ("miss", "bypass")
    assert it.asked == 2 * asked


async def test_an_answer_that_ends_where_its_caller_says_is_whole() -> None:
    async with cached(json_answer(ended("length"))) as it:
        got = [await it.chat(max_tokens=1) for _ in range(2)]
    assert [each.cache for each in got] == ["miss", "hit; age=0"]


async def test_callers_say_what_the_cache_may_do() -> None:
    says = [
        "no-store", "", "no-store, max-age=5", "no-cache", "max-age=60", "max-age=0", "",
        "NO-STORE",
    ]  # fmt: skip
    async with cached() as it:
        got = [await it.chat({"cache-control": each} if each else None) for each in says]
    assert [each.cache for each in got] == [
        "bypass; reason=no-store", "miss", "bypass; reason=no-store", "miss", "hit; age=0", "miss",
        "hit; age=0", "bypass; reason=no-store",
    ]  # fmt: skip
    assert it.asked == 6


async def test_an_answer_is_not_given_when_its_time_is_over() -> None:
    async with cached() as it:
        moment = it.cache.clock()
        it.cache.clock = lambda: moment
        got = [await it.chat()]
        for seconds in (3599, 3600):
            it.cache.clock = lambda seconds=seconds: moment + seconds
            got.append(await it.chat())
    assert [each.cache for each in got] == ["miss", "hit; age=3599", "miss"]


async def test_an_older_answer_than_its_caller_bears_is_asked_for_anew() -> None:
    async with cached() as it:
        moment = it.cache.clock()
        it.cache.clock = lambda: moment
        await it.chat()
        it.cache.clock = lambda: moment + 100
        got = [await it.chat({"cache-control": f"max-age={age}"}) for age in (200, 50)]
        last = await it.chat({"cache-control": "max-age=50"})
    assert [each.cache for each in (*got, last)] == ["hit; age=100", "miss", "hit; age=0"]


async def test_a_new_revision_is_another_request() -> None:
    async with cached() as it:
        first = await it.chat()
        await it.change(POLICY.replace("timeouts: {total: 5}", "timeouts: {total: 6}"))
        second, third = await it.chat(), await it.chat()
    assert [each.cache for each in (first, second, third)] == ["miss", "miss", "hit; age=0"]


KEYS: Final = "one-secret-key,another-secret-key,a-third-secret-key"


async def test_answers_are_never_shared_between_keys() -> None:
    async with cached(keys=KEYS) as it:
        got = [
            await it.chat({"authorization": f"Bearer {key}"})
            for key in KEYS.split(",")
            for _ in range(2)
        ]
    assert [each.cache for each in got] == ["miss", "hit; age=0"] * 3


async def test_a_memory_of_few_bytes_keeps_what_was_used_last() -> None:
    text = "x" * 20_000
    async with cached(json_answer(openai_completion(text))) as it:
        for seed in (1, 2, 3, 1, 4):
            last = await it.chat(model="small", seed=seed)
        sizes = it.cache.memory.sizes()
        got = [(await it.chat(model="small", seed=seed)).cache for seed in (1, 4, 3, 2)]
        metrics = await it.metrics("small")
    assert last.cache == "miss"
    assert 60_000 < sizes["small"] <= 65_536
    assert got == ["hit; age=0", "hit; age=0", "hit; age=0", "miss"]
    assert metrics["evicted"] == 2


async def test_an_answer_is_given_though_no_target_is_open() -> None:
    async with cached() as it:
        await it.chat()
        it.fake.answers["/openai"] = json_answer({}, "500 Internal Server Error")
        refused = [await it.chat(seed=number) for number in range(30)]
        got = await it.chat()
    assert {each.status for each in refused} <= {502, 503}
    assert got.cache == "hit; age=0"


async def test_the_native_route_and_chat_share_answers() -> None:
    async with cached() as it:
        await it.chat()
        whole = await it.ask("/api/v1/chat", {"persona": "p", "messages": HI})
        streamed = await it.ask("/api/v1/chat", {"persona": "p", "messages": HI, "stream": True})
    document = loads(whole.body)
    assert (whole.cache, streamed.cache, it.asked) == ("hit; age=0", "hit; age=0", 1)
    assert document["usage"]["cost_usd"] == 0
    assert document["finish_reason"] == "stop"
    assert document["attempts"] == []
    assert b"event: done" in streamed.body


FIRST: Final = "version: 1\nserver: {watch: 0}\npersonas: {p: {targets: [openai/gpt-4.1]%s}}\n"


@asynccontextmanager
async def reloaded_with_a_cache(
    environ: Mapping[str, str],
) -> AsyncIterator[tuple[Running, aiohttp.ClientSession, FakeUpstream]]:
    """A gateway that began without a cache, and was told of one."""
    async with (
        fake_upstream(openai=json_answer(openai_completion())) as fake,
        serving({**fake.environ(), **environ}, FIRST % "") as running,
        aiohttp.ClientSession() as session,
    ):
        assert running.gateway.cache is None
        (running.files.directory / "persona_policy.yaml").write_text(FIRST % ", cache: {}")
        done = await running.gateway.reloader.reload("request")
        assert (done.changed, done.needs_restart) == (True, ())
        yield running, session, fake


async def results(running: Running, session: aiohttp.ClientSession, times: int) -> list[str | None]:
    """What the cache did for the same request, again and again."""
    told = []
    for _ in range(times):
        body, url = {"model": "p", "messages": HI}, running.url + "/v1/chat/completions"
        async with session.post(url, json=body) as answer:
            assert answer.status == 200
            told.append(answer.headers.get("x-llm-router-cache"))
    return told


async def test_the_first_cache_holds_from_the_reload_that_brings_it(tmp_path: Path) -> None:
    store = {"LLM_ROUTER_STORE_URL": f"sqlite:///{tmp_path}/limits.sqlite"}
    async with reloaded_with_a_cache(store) as (running, session, fake):
        assert await results(running, session, 3) == ["miss", "hit; age=0", "hit; age=0"]
        assert len(fake.received) == 1
        text, _ = await running.gateway.metrics.scrape("")
    assert b'llm_router_response_cache_total{persona="p",result="hit"} 2.0' in text
    assert (tmp_path / "answers.sqlite").exists()


async def test_a_first_cache_whose_store_cannot_be_leaves_requests_as_they_were(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with reloaded_with_a_cache({"LLM_ROUTER_STORE_URL": "nonsense://x"}) as told:
        running, session, fake = told
        assert await results(running, session, 2) == [None, None]
        assert len(fake.received) == 2
    assert "no answers are kept until a reload or a start that can" in caplog.text
