"""translators.chat.pairing: every call finds its result, whatever was done to the history, and a history in order stays as it is."""

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translators.chat.calls import CallIdForm
from translators.chat.pairing import NO_RESULT, paired

USER: Final = {"role": "user", "content": "hi"}
SAID: Final = {"role": "assistant", "content": "ok"}
UNANSWERED: Final = "a tool call without result was given one that says so"
ORPHAN: Final = "a tool result without its call became user text"
IN_FRONT: Final = "a tool result was moved in front of what stood before it"
BEHIND: Final = "a tool result was moved behind the call it answers"
TWICE: Final = "a tool call had several results: the last one is kept"


def call(call_id: str | None = "a", **more: Any) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": "f", "arguments": "{}"}, **more}


def calls(*ids: str | None) -> dict[str, Any]:
    return {"role": "assistant", "content": None, "tool_calls": [call(call_id) for call_id in ids]}


def result(call_id: str = "a", content: Any = "1") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def mended(messages: list[dict[str, Any]], form: CallIdForm = "any") -> tuple[list[dict[str, Any]], list[str]]:
    told: list[tuple[str, str]] = []
    made = paired(messages, form, lambda param, why: told.append((param, why)))
    assert {param for param, _ in told} <= {"messages"}
    return made, [why for _, why in told]


@pytest.mark.parametrize(
    "messages",
    [
        [USER, SAID],
        [USER, calls("a", "b"), result("b"), result("a"), USER],
        [USER, calls("a"), result("a"), calls("b"), result("b")],
        [USER, {"role": "assistant", "content": "ok", "tool_calls": []}, USER],
    ],
)
def test_a_history_in_order_is_the_same_object(messages: list[dict[str, Any]]) -> None:
    made, told = mended(messages)
    assert made is messages
    assert told == []


@pytest.mark.parametrize(
    ("messages", "expected", "told"),
    [
        ([USER, calls("a")], [USER, calls("a"), result("a", NO_RESULT)], [UNANSWERED]),
        ([USER, calls("a"), USER], [USER, calls("a"), result("a", NO_RESULT), USER], [UNANSWERED]),
        ([calls("a", "b"), result("b"), USER], [calls("a", "b"), result("a", NO_RESULT), result("b"), USER], [UNANSWERED]),
        ([USER, result("a", "late")], [USER, {"role": "user", "content": "Tool result for a: late"}], [ORPHAN]),
        (
            [USER, result("a", [{"type": "text", "text": "late"}])],
            [USER, {"role": "user", "content": [{"type": "text", "text": "Tool result for a:"}, {"type": "text", "text": "late"}]}],
            [ORPHAN],
        ),
        ([calls("a"), USER, result("a")], [calls("a"), result("a"), USER], [IN_FRONT]),
        ([calls("a"), SAID, result("a")], [calls("a"), result("a"), SAID], [BEHIND]),
        ([calls("a"), result("a", "1"), result("a", "2")], [calls("a"), result("a", "2")], [TWICE]),
        ([calls("a"), result("a"), result("b")], [calls("a"), result("a"), {"role": "user", "content": "Tool result for b: 1"}], [ORPHAN]),
        (
            [result("a"), USER, calls("a"), result("a", "2")],
            [{"role": "user", "content": "Tool result for a: 1"}, USER, calls("a"), result("a", "2")],
            [ORPHAN],
        ),
    ],
)  # fmt: skip
def test_a_broken_history_is_mended_and_told(messages: list[dict[str, Any]], expected: list[dict[str, Any]], told: list[str]) -> None:
    assert mended(messages) == (expected, told)


def test_each_kind_of_repair_is_told_once() -> None:
    messages = [message for i in range(5) for message in (calls(f"c{i}"), USER)]
    assert mended(messages)[1] == [UNANSWERED]


def test_an_id_of_an_earlier_turn_becomes_a_new_one_on_both_sides() -> None:
    made, told = mended([USER, calls("call_0"), result("call_0", "1"), calls("call_0"), result("call_0", "2")])
    assert (made, told) == ([USER, calls("call_0"), result("call_0", "1"), calls("call_0_3_0"), result("call_0_3_0", "2")], [])


def test_an_id_twice_in_one_turn() -> None:
    made, _ = mended([calls("x", "x"), result("x", "1"), result("x", "2")])
    assert made == [calls("x", "x_0_1"), result("x", "1"), result("x_0_1", "2")]


def test_missing_ids_are_given() -> None:
    """Whatever the caller called the results: the next one behind it answers a call without an id."""
    made, told = mended([USER, calls(None, "", "b"), result("b"), result("p", "1"), result("q", "2")])
    expected = [USER, calls("call_1_0", "call_1_1", "b"), result("call_1_0", "1"), result("call_1_1", "2"), result("b")]
    assert (made, told) == (expected, [])


LONG: Final = "toolu_" + "x" * 60


@pytest.mark.parametrize(
    ("form", "given", "sent"),
    [
        ("any", LONG, LONG),
        ("short", "y" * 40, "y" * 40),
        ("short", LONG, "toolu_xxxxxxxxxxxxxxxxxxxxxxxxx_dc4d3bd4"),
        ("nine", "AbCdE1234", "AbCdE1234"),
        ("nine", "call_1", "74196fe72"),
        ("nine", LONG, "dc4d3bd4f"),
    ],
)
def test_ids_take_the_form_that_the_server_takes(form: CallIdForm, given: str, sent: str) -> None:
    made, told = mended([USER, calls(given), result(given)], form)
    assert (made, told) == ([USER, calls(sent), result(sent)], [])


def test_two_long_ids_stay_two() -> None:
    made, _ = mended([calls(LONG + "1", LONG + "2"), result(LONG + "1"), result(LONG + "2")], "short")
    ids = [one["id"] for one in made[0]["tool_calls"]]
    assert len(set(ids)) == 2
    assert [message["tool_call_id"] for message in made[1:]] == ids


@pytest.mark.parametrize("kind", ["builtin_function", "mcp"])
def test_what_a_server_called_itself_need_not_be_answered(kind: str) -> None:
    """Its result may be in the answer that follows."""
    alone = {"role": "assistant", "content": "", "tool_calls": [call("s", type=kind)]}
    assert mended([USER, alone, USER]) == ([USER, alone, USER], [])
    assert mended([USER, alone, result("s"), USER]) == ([USER, alone, result("s"), USER], [])


def test_original_content_with_other_ids_is_no_original_any_more() -> None:
    first, second = calls("x"), {**calls("x"), "provider_content": {"format": "f", "blocks": []}}
    made, told = mended([first, result("x"), second, result("x")])
    assert made == [first, result("x"), calls("x_2_0"), result("x_2_0")]
    assert told == ["an answer's original content was left out: the ids of its calls had to change"]


def test_nothing_is_changed_in_place() -> None:
    messages = [USER, calls("a", None, LONG), USER, result("a"), calls("a")]
    before = repr(messages)
    mended(messages, "short")
    assert repr(messages) == before


ids = st.sampled_from(["a", "b", "c", "", LONG])
histories = st.lists(
    st.just(USER)
    | st.just(SAID)
    | st.builds(lambda given: calls(*given), st.lists(ids | st.none(), min_size=1, max_size=3))
    | st.builds(result, ids),
    max_size=9,
)


@given(histories, st.sampled_from(["any", "short", "nine"]))
def test_any_history_is_in_order_then(messages: list[dict[str, Any]], form: CallIdForm) -> None:
    made, _ = mended(messages, form)
    again, told = mended(made, form)
    assert again is made
    assert told == []
    assert len(made) >= len([message for message in messages if message["role"] != "tool"])


@given(histories, histories, st.sampled_from(["any", "short"]))
def test_what_was_whole_stays_the_same_when_more_follows(
    messages: list[dict[str, Any]], more: list[dict[str, Any]], form: CallIdForm
) -> None:
    """Prompt caches depend on it. (A result that comes late is put where it belongs, so later results of earlier calls are left out.)"""
    whole, _ = mended([*messages, USER], form)
    named = {one["id"] or "" for message in messages for one in message.get("tool_calls") or ()}
    later = [message for message in more if message.get("tool_call_id") not in named]
    longer, _ = mended([*messages, USER, SAID, *later], form)
    assert longer[: len(whole)] == whole


def test_a_long_history_is_looked_at_once() -> None:
    """Thirty thousand calls under one id take a moment, not minutes."""
    messages = [message for _ in range(15_000) for message in (calls("a"), USER)] + [calls(*["a"] * 15_000)] + [result("a")] * 15_000
    assert len(mended(messages, "short")[0]) == 3 * 15_000 + 15_001
