"""translators.chat.turns: a turn is known again however its client writes it, and no other turn is
taken for it.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translators.chat.turns import (
    called_names,
    details_text,
    joined_details,
    open_loop,
    opening_digest,
    turn_digest,
    turn_hash,
)
from translators.json_codec import dumps_str


def turn(
    arguments: Any = '{"city":"Oslo","days":2}',
    content: Any = "Let me see.",
    name: str = "look",
    **call: Any,
) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {
        "role": "assistant",
        "content": content,
        "tool_calls": [{"id": "c1", "type": "function", "function": function, **call}],
    }


SAME: dict[str, dict[str, Any]] = {
    "key order": turn('{"days":2,"city":"Oslo"}'),
    "spacing": turn('{\n  "city" : "Oslo",\n  "days" : 2\n}'),
    "number form": turn('{"city":"Oslo","days":2.0}'),
    "escapes": turn('{"city":"\\u004fslo","days":2}'),
    "an object": turn({"city": "Oslo", "days": 2}),
    "another id": turn(id="renamed"),
    "no id": turn(id=None),
    "text in parts": turn(
        content=[{"type": "text", "text": "Let me "}, {"type": "text", "text": "see."}]
    ),
    "space around the text": turn(content="Let me see.\n"),
    "parts that are no text": turn(
        content=[{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Let me see."}]
    ),
}
OTHER: dict[str, dict[str, Any]] = {
    "a value": turn('{"city":"Oslo","days":3}'),
    "a key": turn('{"town":"Oslo","days":2}'),
    "true is not 1": turn('{"city":"Oslo","days":true}'),
    "text is not a number": turn('{"city":"Oslo","days":"2"}'),
    "the text": turn(content="Let me look."),
    "no text": turn(content=None),
    "the tool": turn(name="find"),
    "arguments that are no JSON": turn('{"city":"Oslo","days":2'),
    "two calls": {**turn(), "tool_calls": [*turn()["tool_calls"], *turn()["tool_calls"]]},
}


@pytest.mark.parametrize("name", SAME)
def test_what_is_the_same_turn(name: str) -> None:
    assert turn_digest(SAME[name]) == turn_digest(turn())


@pytest.mark.parametrize("name", OTHER)
def test_what_is_another(name: str) -> None:
    assert turn_digest(OTHER[name]) != turn_digest(turn())


def test_no_arguments_are_those_of_an_empty_object() -> None:
    assert len({turn_digest(turn(nothing)) for nothing in ("", "{}", " ", None, {}, "{ }")}) == 1
    assert turn_digest(turn("null")) != turn_digest(turn(""))


def test_custom_input_is_a_text() -> None:
    def custom(text: str) -> dict[str, Any]:
        return {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "sh", "input": text}}],
        }

    assert turn_digest(custom("ls -l")) == turn_digest(custom("ls -l"))
    assert turn_digest(custom("ls -l")) != turn_digest(custom("ls"))


def test_the_quick_look_sees_only_what_was_written_anew() -> None:
    assert turn_hash(turn()) == turn_hash(turn(id="renamed"))
    assert turn_hash(turn()) != turn_hash(SAME["spacing"])
    assert called_names(
        {**turn(), "tool_calls": [*turn()["tool_calls"], *turn(name="find")["tool_calls"]]}
    ) == ("look", "find")


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=2), values, max_size=4))
def test_arguments_written_anew_are_the_same(arguments: dict[str, Any]) -> None:
    try:
        compact = dumps_str(arguments)
    except ValueError:
        return  # half a surrogate pair: no JSON can say it
    backwards = dumps_str(dict(reversed(arguments.items())))
    assert (
        turn_digest(turn(compact))
        == turn_digest(turn(backwards))
        == turn_digest(turn(f" {backwards} "))
    )


@given(st.text(max_size=30))
def test_nothing_that_is_said_breaks_it(text: str) -> None:
    assert turn_digest(turn(text, text)) == turn_digest(turn(text, text))
    assert opening_digest([{"role": "user", "content": text}]) == opening_digest(
        [{"role": "user", "content": text}]
    )


def test_the_opening_is_what_the_user_said_first() -> None:
    first = {"role": "user", "content": "hi"}
    later = [
        {"role": "system", "content": "It is noon."},
        first,
        turn(),
        {"role": "user", "content": "and now?"},
    ]
    assert opening_digest([first]) == opening_digest(later)
    assert opening_digest([first]) != opening_digest([{"role": "user", "content": "hello"}])
    assert opening_digest([]) == opening_digest([{"role": "system", "content": "x"}])


USER = {"role": "user", "content": "hi"}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "fine"}
ANSWER = {"role": "assistant", "content": "It is fine."}
A, B = turn("1"), turn("2")


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([USER], []),
        ([USER, A, RESULT], [A]),
        ([USER, A, RESULT, B, RESULT, RESULT], [B, A]),
        ([USER, A, RESULT, ANSWER, USER], []),
        ([USER, A, RESULT, ANSWER, USER, B, RESULT], [B]),
        ([USER, A, RESULT, USER], [A]),
        ([USER, A, RESULT, ANSWER, B, RESULT], [B, A]),
        ([USER, ANSWER], []),
        ([A], []),
        ([RESULT], []),
        ([], []),
    ],
)
def test_the_turn_that_is_going_on(
    messages: list[dict[str, Any]], expected: list[dict[str, Any]]
) -> None:
    assert open_loop(messages) == expected


def text(said: str | None, index: int | None = 0, **more: Any) -> dict[str, Any]:
    place = {} if index is None else {"index": index}
    return {
        "type": "reasoning.text",
        **({} if said is None else {"text": said}),
        "format": "anthropic-claude-v1",
        **place,
        **more,
    }


def test_pieces_of_one_text_are_joined() -> None:
    pieces = [text("Let me "), text("think"), text("."), text(None, signature="SIG")]
    assert joined_details(pieces) == [text("Let me think.", signature="SIG")]
    assert pieces[0] == text("Let me "), "what was read is not changed"


def test_pieces_of_several_come_apart() -> None:
    summary = {"type": "reasoning.summary", "summary": "Short.", "id": "rs_1", "index": 0}
    encrypted = [
        {"type": "reasoning.encrypted", "data": data, "id": f"tool_{data}", "index": 0}
        for data in "ab"
    ]
    pieces = [
        text("a", 0),
        text("x", 1),
        text("b", 0),
        summary,
        {**summary, "summary": " Very."},
        text("y", 1),
        *encrypted,
    ]
    assert joined_details(pieces) == [
        text("ab", 0),
        text("xy", 1),
        {**summary, "summary": "Short. Very."},
        *encrypted,
    ]


def test_an_id_tells_texts_apart_and_a_missing_one_does_not() -> None:
    assert joined_details([text("a", id="r1"), text("b", id="r2")]) == [
        text("a", id="r1"),
        text("b", id="r2"),
    ]
    assert joined_details([text("a", id="r1"), text("b", id=None)]) == [text("ab", id="r1")]
    assert joined_details([text("a", None), text("b", None)]) == [text("ab", None)]


def test_what_is_no_detail_is_kept() -> None:
    assert joined_details(["?", None, text("a")]) == ["?", None, text("a")]


def test_the_text_of_details() -> None:
    assert (
        details_text(
            [
                text("a"),
                {"type": "reasoning.summary", "summary": "b"},
                {"type": "reasoning.encrypted", "data": "c"},
                5,
            ]
        )
        == "ab"
    )
    assert details_text(None) == details_text([text(None)]) == ""
