"""gateway.reasoning: what a plain OpenAI client loses between two turns is put back, for the caller and the model it belongs to."""

from typing import Any

from gateway.reasoning import MAX_AGE, AnswerTap, ReasoningStore
from translators.chat.chunks import Chunk
from translators.chat.request import ChatRequest

BLOCKS = [{"type": "thinking", "thinking": "hm", "signature": "SIG"}]
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
ANSWER: dict[str, Any] = {"role": "assistant", "content": "Let me see.", "tool_calls": [CALL], "thinking_blocks": BLOCKS}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def second_turn(**message: Any) -> ChatRequest:
    assistant = {"role": "assistant", "content": "Let me see.", "tool_calls": [CALL], **message}
    return ChatRequest(
        {"messages": [{"role": "user", "content": "hi"}, assistant, {"role": "tool", "tool_call_id": "call_1", "content": "2"}]}
    )


def restored(store: ReasoningStore, request: ChatRequest, caller: str = "me", model: str = "claude/opus") -> dict[str, Any]:
    return store.restore(caller, model, request).messages[1]


def test_what_the_sdk_loses_comes_back() -> None:
    store = ReasoningStore(Clock())
    store.remember("me", "claude/opus", ANSWER)
    request = second_turn()
    assert restored(store, request)["thinking_blocks"] == BLOCKS
    assert "thinking_blocks" not in request.messages[1], "the caller's request is not changed"


def test_only_for_the_same_caller_and_model() -> None:
    store = ReasoningStore(Clock())
    store.remember("me", "claude/opus", ANSWER)
    assert "thinking_blocks" not in restored(store, second_turn(), caller="somebody")
    assert "thinking_blocks" not in restored(store, second_turn(), model="gemini/flash")


def test_what_the_caller_sends_wins() -> None:
    store = ReasoningStore(Clock())
    store.remember("me", "claude/opus", ANSWER)
    own = [{"type": "thinking", "thinking": "mine", "signature": "S"}]
    assert restored(store, second_turn(thinking_blocks=own))["thinking_blocks"] == own


def test_a_whole_turn_is_put_back_only_if_it_was_not_edited() -> None:
    store = ReasoningStore(Clock())
    content = {"format": "anthropic-messages", "blocks": [1]}
    store.remember("me", "claude/opus", {**ANSWER, "provider_content": content})
    assert restored(store, second_turn())["provider_content"] == content
    assert "provider_content" not in restored(store, second_turn(content="edited"))
    assert restored(store, second_turn(content="edited"))["thinking_blocks"] == BLOCKS
    assert restored(store, second_turn(content=[{"type": "text", "text": "Let me see."}]))["provider_content"] == content


def test_signatures_of_calls() -> None:
    """Gemini signs the call itself."""
    store = ReasoningStore(Clock())
    signature = {"google": {"thought_signature": "AA=="}}
    other = {**CALL, "id": "call_2"}
    store.remember("me", "gemini/flash", {"content": None, "tool_calls": [{**CALL, "extra_content": signature}, other]})
    message = restored(store, second_turn(content=None, tool_calls=[CALL, other]), model="gemini/flash")
    assert [call.get("extra_content") for call in message["tool_calls"]] == [signature, None]


def test_nothing_is_kept_of_an_answer_that_carries_nothing() -> None:
    store = ReasoningStore(Clock())
    store.remember("me", "m", {"content": "x", "tool_calls": [CALL]})
    store.remember("me", "m", {"content": "x", "thinking_blocks": BLOCKS})
    assert len(store) == 0


def test_bounds() -> None:
    """Entries, bytes and age are limited; what is used stays longest."""
    clock = Clock()
    store = ReasoningStore(clock, max_entries=2)
    for name in "abc":
        store.remember("me", "m", {**ANSWER, "tool_calls": [{**CALL, "id": name}]})
        store.restore("me", "m", second_turn(tool_calls=[{**CALL, "id": "a"}]))
    assert len(store) == 2
    assert "thinking_blocks" in restored(store, second_turn(tool_calls=[{**CALL, "id": "a"}]), model="m")
    assert "thinking_blocks" not in restored(store, second_turn(tool_calls=[{**CALL, "id": "b"}]), model="m")
    clock.now = MAX_AGE + 1
    assert "thinking_blocks" not in restored(store, second_turn(tool_calls=[{**CALL, "id": "a"}]), model="m")
    small = ReasoningStore(clock, max_bytes=10)
    small.remember("me", "m", ANSWER)
    assert len(small) == 0


def test_the_tap_gathers_a_streamed_answer() -> None:
    tap = AnswerTap()
    for delta in (
        {"role": "assistant", "content": ""},
        {"content": "Let me "},
        {"content": "see."},
        {"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"x":1}'}}]},
        {"tool_calls": [{"index": 1, "id": "call_2", "function": {"name": "g", "arguments": "{}"}, "extra_content": {"a": 1}}]},
        {"tool_calls": [{"index": 2, "id": "call_3", "type": "custom", "custom": {"name": "h", "input": "ab"}}]},
        {"tool_calls": [{"index": 2, "custom": {"input": "c"}}]},
        {"thinking_blocks": BLOCKS},
        {},
    ):
        tap.see(Chunk(delta))
    tap.see(Chunk({"content": "other choice"}, index=1))
    tap.see(Chunk(usage={}))
    assert tap.message() == {
        "content": "Let me see.",
        "tool_calls": [
            {"id": "call_1", "function": {"name": "f", "arguments": '{"x":1}'}},
            {"id": "call_2", "function": {"name": "g", "arguments": "{}"}, "extra_content": {"a": 1}},
            {"id": "call_3", "custom": {"name": "h", "input": "abc"}},
        ],
        "thinking_blocks": BLOCKS,
    }


def test_the_tap_passes_over_a_content_in_parts() -> None:
    tap = AnswerTap()
    tap.see(Chunk({"content": [{"type": "text", "text": "x"}]}))
    tap.see(Chunk({"content": "y"}))
    assert tap.message()["content"] == "y"
