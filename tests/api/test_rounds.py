"""Answers that take several requests: Claude's paused turns and Gemini's long answers come as one,
an empty answer is asked for again.
"""

import asyncio
from typing import Any

import aiohttp
import pytest
from openai import AsyncOpenAI

from gateway.telemetry.events import RequestEnded, Usage
from tests.api.test_commit_rule import CLAUDE_ANSWER, chunks, content, stream
from tests.fakes import (
    OPENAI_STREAM,
    End,
    Hang,
    InTurn,
    Pause,
    Reset,
    Step,
    fake_upstream,
    json_answer,
    openai_completion,
    sse,
)
from tests.serving import POLICY, Running, serving
from tests.translators.claude.streams import START, STOP, TEXT, block, end, json_input, text, tool
from tests.translators.claude.streams import sse as events
from translators.json_codec import dumps, loads

THINKS = block(
    0,
    {"type": "thinking", "thinking": "", "signature": ""},
    {"type": "thinking_delta", "thinking": "hm"},
    {"type": "signature_delta", "signature": "SIG"},
)
SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
SEARCHES = [*block(1, SEARCH, *json_input('{"query":"x"}')), *block(2, FOUND)]
LOOKS = [*block(0, TEXT, *text("Looking. ")), *SEARCHES]
FINDS = block(0, TEXT, *text("Found."))
USAGE = {"include_usage": True}


def turn(*said: Any, reason: str = "pause_turn") -> list[Step]:
    return sse(events(START, *said, end(reason), STOP))


FOUND_AT_LAST = turn(*FINDS, reason="end_turn")
BUSY = json_answer(
    {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}, "529 Overloaded"
)


def ended(running: Running) -> RequestEnded:
    (event,) = [event for event in running.events if isinstance(event, RequestEnded)]
    return event


def assert_one_stream(data: bytes) -> None:
    """One role, one finish after all content, one usage, one [DONE]."""
    said = chunks(data)
    assert len({(c["id"], c["model"]) for c in said}) == 1
    choices = [choice for c in said for choice in c["choices"]]
    assert [c["delta"]["role"] for c in choices if "role" in c["delta"]] == ["assistant"]
    assert [i for i, c in enumerate(choices) if c["finish_reason"]] == [len(choices) - 1]
    assert [i for i, c in enumerate(said) if c.get("usage")] == [len(said) - 1]
    assert data.endswith(b"data: [DONE]\n\n")
    assert data.count(b"[DONE]") == 1


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (LOOKS, "Looking. Found."),
        (SEARCHES, "Found."),
        ([*THINKS, *SEARCHES], "Found."),
        ([*THINKS, *block(1, TEXT, *text("Lo"))], "LoFound."),
    ],
    ids=["after text", "before content", "after thinking", "in the text"],
)
async def test_a_paused_stream_goes_on(said: list[Any], shown: str) -> None:
    async with (
        fake_upstream(claude=InTurn(turn(*said), FOUND_AT_LAST)) as fake,
        serving(fake.environ()) as running,
    ):
        status, headers, data = await stream(running, "on_claude", stream_options=USAGE)
    assert (status, content(data)) == (200, shown)
    assert_one_stream(data)
    usage = chunks(data)[-1]["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (24, 8)
    assert ended(running).usage == Usage(prompt=24, cached=0, completion=8, reasoning=0)
    first, second = (r.body for r in fake.received)
    assert second["messages"][:-1] == first["messages"]
    assert {**second, "messages": None} == {**first, "messages": None}
    assert [b["type"] for b in second["messages"][-1]["content"]] == [
        e["content_block"]["type"] for e in said if "content_block" in e
    ]
    assert headers["x-llm-router-attempts"] == "1"


async def test_signatures_go_back_with_the_turn() -> None:
    async with (
        fake_upstream(claude=InTurn(turn(*THINKS, *SEARCHES), FOUND_AT_LAST)) as fake,
        serving(fake.environ()) as running,
    ):
        await stream(running, "on_claude")
    assert fake.received[1].body["messages"][-1]["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": "SIG"},
        {**SEARCH, "input": {"query": "x"}},
        FOUND,
    ]


async def test_a_tool_loop_after_a_pause_keeps_the_whole_turn() -> None:
    """A plain client sends back the call; Claude gets the blocks of both rounds, signed."""
    tools = [{"type": "function", "function": {"name": "g", "parameters": {"type": "object"}}}]
    calls = turn(*block(0, tool(), *json_input('{"a":1}')), reason="tool_use")
    async with (
        fake_upstream(claude=InTurn(turn(*THINKS, *SEARCHES), calls, FOUND_AT_LAST)) as fake,
        serving(fake.environ()) as running,
    ):
        await stream(running, "on_claude", tools=tools)
        call = {
            "id": "toolu_1",
            "type": "function",
            "function": {"name": "g", "arguments": '{"a":1}'},
        }
        history = [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "toolu_1", "content": "1"},
        ]
        await stream(running, "on_claude", tools=tools, messages=history)
    kinds = ["thinking", "server_tool_use", "web_search_tool_result", "tool_use"]
    assert [b["type"] for b in fake.received[2].body["messages"][1]["content"]] == kinds
    assert fake.received[2].body["messages"][1]["content"][0]["signature"] == "SIG"


async def test_twice_paused() -> None:
    async with (
        fake_upstream(claude=InTurn(turn(*LOOKS), turn(*LOOKS), FOUND_AT_LAST)) as fake,
        serving(fake.environ()) as running,
    ):
        _, _, data = await stream(running, "on_claude", stream_options=USAGE)
    assert content(data) == "Looking. Looking. Found."
    assert_one_stream(data)
    assert [len(r.body["messages"][-1]["content"]) for r in fake.received[1:]] == [3, 6]


@pytest.mark.parametrize("streamed", [True, False])
async def test_the_rounds_are_bounded(streamed: bool) -> None:
    """Five more, then the answer ends and says that it was paused."""
    paused = json_answer(
        {
            **CLAUDE_ANSWER,
            "content": [{"type": "text", "text": "Looking. "}, SEARCH, FOUND],
            "stop_reason": "pause_turn",
        }
    )
    async with (
        fake_upstream(claude=turn(*LOOKS) if streamed else paused) as fake,
        serving(fake.environ()) as running,
    ):
        if streamed:
            _, _, data = await stream(running, "on_claude", stream_options=USAGE)
            assert_one_stream(data)
            (choice,) = [
                c for chunk in chunks(data) for c in chunk["choices"] if c["finish_reason"]
            ]
        else:
            choice = (await whole(running, "on_claude"))[1]["choices"][0]
    assert (choice["finish_reason"], choice["provider_specific"]) == (
        "stop",
        {"stop_reason": "pause_turn"},
    )
    assert len(fake.received) == 6


FAULTS: dict[str, list[Step]] = {
    "refused": BUSY,
    "reset": [Reset()],
    "cut": sse(events(START, *FINDS)),
    "error": sse(
        events(
            START,
            *FINDS,
            {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}},
        )
    ),
    "nothing": [End()],
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_later_round_that_fails_after_content_is_an_error(fault: str) -> None:
    """One error event, no finish, no [DONE]; no other target is asked; what was billed is on
    record.
    """
    async with (
        fake_upstream(
            claude=InTurn(turn(*LOOKS), FAULTS[fault]), openai=sse(*OPENAI_STREAM)
        ) as fake,
        serving(fake.environ(), CLAUDE_FIRST) as running,
    ):
        status, _, data = await stream(running, "p")
    assert (status, content(data).startswith("Looking. ")) == (200, True)
    assert [list(c) for c in chunks(data) if "error" in c] == [["error"]]
    assert b"[DONE]" not in data
    assert not any(choice["finish_reason"] for c in chunks(data) for choice in c.get("choices", ()))
    assert {r.path.split("/")[1] for r in fake.received} == {"claude"}
    event = ended(running)
    assert event.outcome == "stream_aborted"
    assert event.usage is not None
    assert event.usage.prompt >= 12


CLAUDE_FIRST = (
    "version: 1\npersonas:\n  p: {description: d, targets: [claude/claude-sonnet-5,"
    " openai/gpt-4.1]}\n"
)


@pytest.mark.parametrize("fault", ["refused", "reset", "nothing"])
async def test_a_later_round_that_fails_before_content_is_invisible(fault: str) -> None:
    async with (
        fake_upstream(
            claude=InTurn(turn(*SEARCHES), FAULTS[fault]), openai=sse(*OPENAI_STREAM)
        ) as fake,
        serving(fake.environ(), CLAUDE_FIRST) as running,
    ):
        _, headers, data = await stream(running, "p")
    assert content(data) == "from openai"
    assert data.count(b"[DONE]") == 1
    assert headers["x-llm-router-attempts"] == "2"


async def test_a_caller_who_leaves_in_a_later_round_ends_it() -> None:
    silent: list[Step] = [*sse(events(START, *FINDS), end=False), Hang()]
    async with (
        fake_upstream(claude=InTurn(turn(*LOOKS), silent)) as fake,
        serving(fake.environ()) as running,
    ):
        body = {
            "model": "on_claude",
            "messages": [{"role": "user", "content": "hi"}],
            "stream": True,
        }
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{running.url}/v1/chat/completions", json=body) as answer,
        ):
            seen = b""
            while b"Found." not in seen:
                seen += await answer.content.readany()
            answer.close()
        await asyncio.wait_for(fake.left_early.wait(), 5)
        assert len(fake.received) == 2


async def test_a_caller_who_leaves_while_a_round_is_asked_for_ends_it() -> None:
    async with (
        fake_upstream(claude=InTurn(turn(*LOOKS), [Hang()])) as fake,
        serving(fake.environ()) as running,
    ):
        body = {
            "model": "on_claude",
            "messages": [{"role": "user", "content": "hi"}],
            "stream": True,
        }
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{running.url}/v1/chat/completions", json=body) as answer,
        ):
            seen = b""
            while b"Looking." not in seen or len(fake.received) < 2:
                async with asyncio.timeout(5):
                    seen += (
                        await answer.content.readany()
                        if b"Looking." not in seen
                        else await asyncio.sleep(0.01, b"")
                    )
            answer.close()
        await asyncio.wait_for(fake.left_early.wait(), 5)


@pytest.mark.parametrize(
    ("later", "code"),
    [
        ([Hang()], "first_content_timeout"),
        ([*sse(events(START, *FINDS), end=False), Hang()], "idle_timeout"),
    ],
)
async def test_the_clocks_run_in_every_round(later: list[Step], code: str) -> None:
    capabilities = """
version: 1
providers:
  slow:
    dialect: claude
    base_url: {url}/claude
    key_variable: null
    timeouts: {{first_content: 0.3, idle: 0.2}}
    models: {{m: {{context_window: 10000, max_output_tokens: 1000, capabilities: [streaming], cost_tier: low}}}}
"""  # noqa: E501
    policy = "version: 1\npersonas:\n  p: {description: d, targets: [slow/m]}\n"
    async with (
        fake_upstream(claude=InTurn(turn(*LOOKS), later)) as fake,
        serving({}, policy, capabilities=capabilities.format(url=fake.url)) as running,
    ):
        _, _, data = await stream(running, "p")
    assert [c["error"]["code"] for c in chunks(data) if "error" in c] == [code]
    assert b"[DONE]" not in data


async def test_each_of_several_choices_goes_on_by_itself() -> None:
    slow = [sse(end=False)[0], Pause(0.1), *turn(*LOOKS)[1:]]
    async with (
        fake_upstream(claude=InTurn(turn(*LOOKS), slow, FOUND_AT_LAST)) as fake,
        serving(fake.environ()) as running,
    ):
        _, _, data = await stream(running, "on_claude", n=2, stream_options=USAGE)
    texts = {0: "", 1: ""}
    for chunk in chunks(data):
        for choice in chunk["choices"]:
            texts[choice["index"]] += choice["delta"].get("content") or ""
    assert texts == {0: "Looking. Found.", 1: "Looking. Found."}
    assert [c["usage"]["prompt_tokens"] for c in chunks(data) if c.get("usage")] == [48]


async def whole(running: Running, persona: str, **more: Any) -> tuple[int, Any, dict[str, str]]:
    body = {
        "model": persona,
        "messages": [{"role": "user", "content": "hi"}],
        "max_tokens": 9,
        **more,
    }
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{running.url}/v1/chat/completions", json=body) as answer,
    ):
        return answer.status, await answer.json(), {k.lower(): v for k, v in answer.headers.items()}


PAUSED = {
    **CLAUDE_ANSWER,
    "content": [{"type": "text", "text": "Looking. "}, SEARCH, FOUND],
    "stop_reason": "pause_turn",
}


@pytest.mark.parametrize(
    "fault", [BUSY, [Reset()], json_answer(b"{broken")], ids=["refused", "reset", "garbage"]
)
async def test_a_json_answer_that_fails_in_a_later_round_is_a_failed_attempt(
    fault: list[Step],
) -> None:
    answers = InTurn(json_answer(PAUSED), fault)
    async with (
        fake_upstream(claude=answers, openai=json_answer(openai_completion())) as fake,
        serving(fake.environ(), CLAUDE_FIRST) as running,
    ):
        status, answer, headers = await whole(running, "p")
    assert (status, answer["choices"][0]["message"]["content"]) == (200, "from openai")
    assert headers["x-llm-router-attempts"] == "2"


async def test_what_a_failed_json_answer_has_cost_is_on_record() -> None:
    async with (
        fake_upstream(claude=InTurn(json_answer(PAUSED), BUSY)) as fake,
        serving(fake.environ()) as running,
    ):
        status, _, _ = await whole(running, "on_claude")
    assert status == 503
    assert ended(running).usage == Usage(prompt=3, cached=0, completion=2, reasoning=0)


# Gemini's long answers


LONG = "version: 1\npersonas:\n  long: {description: d, targets: [gemini/gemini-4-argon]}\n"


def frame(
    said: str | None, reason: str | None = None, prompt: int = 10, written: int = 100, **more: Any
) -> bytes:
    candidate: dict[str, Any] = {
        "index": 0,
        **({} if reason is None else {"finishReason": reason}),
        **more,
    }
    if said is not None:
        candidate["content"] = {"role": "model", "parts": [{"text": said}]}
    usage = {
        "promptTokenCount": prompt,
        "candidatesTokenCount": written,
        "totalTokenCount": prompt + written,
    }
    return b"data: " + dumps({"candidates": [candidate], "usageMetadata": usage}) + b"\r\n\r\n"


HOP = sse(frame("part one ", "CONTINUATION", continuationToken="tok1"))
LAST_HOP = sse(frame("part two", "STOP", 110, 20))


async def test_a_long_stream_is_one() -> None:
    async with (
        fake_upstream(gemini=InTurn(HOP, LAST_HOP)) as fake,
        serving(fake.environ(), LONG) as running,
    ):
        _, _, data = await stream(running, "long", max_tokens=100_000, stream_options=USAGE)
    assert content(data) == "part one part two"
    assert_one_stream(data)
    usage = chunks(data)[-1]["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (
        10,
        120,
        130,
    )
    assert fake.received[1].body == {**fake.received[0].body, "continuationToken": "tok1"}


async def test_a_long_json_answer_is_put_together_from_streams() -> None:
    """What all requests read is in a header."""
    async with (
        fake_upstream(gemini=InTurn(HOP, LAST_HOP)) as fake,
        serving(fake.environ(), LONG) as running,
    ):
        _, answer, headers = await whole(running, "long", max_tokens=40_000)
    (choice,) = answer["choices"]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("part one part two", "stop")
    assert (answer["usage"]["prompt_tokens"], answer["usage"]["total_tokens"]) == (10, 130)
    assert headers["x-llm-router-billed-prompt-tokens"] == "120"
    assert all("streamGenerateContent" in r.path for r in fake.received)


async def test_who_asked_for_less_gets_one_hop() -> None:
    async with fake_upstream(gemini=HOP) as fake, serving(fake.environ(), LONG) as running:
        _, _, data = await stream(running, "long", max_tokens=65_536)
    assert [
        c["finish_reason"] for chunk in chunks(data) for c in chunk["choices"] if c["finish_reason"]
    ] == ["length"]
    assert len(fake.received) == 1


HOP_FAULTS: dict[str, list[Step]] = {
    "refused": json_answer(
        {"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}, "503 Unavailable"
    ),
    "cut": sse(frame("part")),
    "reset": [Reset()],
}


@pytest.mark.parametrize("fault", HOP_FAULTS)
async def test_a_long_stream_that_breaks_is_an_error(fault: str) -> None:
    async with (
        fake_upstream(gemini=InTurn(HOP, HOP_FAULTS[fault])) as fake,
        serving(fake.environ(), LONG) as running,
    ):
        _, _, data = await stream(running, "long", max_tokens=100_000)
    assert content(data).startswith("part one ")
    assert len([c for c in chunks(data) if "error" in c]) == 1
    assert b"[DONE]" not in data


@pytest.mark.parametrize("fault", HOP_FAULTS)
async def test_a_long_json_answer_that_breaks_is_given_as_too_long(fault: str) -> None:
    """What was written is worth more than another beginning."""
    async with (
        fake_upstream(gemini=InTurn(HOP, HOP_FAULTS[fault])) as fake,
        serving(fake.environ(), LONG) as running,
    ):
        status, answer, _ = await whole(running, "long", max_tokens=40_000)
    (choice,) = answer["choices"]
    assert (status, choice["finish_reason"], choice["native_finish_reason"]) == (
        200,
        "length",
        "CONTINUATION",
    )
    assert choice["message"]["content"].startswith("part one ")
    assert answer["usage"]["completion_tokens"] >= 100


# empty answers


def gemini_json(*parts: dict[str, Any], reason: str = "STOP") -> list[Step]:
    candidate = {
        "content": {"role": "model", "parts": list(parts)},
        "finishReason": reason,
        "index": 0,
    }
    return json_answer(
        {"candidates": [candidate], "usageMetadata": {"promptTokenCount": 4, "totalTokenCount": 4}}
    )


GEMINI_FIRST = (
    POLICY + "  g: {description: d, targets: [gemini/gemini-3.5-flash, openai/gpt-4.1]}\n"
)
NOTHING = json_answer({"candidates": []})
BAD_CALL = gemini_json(reason="MALFORMED_FUNCTION_CALL")


@pytest.mark.parametrize(
    "first", [gemini_json(), gemini_json({"text": "hm", "thought": True}), NOTHING, BAD_CALL]
)
async def test_an_empty_json_answer_is_asked_for_again(first: list[Step]) -> None:
    """By the same target, in the same attempt."""
    async with (
        fake_upstream(gemini=InTurn(first, gemini_json({"text": "hello"}))) as fake,
        serving(fake.environ(), GEMINI_FIRST) as running,
    ):
        _, answer, headers = await whole(running, "g")
    assert answer["choices"][0]["message"]["content"] == "hello"
    assert headers["x-llm-router-attempts"] == "1"
    assert "x-llm-router-warning" not in headers
    assert fake.received[0].body == fake.received[1].body
    assert len(fake.received) == 2


async def test_an_answer_that_stays_empty_is_given_with_a_warning() -> None:
    async with (
        fake_upstream(gemini=gemini_json()) as fake,
        serving(fake.environ(), GEMINI_FIRST) as running,
    ):
        status, answer, headers = await whole(running, "g")
        assert len(fake.received) == 2
        _, stream_headers, data = await stream(running, "g")
    (choice,) = answer["choices"]
    assert (status, choice["message"]["content"], choice["finish_reason"]) == (200, "", "stop")
    assert (
        headers["x-llm-router-warning"] == stream_headers["x-llm-router-warning"] == "empty_output"
    )
    assert len(fake.received) == 4
    assert data.count(b"[DONE]") == 1


@pytest.mark.parametrize("steps", [NOTHING, BAD_CALL])
async def test_no_output_twice_moves_on(steps: list[Step]) -> None:
    async with (
        fake_upstream(gemini=steps, openai=json_answer(openai_completion())) as fake,
        serving(fake.environ(), GEMINI_FIRST) as running,
    ):
        _, answer, headers = await whole(running, "g")
    assert (answer["choices"][0]["message"]["content"], headers["x-llm-router-attempts"]) == (
        "from openai",
        "2",
    )
    assert [r.path.split("/")[1] for r in fake.received] == ["gemini", "gemini", "openai"]


@pytest.mark.parametrize(
    "first", [sse(frame("", "STOP")), sse(frame(None, "STOP")), sse(b'data: {"candidates":[]}\n\n')]
)
async def test_an_empty_stream_is_asked_for_again(first: list[Step]) -> None:
    async with (
        fake_upstream(gemini=InTurn(first, sse(frame("hello", "STOP")))) as fake,
        serving(fake.environ()) as running,
    ):
        _, headers, data = await stream(running, "on_gemini", stream_options=USAGE)
    assert content(data) == "hello"
    assert_one_stream(data)
    assert headers["x-llm-router-attempts"] == "1"
    assert ended(running).usage == Usage(prompt=10, cached=0, completion=100, reasoning=0)


async def test_what_the_caller_has_seen_of_is_not_asked_for_again() -> None:
    """Thoughts that were shown are a beginning."""
    thought = (
        b'data: {"candidates":[{"index":0,"content":{"parts":[{"text":"hm","thought":true}]}}]}\n\n'
    )
    slow: list[Step] = [*sse(thought, end=False), Pause(0.1), frame("", "STOP"), End()]
    async with fake_upstream(gemini=slow) as fake, serving(fake.environ()) as running:
        _, _, data = await stream(running, "on_gemini")
    assert len(fake.received) == 1
    assert data.endswith(b"data: [DONE]\n\n")


async def test_empty_answers_of_others_are_meant() -> None:
    async with (
        fake_upstream(openai=json_answer(openai_completion(""))) as fake,
        serving(fake.environ()) as running,
    ):
        client = AsyncOpenAI(base_url=f"{running.url}/v1", api_key="x", max_retries=0)
        answer = await client.chat.completions.create(
            model="on_openai", messages=[{"role": "user", "content": "hi"}]
        )
        await client.close()
    assert answer.choices[0].message.content == ""
    assert len(fake.received) == 1


async def test_the_native_route_goes_on_too() -> None:
    async with (
        fake_upstream(claude=InTurn(turn(*LOOKS), FOUND_AT_LAST)) as fake,
        serving(fake.environ()) as running,
        aiohttp.ClientSession() as session,
        session.post(
            f"{running.url}/api/v1/chat",
            json={
                "persona": "on_claude",
                "messages": [{"role": "user", "content": "hi"}],
                "stream": True,
            },
        ) as answer,
    ):
        data = await answer.read()
    (done,) = [event for event in data.split(b"\n\n") if event.startswith(b"event: done")]
    assert loads(done.split(b"data: ")[1])["usage"]["prompt_tokens"] == 24
