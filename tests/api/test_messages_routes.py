"""Anthropic's routes as their clients meet them: counts, models, keys, names, errors of the edge,
pings.
"""

import io
from typing import Any

import aiohttp
import pytest

from gateway.api import auth
from tests.fakes import (
    OPENAI_STREAM,
    SSE_HEAD,
    End,
    FakeUpstream,
    Pause,
    fake_upstream,
    json_answer,
    openai_chunk,
    openai_completion,
    sse,
)
from tests.serving import POLICY, serving
from translators.json_codec import dumps

BODY: Any = {"max_tokens": 50, "messages": [{"role": "user", "content": "How warm is it?"}]}
VERSION = {"anthropic-version": "2023-06-01"}
START = (
    b"event: message_start\ndata:"
    b' {"type":"message_start","message":{"id":"msg_up","type":"message",'
    b'"role":"assistant","model":"claude-served","content":[],"stop_reason":null,"stop_sequence":null,'
    b'"usage":{"input_tokens":9,"output_tokens":1}}}\n\n'
)
BLOCK = (
    b"event: content_block_start\ndata:"
    b' {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n'
)
SAID = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":'
    b'{"type":"text_delta","text":"warm \\u00e9","novel":1e2}}\n\n'
)
STOP = b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
ENDED = (
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn",'
    b'"stop_sequence":null},"usage":{"output_tokens":7}}\n\n'
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
)


async def post(
    url: str, body: Any, path: str = "/v1/messages", **headers: str
) -> tuple[int, Any, Any]:
    async with aiohttp.ClientSession() as session:
        data = io.BytesIO(body if isinstance(body, bytes) else dumps(body))
        sent = {
            "content-type": "application/json",
            **{k.replace("_", "-"): v for k, v in headers.items()},
        }
        async with session.post(url + path, data=data, headers=sent) as response:
            raw = await response.read()
            kind = response.headers.get("content-type", "")
            return (
                response.status,
                response.headers,
                await response.json() if "json" in kind else raw,
            )


async def get(url: str, path: str, **headers: str) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(url + path, headers=headers or VERSION) as response,
    ):
        return response.status, await response.json()


async def test_a_count_for_another_provider_is_its_own_and_at_least_one() -> None:
    async with serving(FakeUpstream(port=1).environ()) as running:
        said = {"model": "on_openai", "messages": BODY["messages"]}
        status, _, short = await post(running.url, said, "/v1/messages/count_tokens")
        tool = {"name": "t", "description": "words " * 50, "input_schema": {"type": "object"}}
        more = {**said, "system": "Be kind. " * 40, "tools": [tool]}
        _, _, long = await post(running.url, more, "/v1/messages/count_tokens")
    assert status == 200
    assert list(short) == ["input_tokens"]
    assert short["input_tokens"] >= 1
    assert long["input_tokens"] > short["input_tokens"] + 100


async def test_claude_is_asked_for_its_own_count_with_the_callers_body() -> None:
    async with (
        fake_upstream(claude=json_answer({"input_tokens": 1234})) as fake,
        serving(fake.environ()) as running,
    ):
        body = b'{ "model":"on_claude", "messages":[{"role":"user","content":"x"}], "novel":1e2 }'
        _, _, answer = await post(
            running.url, body, "/v1/messages/count_tokens", anthropic_beta="b1"
        )
    assert answer == {"input_tokens": 1234}
    assert fake.received[0].path == "/claude/v1/messages/count_tokens"
    assert fake.received[0].headers["anthropic-beta"] == "b1"
    assert fake.received[0].body["model"] == "claude-sonnet-5"
    assert fake.received[0].body["novel"] == 100.0


async def test_where_claude_does_not_count_the_gateway_does() -> None:
    refused = json_answer(
        {"type": "error", "error": {"type": "not_found_error", "message": "no"}}, "404 Not Found"
    )
    async with fake_upstream(claude=refused) as fake, serving(fake.environ()) as running:
        status, _, answer = await post(
            running.url, {"model": "on_claude", **BODY}, "/v1/messages/count_tokens"
        )
    assert status == 200
    assert answer["input_tokens"] >= 1


async def test_models_are_listed_in_the_callers_shape() -> None:
    async with serving(FakeUpstream(port=1).environ()) as running:
        _, page = await get(running.url, "/v1/models?limit=3")
        _, rest = await get(running.url, f"/v1/models?after_id={page['last_id']}")
        _, none = await get(running.url, "/v1/models?after_id=all_but_none")
        _, before = await get(running.url, f"/v1/models?before_id={page['last_id']}&limit=1")
        _, one = await get(running.url, "/v1/models/on_gemini")
        status, lost = await get(running.url, "/v1/models/nope")
        _, openai = await get(running.url, "/v1/models", accept="*/*")
    assert [model["id"] for model in page["data"]] == ["on_openai", "claude-on_openai", "on_claude"]
    assert (page["has_more"], page["first_id"], page["last_id"]) == (True, "on_openai", "on_claude")
    assert [model["id"] for model in rest["data"]] == [
        "on_gemini",
        "claude-on_gemini",
        "all",
        "claude-all",
    ]
    assert none == {"data": [], "has_more": False, "first_id": None, "last_id": None}
    assert [model["id"] for model in before["data"]] == ["claude-on_openai"]
    assert (one["type"], one["display_name"], one["lifecycle"]) == (
        "model",
        "Gemini only",
        "active",
    )
    assert one["max_tokens"] > 0
    assert (status, lost["type"], lost["error"]["type"]) == (404, "error", "not_found_error")
    assert openai["object"] == "list"


@pytest.mark.parametrize(
    "name",
    ["on_openai", "on_openai[1m]", "claude-on_openai", "claude-on_openai[1m]", "openai/gpt-4.1"],
)
async def test_names_that_clients_make_of_a_personas(name: str) -> None:
    async with (
        fake_upstream(openai=json_answer(openai_completion())) as fake,
        serving(fake.environ()) as running,
    ):
        status, _, answer = await post(
            running.url, {"model": name, **BODY}, "/v1/messages?beta=true"
        )
    assert (200, name) == (status, answer["model"])


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x_api_key": "known"}, 200),
        ({"authorization": "Bearer known"}, 200),
        ({"x_api_key": "known", "authorization": "Bearer other"}, 200),
        ({"x_api_key": "other", "authorization": "Bearer known"}, 200),
        ({"x_api_key": "other", "authorization": "Bearer other"}, 401),
        ({}, 401),
    ],
)
async def test_either_key_opens(headers: dict[str, str], status: int) -> None:
    access = auth.read({"LLM_ROUTER_API_KEYS": "known"})
    async with (
        fake_upstream(openai=json_answer(openai_completion())) as fake,
        serving(fake.environ(), access=access) as running,
    ):
        found, given, answer = await post(running.url, {"model": "on_openai", **BODY}, **headers)
    assert status == found
    if status == 401:
        assert answer["error"] == {"type": "authentication_error", "message": "invalid x-api-key"}
        assert given["x-should-retry"] == "false"
        assert given["request-id"] == answer["request_id"] == given["x-request-id"]


@pytest.mark.parametrize(
    ("body", "path", "status", "kind", "words"),
    [
        (b"{", "/v1/messages", 400, "invalid_request_error", "JSON"),
        (b"[]", "/v1/messages", 400, "invalid_request_error", "object"),
        ({"model": "nope", **BODY}, "/v1/messages", 404, "not_found_error", "model: "),
        (
            {"model": "on_openai"},
            "/v1/messages",
            400,
            "invalid_request_error",
            "messages: at least one message is required",
        ),
        (
            {"model": "on_openai", **BODY, "max_tokens": "5"},
            "/v1/messages",
            400,
            "invalid_request_error",
            "max_tokens: ",
        ),
        (
            {"model": "on_openai", **BODY, "mcp_servers": [{}]},
            "/v1/messages",
            400,
            "invalid_request_error",
            "mcp_servers: ",
        ),
        ({}, "/v1/messages/batches", 404, "not_found_error", "/v1/messages/batches"),
        (
            {"model": "on_openai"},
            "/v1/messages/count_tokens",
            400,
            "invalid_request_error",
            "messages: ",
        ),
    ],
)
async def test_errors_of_the_edge_are_anthropics(
    body: Any, path: str, status: int, kind: str, words: str
) -> None:
    async with serving(FakeUpstream(port=1).environ()) as running:
        found, headers, answer = await post(running.url, body, path)
    assert (status, "error", kind) == (found, answer["type"], answer["error"]["type"])
    assert words in answer["error"]["message"]
    assert headers["request-id"] == answer["request_id"]
    assert headers["x-should-retry"] == "false"
    assert set(answer) == {"type", "error", "request_id"}
    assert set(answer["error"]) == {"type", "message"}


async def test_a_wrong_method_is_told_in_anthropics_shape() -> None:
    async with serving(FakeUpstream(port=1).environ()) as running:
        status, answer = await get(running.url, "/v1/messages")
    assert (status, answer["error"]["type"]) == (405, "invalid_request_error")


async def test_a_prompt_too_long_says_the_words_that_agents_compact_by() -> None:
    long = {
        "model": "on_openai",
        "max_tokens": 5,
        "messages": [{"role": "user", "content": "some words here " * 400_000}],
    }
    async with serving(FakeUpstream(port=1).environ()) as running:
        status, _, answer = await post(running.url, long)
    assert status == 400
    assert answer["error"]["message"].startswith("prompt is too long: ")
    assert " tokens > 1047576 maximum" in answer["error"]["message"]


async def test_a_providers_refusal_of_a_relay_is_its_own_bytes() -> None:
    own = (
        b'{"type":"error", "error":{"type":"invalid_request_error","message":"role \'system\' is'
        b' not supported"},"n":1e2}'
    )
    async with (
        fake_upstream(claude=json_answer(own, "400 Bad Request")) as fake,
        serving(fake.environ()) as running,
        aiohttp.ClientSession() as session,
        session.post(f"{running.url}/v1/messages", json={"model": "on_claude", **BODY}) as response,
    ):
        raw = await response.read()
    assert (400, own) == (response.status, raw)
    assert response.headers["x-should-retry"] == "false"


async def test_our_key_refused_upstream_is_no_login_problem() -> None:
    own = {
        "type": "error",
        "error": {"type": "authentication_error", "message": "invalid x-api-key"},
    }
    async with (
        fake_upstream(claude=json_answer(own, "401 Unauthorized")) as fake,
        serving(fake.environ()) as running,
    ):
        status, headers, answer = await post(running.url, {"model": "on_claude", **BODY})
    assert (status, answer["error"]["type"], headers["x-should-retry"]) == (
        502,
        "api_error",
        "false",
    )


async def test_a_proxys_page_is_not_shown() -> None:
    page = [
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length:"
        b" 20\r\n\r\n<html>nginx 1</html>"
    ]
    async with fake_upstream(claude=page) as fake, serving(fake.environ()) as running:
        status, _, answer = await post(running.url, {"model": "on_claude", **BODY})
    assert (status, answer["error"]["type"]) == (502, "api_error")
    assert "<html>" not in answer["error"]["message"]


async def test_a_relayed_stream_is_the_providers_bytes_but_for_the_model() -> None:
    stream = sse(START, BLOCK, SAID, STOP, ENDED)
    async with fake_upstream(claude=stream) as fake, serving(fake.environ()) as running:
        _, headers, raw = await post(running.url, {"model": "on_claude", "stream": True, **BODY})
    assert raw == START.replace(b"claude-served", b"on_claude") + BLOCK + SAID + STOP + ENDED
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert "anthropic-organization-id" not in headers


async def test_an_error_before_content_moves_on_and_only_one_start_is_seen() -> None:
    """What was held of the first target is never shown: the next one has its own start."""
    error = (
        b"event: error\ndata:"
        b' {"type":"error","error":{"type":"overloaded_error","message":"busy"}}\n\n'
    )
    policy = (
        POLICY
        + "  moved: {description: m, targets: [claude/claude-sonnet-5, openai/gpt-4.1], on_failure:"
        " {retries: 0}}\n"
    )
    async with (
        fake_upstream(claude=sse(START, BLOCK, error), openai=sse(*OPENAI_STREAM)) as fake,
        serving(fake.environ(), policy) as running,
    ):
        _, _, raw = await post(running.url, {"model": "moved", "stream": True, **BODY})
    assert raw.count(b"event: message_start") == 1
    assert b"from " in raw
    assert b"overloaded" not in raw


async def test_a_relay_that_breaks_after_content_ends_with_an_error_event() -> None:
    async with (
        fake_upstream(claude=sse(START, BLOCK, SAID)) as fake,
        serving(fake.environ()) as running,
    ):
        _, headers, raw = await post(running.url, {"model": "on_claude", "stream": True, **BODY})
    assert raw.endswith(
        b'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"The provider'
        b' ended the stream before completing the response."},"request_id":"%s"}\n\n'
        % headers["request-id"].encode()
    )
    assert b"message_stop" not in raw


async def test_silence_is_filled_with_pings_and_failover_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("translators.claude.inbound.KEEP_ALIVE", 0.05)
    late = [
        SSE_HEAD,
        Pause(0.25),
        openai_chunk({"content": "late"}),
        openai_chunk({}, "stop"),
        b"data: [DONE]\n\n",
        End(),
    ]
    async with fake_upstream(openai=late) as fake, serving(fake.environ()) as running:
        _, _, raw = await post(running.url, {"model": "on_openai", "stream": True, **BODY})
    assert raw.startswith(b'event: ping\ndata: {"type":"ping"}\n\n')
    assert raw.count(b"event: message_start") == 1
    assert raw.endswith(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')


async def test_the_provider_sees_the_callers_headers_but_not_its_key() -> None:
    async with (
        fake_upstream(claude=sse(START, BLOCK, SAID, STOP, ENDED)) as fake,
        serving(fake.environ()) as running,
    ):
        await post(
            running.url,
            {"model": "on_claude", "stream": True, **BODY},
            x_api_key="callers-own",
            anthropic_version="2026-10-21",
            anthropic_beta="a-1,b-2",
            x_stainless_lang="python",
            x_claude_code_session_id="s",
            cookie="c=1",
        )
    sent = fake.received[0].headers
    assert sent["x-api-key"] == "sk-ant-canary"
    assert (sent["anthropic-version"], sent["anthropic-beta"], sent["x-stainless-lang"]) == (
        "2026-10-21",
        "a-1,b-2",
        "python",
    )
    assert not {"authorization", "cookie", "x-claude-code-session-id"} & set(sent)


async def test_a_session_stays_on_its_target() -> None:
    """Claude Code names its session in a header: its turns go where the first went."""
    async with (
        fake_upstream(openai=json_answer(openai_completion())) as fake,
        serving(fake.environ()) as running,
    ):
        for agent in ("a", "a", "b"):
            await post(
                running.url,
                {"model": "on_openai", **BODY},
                x_claude_code_session_id="s1",
                x_claude_code_agent_id=agent,
            )
    keys = [received.body["prompt_cache_key"] for received in fake.received]
    assert keys[0] == keys[1] != keys[2]
