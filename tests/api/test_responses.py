"""POST /v1/responses through a whole gateway, for every dialect behind the persona."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
import pytest

from gateway.store.entry import Entry
from gateway.store.memory import MemoryStore
from tests.fakes import Pause, fake_upstream, json_answer, openai_chunk, openai_completion, sse
from tests.serving import POLICY, ROOT, Running, serving
from tests.strict import server as strict
from translators.json_codec import dumps, loads

PERSONAS: Final = ("on_openai", "on_claude", "on_gemini")
TOOL: Final = {
    "type": "namespace",
    "name": "weather",
    "description": "Of cities.",
    "tools": [
        {
            "type": "function",
            "name": "look_up",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        }
    ],
}
NOT_NATIVE: Final = "    responses: native\n"
TRANSLATED: Final = (ROOT / "config" / "capabilities.yaml").read_text().replace(NOT_NATIVE, "", 1)
VENDORS: Final = {"openai": "OPENAI", "claude": "ANTHROPIC", "gemini": "GEMINI"}


async def ask(running: Running, body: Any, path: str = "/v1/responses") -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(running.url + path, data=dumps(body), headers=JSON) as answer,
    ):
        return answer.status, loads(await answer.read())


JSON: Final = {"content-type": "application/json"}


async def stream(running: Running, body: Any) -> list[Any]:
    """The events of a streamed answer."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(running.url + "/v1/responses", data=dumps(body), headers=JSON) as answer,
    ):
        text = await answer.text()
        assert answer.status == 200, text
        return [loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]


@asynccontextmanager
async def simulated() -> AsyncIterator[Running]:
    async with strict.running() as sim:
        environ = {f"{name}_API_KEY": "k" for name in VENDORS.values()}
        environ |= {f"{name}_BASE_URL": sim.base_urls[key] for key, name in VENDORS.items()}
        async with serving(environ) as running:
            yield running


def numbered(events: list[Any]) -> bool:
    return [event["sequence_number"] for event in events] == list(range(len(events)))


@pytest.mark.parametrize("persona", PERSONAS)
async def test_a_whole_answer_is_a_response(persona: str) -> None:
    async with simulated() as running:
        status, answer = await ask(running, {"model": persona, "input": "hello", "store": False})
    assert (status, answer["object"], answer["status"]) == (200, "response", "completed")
    (message,) = [item for item in answer["output"] if item["type"] == "message"]
    assert message["content"][0]["type"] == "output_text"
    assert answer["usage"]["total_tokens"] > 0


@pytest.mark.parametrize("persona", PERSONAS)
async def test_a_stream_is_numbered_and_ends_with_the_response_it_told(persona: str) -> None:
    async with simulated() as running:
        asked = {"model": persona, "input": "hello", "stream": True, "store": False}
        events = await stream(running, asked)
    assert events[0]["type"] == "response.created"
    assert events[-1]["type"] == "response.completed"
    assert numbered(events)
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert done == events[-1]["response"]["output"]
    named = {event["response"]["id"] for event in events if "response" in event}
    assert len(named) == 1


async def test_the_path_without_its_version_is_served_too() -> None:
    async with simulated() as running:
        status, _ = await ask(running, {"model": "on_claude", "input": "hello"}, "/responses")
    assert status == 200


async def test_a_call_comes_back_under_its_name_and_namespace() -> None:
    call = {"index": 0, "id": "call_1", "type": "function"}
    call["function"] = {"name": "weather__look_up", "arguments": '{"city":"Bern"}'}
    said = sse(openai_chunk({"tool_calls": [call]}), openai_chunk({}, "tool_calls"), DONE)
    asked = {"model": "on_openai", "input": "Bern?", "tools": [TOOL], "stream": True}
    async with translating(openai=said) as (running, fake):
        events = await stream(running, asked)
    (item,) = events[-1]["response"]["output"]
    assert (
        item["type"],
        item["name"],
        item["namespace"],
    ) == ("function_call", "look_up", "weather")
    assert [tool["function"]["name"] for tool in fake.received[0].body["tools"]] == [
        "weather__look_up"
    ]


DONE: Final = b"data: [DONE]\n\n"


@asynccontextmanager
async def translating(policy: str = POLICY, **answers: Any) -> AsyncIterator[Any]:
    """A gateway whose OpenAI is no native one."""
    async with (
        fake_upstream(**answers) as fake,
        serving(fake.environ(), policy, capabilities=TRANSLATED) as running,
    ):
        yield running, fake


async def test_a_broken_stream_ends_with_an_error_and_a_failed_response() -> None:
    async with translating(openai=sse(openai_chunk({"content": "half"}))) as (running, _):
        asked = {"model": "on_openai", "input": "hi", "stream": True}
        events = await stream(running, asked)
    assert [event["type"] for event in events[-2:]] == ["error", "response.failed"]
    assert events[-2]["error"]["code"] == "server_error"
    assert events[-1]["response"]["status"] == "failed"
    assert numbered(events)


async def test_silence_is_filled_with_the_response_in_progress_and_failover_goes_on_behind_it() -> (
    None
):
    quick = POLICY.replace("keep_alive_interval: 15", "keep_alive_interval: 0.1")
    slow = [Pause(0.5), *json_answer({"error": {"message": "down"}}, "503 Service Unavailable")]
    async with (
        fake_upstream(openai=slow, claude=CLAUDE) as fake,
        serving(fake.environ(), quick) as running,
    ):
        events = await stream(running, {"model": "all", "input": "hi", "stream": True})
    kinds = [event["type"] for event in events]
    assert kinds[:3] == ["response.created", "response.in_progress", "response.in_progress"]
    assert kinds[-1] == "response.completed"
    assert events[-1]["response"]["model"] == "claude-served"
    assert numbered(events)


async def test_nothing_overtakes_the_end_while_the_response_is_being_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put = MemoryStore.put

    async def slow(store: MemoryStore, entry: Entry) -> bool:
        await asyncio.sleep(0.1)
        return await put(store, entry)

    monkeypatch.setattr(MemoryStore, "put", slow)
    quick = POLICY.replace("keep_alive_interval: 15", "keep_alive_interval: 0.02")
    async with (
        fake_upstream(claude=CLAUDE) as fake,
        serving(fake.environ(), quick) as running,
    ):
        events = await stream(running, {"model": "on_claude", "input": "hi", "stream": True})
    assert events[-1]["type"] == "response.completed"
    assert numbered(events)


CLAUDE: Final = sse(
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_u","type":"message",'
    b'"role":"assistant","model":"claude-served","content":[],"usage":{"input_tokens":3,'
    b'"output_tokens":1}}}\n\n',
    b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":'
    b'{"type":"text","text":""}}\n\n',
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":'
    b'{"type":"text_delta","text":"from claude"}}\n\n',
    b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n',
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},'
    b'"usage":{"output_tokens":4}}\n\n',
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
)


def native_event(kind: str, **fields: Any) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), dumps({"type": kind, **fields}))


RESPONSE: Final[dict[str, Any]] = {
    "id": "resp_0a", "object": "response", "created_at": 7, "status": "in_progress",
    "model": "gpt-served", "output": [], "store": False, "odd": [1.0, {"z": None}],
}  # fmt: skip
ITEM: Final = {
    "id": "msg_0a", "type": "message", "role": "assistant", "status": "completed",
    "content": [{"type": "output_text", "text": "native", "annotations": []}],
}  # fmt: skip
USAGE: Final = {"input_tokens": 4, "output_tokens": 2, "total_tokens": 6}
WHOLE: Final = {**RESPONSE, "status": "completed", "output": [ITEM], "usage": USAGE}
NATIVE: Final = (
    native_event("response.created", sequence_number=0, response=RESPONSE),
    native_event("response.in_progress", sequence_number=1, response=RESPONSE),
    native_event("response.output_item.added", sequence_number=2, output_index=0, item=ITEM),
    native_event("response.something_new", sequence_number=3, odd={"b": 1, "a": 2.50}),
    native_event("response.output_item.done", sequence_number=4, output_index=0, item=ITEM),
    native_event("response.completed", sequence_number=5, response=WHOLE),
)


async def test_a_native_target_gets_the_callers_body_and_its_events_come_back_as_they_are() -> None:
    text = (
        b'{"model":"on_openai", "new_field": {"b":1.0,"a":[2]},"input":"hi",'
        b'"stream":true,"store":false}'
    )
    async with (
        fake_upstream(openai=sse(*NATIVE)) as fake,
        serving(fake.environ()) as running,
        aiohttp.ClientSession() as session,
        session.post(running.url + "/v1/responses", data=text, headers=JSON) as answer,
    ):
        told = await answer.read()
    assert b"".join(NATIVE) == told
    received = fake.received[0]
    assert received.path == "/openai/v1/responses"
    assert received.body["new_field"] == {"b": 1.0, "a": [2]}
    assert (
        received.body["store"],
        received.body["include"],
    ) == (False, ["reasoning.encrypted_content"])
    assert received.body["model"] == "gpt-4.1"


async def test_a_native_stream_behind_a_response_that_began_early_is_numbered_on() -> None:
    quick = POLICY.replace("keep_alive_interval: 15", "keep_alive_interval: 0.1")
    slow = [Pause(0.35), *sse(*NATIVE)]
    async with fake_upstream(openai=slow) as fake, serving(fake.environ(), quick) as running:
        events = await stream(
            running, {"model": "on_openai", "input": "hi", "stream": True, "store": False}
        )
    assert numbered(events)
    assert sum(event["type"] == "response.created" for event in events) == 1
    assert len({event["response"]["id"] for event in events if "response" in event}) == 1
    assert next(event["odd"] for event in events if "odd" in event) == {"b": 1, "a": 2.5}


async def test_a_native_target_that_fails_before_it_says_anything_gives_way_to_another() -> None:
    failed = {**RESPONSE, "status": "failed", "error": {"code": "server_error", "message": "no"}}
    ended = native_event("response.failed", sequence_number=1, response=failed)
    async with (
        fake_upstream(openai=sse(NATIVE[0], ended), claude=CLAUDE) as fake,
        serving(fake.environ()) as running,
    ):
        events = await stream(running, {"model": "all", "input": "hi", "stream": True})
    assert events[-1]["response"]["output"][0]["content"][0]["text"] == "from claude"
    assert numbered(events)


async def test_a_native_stream_that_fails_in_the_middle_tells_both_events() -> None:
    failed = {**RESPONSE, "status": "failed", "error": {"code": "server_error", "message": "no"}}
    ends = {
        "error": native_event("error", sequence_number=3, code="server_error", message="no"),
        "response.failed": native_event("response.failed", sequence_number=3, response=failed),
    }
    for end in (*ends.values(), b""):
        async with (
            fake_upstream(openai=sse(*NATIVE[:3], end)) as fake,
            serving(fake.environ()) as running,
        ):
            asked = {"model": "on_openai", "input": "hi", "stream": True}
            events = await stream(running, asked)
        assert [event["type"] for event in events[-2:]] == ["error", "response.failed"]
        assert numbered(events)


async def test_a_hosted_tool_is_for_native_targets_only() -> None:
    tools = [{"type": "file_search", "vector_store_ids": ["vs_1"]}]
    async with fake_upstream(openai=json_answer(WHOLE)) as fake, serving(fake.environ()) as running:
        refused, error = await ask(running, {"model": "on_claude", "input": "x", "tools": tools})
        taken, answer = await ask(running, {"model": "on_openai", "input": "x", "tools": tools})
    assert (refused, taken) == (400, 200)
    assert error["error"]["param"] == "tools[0].type"
    assert answer["output"] == [ITEM]


async def test_errors_name_the_field_in_the_callers_words() -> None:
    cases = (
        ({"model": "on_claude"}, "input"),
        ({"model": "on_claude", "input": []}, "input"),
        ({"model": "on_claude", "input": "x", "messages": []}, "messages"),
        ({"model": "on_claude", "input": "x", "max_output_tokens": "9"}, "max_output_tokens"),
        ({"model": "on_claude", "input": "x", "background": True}, "background"),
        ({"model": "on_claude", "input": [{"role": "nobody", "content": "x"}]}, "input[0].role"),
        (
            {"model": "on_claude", "input": "x", "text": {"format": {"type": "y"}}},
            "text.format.type",
        ),
    )
    async with fake_upstream() as fake, serving(fake.environ()) as running:
        for body, param in cases:
            status, answer = await ask(running, body)
            assert (400, param) == (status, answer["error"]["param"]), answer


async def test_what_a_provider_refuses_is_told_in_its_own_words() -> None:
    said = {
        "error": {"message": "odd", "type": "invalid_request_error", "param": "input", "code": "x"}
    }
    async with (
        fake_upstream(openai=json_answer(said, "400 Bad Request")) as fake,
        serving(fake.environ()) as running,
    ):
        status, answer = await ask(running, {"model": "on_openai", "input": "x"})
    assert (400, said) == (status, answer)


async def test_a_search_that_the_target_lacks_is_left_out_and_told() -> None:
    search = [{"type": "web_search", "external_web_access": True}]
    answer = json_answer(openai_completion())
    async with (
        translating(openai=answer) as (running, fake),
        aiohttp.ClientSession() as session,
    ):
        body = dumps({"model": "on_openai", "input": "x", "tools": search})
        async with session.post(f"{running.url}/v1/responses", data=body, headers=JSON) as got:
            told = got.status, got.headers.get("x-llm-router-dropped-params", "")
    assert (told[0], "web_search_options" in told[1]) == (200, True)
    assert "web_search_options" not in fake.received[0].body


async def test_too_few_tokens_are_raised_and_told() -> None:
    async with (
        fake_upstream(openai=json_answer(WHOLE)) as fake,
        serving(fake.environ()) as running,
        aiohttp.ClientSession() as session,
    ):
        body = dumps({"model": "on_openai", "input": "x", "max_output_tokens": 3})
        async with session.post(f"{running.url}/v1/responses", data=body, headers=JSON) as got:
            changed = got.headers.get("x-llm-router-dropped-params", "")
    assert fake.received[0].body["max_output_tokens"] == 16
    assert "max_output_tokens" in changed


async def test_a_provider_may_end_with_response_done() -> None:
    ended = native_event("response.done", sequence_number=5, response=WHOLE)
    async with (
        fake_upstream(openai=sse(*NATIVE[:5], ended)) as fake,
        serving(fake.environ()) as running,
    ):
        events = await stream(
            running, {"model": "on_openai", "input": "hi", "stream": True, "store": False}
        )
    assert events[-1]["response"] == WHOLE


async def test_a_response_is_counted_as_any_answer() -> None:
    async with fake_upstream(openai=sse(*NATIVE)) as fake, serving(fake.environ()) as running:
        await stream(running, {"model": "on_openai", "input": "hi", "stream": True})
        (told,) = [event for event in running.events if getattr(event, "usage", None)]
    assert told.usage.prompt == 4
