"""What the gateway keeps of responses, and how requests refer to it."""

from typing import Any, Final

import aiohttp
import pytest

from gateway.api.auth import read as read_access
from tests.api.gemini_calls import claude_stream, claude_text
from tests.api.test_responses import (
    CLAUDE,
    JSON,
    NATIVE,
    RESPONSE,
    WHOLE,
    ask,
    native_event,
    numbered,
    stream,
)
from tests.fakes import InTurn, fake_upstream, json_answer, sse
from tests.serving import POLICY, Running, serving
from translators.json_codec import dumps, loads

OFF: Final = POLICY.replace("server: {", "server: {responses_store: off, ")
TOOL: Final = {"type": "function", "name": "f", "parameters": None}


def said(text: str) -> Any:
    return {
        "id": "msg_up", "type": "message", "role": "assistant", "model": "claude-served",
        "content": [
            {"type": "thinking", "thinking": "so", "signature": "c2ln"},
            {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}},
        ] if text == "call" else [{"type": "text", "text": text}],
        "stop_reason": "tool_use" if text == "call" else "end_turn",
        "usage": {"input_tokens": 3, "output_tokens": 2},
    }  # fmt: skip


async def reach(
    running: Running, method: str, path: str, key: str | None = None
) -> tuple[int, Any]:
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, running.url + path, headers=headers) as answer,
    ):
        return answer.status, loads(await answer.read())


def claude(*texts: str) -> InTurn:
    return InTurn(*[json_answer(said(text)) for text in texts])


async def test_a_response_is_kept_shown_and_forgotten() -> None:
    async with (
        fake_upstream(claude=claude("hello")) as fake,
        serving(fake.environ()) as running,
    ):
        _, answer = await ask(running, {"model": "on_claude", "input": "hi"})
        path = f"/v1/responses/{answer['id']}"
        shown = await reach(running, "GET", path)
        streamed = await reach(running, "GET", f"{path}?stream=true")
        cancelled = await reach(running, "POST", f"{path}/cancel")
        _, items = await reach(running, "GET", f"{path}/input_items")
        deleted = await reach(running, "DELETE", path)
        gone = [await reach(running, method, path) for method in ("GET", "DELETE")]
    assert answer["store"] is True
    assert (200, answer) == shown
    assert (streamed[0], streamed[1]["error"]["code"]) == (400, "unsupported_parameter")
    assert (cancelled[0], "background=true" in cancelled[1]["error"]["message"]) == (400, True)
    assert [item["content"][0]["text"] for item in items["data"]] == ["hi"]
    assert (200, {"id": answer["id"], "object": "response", "deleted": True}) == deleted
    assert [status for status, _ in gone] == [404, 404]


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "order=sideways"])
async def test_a_page_that_cannot_be_is_refused(query: str) -> None:
    async with (
        fake_upstream(claude=claude("hello")) as fake,
        serving(fake.environ()) as running,
    ):
        _, answer = await ask(running, {"model": "on_claude", "input": "hi"})
        at = f"/v1/responses/{answer['id']}/input_items"
        status, refused = await reach(running, "GET", f"{at}?{query}")
    assert (status, refused["error"]["param"]) == (400, query.partition("=")[0])


async def test_the_history_is_put_before_what_is_new_with_its_signed_reasoning() -> None:
    async with (
        fake_upstream(claude=claude("call", "done")) as fake,
        serving(fake.environ()) as running,
    ):
        asked = {"model": "on_claude", "input": "hi", "tools": [TOOL]}
        _, first = await ask(running, asked)
        output = {"type": "function_call_output", "call_id": "toolu_1", "output": "7"}
        more = {**asked, "input": [output], "previous_response_id": first["id"]}
        _, second = await ask(running, more)
        _, items = await reach(
            running, "GET", f"/v1/responses/{second['id']}/input_items?order=asc"
        )
    assert [item["type"] for item in first["output"]] == ["function_call"]
    messages = fake.received[1].body["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert messages[1]["content"][0]["signature"] == "c2ln"
    kinds = [item["type"] for item in items["data"]]
    assert kinds == ["message", "function_call", "reasoning", "function_call_output"]
    assert first["id"] == second["previous_response_id"]


async def test_what_was_not_kept_is_refused_before_anybody_is_asked() -> None:
    async with fake_upstream(claude=claude("x")) as fake, serving(fake.environ()) as running:
        asked = {"model": "on_claude", "input": "hi", "store": False}
        _, first = await ask(running, asked)
        status, error = await ask(running, {**asked, "previous_response_id": first["id"]})
        reference = [{"type": "item_reference", "id": "msg_nobody"}]
        missing = await ask(running, {**asked, "input": reference})
    assert first["store"] is False
    assert (status, error["error"]["code"]) == (400, "previous_response_not_found")
    assert (missing[0], missing[1]["error"]["param"]) == (400, "input")
    assert len(fake.received) == 1


async def test_with_the_store_off_every_answer_says_that_it_is_not_kept() -> None:
    async with fake_upstream(claude=claude("x")) as fake, serving(fake.environ(), OFF) as running:
        _, answer = await ask(running, {"model": "on_claude", "input": "hi", "store": True})
        status, error = await ask(
            running, {"model": "on_claude", "input": "a", "previous_response_id": answer["id"]}
        )
    assert answer["store"] is False
    assert (status, "stores no responses" in error["error"]["message"]) == (400, True)


async def test_items_are_found_by_reference_and_what_is_repeated_counts_once() -> None:
    async with (
        fake_upstream(claude=claude("one", "two")) as fake,
        serving(fake.environ()) as running,
    ):
        _, first = await ask(running, {"model": "on_claude", "input": "hi"})
        item = first["output"][0]["id"]
        again = [{"role": "user", "content": "hi"}, {"type": "item_reference", "id": item}]
        again.append({"role": "user", "content": "and?"})
        await ask(running, {"model": "on_claude", "input": again})
        await ask(
            running,
            {"model": "on_claude", "input": again[1:], "previous_response_id": first["id"]},
        )
    for received in fake.received[1:]:
        texts = [message["content"] for message in received.body["messages"]]
        assert len(texts) == 3, texts


async def test_another_caller_does_not_find_it() -> None:
    access = read_access({"LLM_ROUTER_API_KEYS": "key-one,key-two"})
    async with (
        fake_upstream(claude=claude("x")) as fake,
        serving(fake.environ(), access=access) as running,
        aiohttp.ClientSession() as session,
    ):
        headers = {**JSON, "authorization": "Bearer key-one"}
        body = dumps({"model": "on_claude", "input": "hi"})
        async with session.post(f"{running.url}/v1/responses", data=body, headers=headers) as got:
            answer = loads(await got.read())
        path = f"/v1/responses/{answer['id']}"
        own = await reach(running, "GET", path, "key-one")
        others = await reach(running, "GET", path, "key-two")
    assert (own[0], others[0]) == (200, 404)


async def test_a_stream_is_kept_before_its_last_event_goes_out() -> None:
    async with fake_upstream(claude=CLAUDE) as fake, serving(fake.environ()) as running:
        events = await stream(running, {"model": "on_claude", "input": "hi", "stream": True})
        response = events[-1]["response"]
        shown = await reach(running, "GET", f"/v1/responses/{response['id']}")
    assert response["store"] is True
    assert (200, response) == shown


FAILED: Final = {**RESPONSE, "status": "failed", "error": {"code": "server_error", "message": "no"}}
ENDS: Final = {
    "translated": {"claude": sse(*claude_stream(claude_text("Once "))[:-2])},
    "nothing more": {"openai": sse(*NATIVE[:3])},
    "an error": {
        "openai": sse(
            *NATIVE[:3], native_event("error", sequence_number=3, code="server_error", message="no")
        )
    },
    "a failed response": {
        "openai": sse(
            *NATIVE[:3], native_event("response.failed", sequence_number=3, response=FAILED)
        )
    },
}


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("end", ENDS)
async def test_a_stream_that_broke_is_kept_as_it_ended(
    end: str, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = ENDS[end]
    async with fake_upstream(**answers) as fake, serving(fake.environ()) as running:
        if not kept:
            monkeypatch.setattr(running.gateway.store, "put", refusing)
        asked = {"model": f"on_{next(iter(answers))}", "input": "hi", "stream": True}
        events = await stream(running, asked)
        response = events[-1]["response"]
        status, shown = await reach(running, "GET", f"/v1/responses/{response['id']}")
        more = {**asked, "previous_response_id": response["id"]}
        following = await ask(running, {**more, "stream": False})
    assert [event["type"] for event in events[-2:]] == ["error", "response.failed"]
    assert numbered(events)
    assert (response["status"], response["store"]) == ("failed", kept)
    assert (status, shown) == (200, response) if kept else status == 404
    assert (following[0], following[1]["error"]["code"]) == (400, "previous_response_not_found")


async def refusing(entry: Any) -> bool:
    raise OSError


async def test_a_native_response_is_kept_under_its_own_id_and_expanded_here() -> None:
    async with fake_upstream(openai=natively) as fake, serving(fake.environ()) as running:
        events = await stream(running, {"model": "on_openai", "input": "hi", "stream": True})
        _, answer = await ask(
            running,
            {"model": "on_openai", "input": "and?", "previous_response_id": "resp_0a"},
        )
    assert events[-1]["response"]["store"] is True
    assert answer["store"] is True
    body = fake.received[1].body
    assert "previous_response_id" not in body
    assert [item["content"] if item["role"] == "user" else None for item in body["input"]] == [
        "hi",
        None,
        "and?",
    ]


def natively(received: Any) -> Any:
    return sse(*NATIVE) if received.body.get("stream") else json_answer(WHOLE)


async def test_a_response_that_cannot_be_kept_in_time_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with (
        fake_upstream(claude=InTurn(CLAUDE, json_answer(said("x"))), openai=natively) as fake,
        serving(fake.environ()) as running,
    ):
        store = running.gateway.store
        assert store is not None

        monkeypatch.setattr(store, "put", refusing)
        told = [
            (await stream(running, {"model": "on_claude", "input": "a", "stream": True}))[-1],
            {"response": (await ask(running, {"model": "on_claude", "input": "a"}))[1]},
            (await stream(running, {"model": "on_openai", "input": "a", "stream": True}))[-1],
            {"response": (await ask(running, {"model": "on_openai", "input": "a"}))[1]},
        ]
    assert [event["response"]["store"] for event in told] == [False] * 4


async def test_a_conversation_is_compacted_and_goes_on_from_its_summary() -> None:
    async with (
        fake_upstream(claude=claude("We chose blue.", "We chose blue.", "ok")) as fake,
        serving(fake.environ()) as running,
    ):
        talk = [{"role": "user", "content": "Which colour?"}]
        asked = {"model": "on_claude", "input": talk, "store": False}
        _, compacted = await ask(running, asked, "/v1/responses/compact")
        trigger = {**asked, "input": [*talk, {"type": "compaction_trigger"}]}
        _, triggered = await ask(running, trigger)
        await ask(running, {**asked, "input": compacted["output"]})
    assert compacted["object"] == "response.compaction"
    assert [item["type"] for item in triggered["output"]] == ["compaction"]
    assert "We chose blue." in str(fake.received[2].body["messages"])


async def test_tokens_are_counted_without_asking_a_provider() -> None:
    async with fake_upstream() as fake, serving(fake.environ()) as running:
        _, counted = await ask(
            running, {"model": "on_claude", "input": "hello there"}, "/v1/responses/input_tokens"
        )
    assert counted["object"] == "response.input_tokens"
    assert counted["input_tokens"] > 0
    assert fake.received == []


async def test_a_websocket_is_told_to_go_on_by_http_and_conversations_what_there_is() -> None:
    async with (
        fake_upstream() as fake,
        serving(fake.environ()) as running,
        aiohttp.ClientSession() as session,
    ):
        upgrade = {"upgrade": "websocket", "connection": "upgrade"}
        async with session.get(f"{running.url}/v1/responses", headers=upgrade) as answer:
            told = answer.status, loads(await answer.read())["error"]["code"]
        plain = await reach(running, "GET", "/v1/responses")
        conversation = await reach(running, "GET", "/v1/conversations/conv_1")
    assert told == (426, "websocket_not_supported")
    assert plain[0] == 405
    assert (
        conversation[0],
        "previous_response_id" in conversation[1]["error"]["message"],
    ) == (404, True)
