"""What a model can only be asked for in words: an answer that lacks it is asked for again, then of
others, and at last shown as it is.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import pytest

from gateway.dispatch import streams
from tests.api.failing import BROKEN, MODES, Reply, said, world
from tests.api.test_seen_elsewhere import (
    claude_answer,
    claude_stream,
    gemini_document,
    gemini_stream,
    text_block,
)
from tests.fakes import (
    Answer,
    Hang,
    InTurn,
    Pause,
    Step,
    json_answer,
    openai_chunk,
    openai_completion,
    sse,
)
from translators.json_codec import loads

TOOLS: Final = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
    for name in ("find", "shell")
]
FORCED: Final[dict[str, Any]] = {
    "tools": TOOLS,
    "tool_choice": {"type": "function", "function": {"name": "find"}},
    "max_tokens": 50,
}
MAP: Final = {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 1}
JSON: Final[dict[str, Any]] = {
    "response_format": {"type": "json_schema", "json_schema": {"name": "counts", "schema": MAP}},
    "max_tokens": 50,
}
DONE: Final = b"data: [DONE]\n\n"
THOUGHT: Final = (
    {"type": "thinking", "thinking": "", "signature": ""},
    {"type": "thinking_delta", "thinking": "hm"},
)


def row(dialect: str, **model: Any) -> dict[str, Any]:
    """A target whose model cannot be forced to call a tool, nor be held to an open schema."""
    return {
        "dialect": dialect,
        "model": {"forced_tool_choice": "no", "open_schemas": False, **model},
    }


def text(dialect: str, mode: str, said: str) -> list[Step]:
    """An answer of nothing but a text."""
    match dialect, mode:
        case "claude", "json":
            return claude_answer({"type": "text", "text": said})
        case "claude", _:
            return claude_stream(THOUGHT, text_block(said))
        case "gemini", "json":
            return json_answer(gemini_document({"text": said}))
        case "gemini", _:
            return gemini_stream(gemini_document({"text": said}))
        case _, "json":
            return json_answer(openai_completion(said))
        case _:
            return sse(
                *(openai_chunk(d) for d in ({"role": "assistant"}, {"content": said})),
                openai_chunk({}, "stop"),
                b"data: [DONE]\n\n",
            )


def call(dialect: str, mode: str, name: str = "find") -> list[Step]:
    """An answer that says something and calls a tool."""
    tool = {"type": "tool_use", "id": "toolu_1", "name": name, "input": {}}
    part = {"functionCall": {"name": name, "args": {}}}
    function = {
        "index": 0,
        "id": "call_1",
        "type": "function",
        "function": {"name": name, "arguments": "{}"},
    }
    match dialect, mode:
        case "claude", "json":
            return claude_answer({"type": "text", "text": "Well."}, tool, reason="tool_use")
        case "claude", _:
            return claude_stream(
                THOUGHT,
                text_block("Well."),
                (tool, {"type": "input_json_delta", "partial_json": "{}"}),
                reason="tool_use",
            )
        case "gemini", "json":
            return json_answer(gemini_document({"text": "Well."}, part))
        case "gemini", _:
            return gemini_stream(gemini_document({"text": "Well."}, part))
        case _, "json":
            message = {"role": "assistant", "content": "Well.", "tool_calls": [function]}
            return json_answer(
                {
                    **openai_completion(),
                    "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}],
                }
            )
        case _:
            return sse(
                *(
                    openai_chunk(d)
                    for d in ({"role": "assistant", "content": "Well."}, {"tool_calls": [function]})
                ),
                openai_chunk({}, "tool_calls"),
                DONE,
            )


def called(reply: Reply) -> list[str]:
    """The tools that an answer calls."""
    if not reply.headers["content-type"].startswith("text/event-stream"):
        return [
            c["function"]["name"]
            for c in reply.document["choices"][0]["message"].get("tool_calls") or ()
        ]
    deltas = [choice["delta"] for event in reply.events for choice in event.get("choices", ())]
    return [
        c["function"]["name"]
        for delta in deltas
        for c in delta.get("tool_calls") or ()
        if c["function"].get("name")
    ]


def one_stream(reply: Reply) -> bool:
    """One role, one finish reason, one end."""
    choices = [choice for event in reply.events for choice in event.get("choices", ())]
    roles, reasons = (
        [c for c in choices if "role" in c["delta"]],
        [c for c in choices if c["finish_reason"]],
    )
    return (
        len(roles) == len(reasons) == 1
        and reply.text.count(b"[DONE]") == 1
        and len({event["id"] for event in reply.events}) == 1
    )


Say = Callable[[str, str], list[Step]]


def talk(dialect: str, mode: str) -> list[Step]:
    return text(dialect, mode, "I would rather talk.")


def bad_json(dialect: str, mode: str) -> list[Step]:
    return text(dialect, mode, '{"a": "one"}')


def good_json(dialect: str, mode: str) -> list[Step]:
    return text(dialect, mode, '```json\n{"a": 1}\n```')


WANTED: Final[list[tuple[str, dict[str, Any], Say, Say, str]]] = [
    ("claude", FORCED, talk, call, "tool_choice_not_followed"),
    ("openai", FORCED, talk, call, "tool_choice_not_followed"),
    ("gemini", FORCED, talk, call, "tool_choice_not_followed"),
    ("claude", JSON, bad_json, good_json, "schema_not_followed"),
    (
        "claude",
        {**JSON, "response_format": {"type": "json_object"}},
        talk,
        good_json,
        "schema_not_followed",
    ),
    ("gemini", {**JSON, "tools": TOOLS}, bad_json, good_json, "schema_not_followed"),
]
NAMES: Final = [
    "call, claude",
    "call, openai",
    "call, gemini",
    "schema, claude",
    "object, claude",
    "schema beside tools, gemini",
]


def gives(asked: dict[str, Any], reply: Reply) -> bool:
    return (
        called(reply) == ["find"]
        if asked is FORCED
        else (loads(reply.content), called(reply)) == ({"a": 1}, [])
    )


def alone(dialect: str, answer: Answer, **persona: Any) -> Any:
    return world(persona, {"one": row(dialect, tools_with_json=False)}, one=answer)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("dialect", "asked", "bad", "good", "warning"), WANTED, ids=NAMES)
class TestWhatOneTargetGives:
    async def test_what_comes_at_once(
        self, dialect: str, asked: dict[str, Any], bad: Say, good: Say, warning: str, mode: str
    ) -> None:
        async with alone(dialect, good(dialect, mode)) as w:
            reply = await w.ask(mode, **asked)
        assert (reply.status, gives(asked, reply), len(w.fake.received)) == (200, True, 1)
        assert "x-llm-router-warning" not in reply.headers
        assert "=emulated" in reply.headers["x-llm-router-dropped-params"]
        assert mode == "json" or one_stream(reply)

    async def test_what_comes_when_asked_once_more(
        self, dialect: str, asked: dict[str, Any], bad: Say, good: Say, warning: str, mode: str
    ) -> None:
        async with alone(dialect, InTurn(bad(dialect, mode), good(dialect, mode))) as w:
            reply = await w.ask(mode, **asked)
            assert await w.attempts() == [("one", "first", "ok")]
        assert (reply.status, gives(asked, reply), len(w.fake.received)) == (200, True, 2)
        assert w.fake.received[0].body == w.fake.received[1].body
        assert "x-llm-router-warning" not in reply.headers
        assert mode == "json" or one_stream(reply)

    async def test_what_never_comes(
        self, dialect: str, asked: dict[str, Any], bad: Say, good: Say, warning: str, mode: str
    ) -> None:
        """The last answer is shown as it is; the record says who gave it, and nobody is asked a
        third time.
        """
        async with alone(dialect, bad(dialect, mode), on_failure={"retries": 2}) as w:
            reply = await w.ask(mode, **asked)
            assert await w.attempts() == [("one", "first", "model_output")]
            record = w.running.gateway.records.find(reply.headers["x-llm-router-decision"])
        assert (reply.status, reply.headers["x-llm-router-warning"], len(w.fake.received)) == (
            200,
            warning,
            2,
        )
        assert reply.content == ('{"a": "one"}' if bad is bad_json else "I would rather talk.")
        assert reply.headers["x-llm-router-provider"] == "one"
        assert record is not None
        assert record.outcome()["served"] == "one/m"
        if mode == "stream":
            assert one_stream(reply)
            finish = [
                event
                for event in reply.events
                if event["choices"] and event["choices"][0]["finish_reason"]
            ]
            assert dialect == "openai" or finish[0]["x_llm_router"] == {"warnings": [warning]}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("asked", "bad", "good"),
    [(FORCED, talk, call), (JSON, bad_json, good_json)],
    ids=["call", "schema"],
)
class TestSeveralTargets:
    async def test_the_next_is_asked(
        self, asked: dict[str, Any], bad: Say, good: Say, mode: str
    ) -> None:
        async with world(
            {},
            dict.fromkeys(("one", "two"), row("claude")),
            one=bad("claude", mode),
            two=good("claude", mode),
        ) as w:
            reply = await w.ask(mode, **asked)
            assert await w.attempts() == [
                ("one", "first", "model_output"),
                ("two", "failover", "ok"),
            ]
        assert (gives(asked, reply), reply.headers["x-llm-router-provider"], w.asked()) == (
            True,
            "two",
            ["one", "one", "two"],
        )
        assert "x-llm-router-warning" not in reply.headers
        assert mode == "json" or one_stream(reply)

    async def test_when_the_others_fail_it_is_shown(
        self, asked: dict[str, Any], bad: Say, good: Say, mode: str
    ) -> None:
        async with world(
            {}, dict.fromkeys(("one", "two"), row("claude")), one=bad("claude", mode), two=BROKEN
        ) as w:
            reply = await w.ask(mode, **asked)
        assert (reply.status, reply.headers["x-llm-router-provider"], w.asked()) == (
            200,
            "one",
            ["one", "one", "two"],
        )
        assert reply.headers["x-llm-router-warning"].endswith("_not_followed")

    async def test_the_last_of_all_is_shown(
        self, asked: dict[str, Any], bad: Say, good: Say, mode: str
    ) -> None:
        async with world(
            {},
            dict.fromkeys(("one", "two"), row("claude")),
            one=bad("claude", mode),
            two=bad("claude", mode),
        ) as w:
            reply = await w.ask(mode, **asked)
            assert await w.attempts() == [
                ("one", "first", "model_output"),
                ("two", "failover", "model_output"),
            ]
        assert (reply.status, reply.headers["x-llm-router-provider"]) == (200, "two")
        assert reply.headers["x-llm-router-attempts"] == "2"

    async def test_who_does_not_move_on_for_it_sees_it(
        self, asked: dict[str, Any], bad: Say, good: Say, mode: str
    ) -> None:
        persona = {"on_failure": {"move_on": ["server_error"]}}
        async with world(
            persona,
            dict.fromkeys(("one", "two"), row("claude")),
            one=bad("claude", mode),
            two=good("claude", mode),
        ) as w:
            reply = await w.ask(mode, **asked)
        assert (reply.status, w.asked()) == (200, ["one", "one"])
        assert reply.headers["x-llm-router-warning"].endswith("_not_followed")

    async def test_the_faster_of_two_must_give_it(
        self, asked: dict[str, Any], bad: Say, good: Say, mode: str
    ) -> None:
        free = asyncio.Event()
        hedge = {"hedge": {"after": "1ms", "max_extra": "100%"}}
        slow: list[Step] = [free, *good("claude", mode)]
        async with world(
            hedge, dict.fromkeys(("one", "two"), row("claude")), one=slow, two=bad("claude", mode)
        ) as w:
            asking = asyncio.ensure_future(w.ask(mode, **asked))
            await w.calls(3)
            free.set()
            assert gives(asked, await asking)


async def test_a_target_that_can_be_forced_is_asked_instead() -> None:
    async with world(
        {}, {"one": row("claude")}, one=call("claude", "json"), two=call("openai", "json")
    ) as w:
        reply = await w.ask("json", **FORCED)
    assert (reply.headers["x-llm-router-provider"], w.asked()) == ("two", ["two"])


async def test_a_model_that_always_thinks_and_may_not_then_be_forced_is_told() -> None:
    thinking = {
        "kind": "adaptive",
        "levels": ["low", "high"],
        "on_by_default": True,
        "switch_off": "never",
    }
    able = ["streaming", "tool_calling", "json_schema", "reasoning"]
    model = {"forced_tool_choice": "without_thinking", "thinking": thinking, "capabilities": able}
    async with world({}, {"one": row("claude", **model)}, one=call("claude", "json")) as w:
        await w.ask("json", **FORCED)
    (sent,) = [received.body for received in w.fake.received]
    assert "tool_choice" not in sent
    assert sent["thinking"]["type"] == "adaptive"
    assert 'a call of the tool "find"' in sent["system"][-1]["text"]


async def test_a_provider_that_was_forced_natively_and_disobeys_is_believed() -> None:
    """Its text may be all that it can say."""
    async with world({}, one=said("Hello.")) as w:
        reply = await w.ask("json", **FORCED)
    assert (reply.status, reply.content, len(w.fake.received)) == (200, "Hello.", 1)
    assert "x-llm-router-warning" not in reply.headers


@pytest.mark.parametrize("mode", MODES)
async def test_an_answer_that_was_cut_off_is_no_disobedience(mode: str) -> None:
    cut = {
        "json": claude_answer({"type": "text", "text": '{"a":'}, reason="max_tokens"),
        "stream": claude_stream(text_block('{"a":'), reason="max_tokens"),
    }[mode]
    async with alone("claude", cut) as w:
        reply = await w.ask(mode, **JSON)
    assert (reply.content, len(w.fake.received)) == ('{"a":', 1)
    assert "x-llm-router-warning" not in reply.headers


@pytest.mark.parametrize("mode", MODES)
async def test_a_refusal_is_no_disobedience(mode: str) -> None:
    no = {"json": claude_answer(reason="refusal"), "stream": claude_stream(reason="refusal")}[mode]
    async with alone("claude", no) as w:
        reply = await w.ask(mode, **FORCED)
    assert (reply.status, len(w.fake.received)) == (200, 1)
    assert "x-llm-router-warning" not in reply.headers


async def test_a_text_that_a_stop_sequence_may_end_is_not_checked() -> None:
    async with alone("claude", text("claude", "json", '{"a": ')) as w:
        reply = await w.ask("json", **JSON, stop="1")
    assert (reply.content, len(w.fake.received)) == ('{"a": ', 1)


@pytest.mark.parametrize("mode", MODES)
async def test_a_call_instead_of_json_is_an_answer(mode: str) -> None:
    async with alone("gemini", call("gemini", mode)) as w:
        reply = await w.ask(mode, **JSON, tools=TOOLS)
    assert (called(reply), len(w.fake.received)) == (["find"], 1)


@pytest.mark.parametrize("mode", MODES)
async def test_another_tool_than_the_named_one_is_not_what_was_asked_for(mode: str) -> None:
    before = {"id": "c1", "type": "function", "function": {"name": "shell", "arguments": "{}"}}
    history = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": None, "tool_calls": [before]},
        {"role": "tool", "tool_call_id": "c1", "content": "ok"},
    ]
    async with alone("claude", InTurn(call("claude", mode, "shell"), call("claude", mode))) as w:
        reply = await w.ask(mode, **FORCED, messages=history)
    assert (called(reply), len(w.fake.received)) == (["find"], 2)


async def test_a_stream_is_shown_from_the_call_on() -> None:
    """Nothing of it before, for another target may still have to be asked; what was thought and
    said then comes with it.
    """
    whole = call("claude", "stream")[1]
    assert isinstance(whole, bytes)
    begins = whole.index(b"data: ", whole.index(b'"tool_use"'))
    free = asyncio.Event()
    head, early, late = sse(end=False)[0], whole[:begins], whole[begins:]
    async with alone("claude", [head, early, free, late]) as w:
        asking = asyncio.ensure_future(w.ask("stream", **FORCED))
        await w.calls(1)
        free.set()
        reply = await asking
    deltas = [choice["delta"] for event in reply.events for choice in event["choices"]]
    assert (
        "".join(d.get("reasoning_content") or "" for d in deltas),
        reply.content,
        called(reply),
    ) == ("hm", "Well.", ["find"])
    assert one_stream(reply)


async def test_a_stream_that_breaks_while_it_is_held_back_moves_on() -> None:
    """What the caller has not seen can be asked of another."""
    broken = claude_stream(THOUGHT, text_block("Well."), reason=None)
    async with world(
        {}, dict.fromkeys(("one", "two"), row("claude")), one=broken, two=call("claude", "stream")
    ) as w:
        reply = await w.ask("stream", **FORCED)
        assert await w.attempts() == [("one", "first", "truncated"), ("two", "failover", "ok")]
    assert (called(reply), one_stream(reply)) == (["find"], True)


async def test_a_call_that_breaks_is_an_error() -> None:
    tool = {"type": "tool_use", "id": "toolu_1", "name": "find", "input": {}}
    broken = claude_stream((tool, {"type": "input_json_delta", "partial_json": "{"}), reason=None)
    async with world(
        {}, dict.fromkeys(("one", "two"), row("claude")), one=broken, two=call("claude", "stream")
    ) as w:
        reply = await w.ask("stream", **FORCED)
    assert (w.asked(), reply.code, reply.text.count(b"[DONE]")) == (["one"], "stream_truncated", 0)


async def test_the_caller_hears_that_it_goes_on() -> None:
    free = asyncio.Event()
    head, *rest = good_json("claude", "stream")
    settings = {"server": {"drain_delay": 0, "keep_alive_interval": 0.05}}
    persona = {"targets": ["one/m"]}
    async with world(
        persona, {"one": row("claude")}, policy=settings, one=[head, free, *rest]
    ) as w:
        asking = asyncio.ensure_future(w.ask("stream", **JSON))
        await asyncio.sleep(0.2)
        free.set()
        reply = await asking
    assert b": keep-alive\n\n" in reply.text
    assert loads(reply.content) == {"a": 1}


async def test_what_is_too_long_to_be_held_back_is_shown_as_it_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streams, "MAX_HELD", 300)
    head, body, *end = claude_stream(THOUGHT, text_block("I would "), text_block("rather talk."))
    assert isinstance(body, bytes)
    half = body.index(b"rather")
    pieces: list[Step] = [body[:half], Pause(0.2), body[half:]]
    async with alone("claude", [head, *pieces, *end]) as w:
        reply = await w.ask("stream", **FORCED)
    assert (reply.content, len(w.fake.received)) == ("I would rather talk.", 1)


async def test_a_caller_who_leaves_ends_it() -> None:
    head, body, *_ = talk("claude", "stream")
    assert isinstance(body, bytes)
    async with alone("claude", [head, body[:600], Hang()]) as w:
        asking = asyncio.ensure_future(w.ask("stream", **FORCED))
        await w.calls(1)
        asking.cancel()
        await asyncio.wait_for(w.fake.received[0].left.wait(), 20)


@pytest.mark.parametrize("answer", ["json", "stream"])
async def test_several_answers_are_each_asked_for_again(answer: str) -> None:
    """Of JSON answers all must do, or the next target is asked; streams that go on are shown, and
    the warning says that one lacks it.
    """
    turns = InTurn(call("claude", answer), talk("claude", answer), talk("claude", answer))
    async with world(
        {}, dict.fromkeys(("one", "two"), row("claude")), one=turns, two=call("claude", answer)
    ) as w:
        reply = await w.ask(answer, **FORCED, n=2)
    if answer == "json":
        assert [
            bool(choice["message"].get("tool_calls")) for choice in reply.document["choices"]
        ] == [True, True]
        assert w.asked() == ["one", "one", "one", "two", "two"]
        assert "x-llm-router-warning" not in reply.headers
    else:
        assert (called(reply), reply.headers["x-llm-router-warning"]) == (
            ["find"],
            "tool_choice_not_followed",
        )


@pytest.mark.parametrize("mode", MODES)
async def test_the_native_route(mode: str) -> None:
    async with alone("claude", InTurn(talk("claude", mode), call("claude", mode))) as w:
        good = await w.native(mode, **FORCED)
    async with alone("claude", talk("claude", mode)) as w:
        bad = await w.native(mode, **FORCED)
    done = loads(bad.text.split(b"event: done\ndata: ")[1]) if mode == "stream" else bad.document
    assert b'"find"' in good.text
    assert b"rather" not in good.text
    assert {"kind": "warning", "param": None, "message": "tool_choice_not_followed"} in done[
        "warnings"
    ]
    assert b"rather" in bad.text


async def test_strict_callers_are_served() -> None:
    """Nothing of the request is dropped or changed."""
    async with alone("claude", call("claude", "json")) as w:
        reply = await w.ask("json", {"x-llm-router-strict": "true"}, **FORCED)
    assert (reply.status, called(reply)) == (200, ["find"])


async def test_a_fact_that_was_learned_leads_there_too() -> None:
    """The first refusal says that the model cannot be forced."""
    words = 'tool_choice: type "tool" and "any" are not supported for this model.'
    refusal = json_answer(
        {"type": "error", "error": {"type": "invalid_request_error", "message": words}},
        "400 Bad Request",
    )
    async with world(
        {},
        {"one": {"dialect": "claude"}},
        one=InTurn(refusal, talk("claude", "json"), call("claude", "json")),
    ) as w:
        reply = await w.ask("json", **FORCED)
    assert (called(reply), len(w.fake.received)) == (["find"], 3)


async def test_who_can_hold_the_schema_is_asked_first_and_who_cannot_is_asked_last() -> None:
    async with world(
        {},
        {"one": row("claude")},
        one=good_json("claude", "json"),
        two=said('{"a": 1}'),
        three=BROKEN,
    ) as w:
        reply = await w.ask("json", **JSON)
        assert (reply.headers["x-llm-router-provider"], w.asked()) == ("two", ["two"])
    async with world({}, {"one": row("claude")}, one=good_json("claude", "json"), two=BROKEN) as w:
        reply = await w.ask("json", **JSON)
        assert (reply.headers["x-llm-router-provider"], w.asked()) == ("one", ["two", "one"])
        assert gives(JSON, reply)
