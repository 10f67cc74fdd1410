"""gateway.dispatch.answer_tap: a streamed answer as the message that the reasoning cache keeps."""

from gateway.dispatch.answer_tap import AnswerTap
from gateway.dispatch.reasoning_cache import RELAYED, ReasoningStore
from translators.chat.chunks import Chunk
from translators.chat.request import ChatRequest

BLOCKS = [{"type": "thinking", "thinking": "hm", "signature": "SIG"}]
FIRST = [{"role": "user", "content": "hi"}]


def test_the_tap_gathers_a_streamed_answer() -> None:
    tap = AnswerTap()
    for delta in (
        {"role": "assistant", "content": ""},
        {"content": "Let me "},
        {"content": "see."},
        {
            "tool_calls": [
                {
                    "index": 0,
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "f", "arguments": ""},
                }
            ]
        },
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"x":1}'}}]},
        {
            "tool_calls": [
                {
                    "index": 1,
                    "id": "call_2",
                    "function": {"name": "g", "arguments": "{}"},
                    "extra_content": {"a": 1},
                }
            ]
        },
        {
            "tool_calls": [
                {
                    "index": 2,
                    "id": "call_3",
                    "type": "custom",
                    "custom": {"name": "h", "input": "ab"},
                }
            ]
        },
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
            {
                "id": "call_2",
                "function": {"name": "g", "arguments": "{}"},
                "extra_content": {"a": 1},
            },
            {"id": "call_3", "custom": {"name": "h", "input": "abc"}},
        ],
        "thinking_blocks": BLOCKS,
    }


def test_the_tap_passes_over_a_content_in_parts() -> None:
    tap = AnswerTap()
    tap.see(Chunk({"content": [{"type": "text", "text": "x"}]}))
    tap.see(Chunk({"content": "y"}))
    assert tap.message()["content"] == "y"


def test_the_tap_joins_what_compatible_servers_stream() -> None:
    tap = AnswerTap(FIRST, RELAYED)
    piece = {"type": "reasoning.text", "index": 0, "format": "f"}
    for delta in (
        {"role": "assistant", "content": ""},
        {
            "reasoning": "Oslo ",
            "reasoning_content": "Oslo ",
            "reasoning_details": [{**piece, "text": "Oslo "}],
        },
        {
            "reasoning": "it is.",
            "reasoning_content": "it is.",
            "reasoning_details": [{**piece, "text": "it is."}],
        },
        {"reasoning": None, "reasoning_details": [{**piece, "signature": "SIG"}]},
        {
            "tool_calls": [
                {"index": 0, "id": "call_1", "function": {"name": "f", "arguments": "{}"}}
            ]
        },
        {"extra_content": {"a": 1}},
    ):
        tap.see(Chunk(delta))
    message = tap.message()
    assert (message["reasoning"], message["reasoning_content"]) == ("Oslo it is.", "Oslo it is.")
    assert message["reasoning_details"] == [{**piece, "text": "Oslo it is.", "signature": "SIG"}]
    assert message["extra_content"] == {"a": 1}
    store = ReasoningStore(lambda: 0.0)
    store.remember("me", "router/m", tap.messages, message, tap.kept)
    calls = [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    back = ChatRequest(
        {"messages": [*FIRST, {"role": "assistant", "content": None, "tool_calls": calls}]}
    )
    restored = store.restore("me", "router/m", back).messages[1]
    assert restored["reasoning_details"] == message["reasoning_details"]


def test_a_tap_of_others_keeps_no_text_of_reasoning() -> None:
    tap = AnswerTap()
    tap.see(Chunk({"reasoning_content": "hm", "reasoning_details": [{"type": "reasoning.text"}]}))
    assert tap.message() == {"content": "", "tool_calls": []}
