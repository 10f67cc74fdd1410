"""tests.clients.wire: a provider that answers as the SDKs say, and refuses as the APIs do."""

import json
from types import ModuleType
from typing import Any

import pytest
from anthropic.types import Message
from google.genai.types import GenerateContentResponse
from openai.types.chat import ChatCompletion
from openai.types.responses import Response
from pydantic import BaseModel

from tests.clients.task import Asked, Call, Say, Step, Tool
from tests.clients.wire import chat, claude, gemini, responses

DIALECTS: dict[ModuleType, type[BaseModel]] = {
    claude: Message,
    chat: ChatCompletion,
    responses: Response,
    gemini: GenerateContentResponse,
}
STEPS = [Say("Grüße, and more."), Call(Tool("Bash"), {"command": "cat x"}, 2)]


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda module: module.__name__)
@pytest.mark.parametrize("step", STEPS, ids=["text", "call"])
def test_a_whole_answer_is_of_the_sdks_type(dialect: ModuleType, step: Step) -> None:
    answer = dialect.answer(Asked([], [], [], stream=False, thinking=True), step, "model-x")
    said = DIALECTS[dialect].model_validate_json(answer).model_dump_json()
    wanted = "Grüße, and more." if isinstance(step, Say) else "cat x"
    assert wanted in said


def events(stream: bytes) -> list[dict[str, Any]]:
    lines = stream.decode().splitlines()
    return [json.loads(line[6:]) for line in lines if line.startswith("data: {")]


def streamed(dialect: ModuleType, step: Step) -> list[dict[str, Any]]:
    asked = Asked([], [], [], stream=True, thinking=True)
    return events(dialect.answer(asked, step, "model-x"))


def test_claudes_stream_says_what_the_answer_says() -> None:
    seen = streamed(claude, STEPS[1])
    deltas = [e["delta"] for e in seen if e["type"] == "content_block_delta"]
    assert "".join(d.get("partial_json", "") for d in deltas) == '{"command":"cat x"}'
    assert [d["thinking"] for d in deltas if "thinking" in d] == ["The next step."]
    assert seen[-2]["delta"]["stop_reason"] == "tool_use"


def test_chats_stream_says_what_the_answer_says() -> None:
    choices = [e["choices"][0] for e in streamed(chat, STEPS[0]) if e["choices"]]
    assert "".join(c["delta"].get("content") or "" for c in choices) == "Grüße, and more."
    assert choices[-1]["finish_reason"] == "stop"


def test_responses_stream_ends_with_the_whole_answer() -> None:
    seen = streamed(responses, STEPS[1])
    assert [e["sequence_number"] for e in seen] == list(range(len(seen)))
    done = [e["item"] for e in seen if e["type"] == "response.output_item.done"]
    assert seen[-1]["response"]["output"] == done
    assert [item["type"] for item in done] == ["reasoning", "function_call"]


def test_geminis_stream_says_what_the_answer_says() -> None:
    parts = [e["candidates"][0]["content"]["parts"][0] for e in streamed(gemini, STEPS[0])]
    assert "".join(part["text"] for part in parts) == "Grüße, and more."


USER = {"role": "user", "content": "hi"}
CLAUDE: dict[str, Any] = {"model": "m", "max_tokens": 9, "messages": [USER]}
USE = {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "x", "input": {}}]}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "r"}]}
THOUGHT = {"type": "thinking", "thinking": "", "signature": "foreign"}
CALLED = {"role": "assistant", "tool_calls": [{"id": "a", "type": "function"}]}
TOLD = {"role": "tool", "tool_call_id": "a", "content": "r"}
ITEM = {"type": "function_call", "call_id": "a", "name": "x", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "a", "output": "r"}


def contents(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"contents": [{"role": "model", "parts": [part]} for part in parts]}


def gemini_call(**more: str) -> dict[str, Any]:
    return {"functionCall": {"name": "x", "args": {}}, **more}


ANSWERED = {"functionResponse": {"name": "x", "response": {"output": "r"}}}
SKIPPED = {"thoughtSignature": "skip_thought_signature_validator"}


@pytest.mark.parametrize(
    ("dialect", "body"),
    [
        (claude, CLAUDE),
        (claude, CLAUDE | {"messages": [USER, USE, RESULT]}),
        (claude, CLAUDE | {"messages": [USER, USE, {**USER, "role": "system"}, RESULT]}),
        (chat, {"messages": [USER, CALLED, TOLD]}),
        (responses, {"input": "hi"}),
        (responses, {"input": [USER, ITEM, OUTPUT]}),
        (gemini, contents({"text": "hi"})),
        (gemini, contents(gemini_call(**SKIPPED), ANSWERED)),
    ],
)
def test_what_the_api_takes_is_not_refused(dialect: ModuleType, body: dict[str, Any]) -> None:
    assert dialect.refusal(body) is None


@pytest.mark.parametrize(
    ("dialect", "body", "words"),
    [
        (claude, CLAUDE | {"odd": 1}, "odd: Extra inputs"),
        (claude, {"messages": [USER]}, "max_tokens"),
        (claude, CLAUDE | {"messages": []}, "at least one message"),
        (claude, CLAUDE | {"tools": [{"name": "x"}, {"name": "x"}]}, "unique"),
        (claude, CLAUDE | {"tools": [{"name": "a.b"}]}, "tools.0.name"),
        (claude, CLAUDE | {"messages": [USER, USE, USER]}, "without `tool_result`"),
        (claude, CLAUDE | {"messages": [USER, USE]}, "without `tool_result`"),
        (claude, CLAUDE | {"messages": [RESULT]}, "unexpected `tool_use_id`"),
        (claude, CLAUDE | {"messages": [{**USER, "content": ""}]}, "non-empty"),
        (claude, CLAUDE | {"messages": [{**USE, "content": [THOUGHT]}]}, "signature"),
        (chat, {"messages": [USER], "odd": 1}, "odd"),
        (chat, {"messages": [USER], "stream_options": {"include_usage": True}}, "stream_options"),
        (chat, {"messages": [USER, CALLED, USER]}, "followed by tool messages"),
        (chat, {"messages": [USER, TOLD]}, "preceding message"),
        (responses, {"input": "hi", "odd": 1}, "odd"),
        (responses, {"input": [ITEM]}, "No tool output found"),
        (responses, {"input": [OUTPUT]}, "No tool call found"),
        (responses, {"input": [{"type": "reasoning", "encrypted_content": "x"}]}, "verified"),
        (responses, {"input": [{**USER, "id": "m" * 65}]}, "too long"),
        (gemini, {"contents": []}, "not specified"),
        (gemini, contents({"text": "hi"}) | {"odd": 1}, "odd"),
        (gemini, {"contents": [{"role": "user", "parts": []}]}, "must not be empty"),
        (gemini, contents(ANSWERED), "number of function response parts"),
        (gemini, contents(gemini_call(**SKIPPED), {"text": "x"}), "number of function"),
        (gemini, contents(gemini_call(), ANSWERED), "missing a thought_signature"),
        (gemini, contents(gemini_call(thoughtSignature="x"), ANSWERED), "not valid"),
    ],
)
def test_what_the_api_refuses_is_refused(
    dialect: ModuleType, body: dict[str, Any], words: str
) -> None:
    assert words in (dialect.refusal(body) or "taken")
