"""gateway.dispatch.reasoning_cache: what a plain OpenAI client loses between two turns is put back,
for its caller and model.
"""

from typing import Any

import pytest

from gateway.dispatch.reasoning_cache import MAX_AGE, RELAYED, ReasoningStore
from translators.chat.request import ChatRequest
from translators.json_codec import dumps_str

BLOCKS = [{"type": "thinking", "thinking": "hm", "signature": "SIG"}]
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
ANSWER: dict[str, Any] = {
    "role": "assistant",
    "content": "Let me see.",
    "tool_calls": [CALL],
    "thinking_blocks": BLOCKS,
}
FIRST = [{"role": "user", "content": "hi"}]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def second_turn(**message: Any) -> ChatRequest:
    assistant = {"role": "assistant", "content": "Let me see.", "tool_calls": [CALL], **message}
    return ChatRequest(
        {
            "messages": [
                {"role": "user", "content": "hi"},
                assistant,
                {"role": "tool", "tool_call_id": "call_1", "content": "2"},
            ]
        }
    )


def restored(
    store: ReasoningStore, request: ChatRequest, caller: str = "me", model: str = "claude/opus"
) -> dict[str, Any]:
    return store.restore(caller, model, request).messages[1]


def test_what_the_sdk_loses_comes_back() -> None:
    store = ReasoningStore(Clock())
    store.remember("me", "claude/opus", FIRST, ANSWER)
    request = second_turn()
    assert restored(store, request)["thinking_blocks"] == BLOCKS
    assert "thinking_blocks" not in request.messages[1], "the caller's request is not changed"


def test_only_for_the_same_caller_and_model() -> None:
    store = ReasoningStore(Clock())
    store.remember("me", "claude/opus", FIRST, ANSWER)
    assert "thinking_blocks" not in restored(store, second_turn(), caller="somebody")
    assert "thinking_blocks" not in restored(store, second_turn(), model="gemini/flash")


def test_what_the_caller_sends_wins() -> None:
    store = ReasoningStore(Clock())
    store.remember("me", "claude/opus", FIRST, ANSWER)
    own = [{"type": "thinking", "thinking": "mine", "signature": "S"}]
    assert restored(store, second_turn(thinking_blocks=own))["thinking_blocks"] == own


@pytest.mark.parametrize(("kind", "key"), [("tool_use", "id"), ("function_call", "call_id")])
def test_a_whole_turn_has_the_ids_that_its_calls_have_now(kind: str, key: str) -> None:
    """A caller may know a call by another id: the results that follow name that one."""
    store = ReasoningStore(Clock())
    blocks = [{"type": "reasoning", "id": "rs_1"}, {"type": kind, key: "call_1", "name": "f"}]
    content = {"format": "any", "blocks": blocks}
    store.remember("me", "claude/opus", FIRST, {**ANSWER, "provider_content": content})
    again = second_turn(tool_calls=[{**CALL, "id": "call_of_mine"}])
    assert restored(store, again)["provider_content"]["blocks"] == [
        blocks[0],
        {**blocks[1], key: "call_of_mine"},
    ]
    assert blocks[1][key] == "call_1", "what is kept is not changed"


def test_a_whole_turn_is_put_back_only_if_it_was_not_edited() -> None:
    store = ReasoningStore(Clock())
    content = {"format": "anthropic-messages", "blocks": [1]}
    store.remember("me", "claude/opus", FIRST, {**ANSWER, "provider_content": content})
    assert restored(store, second_turn())["provider_content"] == content
    assert "provider_content" not in restored(store, second_turn(content="edited"))
    assert restored(store, second_turn(content="edited"))["thinking_blocks"] == BLOCKS
    assert (
        restored(store, second_turn(content=[{"type": "text", "text": "Let me see."}]))[
            "provider_content"
        ]
        == content
    )


def test_signatures_of_calls() -> None:
    """Gemini signs the call itself."""
    store = ReasoningStore(Clock())
    signature = {"google": {"thought_signature": "AA=="}}
    other = {**CALL, "id": "call_2"}
    store.remember(
        "me",
        "gemini/flash",
        FIRST,
        {"content": None, "tool_calls": [{**CALL, "extra_content": signature}, other]},
    )
    message = restored(
        store, second_turn(content=None, tool_calls=[CALL, other]), model="gemini/flash"
    )
    assert [call.get("extra_content") for call in message["tool_calls"]] == [signature, None]


def test_nothing_is_kept_of_an_answer_that_carries_nothing() -> None:
    store = ReasoningStore(Clock())
    store.remember("me", "m", FIRST, {"content": "x", "tool_calls": [CALL]})
    store.remember("me", "m", FIRST, {"content": "x", "thinking_blocks": BLOCKS})
    assert len(store) == 0


def call(name: str, arguments: str | None = None) -> dict[str, Any]:
    return {
        "id": name,
        "type": "function",
        "function": {"name": "f", "arguments": arguments or dumps_str({"of": name})},
    }


def test_bounds() -> None:
    """Entries, bytes and age are limited; what is used stays longest."""
    clock = Clock()
    store = ReasoningStore(clock, max_entries=2)
    for name in "abc":
        store.remember("me", "m", FIRST, {**ANSWER, "tool_calls": [call(name)]})
        store.restore("me", "m", second_turn(tool_calls=[call("a")]))
    assert len(store) == 2
    assert "thinking_blocks" in restored(store, second_turn(tool_calls=[call("a")]), model="m")
    assert "thinking_blocks" not in restored(store, second_turn(tool_calls=[call("b")]), model="m")
    clock.now = MAX_AGE + 1
    assert "thinking_blocks" not in restored(store, second_turn(tool_calls=[call("a")]), model="m")
    small = ReasoningStore(clock, max_bytes=10)
    small.remember("me", "m", FIRST, ANSWER)
    assert len(small) == 0


def test_nothing_is_left_of_what_was_forgotten() -> None:
    """No index holds what the bounds have let go, in whatever way it is known."""
    clock = Clock()
    store = ReasoningStore(clock, max_entries=3)
    for n in range(20):
        calls = [call(f"c{n % 5}", "{}"), call(f"d{n}")]
        store.remember(
            "me", f"m{n % 2}", FIRST, {**ANSWER, "content": f"{n % 3}", "tool_calls": calls}
        )
        store.remember("me", "m0", FIRST, {"content": None, "tool_calls": [call(f"bare{n}")]})
    assert (len(store), len(store._bare)) == (3, 3)
    assert set(map(id, store._calls.values())) <= set(store._entries)
    found = [
        entry
        for turns in store._turns.values()
        for places in turns.values()
        for entry in places.values()
    ]
    assert set(map(id, found)) <= set(store._entries)
    assert store._again <= store._calls.keys()
    clock.now = MAX_AGE + 1
    for n in range(20):
        store.restore("me", "m0", second_turn(tool_calls=[call(f"d{n}")]))
        store.restore("me", "m1", second_turn(tool_calls=[call(f"d{n}")]))
    assert (len(store), store._bytes, store._calls, store._turns, store._again) == (
        0,
        0,
        {},
        {},
        set(),
    )


WRITTEN_ANEW = {
    "key order": '{"unit":"C","city":"Oslo","days":3}',
    "spacing": '{ "city": "Oslo", "days": 3, "unit": "C" }',
    "number form": '{"city":"Oslo","days":3.0,"unit":"C"}',
}


@pytest.mark.parametrize("arguments", WRITTEN_ANEW.values(), ids=WRITTEN_ANEW.keys())
@pytest.mark.parametrize("call_id", ["c", "renamed"])
def test_arguments_that_were_written_anew_are_the_same(arguments: str, call_id: str) -> None:
    """With the ids of the calls, and with others."""
    store = ReasoningStore(Clock())
    items = {
        "format": "openai-responses",
        "blocks": [{"type": "reasoning", "encrypted_content": "E"}],
    }
    before = call("c", '{"city":"Oslo","days":3,"unit":"C"}')
    store.remember(
        "me", "o/sol", FIRST, {"content": None, "tool_calls": [before], "provider_content": items}
    )
    request = second_turn(
        content=None,
        tool_calls=[{**before, "id": call_id, "function": {"name": "f", "arguments": arguments}}],
    )
    assert restored(store, request, model="o/sol")["provider_content"] == items
    edited = second_turn(
        content=None, tool_calls=[call(call_id, '{"city":"Bergen","days":3,"unit":"C"}')]
    )
    assert "provider_content" not in restored(store, edited, model="o/sol")


def test_a_call_with_another_id_is_found_by_what_was_said() -> None:
    """For the same caller, the same model and after the same first message."""
    store = ReasoningStore(Clock())
    store.remember("me", "claude/opus", FIRST, ANSWER)
    renamed = second_turn(tool_calls=[{**CALL, "id": "other"}])
    assert restored(store, renamed)["thinking_blocks"] == BLOCKS
    assert restored(store, renamed)["tool_calls"][0]["id"] == "other"
    assert "thinking_blocks" not in restored(store, renamed, caller="somebody")
    assert "thinking_blocks" not in restored(store, renamed, model="claude/haiku")
    elsewhere = ChatRequest(
        {"messages": [{"role": "user", "content": "something else"}, *renamed.messages[1:]]}
    )
    assert "thinking_blocks" not in restored(store, elsewhere)
    assert "thinking_blocks" not in restored(
        store, second_turn(content="edited", tool_calls=[{**CALL, "id": "other"}])
    )


def test_signatures_of_renamed_calls_stand_at_their_places() -> None:
    store = ReasoningStore(Clock())
    signed = [
        {**call(name, "{}"), "extra_content": {"google": {"thought_signature": name}}}
        for name in "ab"
    ]
    store.remember(
        "me",
        "g/flash",
        FIRST,
        {"content": None, "tool_calls": [signed[0], call("c", "{}"), signed[1]]},
    )
    renamed = second_turn(content=None, tool_calls=[call(name, "{}") for name in "xyz"])
    calls = restored(store, renamed, model="g/flash")["tool_calls"]
    assert [c["id"] for c in calls] == ["x", "y", "z"]
    assert [c.get("extra_content") for c in calls] == [
        signed[0]["extra_content"],
        None,
        signed[1]["extra_content"],
    ]


@pytest.mark.parametrize("ids", [["x", "y"], ["call_0", "call_0"]], ids=["renamed", "used again"])
def test_the_same_call_twice_has_the_reasoning_of_each(ids: list[str]) -> None:
    """An agent may ask for the time in every turn, and a server may call each of its calls
    `call_0`.
    """
    store = ReasoningStore(Clock())
    history: list[dict[str, Any]] = [*FIRST]
    for n in range(2):
        blocks = [{"type": "thinking", "thinking": f"{n}", "signature": f"S{n}"}]
        store.remember(
            "me",
            "m",
            history,
            {"content": None, "tool_calls": [call("call_0", "{}")], "thinking_blocks": blocks},
        )
        said = {"role": "assistant", "content": None, "tool_calls": [call(ids[n], "{}")]}
        history = [*history, said, {"role": "tool", "tool_call_id": ids[n], "content": "noon"}]
    messages = store.restore("me", "m", ChatRequest({"messages": history})).messages
    assert [
        message["thinking_blocks"][0]["signature"]
        for message in messages
        if "thinking_blocks" in message
    ] == ["S0", "S1"]


def test_an_id_that_was_used_again_tells_nothing_of_another_turn() -> None:
    store = ReasoningStore(Clock())
    for arguments in ('{"n":1}', '{"n":2}'):
        store.remember("me", "m", FIRST, {**ANSWER, "tool_calls": [call("call_0", arguments)]})
    assert "thinking_blocks" not in restored(
        store, second_turn(tool_calls=[call("call_0", '{"n":3}')]), model="m"
    )
    assert "thinking_blocks" in restored(
        store, second_turn(tool_calls=[call("call_0", '{"n":1}')]), model="m"
    )


DETAILS = [
    {"type": "reasoning.text", "text": "hm", "signature": "SIG", "index": 0},
    {"type": "reasoning.encrypted", "data": "E", "index": 1},
]
RELAYING: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "reasoning_content": ({"reasoning_content": "hm"}, {"reasoning_content": "hm"}),
    "reasoning, shown as reasoning_content": (
        {"reasoning": "hm", "reasoning_content": "hm"},
        {"reasoning": "hm"},
    ),
    "details, shown as reasoning_content": (
        {"reasoning": "hm", "reasoning_details": DETAILS, "reasoning_content": "hm"},
        {"reasoning": "hm", "reasoning_details": DETAILS},
    ),
    "details alone": (
        {"reasoning_details": DETAILS, "reasoning_content": "hm"},
        {"reasoning_details": DETAILS},
    ),
    "two that differ": (
        {"reasoning": "hm", "reasoning_content": "long"},
        {"reasoning_content": "long", "reasoning": "hm"},
    ),
    "a message's own signature": ({"extra_content": {"google": {"thought_signature": "S"}}},) * 2,
}


@pytest.mark.parametrize("name", RELAYING)
def test_compatible_servers_get_back_what_they_reasoned_in_their_own_words(name: str) -> None:
    answer, expected = RELAYING[name]
    store = ReasoningStore(Clock())
    store.remember(
        "me", "deep/m", FIRST, {"content": None, "tool_calls": [CALL], **answer}, RELAYED
    )
    message = restored(store, second_turn(content=None), model="deep/m")
    assert {
        field: value
        for field, value in message.items()
        if field not in ("role", "content", "tool_calls")
    } == expected
    assert list(message) == ["role", "content", "tool_calls", *expected], "the same bytes each time"
    assert (
        restored(store, second_turn(content=None), model="other/m")
        == second_turn(content=None).messages[1]
    )


def test_who_signs_its_reasoning_needs_no_text_of_it() -> None:
    """It would be kept twice."""
    answer = {**ANSWER, "reasoning_content": "hm"}
    store = ReasoningStore(Clock())
    store.remember("me", "claude/opus", FIRST, answer)
    assert "reasoning_content" not in restored(store, second_turn())
    items = {"format": "openai-responses", "blocks": []}
    store.remember(
        "me",
        "openai/sol",
        FIRST,
        {**answer, "thinking_blocks": None, "provider_content": items},
        RELAYED,
    )
    assert "reasoning_content" not in restored(store, second_turn(), model="openai/sol")
    store.remember(
        "me",
        "claude/opus",
        FIRST,
        {"content": None, "tool_calls": [call("x")], "reasoning_content": "hm"},
    )
    assert "reasoning_content" not in restored(store, second_turn(tool_calls=[call("x")]))


def test_what_the_caller_sends_of_a_text_wins() -> None:
    store = ReasoningStore(Clock())
    answer = {
        "content": None,
        "tool_calls": [CALL],
        "reasoning": "hm",
        "reasoning_details": DETAILS,
    }
    store.remember("me", "router/m", FIRST, answer, RELAYED)
    message = restored(store, second_turn(content=None, reasoning_content="mine"), model="router/m")
    assert (
        message["reasoning_content"],
        message.get("reasoning"),
        message["reasoning_details"],
    ) == ("mine", None, DETAILS)
    whole = second_turn(content=None, reasoning="mine", reasoning_details=[])
    assert restored(store, whole, model="router/m")["reasoning"] == "mine"


def test_a_text_that_came_back_under_the_name_it_was_shown_by_is_no_text_of_the_callers() -> None:
    """Servers that know it by another name may not take that one."""
    store = ReasoningStore(Clock())
    store.remember(
        "me",
        "groq/m",
        FIRST,
        {"content": None, "tool_calls": [CALL], "reasoning": "hm", "reasoning_content": "hm"},
        RELAYED,
    )
    message = restored(store, second_turn(content=None, reasoning_content="hm"), model="groq/m")
    assert (message["reasoning"], message["reasoning_content"]) == ("hm", "hm")
    only = ReasoningStore(Clock())
    only.remember(
        "me",
        "r/m",
        FIRST,
        {"content": None, "tool_calls": [CALL], "reasoning": "hm", "reasoning_details": DETAILS},
        RELAYED,
    )
    assert (
        restored(only, second_turn(content=None, reasoning_content="hm"), model="r/m")["reasoning"]
        == "hm"
    )


def lost(
    store: ReasoningStore, request: ChatRequest, caller: str = "me", model: str = "claude/opus"
) -> str | None:
    return store.lost(caller, model, store.restore(caller, model, request))


def test_what_cannot_be_put_back_is_told() -> None:
    store = ReasoningStore(Clock())
    assert lost(store, second_turn()) == "unknown", "another worker, or a restart"
    store.remember("me", "claude/opus", FIRST, ANSWER)
    assert lost(store, second_turn()) is None
    assert lost(store, second_turn(tool_calls=[{**CALL, "id": "renamed"}])) is None
    assert (
        lost(store, second_turn(content="edited", tool_calls=[{**CALL, "id": "renamed"}]))
        == "unknown"
    )
    assert lost(store, second_turn(), caller="somebody") == "unknown"
    items = {"format": "openai-responses", "blocks": []}
    store.remember(
        "me",
        "openai/sol",
        FIRST,
        {"content": None, "tool_calls": [call("x")], "provider_content": items},
    )
    assert (
        lost(store, second_turn(content="edited", tool_calls=[call("x")]), model="openai/sol")
        == "edited"
    )


def test_what_never_was_is_not_missed() -> None:
    """An answer without reasoning, another model's calls, and what was said before the user spoke
    last.
    """
    store = ReasoningStore(Clock())
    store.remember("me", "claude/opus", FIRST, {"content": "Let me see.", "tool_calls": [CALL]})
    assert lost(store, second_turn()) is None
    assert lost(store, second_turn(tool_calls=[{**CALL, "id": "renamed"}])) is None
    store.remember(
        "me",
        "gemini/flash",
        FIRST,
        {"content": None, "tool_calls": [{**call("g"), "extra_content": {"a": 1}}]},
    )
    assert lost(store, second_turn(content=None, tool_calls=[call("g")])) is None
    assert lost(store, ChatRequest({"messages": FIRST})) is None
    before = second_turn(tool_calls=[call("long ago")]).messages
    assert (
        lost(
            store,
            ChatRequest({"messages": [*before, {"role": "assistant", "content": "Fine."}, *FIRST]}),
        )
        is None
    )


SENT: dict[str, dict[str, Any]] = {
    "thinking blocks": {"thinking_blocks": BLOCKS},
    "a whole turn": {"provider_content": {"format": "anthropic-messages", "blocks": []}},
    "a message's signature": {"extra_content": {"google": {"thought_signature": "S"}}},
    "fields of another gateway": {"provider_specific_fields": {"thought_signatures": ["S"]}},
    "thinking in the content": {
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "S"},
            {"type": "text", "text": "a"},
        ]
    },
    "a call's signature": {
        "tool_calls": [{**CALL, "extra_content": {"google": {"thought_signature": "S"}}}]
    },
    "a call's fields of another gateway": {
        "tool_calls": [{**CALL, "provider_specific_fields": {"thought_signature": "S"}}]
    },
    "a signature behind an id": {"tool_calls": [{**CALL, "id": "call_1__thought__S"}]},
    "a signature in the function": {
        "tool_calls": [{**CALL, "function": {**CALL["function"], "thought_signature": "S"}}]
    },
}


@pytest.mark.parametrize("name", SENT)
def test_what_the_caller_kept_is_not_missed(name: str) -> None:
    assert lost(ReasoningStore(Clock()), second_turn(**SENT[name])) is None
