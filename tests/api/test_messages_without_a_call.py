"""What callers of Messages are told without a paid call, and how long they wait for one."""

from typing import Any

import pytest

from tests.api.test_messages_routes import BODY, get, post
from tests.fakes import FakeUpstream, Pause, fake_upstream, json_answer, openai_completion
from tests.serving import POLICY, ROOT, serving
from translators.json_codec import loads


async def test_what_only_warms_a_cache_is_answered_without_a_call_by_others_than_claude() -> None:
    body: Any = {**BODY, "model": "on_openai", "max_tokens": 0}
    async with fake_upstream() as fake, serving(fake.environ()) as running:
        status, headers, message = await post(running.url, body)
        streamed = await post(running.url, {**body, "stream": True})
    assert status == 200
    assert (message["content"], message["stop_reason"]) == ([], "max_tokens")
    assert message["model"] == "on_openai"
    assert message["usage"]["input_tokens"] > 1
    assert message["usage"]["output_tokens"] == 0
    assert headers["x-llm-router-attempts"] == "0"
    events = [loads(event.partition(b"data: ")[2]) for event in streamed[2].split(b"\n\n")[:-1]]
    assert [e["type"] for e in events] == ["message_start", "message_delta", "message_stop"]
    assert events[1]["delta"]["stop_reason"] == "max_tokens"
    assert streamed[1]["content-type"].startswith("text/event-stream")
    assert fake.received == []


async def test_claude_is_asked_to_warm_its_cache() -> None:
    answer = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": []}
    answer |= {"stop_reason": "max_tokens", "usage": {"input_tokens": 9, "output_tokens": 0}}
    body: Any = {**BODY, "model": "on_claude", "max_tokens": 0}
    async with (
        fake_upstream(claude=json_answer(answer)) as fake,
        serving(fake.environ()) as running,
    ):
        status, _, message = await post(running.url, body)
    assert (status, message["stop_reason"]) == (200, "max_tokens")
    assert fake.received[0].body["max_tokens"] == 0


@pytest.mark.parametrize(("waits", "status"), [("0.2", 504), ("600", 200), ("long", 200)])
async def test_nothing_goes_on_for_longer_than_the_sdk_waits(waits: str, status: int) -> None:
    slow = [Pause(0.6), *json_answer(openai_completion("late"))]
    async with fake_upstream(openai=slow) as fake, serving(fake.environ()) as running:
        body = {**BODY, "model": "on_openai"}
        told, _, document = await post(running.url, body, x_stainless_timeout=waits)
    assert told == status
    if status == 504:
        assert document["error"]["type"] == "timeout_error"


async def test_names_for_discovery_can_be_left_out_of_the_list() -> None:
    policy = POLICY.replace("version: 1", "version: 1\nmessages_discovery: false")
    async with serving(FakeUpstream(port=1).environ(), policy) as running:
        _, page = await get(running.url, "/v1/models")
        status, _ = await get(running.url, "/v1/models/claude-on_openai")
    assert [each["id"] for each in page["data"]] == ["on_openai", "on_claude", "on_gemini", "all"]
    assert status == 404


async def test_a_host_that_takes_little_is_sent_little() -> None:
    capabilities = (ROOT / "config" / "capabilities.yaml").read_text()
    limited = capabilities.replace(
        "    dialect: claude\n", "    dialect: claude\n    betas: [b1]\n"
    )
    answer = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": []}
    answer |= {"stop_reason": "end_turn", "usage": {"input_tokens": 9, "output_tokens": 0}}
    async with (
        fake_upstream(claude=json_answer(answer)) as fake,
        serving(fake.environ(), capabilities=limited) as running,
    ):
        body: Any = {**BODY, "model": "on_claude", "speed": "fast"}
        _, headers, _ = await post(running.url, body, anthropic_beta="b1,fast-mode-2026-02-01")
    assert fake.received[0].headers["anthropic-beta"] == "b1"
    assert "speed" not in fake.received[0].body
    told = headers["x-llm-router-dropped-params"]
    assert told == "anthropic-beta.fast-mode-2026-02-01, speed"
