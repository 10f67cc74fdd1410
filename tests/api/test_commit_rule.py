"""The commit rule: until the first content a failure is invisible, afterwards it is an error event
and never looks like an end.
"""

import asyncio
from typing import Any

import aiohttp
import pytest
from openai import APIError, AsyncOpenAI

import translators.chat.chunks
from gateway.telemetry.events import RequestEnded
from tests.fakes import (
    OPENAI_STREAM,
    End,
    Hang,
    Pause,
    Reset,
    Step,
    fake_upstream,
    json_answer,
    openai_chunk,
    openai_completion,
    sse,
)
from tests.serving import Running, serving
from translators.json_codec import dumps, loads
from translators.openai.answer.stream import OpenAIStream

CLAUDE_STREAM = [
    (
        b"data:"
        b' {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-served","content":[],'  # noqa: E501
        b'"usage":{"input_tokens":3,"output_tokens":1}}}\n\n'
    ),
    b'data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n',
    (
        b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"from'
        b' claude"}}\n\n'
    ),
    b'data: {"type":"content_block_stop","index":0}\n\n',
    (
        b"data:"
        b' {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}\n\n'  # noqa: E501
    ),
    b'data: {"type":"message_stop"}\n\n',
]
CLAUDE_ANSWER = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-served",
    "content": [{"type": "text", "text": "from claude"}],
    "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 3,
     "output_tokens": 2},
}  # fmt: skip
ROLE = openai_chunk({"role": "assistant", "content": ""})
ERROR = (
    b"data:"
    b' {"error":{"message":"overloaded","type":"server_error","code":"server_is_overloaded"}}\n\n'
)

BEFORE_CONTENT: dict[str, list[Step]] = {
    "429": json_answer(
        {"error": {"message": "slow down", "code": "rate_limit_exceeded"}}, "429 Too Many Requests"
    ),
    "500": json_answer({"error": {"message": "boom"}}, "500 Internal Server Error"),
    "401": json_answer(
        {"error": {"message": "bad key", "code": "invalid_api_key"}}, "401 Unauthorized"
    ),
    "html": [
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>"
    ],
    "closed": [End()],
    "reset": [Reset()],
    "reset after headers": [b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", Reset()],
    "error event first": sse(ERROR),
    "error event after the role": sse(ROLE, ERROR),
    "error event that says 400": sse(
        ROLE, b'data: {"error":{"message":"engine died","type":"BadRequestError","code":400}}\n\n'
    ),
    "end before content": sse(ROLE),
    "nothing": sse(),
    "garbage": sse(b"data: {broken\n\n"),
    "not http": [b"SSH-2.0-OpenSSH\r\n\r\n", End()],
}


async def stream(running: Running, persona: str, **more: Any) -> tuple[int, dict[str, str], bytes]:
    body = {
        "model": persona,
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
        **more,
    }
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{running.url}/v1/chat/completions", json=body) as answer,
    ):
        return answer.status, {k.lower(): v for k, v in answer.headers.items()}, await answer.read()


def chunks(text: bytes) -> list[dict[str, Any]]:
    return [loads(line[6:]) for line in text.split(b"\n\n") if line.startswith(b"data: {")]


def content(text: bytes) -> str:
    return "".join(
        choice["delta"].get("content") or ""
        for chunk in chunks(text)
        for choice in chunk.get("choices", ())
    )


@pytest.mark.parametrize("steps", BEFORE_CONTENT.values(), ids=BEFORE_CONTENT.keys())
async def test_a_failure_before_content_is_invisible(steps: list[Step]) -> None:
    """The caller sees one clean stream of the next target: one role, one finish, one [DONE]."""
    async with (
        fake_upstream(openai=steps, claude=sse(*CLAUDE_STREAM)) as fake,
        serving(fake.environ()) as running,
    ):
        status, headers, text = await stream(running, "all")
    assert status == 200
    assert content(text) == "from claude"
    assert [
        c["delta"]["role"]
        for chunk in chunks(text)
        for c in chunk["choices"]
        if "role" in c["delta"]
    ] == ["assistant"]
    assert text.count(b"[DONE]") == 1
    assert text.endswith(b"data: [DONE]\n\n")
    assert headers["x-llm-router-provider"] == "claude"
    assert headers["x-llm-router-model"] == "claude-served"
    assert headers["x-llm-router-attempts"] == "2"
    assert headers["x-llm-router-persona"] == "all"


@pytest.mark.parametrize("steps", BEFORE_CONTENT.values(), ids=BEFORE_CONTENT.keys())
async def test_the_same_for_json(steps: list[Step]) -> None:
    async with (
        fake_upstream(openai=steps, claude=json_answer(CLAUDE_ANSWER)) as fake,
        serving(fake.environ()) as running,
    ):
        client = AsyncOpenAI(base_url=f"{running.url}/v1", api_key="x", max_retries=0)
        answer = await client.chat.completions.with_raw_response.create(
            model="all", messages=[{"role": "user", "content": "hi"}]
        )
        await client.close()
    assert answer.parse().choices[0].message.content == "from claude"
    assert answer.headers["x-llm-router-attempts"] == "2"


@pytest.mark.parametrize(
    ("steps", "status", "code"),
    [
        (BEFORE_CONTENT["429"], 429, "rate_limit_exceeded"),
        (BEFORE_CONTENT["500"], 502, "upstream_error"),
        (BEFORE_CONTENT["401"], 502, "provider_auth_failed"),
        (BEFORE_CONTENT["error event first"], 503, "provider_overloaded"),
        (BEFORE_CONTENT["end before content"], 502, "stream_truncated"),
        (BEFORE_CONTENT["reset"], 502, "upstream_unreachable"),
    ],
)
async def test_without_another_target_the_failure_has_its_true_status(
    steps: list[Step], status: int, code: str
) -> None:
    """A plain JSON error, not a 200 stream."""
    async with fake_upstream(openai=steps) as fake, serving(fake.environ()) as running:
        got, headers, text = await stream(running, "on_openai")
    assert (got, loads(text)["error"]["code"]) == (status, code)
    assert headers["content-type"] == "application/json"
    assert headers["x-llm-router-attempts"] == "1"


NO_SUCH_TOOL = {
    "error": {
        "message": "no such tool",
        "type": "invalid_request_error",
        "param": "tools",
        "code": 400,
    }
}


@pytest.mark.parametrize(
    "bad",
    [json_answer(NO_SUCH_TOOL, "400 Bad Request"), sse(b"data: " + dumps(NO_SUCH_TOOL) + b"\n\n")],
    ids=["answer", "event"],
)
async def test_a_callers_error_does_not_move_on(bad: list[Step]) -> None:
    async with (
        fake_upstream(openai=bad, claude=sse(*CLAUDE_STREAM)) as fake,
        serving(fake.environ()) as running,
    ):
        status, _, text = await stream(running, "all")
        assert [r.path.split("/")[1] for r in fake.received] == ["openai"]
    assert (status, loads(text)["error"]["param"]) == (400, "tools")


COMMENT = b": " + b"x" * 2**20 + b"\n\n"


@pytest.mark.parametrize("more", [{"stream": True}, {}], ids=["held back", "collected"])
async def test_an_answer_that_never_stops_is_left_for_the_next_target(more: dict[str, Any]) -> None:
    """Before content of a stream, and in one that is added up for a caller who wants JSON, no more
    is kept than of a JSON answer.
    """
    policy = (
        "version: 1\npersonas:\n  p: {description: d, targets: [claude/claude-sonnet-5,"
        " openai/gpt-4.1]}\n"
    )
    endless: list[Step] = [*sse(end=False), *[COMMENT] * 200, *CLAUDE_STREAM, End()]
    answer = sse(*OPENAI_STREAM) if more else json_answer(openai_completion())
    async with (
        fake_upstream(claude=endless, openai=answer) as fake,
        serving(fake.environ(), policy) as running,
        aiohttp.ClientSession() as session,
        session.post(
            f"{running.url}/v1/chat/completions",
            json={"model": "p", "messages": [{"role": "user", "content": "hi"}], **more},
        ) as got,
    ):
        assert (got.status, got.headers["x-llm-router-provider"]) == (200, "openai")
        await got.read()
    (ended,) = [event for event in running.events if isinstance(event, RequestEnded)]
    assert [attempt.outcome for attempt in ended.attempts] == ["malformed", "ok"]
    assert fake.sent < 200 * len(COMMENT)


AFTER_CONTENT: dict[str, list[Step]] = {
    "cut": [*sse(*OPENAI_STREAM[:2])],
    "reset": [*sse(*OPENAI_STREAM[:2], end=False), Pause(0.05), Reset()],
    "error event": sse(*OPENAI_STREAM[:2], ERROR),
    "garbage": sse(*OPENAI_STREAM[:2], b"data: {oops\n\n"),
}


@pytest.mark.parametrize("steps", AFTER_CONTENT.values(), ids=AFTER_CONTENT.keys())
async def test_a_stream_that_breaks_never_looks_finished(steps: list[Step]) -> None:
    """One error event, no finish reason, no [DONE]; the next target is not asked; the SDK
    raises."""
    async with (
        fake_upstream(openai=steps, claude=sse(*CLAUDE_STREAM)) as fake,
        serving(fake.environ()) as running,
    ):
        status, _, text = await stream(running, "all")
        assert [r.path.split("/")[1] for r in fake.received] == ["openai"]
        client = AsyncOpenAI(base_url=f"{running.url}/v1", api_key="x", max_retries=0)
        sdk = await client.chat.completions.create(
            model="all", messages=[{"role": "user", "content": "hi"}], stream=True
        )
        with pytest.raises(APIError):
            _ = [chunk async for chunk in sdk]
        await client.close()
    assert status == 200
    assert content(text) == "from "
    assert b"[DONE]" not in text
    assert [list(c) for c in chunks(text) if "error" in c] == [["error"]]
    assert all(
        choice["finish_reason"] is None for c in chunks(text) for choice in c.get("choices", ())
    )
    ended = [e for e in running.events if isinstance(e, RequestEnded)]
    assert [e.outcome for e in ended] == ["stream_aborted"] * 2


QUICK = """
version: 1
server: {keep_alive_interval: 0.1}
personas:
  all: {description: all, targets: [openai/gpt-4.1, claude/claude-sonnet-5]}
"""


async def kept_alive(running: Running, seen: asyncio.Event) -> tuple[int, dict[str, str], bytes]:
    """A stream; `seen` is set after two comments."""
    body = {"model": "all", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    text = b""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{running.url}/v1/chat/completions", json=body) as answer,
    ):
        async for data in answer.content.iter_any():
            text += data
            if text.count(b": keep-alive\n\n") >= 2:
                seen.set()
        return answer.status, {k.lower(): v for k, v in answer.headers.items()}, text


async def test_keep_alive_before_content_leaves_failover_possible() -> None:
    """After silence headers go out with a comment; the next target's answer still comes as one
    clean stream.
    """
    seen = asyncio.Event()
    silent: list[Step] = [*sse(end=False), seen, End()]
    async with (
        fake_upstream(openai=silent, claude=sse(*CLAUDE_STREAM)) as fake,
        serving(fake.environ(), QUICK) as running,
    ):
        status, headers, text = await kept_alive(running, seen)
    assert (status, content(text)) == (200, "from claude")
    assert text.startswith(b": keep-alive\n\n")
    assert text.count(b": keep-alive") >= 2
    assert text.endswith(b"data: [DONE]\n\n")
    assert "x-llm-router-request-id" in headers


async def test_after_a_keep_alive_a_final_failure_is_the_error_event() -> None:
    silent: list[Step] = [*sse(end=False), Pause(0.25), End()]
    async with (
        fake_upstream(openai=silent, claude=json_answer({}, "503 Unavailable")) as fake,
        serving(fake.environ(), QUICK) as running,
    ):
        status, _, text = await stream(running, "all")
    assert status == 200
    assert b"[DONE]" not in text
    assert [c["error"]["code"] for c in chunks(text)] == ["provider_overloaded"]


async def test_a_silent_stream_is_kept_alive_after_content() -> None:
    seen = asyncio.Event()
    slow: list[Step] = [
        *sse(*OPENAI_STREAM[:2], end=False),
        seen,
        b"".join(OPENAI_STREAM[2:]),
        End(),
    ]
    async with fake_upstream(openai=slow) as fake, serving(fake.environ(), QUICK) as running:
        _, _, text = await kept_alive(running, seen)
    assert text.count(b": keep-alive\n\n") >= 2
    assert content(text) == "from openai"


async def test_the_openai_request_is_what_the_provider_gets() -> None:
    async with (
        fake_upstream(openai=json_answer(openai_completion())) as fake,
        serving(fake.environ()) as running,
    ):
        client = AsyncOpenAI(base_url=f"{running.url}/v1", api_key="callers-own-key", max_retries=0)
        await client.chat.completions.create(
            model="on_openai", messages=[{"role": "user", "content": "hi"}], extra_body={"zap": [1]}
        )
        await client.close()
    (got,) = fake.received
    assert got.headers["authorization"] == "Bearer sk-canary-openai"
    assert got.body == {
        "model": "gpt-4.1",
        "messages": [{"role": "user", "content": "hi"}],
        "zap": [1],
    }
    assert b"callers-own-key" not in dumps([got.headers, got.body])


async def test_hanging_provider_is_left_at_the_first_byte_clock() -> None:
    """Accept and hang: the next target serves."""
    capabilities = """
version: 1
providers:
  slow:
    dialect: openai
    base_url: {url}/openai/v1
    key_variable: null
    timeouts: {{first_content: 0.2}}
    models: {{m: {{context_window: 10000, max_output_tokens: 1000, capabilities: [streaming], cost_tier: low}}}}
  quick:
    dialect: openai
    base_url: {url}/other/v1
    key_variable: null
    models: {{m: {{context_window: 10000, max_output_tokens: 1000, capabilities: [streaming], cost_tier: low}}}}
"""  # noqa: E501
    policy = "version: 1\npersonas:\n  p: {description: d, targets: [slow/m, quick/m]}\n"
    async with (
        fake_upstream(openai=[Hang()], other=sse(*OPENAI_STREAM)) as fake,
        serving({}, policy, capabilities=capabilities.format(url=fake.url)) as running,
    ):
        status, headers, text = await stream(running, "p")
    assert (status, content(text), headers["x-llm-router-provider"]) == (
        200,
        "from openai",
        "quick",
    )


async def test_a_refusal_that_corrects_a_fact_costs_one_request() -> None:
    """Sent again, once, with what the provider said; the next request knows it."""
    wrong = {
        "type": "error",
        "error": {
            "type": "invalid_request_error",
            "message": "`temperature` is deprecated for this model.",
        },
    }
    policy = "version: 1\npersonas:\n  p: {description: d, targets: [claude/claude-sonnet-4-6]}\n"
    body = {
        "model": "p",
        "messages": [{"role": "user", "content": "hi"}],
        "temperature": 0.5,
        "max_tokens": 9,
    }
    async with (
        fake_upstream(claude=json_answer(wrong, "400 Bad Request")) as fake,
        serving(fake.environ(), policy) as running,
        aiohttp.ClientSession() as session,
    ):
        async with session.post(f"{running.url}/v1/chat/completions", json=body) as answer:
            assert answer.status == 400, "a second refusal is given back"
        assert ["temperature" in r.body for r in fake.received] == [True, False]
        fake.answers["/claude"] = json_answer(CLAUDE_ANSWER)
        async with session.post(f"{running.url}/v1/chat/completions", json=body) as answer:
            assert answer.status == 200
        assert "temperature" in fake.received[-1].body, "what did not help is not kept for a fact"


async def test_a_paused_turn_is_taken_up_again() -> None:
    """Claude pauses a long turn of its own tools: it is sent back as it is, and the caller gets one
    answer.
    """
    search = {
        "type": "server_tool_use",
        "id": "srvtoolu_1",
        "name": "web_search",
        "input": {"query": "x"},
    }
    found = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
    paused = {
        **CLAUDE_ANSWER,
        "content": [{"type": "text", "text": "Looking. "}, search, found],
        "stop_reason": "pause_turn",
    }
    async with (
        fake_upstream(claude=json_answer(paused)) as fake,
        serving(fake.environ()) as running,
        aiohttp.ClientSession() as session,
    ):
        body = {
            "model": "on_claude",
            "messages": [{"role": "user", "content": "hi"}],
            "max_tokens": 9,
        }
        call = asyncio.ensure_future(session.post(f"{running.url}/v1/chat/completions", json=body))
        await fake.arrived.wait()
        fake.answers["/claude"] = json_answer(CLAUDE_ANSWER)
        answer = await (await call).json()
    assert answer["choices"][0]["message"]["content"] == "Looking. from claude"
    assert answer["usage"]["total_tokens"] == 10
    assert [m["role"] for m in fake.received[1].body["messages"]] == ["user", "assistant"]
    assert fake.received[1].body["messages"][1]["content"] == paused["content"]


@pytest.fixture
def our_fault(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Events after which our own code fails."""

    def fail(*_: Any) -> None:
        raise RuntimeError("a fault of our own")

    monkeypatch.setattr(OpenAIStream, "_finish", fail)
    return b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


@pytest.mark.parametrize("theirs", [ERROR, None], ids=["theirs", "ours"])
async def test_after_an_error_event_the_connection_serves_the_next_request(
    theirs: bytes | None, our_fault: bytes
) -> None:
    """Closing it would lose the request that a client sends on it at that moment."""
    fault = theirs or our_fault
    body = dumps(
        {"model": "on_openai", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    )
    request = (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type:"
        b" application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    )
    broken: list[Step] = [*sse(*OPENAI_STREAM[:2], end=False), Pause(0.05), fault, End()]
    async with fake_upstream(openai=broken) as fake, serving(fake.environ()) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
        for _ in range(2):
            writer.write(request)
            answer = await reader.readuntil(b"0\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200 OK")
            assert b'"error"' in answer
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/v1/chat"])
async def test_a_fault_of_our_own_after_content_is_the_last_event(
    path: str, our_fault: bytes
) -> None:
    """Never a second HTTP answer inside the first."""
    name = "persona" if path.startswith("/api") else "model"
    body = {name: "on_openai", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    async with (
        fake_upstream(
            openai=[*sse(*OPENAI_STREAM[:2], end=False), Pause(0.05), our_fault, End()]
        ) as fake,
        serving(fake.environ()) as running,
        aiohttp.ClientSession() as session,
        session.post(f"{running.url}{path}", json=body) as answer,
    ):
        text = await answer.read()
    assert b'"error"' in text.split(b"\n\n")[-2]
    assert b"HTTP/1.1" not in text
    assert b"[DONE]" not in text


@pytest.mark.parametrize(
    "where",
    [(OpenAIStream, "more_text"), (translators.chat.chunks, "escape_line_separators")],
    ids=["reading", "writing"],
)
async def test_a_fault_of_our_own_in_a_piece_that_comes_alone_is_ours(
    where: tuple[Any, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is read where the connection is: the provider must not be blamed for it, and the loop must
    not log what it says.
    """

    def fail(*_: Any) -> None:
        raise RuntimeError(f"of {'Ann'}: {'secret'}")

    texts = ("a", "b\u2028", "c\u2028", "d\u2028")
    events = [b for text in texts for b in (openai_chunk({"content": text}), Pause(0.05))]
    async with (
        fake_upstream(openai=[*sse(*OPENAI_STREAM[:1], end=False), *events, End()]) as fake,
        serving(fake.environ()) as running,
        aiohttp.ClientSession() as session,
    ):
        body = {"model": "on_openai", "messages": [{"role": "user", "content": "hi"}]}
        url = f"{running.url}/v1/chat/completions"
        async with session.post(url, json={**body, "stream": True}) as answer:
            await answer.content.readuntil(b'"a"')
            monkeypatch.setattr(*where, fail)
            text = await answer.read()
    assert b"The gateway failed to handle the request." in text.split(b"\n\n")[-2]
    assert "internal error in POST /v1/chat/completions: RuntimeError" in caplog.text
    assert "of Ann: secret" not in caplog.text
    (ended,) = (event for event in running.events if isinstance(event, RequestEnded))
    assert ended.outcome == "internal_error"


@pytest.mark.parametrize(
    ("model", "usage"),
    [(5, "x"), ({"a": 1}, {"prompt_tokens_details": 5}), ("a\r\nX: 1", {"prompt_tokens": "5"})],
)
async def test_odd_words_of_a_provider_do_not_break_the_answer(model: Any, usage: Any) -> None:
    document = {**openai_completion(), "model": model, "usage": usage}
    async with (
        fake_upstream(openai=json_answer(document)) as fake,
        serving(fake.environ()) as running,
        aiohttp.ClientSession() as session,
        session.post(
            f"{running.url}/v1/chat/completions",
            json={"model": "on_openai", "messages": [{"role": "user", "content": "hi"}]},
        ) as answer,
    ):
        assert (answer.status, answer.headers["x-llm-router-model"]) == (200, "gpt-4.1")
