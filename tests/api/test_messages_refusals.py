"""What a relay does after Claude's refusals, and what only Claude can serve."""

from typing import Any

import pytest

from tests.api.test_messages_routes import BLOCK, BODY, ENDED, SAID, START, STOP, post
from tests.fakes import InTurn, fake_upstream, json_answer, openai_completion, sse
from tests.serving import POLICY, serving

MESSAGE: Any = {
    "id": "msg_up",
    "type": "message",
    "role": "assistant",
    "model": "claude-served",
    "content": [{"type": "text", "text": "ok"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 2},
}
SIGNED: Any = [
    {"role": "user", "content": "x"},
    {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "EqQB"},
            {"type": "text", "text": "y"},
        ],
    },
    {"role": "user", "content": "z"},
]
MIXED = (
    POLICY
    + "  mixed: {description: m, targets: [openai/gpt-4.1, claude/claude-sonnet-5], on_failure:"
    " {retries: 0}}\n"
)


def refused(words: str) -> Any:
    error = {"type": "invalid_request_error", "message": words}
    return json_answer({"type": "error", "error": error}, "400 Bad Request")


@pytest.mark.parametrize("streams", [False, True])
async def test_a_refused_signature_is_sent_once_more_without_thinking(streams: bool) -> None:
    words = "messages.1.content.0: Invalid `signature` in `thinking` block"
    good = sse(START, BLOCK, SAID, STOP, ENDED) if streams else json_answer(MESSAGE)
    async with (
        fake_upstream(claude=InTurn(refused(words), good)) as fake,
        serving(fake.environ()) as running,
    ):
        asked = {"model": "on_claude", **BODY, "messages": SIGNED, "stream": streams}
        status, _, _ = await post(running.url, asked)
    assert status == 200
    sent = [received.body["messages"][1]["content"] for received in fake.received]
    assert sent == [SIGNED[1]["content"], SIGNED[1]["content"][1:]]


async def test_a_second_refusal_goes_to_the_caller_word_for_word() -> None:
    words = "messages.1.content.0: Invalid `signature` in `thinking` block"
    async with fake_upstream(claude=refused(words)) as fake, serving(fake.environ()) as running:
        status, _, answer = await post(
            running.url, {"model": "on_claude", **BODY, "messages": SIGNED}
        )
    assert (status, answer["error"]["message"]) == (400, words)
    assert len(fake.received) == 2


@pytest.mark.parametrize(
    "more",
    [
        {"mcp_servers": [{"type": "url", "name": "m", "url": "https://m.example"}]},
        {"tools": [{"type": "code_execution_20250825", "name": "code_execution"}]},
        {"messages": [{"role": "user", "content": [{"type": "hologram"}]}]},
        {"container": "c1"},
    ],
)
async def test_what_only_claude_serves_goes_to_claude_untouched(more: Any) -> None:
    async with (
        fake_upstream(claude=json_answer(MESSAGE), openai=json_answer(openai_completion())) as fake,
        serving(fake.environ(), MIXED) as running,
    ):
        status, headers, answer = await post(running.url, {"model": "mixed", **BODY, **more})
    assert (status, answer["model"]) == (200, "mixed")
    assert headers["x-llm-router-provider"] == "claude"
    assert all(fake.received[0].body[name] == value for name, value in more.items())
    assert "x-llm-router-dropped-params" not in headers


async def test_what_the_hub_loses_is_told_only_where_its_way_is_taken() -> None:
    asked = {
        **BODY,
        "novel": 1,
        "context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]},
    }
    async with (
        fake_upstream(claude=json_answer(MESSAGE), openai=json_answer(openai_completion())) as fake,
        serving(fake.environ()) as running,
    ):
        _, translated, _ = await post(running.url, {"model": "on_openai", **asked})
        _, relayed, _ = await post(running.url, {"model": "on_claude", **asked})
        strict, _, answer = await post(
            running.url, {"model": "on_openai", **asked}, x_llm_router_params="strict"
        )
        kept, _, _ = await post(
            running.url, {"model": "on_claude", **asked}, x_llm_router_params="strict"
        )
    dropped = translated["x-llm-router-dropped-params"]
    assert "novel" in dropped
    assert "context_management.clear_tool_uses_20250919" in dropped
    assert "x-llm-router-dropped-params" not in relayed
    assert (strict, kept) == (400, 200)
    assert "novel" in answer["error"]["message"]


async def test_a_persona_lays_its_prompt_behind_the_callers_for_claude_and_before_it_for_others() -> (  # noqa: E501
    None
):
    policy = POLICY + "".join(
        f"  p_{name}: {{description: p, targets: [{target}], system_prompt: Sign as Bo.}}\n"
        for name, target in (("claude", "claude/claude-sonnet-5"), ("openai", "openai/gpt-4.1"))
    )
    async with (
        fake_upstream(claude=json_answer(MESSAGE), openai=json_answer(openai_completion())) as fake,
        serving(fake.environ(), policy) as running,
    ):
        for name in ("p_claude", "p_openai"):
            await post(running.url, {"model": name, **BODY, "system": "Be brief."})
    relayed, translated = (received.body for received in fake.received)
    assert [block["text"] for block in relayed["system"]] == ["Be brief.", "Sign as Bo."]
    said = [message["content"] for message in translated["messages"] if message["role"] == "system"]
    assert "".join(map(str, said)).index("Sign as Bo.") < "".join(map(str, said)).index("Be brief.")


async def test_a_warming_request_goes_to_claude_as_it_is_and_to_nobody_else() -> None:
    """`max_tokens: 0` asks Claude to read into its cache; others have nothing to do for it."""
    async with (
        fake_upstream(claude=json_answer(MESSAGE), openai=json_answer(openai_completion())) as fake,
        serving(fake.environ()) as running,
    ):
        for name in ("on_openai", "on_claude"):
            status, _, _ = await post(running.url, {"model": name, **BODY, "max_tokens": 0})
            assert status == 200
    (relayed,) = (received.body for received in fake.received)
    assert relayed["max_tokens"] == 0
