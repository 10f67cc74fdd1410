"""The native route, the catalog and the dry run."""

from typing import Any

import aiohttp

from tests.fakes import (
    OPENAI_STREAM,
    fake_upstream,
    json_answer,
    openai_chunk,
    openai_completion,
    sse,
)
from tests.serving import POLICY, Running, serving
from translators.json_codec import loads

MESSAGES = [{"role": "user", "content": "hi"}]


async def call(running: Running, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"{running.url}{path}", json=body) as answer,
    ):
        return answer.status, await answer.json()


def events(text: bytes) -> list[tuple[str, Any]]:
    pairs = [block.split(b"\n", 1) for block in text.split(b"\n\n") if block.startswith(b"event:")]
    return [(name[7:].decode(), loads(data[6:])) for name, data in pairs]


async def native_stream(running: Running, **body: Any) -> list[tuple[str, Any]]:
    request = {"persona": "on_openai", "messages": MESSAGES, "stream": True, **body}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{running.url}/api/v1/chat", json=request) as answer,
    ):
        return events(await answer.read())


async def test_the_answer_says_who_served_and_what_it_took() -> None:
    busy = json_answer(
        {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}},
        "529 Overloaded",
    )
    policy = (
        POLICY
        + "  claude_first: {description: d, targets: [claude/claude-sonnet-5, openai/gpt-4.1]}\n"
    )
    async with (
        fake_upstream(openai=json_answer(openai_completion()), claude=busy) as fake,
        serving(fake.environ(), policy) as running,
    ):
        status, answer = await call(
            running,
            "POST",
            "/api/v1/chat",
            {"persona": "claude_first", "messages": MESSAGES, "temperature": 0.5},
        )
    assert status == 200
    assert [(a["provider"], a["outcome"]) for a in answer.pop("attempts")] == [
        ("claude", "overloaded"),
        ("openai", "ok"),
    ]
    assert answer == {
        "id": "chatcmpl-up",
        "persona": "claude_first",
        "provider": "openai",
        "model": "gpt-served",
        "message": {"role": "assistant", "content": "from openai"},
        "finish_reason": "stop",
        "usage": {
            "prompt_tokens": 3,
            "completion_tokens": 2,
            "total_tokens": 5,
            "cost_usd": 0.000022,
        },  # 3 x 2 + 2 x 8 millionths
        "warnings": [],
    }
    assert fake.received[-1].body == {"model": "gpt-4.1", "messages": MESSAGES, "temperature": 0.5}


async def test_its_own_field_names_in_errors() -> None:
    async with fake_upstream() as fake, serving(fake.environ()) as running:
        for body, param in [
            ({"messages": MESSAGES}, "persona"),
            ({"persona": 5, "messages": MESSAGES}, "persona"),
            ({"persona": "x", "model": "y", "messages": MESSAGES}, "model"),
            ({"persona": "on_openai", "messages": MESSAGES, "n": 2}, "n"),
            ([], None),
        ]:
            status, answer = await call(running, "POST", "/api/v1/chat", body)
            assert (status, answer["error"]["param"]) == (400, param)


async def test_warnings_say_what_was_dropped() -> None:
    async with (
        fake_upstream(openai=json_answer(openai_completion())) as fake,
        serving(fake.environ()) as running,
    ):
        _, answer = await call(
            running,
            "POST",
            "/api/v1/chat",
            {"persona": "on_openai", "messages": MESSAGES, "reasoning_effort": "high"},
        )
    assert [(w["kind"], w["param"]) for w in answer["warnings"]] == [
        ("dropped", "reasoning_effort")
    ]


async def test_a_stream_of_text() -> None:
    async with (
        fake_upstream(openai=sse(*OPENAI_STREAM)) as fake,
        serving(fake.environ()) as running,
    ):
        got = await native_stream(running)
    assert [name for name, _ in got] == ["route", "delta", "delta", "done"]
    assert got[0][1] == {
        "id": "chatcmpl-up",
        "persona": "on_openai",
        "provider": "openai",
        "model": "gpt-served",
        "attempt": 1,
    }
    assert [data for name, data in got if name == "delta"] == [
        {"content": "from "},
        {"content": "openai"},
    ]
    assert got[-1][1]["finish_reason"] == "stop"


async def test_tool_calls_come_whole() -> None:
    stream = [
        openai_chunk(
            {
                "role": "assistant",
                "tool_calls": [
                    {
                        "index": 0,
                        "id": "a",
                        "type": "function",
                        "function": {"name": "f", "arguments": '{"x"'},
                    }
                ],
            }
        ),
        openai_chunk({"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]}),
        openai_chunk({}, "tool_calls"),
        b"data: [DONE]\n\n",
    ]
    async with fake_upstream(openai=sse(*stream)) as fake, serving(fake.environ()) as running:
        got = await native_stream(running, tools=[{"type": "function", "function": {"name": "f"}}])
    assert [name for name, _ in got] == ["route", "tool_call", "done"]
    assert got[1][1] == {
        "id": "a",
        "type": "function",
        "function": {"name": "f", "arguments": '{"x":1}'},
    }


async def test_exactly_one_terminal_event_when_it_breaks() -> None:
    async with (
        fake_upstream(openai=sse(*OPENAI_STREAM[:2])) as fake,
        serving(fake.environ()) as running,
    ):
        got = await native_stream(running)
    assert [name for name, _ in got] == ["route", "delta", "error"]
    assert got[-1][1]["error"]["code"] == "stream_truncated"


async def test_personas_say_whether_they_can_be_served() -> None:
    environ = {"OPENAI_API_KEY": "sk-canary"}
    async with serving(environ) as running:
        _, answer = await call(running, "GET", "/api/v1/personas")
        _, providers = await call(running, "GET", "/api/v1/providers")
    personas = {p["name"]: p for p in answer["personas"]}
    assert (personas["on_openai"]["available"], personas["on_claude"]["available"]) == (True, False)
    assert personas["on_claude"]["targets"][0]["reasons"] == [
        "unavailable: ANTHROPIC_API_KEY is not set"
    ]
    assert {p["name"]: p["available"] for p in providers["providers"]} == {
        "openai": True,
        "claude": False,
        "gemini": False,
    }
    model = next(
        m
        for p in providers["providers"]
        if p["name"] == "openai"
        for m in p["models"]
        if m["id"] == "gpt-4.1"
    )
    assert model["context_window"] > 1_000_000
    assert model["prices"]["input"] == "2"
    assert "canary" not in str(providers)


async def test_dry_run_of_either_form() -> None:
    """No provider is called; every target has its verdict, every requirement its cause."""
    image = {"type": "image_url", "image_url": {"url": "https://example.org/x.png"}}
    request = {"messages": [{"role": "user", "content": [image]}], "logprobs": True, "stream": True}
    async with fake_upstream() as fake, serving(fake.environ()) as running:
        _, chat = await call(running, "POST", "/api/v1/route", {"model": "all", **request})
        _, native = await call(running, "POST", "/api/v1/route", {"persona": "all", **request})
        assert fake.received == []
    assert chat == native
    assert chat["requirements"] == [
        {"capability": "streaming", "cause": "stream"},
        {"capability": "logprobs", "cause": "logprobs"},
        {"capability": "vision", "cause": "messages[0].content[0]"},
    ]
    assert [(t["provider"], t["verdict"], t["reasons"]) for t in chat["targets"]] == [
        ("openai", "chosen", []),
        ("claude", "rejected", ["missing_capability:logprobs"]),
        ("gemini", "rejected", ["missing_capability:logprobs"]),
    ]


async def test_no_eligible_target_says_which_requirement_failed_where() -> None:
    async with fake_upstream() as fake, serving(fake.environ()) as running:
        status, answer = await call(
            running,
            "POST",
            "/v1/chat/completions",
            {"model": "on_claude", "messages": MESSAGES, "logprobs": True},
        )
        assert fake.received == []
    assert (status, answer["error"]["param"], answer["error"]["code"]) == (
        400,
        "logprobs",
        "no_eligible_target",
    )
    assert "claude/claude-sonnet-5: missing_capability:logprobs" in answer["error"]["message"]


async def test_a_prompt_too_long_for_every_target_is_never_sent() -> None:
    policy = POLICY + "  small: {description: d, targets: [openai/gpt-4o]}\n"
    words = "strange words about nothing in particular " * 20_000
    async with fake_upstream() as fake, serving(fake.environ(), policy) as running:
        body = {"model": "small", "messages": [{"role": "user", "content": words}]}
        status, answer = await call(running, "POST", "/v1/chat/completions", body)
        assert fake.received == []
    assert (status, answer["error"]["code"]) == (400, "context_length_exceeded")
    assert "context_overflow: needs" in answer["error"]["message"]


async def test_the_providers_own_id_and_limits_are_told_under_our_names() -> None:
    """Also on errors; never the provider's account."""
    told = {
        "x_request_id": "req-up-1",
        "x_ratelimit_remaining_requests": "59",
        "openai_organization": "org-secret",
    }
    async with (
        fake_upstream(openai=json_answer(openai_completion(), **told)) as fake,
        serving(fake.environ()) as running,
    ):
        for status, steps in (
            ("200 OK", openai_completion()),
            ("429 Too Many Requests", {"error": {"message": "m"}}),
        ):
            fake.answers["/openai"] = json_answer(steps, status, **told)
            async with aiohttp.ClientSession() as session:
                body = {"model": "on_openai", "messages": MESSAGES}
                async with session.post(f"{running.url}/v1/chat/completions", json=body) as answer:
                    assert answer.headers["x-llm-router-upstream-request-id"] == "req-up-1"
                    assert (
                        answer.headers["x-llm-router-upstream-ratelimit-remaining-requests"] == "59"
                    )
                    assert "org-secret" not in str(answer.headers)
