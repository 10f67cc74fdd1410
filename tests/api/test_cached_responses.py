"""Responses of personas with a cache: each has an id of its own, and is kept under it."""

from typing import Any

from tests.api.cached import cached
from tests.api.gemini_calls import claude_answer
from tests.api.test_responses import TRANSLATED
from tests.fakes import InTurn, json_answer
from translators.json_codec import loads

SAYS = json_answer(claude_answer({"type": "text", "text": "first"}))
MORE = json_answer(claude_answer({"type": "text", "text": "second"}))


async def test_a_response_that_is_given_again_is_kept_under_an_id_of_its_own() -> None:
    asked: dict[str, Any] = {"model": "on_claude", "input": "hi"}
    async with cached(claude=InTurn(SAYS, MORE), capabilities=TRANSLATED) as it:
        got = [await it.ask("/v1/responses", asked) for _ in range(2)]
        one, two = [loads(each.body) for each in got]
        kept = await it.get(f"/v1/responses/{two['id']}")
        turns = [
            await it.ask("/v1/responses", {**asked, "previous_response_id": each["id"]})
            for each in (one, two)
        ]
        again = await it.ask("/v1/responses", {**asked, "previous_response_id": two["id"]})
    assert [each.cache for each in got] == ["miss", "hit; age=0"]
    assert one["id"] != two["id"]
    assert one["output"][0]["content"] == two["output"][0]["content"]
    assert (kept["id"], kept["store"], kept["output"]) == (two["id"], True, two["output"])
    assert [each.cache for each in turns] == ["miss", "miss"]
    assert again.cache == "hit; age=0"
    history = it.fake.received[1].body["messages"]
    assert [message["role"] for message in history] == ["user", "assistant", "user"]


async def test_a_response_with_its_providers_id_is_somebodys_own() -> None:
    response = {
        "id": "resp_up", "object": "response", "created_at": 1, "status": "completed",
        "model": "gpt-served", "error": None, "incomplete_details": None,
        "output": [{
            "id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": "hello", "annotations": []}],
        }],
        "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
    }  # fmt: skip
    asked: dict[str, Any] = {"model": "p", "input": "hi"}
    async with cached(json_answer(response)) as it:
        kept = [await it.ask("/v1/responses", asked) for _ in range(2)]
        own = [await it.ask("/v1/responses", {**asked, "store": False}) for _ in range(2)]
    assert [each.cache for each in kept] == ["bypass; reason=stored"] * 2
    assert [each.cache for each in own] == ["miss", "hit; age=0"]
    assert own[0].body == own[1].body


async def test_what_a_response_repeats_is_its_own_callers() -> None:
    asked: dict[str, Any] = {"model": "on_claude", "input": "hi"}
    async with cached(claude=SAYS, capabilities=TRANSLATED) as it:
        got = [
            await it.ask("/v1/responses", {**asked, "metadata": {"of": name}})
            for name in ("a", "b", "a")
        ]
    assert [loads(each.body)["metadata"] for each in got] == [{"of": "a"}, {"of": "b"}, {"of": "a"}]
    assert [each.cache for each in got] == ["miss", "miss", "hit; age=0"]


async def test_a_conversation_made_short_is_another_request() -> None:
    asked: dict[str, Any] = {"model": "on_claude", "input": "hi"}
    async with cached(claude=SAYS, capabilities=TRANSLATED) as it:
        whole = await it.ask("/v1/responses", asked)
        short = [await it.ask("/v1/responses/compact", asked) for _ in range(2)]
    assert [each.cache for each in (whole, *short)] == ["miss", "miss", "hit; age=0"]
    assert {loads(each.body)["object"] for each in short} == {"response.compaction"}
