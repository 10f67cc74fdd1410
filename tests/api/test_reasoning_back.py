"""Tool loops of plain clients: reasoning comes back to whoever gave it, and where it cannot, the
answer says so.
"""

from typing import Any, Final

import pytest

from gateway.dispatch.reasoning_cache import ReasoningStore
from tests.api.failing import MODES, Reply, World, said, world
from tests.api.test_seen_elsewhere import (
    claude_answer,
    claude_stream,
    gemini_document,
    gemini_stream,
)
from tests.fakes import InTurn, Received, Step, json_answer, openai_chunk, openai_completion, sse
from translators.chat.request import ChatRequest
from translators.json_codec import dumps, loads

TOOLS: Final = [
    {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
]
USER: Final = {"role": "user", "content": "How is it in Oslo?"}
ARGUMENTS: Final = {"city": "Oslo", "days": 3}
ABLE: Final = ["streaming", "tool_calling", "reasoning"]
THINKS: Final = {
    "kind": "adaptive",
    "levels": ["low", "high"],
    "on_by_default": True,
    "switch_off": "disabled",
}
CLAUDE: Final[dict[str, Any]] = {
    "dialect": "claude",
    "model": {"capabilities": ABLE, "thinking": THINKS},
}
PLAIN_CLAUDE: Final[dict[str, Any]] = {"dialect": "claude"}
GEMINI: Final[dict[str, Any]] = {"dialect": "gemini", "model": {"signatures": "required"}}
RESPONSES: Final[dict[str, Any]] = {
    "model": {
        "capabilities": ABLE,
        "responses": "with_tools",
        "thinking": {
            "kind": "effort",
            "levels": ["low", "high"],
            "on_by_default": True,
            "switch_off": "never",
        },
    }
}
COMPATIBLE: Final[dict[str, Any]] = {
    "model": {
        "capabilities": ABLE,
        "thinking": {"kind": "effort", "levels": ["low", "high"], "on_by_default": True},
    }
}
LOST: Final = "messages.reasoning"
SIGNED_BLOCK: Final = {"type": "thinking", "thinking": "hm", "signature": "SIG"}
SIGNATURE: Final = "RWpRS01nRU1PZGJIQUFBQQ=="
ITEM: Final = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "ENC"}


def claude_calls(mode: str, thinks: bool = True) -> list[Step]:
    tool = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": ARGUMENTS}
    if mode == "json":
        return claude_answer(*([SIGNED_BLOCK] if thinks else []), tool, reason="tool_use")
    thought = (
        [
            (
                {"type": "thinking", "thinking": "hm", "signature": ""},
                {"type": "signature_delta", "signature": "SIG"},
            )
        ]
        if thinks
        else []
    )
    arguments = {"type": "input_json_delta", "partial_json": dumps(ARGUMENTS).decode()}
    return claude_stream(*thought, ({**tool, "input": {}}, arguments), reason="tool_use")


def gemini_calls(mode: str, thinks: bool = True) -> list[Step]:
    document = gemini_document(
        {
            "functionCall": {"name": "look", "args": ARGUMENTS},
            **({"thoughtSignature": SIGNATURE} if thinks else {}),
        }
    )
    return json_answer(document) if mode == "json" else gemini_stream(document)


def responses_calls(mode: str, thinks: bool = True) -> list[Step]:
    call = {
        "type": "function_call",
        "id": "fc_1",
        "call_id": "call_1",
        "name": "look",
        "arguments": dumps(ARGUMENTS).decode(),
    }
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    output = [*([ITEM] if thinks else []), {**call, "status": "completed"}]
    response = {
        "id": "resp_1",
        "object": "response",
        "status": "completed",
        "model": "m",
        "created_at": 1,
        "output": output,
        "usage": usage,
    }
    if mode == "json":
        return json_answer(response)
    events: list[dict[str, Any]] = [
        {
            "type": "response.created",
            "response": {**response, "status": "in_progress", "output": []},
        }
    ]
    for n, item in enumerate(output):
        events += [
            {"type": f"response.output_item.{what}", "output_index": n, "item": item}
            for what in ("added", "done")
        ]
    events.append({"type": "response.completed", "response": response})
    return sse(
        *(b"event: %s\ndata: %s\n\n" % (event["type"].encode(), dumps(event)) for event in events)
    )


def responses_text() -> list[Step]:
    content = [{"type": "output_text", "text": "Fine.", "annotations": []}]
    message = {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": content,
    }
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    return json_answer(
        {
            "id": "r",
            "object": "response",
            "status": "completed",
            "model": "m",
            "output": [message],
            "usage": usage,
        }
    )


CALL: Final = {"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}
CALLS: Final = {"claude": claude_calls, "gemini": gemini_calls, "responses": responses_calls}
ROWS: Final = {"claude": CLAUDE, "gemini": GEMINI, "responses": RESPONSES}
ENDS: Final = {
    "claude": claude_answer({"type": "text", "text": "Fine."}),
    "gemini": json_answer(gemini_document({"text": "Fine."})),
    "responses": responses_text(),
}


def carried(of: str, received: Received) -> bool:
    """Whether the reasoning of the first turn stands in the request for the second."""
    body = received.body
    if of == "claude":
        return SIGNED_BLOCK in body["messages"][1]["content"]
    if of == "gemini":
        return any(
            part.get("thoughtSignature") == SIGNATURE
            for content in body["contents"]
            for part in content["parts"]
        )
    return any(item.get("encrypted_content") == "ENC" for item in body["input"])


def plain_call(reply: Reply) -> dict[str, Any]:
    """The call of an answer as OpenAI's SDK keeps it."""
    if not reply.headers["content-type"].startswith("text/event-stream"):
        (call,) = reply.document["choices"][0]["message"]["tool_calls"]
        return {"id": call["id"], "type": "function", "function": dict(call["function"])}
    pieces = [
        c
        for event in reply.events
        for choice in event["choices"]
        for c in choice["delta"].get("tool_calls") or ()
    ]
    arguments = "".join(piece["function"].get("arguments") or "" for piece in pieces)
    return {
        "id": pieces[0]["id"],
        "type": "function",
        "function": {"name": pieces[0]["function"]["name"], "arguments": arguments},
    }


def history(call: dict[str, Any]) -> list[dict[str, Any]]:
    result = {"role": "tool", "tool_call_id": call["id"], "content": "rain"}
    return [USER, {"role": "assistant", "content": None, "tool_calls": [call]}, result]


async def first_turn(w: World, mode: str = "json") -> dict[str, Any]:
    return plain_call(await w.ask(mode, messages=[USER], tools=TOOLS))


async def second_turn(
    w: World, call: dict[str, Any], headers: dict[str, str] | None = None, **body: Any
) -> Reply:
    return await w.ask("json", headers, **{"messages": history(call), "tools": TOOLS, **body})


def told(reply: Reply) -> bool:
    return LOST in reply.headers.get("x-llm-router-dropped-params", "")


def as_it_came(call: dict[str, Any]) -> dict[str, Any]:
    return call


def written_anew(call: dict[str, Any]) -> dict[str, Any]:
    """As LangChain, Haystack and Strands send arguments back."""
    backwards = dict(reversed(loads(call["function"]["arguments"]).items()))
    text = dumps(backwards).decode().replace(":", ": ").replace(",", ", ").replace("3", "3.0")
    return {**call, "function": {**call["function"], "arguments": text}}


def renamed(call: dict[str, Any]) -> dict[str, Any]:
    """As Agno does."""
    return {**written_anew(call), "id": "call_of_my_own"}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("of", CALLS)
@pytest.mark.parametrize("client", [as_it_came, written_anew, renamed])
async def test_reasoning_comes_back(of: str, client: Any, mode: str) -> None:
    async with world({}, {"one": ROWS[of]}, one=InTurn(CALLS[of](mode), ENDS[of])) as w:
        call = await first_turn(w, mode)
        reply = await second_turn(w, client(call))
    assert reply.content == "Fine."
    assert carried(of, w.fake.received[1])
    assert not told(reply)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("of", CALLS)
async def test_another_worker_tells_that_it_may_be_lost(of: str, mode: str) -> None:
    """It has never heard of the call."""
    async with (
        world({}, {"one": ROWS[of]}, one=CALLS[of](mode)) as here,
        world({}, {"one": ROWS[of]}, one=ENDS[of]) as elsewhere,
    ):
        call = await first_turn(here, mode)
        reply = await second_turn(elsewhere, call)
        native = await elsewhere.native("json", messages=history(call), tools=TOOLS)
        strict = await second_turn(elsewhere, call, {"x-llm-router-strict": "true"}, max_tokens=100)
        quiet = await second_turn(elsewhere, call, {"x-llm-router-params": "quiet"})
    assert (reply.content, told(reply)) == ("Fine.", True)
    assert not carried(of, elsewhere.fake.received[0])
    assert [w["kind"] for w in native.document["warnings"] if w["param"] == LOST] == ["dropped"]
    assert strict.status == 200, "nothing of the request was dropped"
    assert told(strict)
    assert "x-llm-router-dropped-params" not in quiet.headers


@pytest.mark.parametrize("of", CALLS)
async def test_a_stream_tells_it_too(of: str) -> None:
    async with world({}, {"one": ROWS[of]}, one=CALLS[of]("stream")) as w:
        reply = await w.ask("stream", messages=history(CALL), tools=TOOLS)
    assert told(reply)


async def test_an_edited_turn_has_lost_it() -> None:
    """Encrypted items belong to the very calls they led to."""
    async with world(
        {}, {"one": RESPONSES}, one=InTurn(responses_calls("json"), responses_text())
    ) as w:
        call = await first_turn(w)
        edited = {**call, "function": {**call["function"], "arguments": '{"city":"Bergen"}'}}
        reply = await second_turn(w, edited)
    assert (told(reply), carried("responses", w.fake.received[1])) == (True, False)


@pytest.mark.parametrize("client", [as_it_came, renamed])
@pytest.mark.parametrize("of", CALLS)
async def test_calls_without_reasoning_miss_none(of: str, client: Any) -> None:
    async with world({}, {"one": ROWS[of]}, one=InTurn(CALLS[of]("json", False), ENDS[of])) as w:
        reply = await second_turn(w, client(await first_turn(w)))
    assert (reply.content, told(reply)) == ("Fine.", False)


async def test_calls_of_another_provider_miss_none() -> None:
    persona = {"targets": ["two/m", "one/m"], "affinity": False}
    once = InTurn(
        gemini_calls("json"),
        json_answer(
            {"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}, "503 Busy"
        ),
    )
    async with world(persona, {"one": CLAUDE, "two": GEMINI}, one=ENDS["claude"], two=once) as w:
        call = await first_turn(w)
        reply = await second_turn(w, call)
    assert (reply.headers["x-llm-router-provider"], told(reply)) == ("one", False)


@pytest.mark.parametrize(
    "row", [PLAIN_CLAUDE, COMPATIBLE, {**GEMINI, "model": {"signatures": "optional"}}]
)
async def test_who_needs_none_back_misses_none(row: dict[str, Any]) -> None:
    dialect = row.get("dialect", "openai")
    end = json_answer(openai_completion("Fine.")) if dialect == "openai" else ENDS[dialect]
    async with world({}, {"one": row}, one=end) as w:
        reply = await second_turn(w, CALL)
    assert (reply.content, told(reply)) == ("Fine.", False)


async def test_thinking_that_is_switched_off_misses_none() -> None:
    async with world({}, {"one": CLAUDE}, one=ENDS["claude"]) as w:
        assert not told(await second_turn(w, CALL, reasoning_effort="none"))
        assert told(await second_turn(w, CALL, reasoning_effort="high"))


async def test_reasoning_that_the_provider_refuses_is_told() -> None:
    words = "messages.1.content.0: Invalid `signature` in `thinking` block."
    refusal = json_answer(
        {"type": "error", "error": {"type": "invalid_request_error", "message": words}},
        "400 Bad Request",
    )
    async with world(
        {}, {"one": CLAUDE}, one=InTurn(claude_calls("json"), refusal, ENDS["claude"])
    ) as w:
        reply = await second_turn(w, await first_turn(w))
    assert (reply.content, told(reply)) == ("Fine.", True)
    assert [carried("claude", received) for received in w.fake.received[1:]] == [True, False]


DETAIL: Final = {
    "type": "reasoning.text",
    "text": "Oslo it is.",
    "format": "f",
    "index": 0,
    "signature": "SIG",
}
WORDS: Final[dict[str, tuple[list[dict[str, Any]], dict[str, Any]]]] = {
    "DeepSeek's": (
        [{"reasoning_content": "Oslo "}, {"reasoning_content": "it is."}],
        {"reasoning_content": "Oslo it is."},
    ),
    "vLLM's and Groq's": (
        [{"reasoning": "Oslo "}, {"reasoning": "it is."}],
        {"reasoning": "Oslo it is."},
    ),
    "OpenRouter's": (
        [
            {
                "reasoning": "Oslo ",
                "reasoning_details": [{**DETAIL, "text": "Oslo ", "signature": None}],
            },
            {
                "reasoning": "it is.",
                "reasoning_details": [{**DETAIL, "text": "it is.", "signature": None}],
            },
            {
                "reasoning_details": [
                    {"type": "reasoning.text", "format": "f", "index": 0, "signature": "SIG"}
                ]
            },
        ],
        {"reasoning": "Oslo it is.", "reasoning_details": [DETAIL]},
    ),
}


def compatible_calls(mode: str, pieces: list[dict[str, Any]], whole: dict[str, Any]) -> list[Step]:
    call = {
        "index": 0,
        "id": "call_1",
        "type": "function",
        "function": {"name": "look", "arguments": dumps(ARGUMENTS).decode()},
    }
    if mode == "json":
        message = {"role": "assistant", "content": None, **whole, "tool_calls": [call]}
        return json_answer(
            {
                **openai_completion(),
                "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}],
            }
        )
    deltas = [{"role": "assistant", "content": None}, *pieces, {"tool_calls": [call]}]
    return sse(*map(openai_chunk, deltas), openai_chunk({}, "tool_calls"), b"data: [DONE]\n\n")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("server", WORDS)
@pytest.mark.parametrize("client", [as_it_came, written_anew, renamed])
async def test_a_compatible_server_is_given_back_its_own_words(
    server: str, client: Any, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looked at before they are built into a request: what a server takes there is its model's own
    fact.
    """
    restored: list[dict[str, Any]] = []
    restore = ReasoningStore.restore

    def seen(*given: Any) -> ChatRequest:
        request = restore(*given)
        restored.append(request.messages[-2])
        return request

    pieces, whole = WORDS[server]
    async with world(
        {}, {"one": COMPATIBLE}, one=InTurn(compatible_calls(mode, pieces, whole), said("Fine."))
    ) as w:
        call = await first_turn(w, mode)
        monkeypatch.setattr(ReasoningStore, "restore", seen)
        reply = await second_turn(w, client(call))
    assert (reply.content, told(reply)) == ("Fine.", False)
    (message,) = restored
    assert {
        name: value
        for name, value in message.items()
        if name not in ("role", "content", "tool_calls")
    } == whole
