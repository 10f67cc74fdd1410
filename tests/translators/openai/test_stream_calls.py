"""translators.openai.answer.streamed_calls: the calls of a stream are told apart, and come out as
OpenAI would have written them.
"""

from typing import Any

import pytest

from tests.translators.openai.streams import DONE, calls_of, chunk, deltas, feed


def piece(arguments: Any = None, name: str | None = None, **more: Any) -> dict[str, Any]:
    """A piece of a call: `more` holds its index, id and type, as far as the server gives them."""
    function = {} if name is None else {"name": name}
    return {
        **more,
        "function": {**function, "arguments": arguments} if arguments is not None else function,
    }


def said(*pieces: dict[str, Any], together: bool = False) -> list[tuple[int, str, str, str]]:
    """The calls that a caller reads when the server sends these pieces, one a chunk or all in
    one."""
    deltas_ = (
        [{"tool_calls": list(pieces)}] if together else [{"tool_calls": [each]} for each in pieces]
    )
    deltas_[0] = {"role": "assistant", **deltas_[0]}
    stream, text = feed(*map(chunk, deltas_), chunk({}, "tool_calls"), DONE)
    assert stream.finished
    for call in (call for _, delta, _ in deltas(text) for call in delta.get("tool_calls", ())):
        assert call["index"].__class__ is int
        assert call.get("type") in (None, "function", "custom", "builtin_function")
    return calls_of(text)


TWO = [(0, "a", "f", '{"x":1}'), (1, "b", "g", '{"y":2}')]


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("indexes", [(0, 0), (0, 1), (1, 3), (5, 5), (None, None)])
def test_whole_calls_are_told_apart_by_id_and_index(
    indexes: tuple[int | None, int | None], together: bool
) -> None:
    """Two calls that both say index 0 are what most public reports are about."""
    first, second = ({} if index is None else {"index": index} for index in indexes)
    pieces = piece('{"x":1}', "f", id="a", **first), piece('{"y":2}', "g", id="b", **second)
    assert said(*pieces, together=together) == TWO


def test_calls_in_pieces_under_one_index() -> None:
    pieces = [
        each
        for name in "abc"
        for each in (
            piece("", "f", index=0, id=name, type="function"),
            piece(f'{{"{name}":1}}', index=0),
        )
    ]
    assert said(*pieces) == [(i, name, "f", f'{{"{name}":1}}') for i, name in enumerate("abc")]


def test_pieces_of_calls_that_take_turns_are_told_apart_by_their_ids() -> None:
    pieces = [
        piece('{"x":', "f", id="a"),
        piece('{"y":', "g", id="b"),
        piece("1}", id="a"),
        piece("2}", id="b"),
    ]
    assert said(*pieces) == TWO
    assert said(*({**each, "index": 0} for each in pieces)) == TWO


@pytest.mark.parametrize(
    "again",
    [
        {"id": "a", "type": "function", "name": "f"},
        {"id": "a"},
        {"id": "", "type": "", "name": ""},
        {"id": None, "type": None},
        {"type": "function", "name": "f"},
        {"name": "f"},
    ],
    ids=["all", "id", "empty", "null", "type and name", "name"],
)
def test_what_a_piece_repeats_adds_nothing(again: dict[str, Any]) -> None:
    pieces = [
        piece('{"x"', "f", index=0, id="a", type="function"),
        piece(":1", index=0, **again),
        piece("}", index=0, **again),
    ]
    assert said(*pieces, piece('{"y":2}', "g", index=1, id="b")) == TWO


def test_an_id_that_comes_late_is_not_believed() -> None:
    """The caller has read the one that was made for the call."""
    assert said(
        piece("", "f", index=0), piece('{"x":1}', index=0, id="a"), piece("", index=0, id="a")
    ) == [(0, "call_u_0", "f", '{"x":1}')]


def test_a_name_that_comes_late_is_shown() -> None:
    assert said(piece("", index=0, id="a"), piece('{"x":1}', "functions.f", index=0)) == [
        (0, "a", "f", '{"x":1}')
    ]


def test_calls_without_ids_are_told_apart_by_name_and_whole_arguments() -> None:
    whole = [
        piece('{"x":1}', "f", index=0),
        piece('{"y":2}', "g", index=0),
        piece('{"y":3}', "g", index=0),
    ]
    expected = [
        (0, "call_u_0", "f", '{"x":1}'),
        (1, "call_u_1", "g", '{"y":2}'),
        (2, "call_u_2", "g", '{"y":3}'),
    ]
    assert said(*whole) == expected
    assert said(*({"function": each["function"]} for each in whole)) == expected


def test_an_object_inside_of_arguments_begins_no_call() -> None:
    pieces = [
        piece('{"a":', "f", index=0, id="a"),
        piece('{"b":1}', "f", index=0, id="a"),
        piece("}", "f", index=0, id="a"),
    ]
    assert said(*pieces) == [(0, "a", "f", '{"a":{"b":1}}')]


def test_arguments_that_only_look_whole_are_not() -> None:
    pieces = [piece('{"a":[{"b":1}', "f", index=0), piece('{"c":2}', "f", index=0)]
    assert said(*pieces) == [(0, "call_u_0", "f", '{"a":[{"b":1}{"c":2}')]


def test_one_id_for_several_calls_is_made_several() -> None:
    again = [
        piece('{"x":1}', "f", index=0, id="a"),
        piece('{"y":2}', "g", index=1, id="a"),
        piece('{"y":3}', "g", index=1, id="a"),
    ]
    assert said(*again) == [
        (0, "a", "f", '{"x":1}'),
        (1, "a_1", "g", '{"y":2}'),
        (2, "a_2", "g", '{"y":3}'),
    ]


@pytest.mark.parametrize("given", [[""], [None], [" ", ""], ["", None]])
def test_a_call_without_arguments_has_an_empty_object(given: list[str | None]) -> None:
    first = {
        "index": 0,
        "id": "a",
        "type": "function",
        "function": {"name": "f", "arguments": given[0]},
    }
    rest = [{"index": 0, "function": {"arguments": more}} for more in given[1:]]
    ((_, _, _, arguments),) = said(first, *rest)
    assert arguments.strip() == "{}"


def test_a_call_without_arguments_in_the_chunk_that_ends_the_stream() -> None:
    last = chunk({"role": "assistant", "tool_calls": [piece(None, "f", index=0, id="a")]}, "stop")
    stream, text = feed(last, DONE)
    assert calls_of(text) == [(0, "a", "f", "{}")]
    assert [reason for _, _, reason in deltas(text)] == [None, None, "tool_calls"]
    assert stream.finished


def test_a_custom_call_keeps_its_empty_input_and_a_type_of_the_servers_its_name() -> None:
    custom = {"index": 0, "id": "a", "type": "custom", "custom": {"name": "g", "input": ""}}
    builtin = {
        "index": 1,
        "id": "b",
        "type": "builtin_function",
        "function": {"name": "$search", "arguments": "{}"},
    }
    assert said(custom, builtin) == [(0, "a", "g", ""), (1, "b", "$search", "{}")]


def test_a_piece_that_says_nothing_and_names_of_ours() -> None:
    assert said({"index": 0, "id": "a"}, piece("{}", "long_ab12", index=0)) == [
        (0, "a", "long name!", "{}")
    ]


def test_what_openais_own_servers_send_goes_out_as_it_came() -> None:
    data = b"".join(
        [
            chunk(
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [piece("", "f", index=0, id="a", type="function")],
                }
            ),
            chunk({"tool_calls": [piece('{"x"', index=0)]}),
            chunk({"tool_calls": [piece(":1}", index=0)]}),
            chunk({"tool_calls": [piece("", "g", index=1, id="b", type="function")]}),
            chunk({"tool_calls": [piece('{"y":2}', index=1)]}),
            chunk({}, "tool_calls"),
        ]
    )
    assert feed(data + DONE)[1] == data


def test_a_call_is_held_back_until_its_name_comes() -> None:
    pieces = [
        piece("", index=0, id="a", type="function"),
        piece('{"x":', index=0),
        piece(name="f", index=0),
        piece("1}", index=0),
        piece('{"y":2}', "g", index=1, id="b", type="function"),
    ]
    assert said(*pieces) == TWO
    _, text = feed(*(chunk({"tool_calls": [each]}) for each in pieces), chunk({}, "stop"), DONE)
    first = next(delta["tool_calls"] for _, delta, _ in deltas(text) if "tool_calls" in delta)
    assert first == [
        {
            "index": 0,
            "id": "a",
            "type": "function",
            "function": {"name": "f", "arguments": '{"x":'},
        }
    ]


def test_a_call_that_never_gets_a_name_is_shown_at_the_end() -> None:
    pieces = [piece("", index=0, id="a"), piece('{"x":1}', index=0), piece(index=1, id="b")]
    assert said(*pieces) == [(0, "a", "", '{"x":1}'), (1, "b", "", "{}")]


def test_a_name_in_pieces_is_shown_whole() -> None:
    pieces = [
        piece("", "long_", index=0, id="a", type="function"),
        piece(name="ab12", index=0),
        piece('{"x":1}', index=0),
    ]
    assert said(*pieces) == [(0, "a", "long name!", '{"x":1}')]


def test_the_beginning_of_a_name_is_shown_once_arguments_come() -> None:
    pieces = [piece("", "long", index=0, id="a", type="function"), piece('{"x":1}', index=0)]
    assert said(*pieces) == [(0, "a", "long", '{"x":1}')]
    assert said(pieces[0]) == [(0, "a", "long", "{}")]
