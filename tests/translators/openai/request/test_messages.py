"""translators.openai.request.messages: what of a history goes to which server, in which form, and
what is told of the rest.
"""

from typing import Any, Final

import pytest

from translators.capabilities import ModelRecord
from translators.chat.request import ChatRequest
from translators.dialect import Target
from translators.errors import InvalidRequest
from translators.history.tool_results import NO_RESULT
from translators.json_codec import dumps, loads
from translators.openai import build_request
from translators.openai.request.foreign_fields import MESSAGE_FIELDS, NOISE
from translators.openai.request.media import SEEN_BELOW

RELAY: Final = ModelRecord(context_window=128_000, max_output_tokens=16_384)
OPENAI: Final = ModelRecord(
    context_window=128_000,
    max_output_tokens=16_384,
    message_fields=frozenset(),
    ranges="openai",
    call_id_form="short",
    media_in_tool_results=False,
)
THINKER: Final = ModelRecord(
    context_window=128_000,
    max_output_tokens=16_384,
    message_fields=frozenset({"reasoning_content"}),
)
USER: Final = {"role": "user", "content": "hi"}
CALL: Final = {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
CUSTOM: Final = {"id": "a", "type": "custom", "custom": {"name": "f", "input": ""}}
RESULT: Final = {"role": "tool", "tool_call_id": "a", "content": "1"}
IMAGE: Final = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}


def sent(
    record: ModelRecord, *messages: dict[str, Any], **body: Any
) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    request = ChatRequest({"model": "p", "messages": list(messages), **body})
    before = dumps(request.body)
    upstream = build_request(request, Target("o", "openai", "https://api.example/v1", "m", record))
    assert dumps(request.body) == before, "the caller's request is never changed"
    made: list[dict[str, Any]] = loads(upstream.body)["messages"]
    return made, [(note.kind, note.param) for note in upstream.notes]


def answered(*calls: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": None, "tool_calls": list(calls or (CALL,)), **fields}


BACK: Final = {
    "reasoning_content": "hm",
    "reasoning": "hm",
    "reasoning_details": [{"type": "reasoning.text", "text": "hm"}],
    "thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "s"}],
    "provider_content": {"format": "f", "blocks": []},
    "extra_content": {"google": {"thought_signature": "c2ln"}},
    "images": [IMAGE],
    "cache_control": {"type": "ephemeral"},
    "prefix": True,
}


def test_what_a_compatible_server_wants_back_is_relayed_to_it() -> None:
    call = {**CALL, "extra_content": {"google": {"thought_signature": "c2ln"}}}
    history = [
        USER,
        answered(call, **BACK, annotations=[{"type": "file"}]),
        {**RESULT, "is_error": True},
    ]
    assert sent(RELAY, *history) == (history, [])


def test_openai_itself_gets_nothing_of_it_and_each_loss_is_told_once() -> None:
    history = [
        USER,
        answered(**BACK, annotations=[{"type": "file"}]),
        RESULT,
        {"role": "assistant", "content": "ok", **BACK},
        USER,
    ]
    messages, notes = sent(OPENAI, *history)
    assert messages == [USER, answered(), RESULT, {"role": "assistant", "content": "ok"}, USER]
    assert notes == [("dropped", f"messages.{name}") for name in BACK]


def test_a_server_that_takes_some_of_it_gets_that() -> None:
    messages, notes = sent(THINKER, USER, answered(**BACK), RESULT)
    assert messages == [USER, answered(reasoning_content="hm"), RESULT]
    assert notes == [
        ("dropped", f"messages.{name}") for name in BACK if name != "reasoning_content"
    ]


@pytest.mark.parametrize("name", sorted(MESSAGE_FIELDS - NOISE - {"is_error"}))
@pytest.mark.parametrize("value", ["", [], {}, False])
def test_of_an_empty_field_nothing_is_told(name: str, value: Any) -> None:
    assert sent(OPENAI, USER, {"role": "assistant", "content": "ok", name: value}) == (
        [USER, {"role": "assistant", "content": "ok"}],
        [],
    )


@pytest.mark.parametrize("name", sorted(MESSAGE_FIELDS - NOISE - {"is_error"}))
def test_every_such_field_is_told(name: str) -> None:
    assert sent(OPENAI, USER, {"role": "assistant", "content": "ok", name: "x"})[1] == [
        ("dropped", f"messages.{name}")
    ]


def test_an_unknown_field_of_a_message_is_relayed_to_everybody() -> None:
    message = {"role": "user", "content": "hi", "new_feature": {"x": 1}}
    assert sent(OPENAI, message) == sent(RELAY, message) == ([message], [])


def test_cache_marks_on_parts() -> None:
    part = {"type": "text", "text": "long", "cache_control": {"type": "ephemeral"}}
    marked = {"role": "user", "content": [part, IMAGE]}
    assert sent(RELAY, marked) == ([marked], [])
    plain = {"role": "user", "content": [{"type": "text", "text": "long"}, IMAGE]}
    assert sent(OPENAI, marked, marked) == ([plain, plain], [("dropped", "messages.cache_control")])


def test_signed_reasoning_among_the_parts() -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
    said = {"role": "assistant", "content": [thought, {"type": "text", "text": "ok"}]}
    assert sent(RELAY, USER, said) == ([USER, said], [])
    assert sent(OPENAI, USER, said) == (
        [USER, {"role": "assistant", "content": [{"type": "text", "text": "ok"}]}],
        [("dropped", "messages.thinking_blocks")],
    )
    assert sent(OPENAI, USER, {"role": "assistant", "content": [thought]})[0] == [
        USER,
        {"role": "assistant", "content": ""},
    ]


@pytest.mark.parametrize("record", [OPENAI, RELAY])
@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"content": "ok", "tool_calls": []}, {"content": "ok"}),
        (
            {
                "content": "ok",
                "tool_calls": None,
                "function_call": None,
                "audio": None,
                "refusal": None,
            },
            {"content": "ok"},
        ),
        ({"content": None, "tool_calls": None}, {"content": ""}),
        ({"content": None, "refusal": "no", "audio": None}, {"content": None, "refusal": "no"}),
        ({"content": None, "audio": {"id": "x"}}, {"content": None, "audio": {"id": "x"}}),
        ({"content": "", "name": "jo", "reasoning_content": None}, {"content": "", "name": "jo"}),
    ],
)
def test_what_an_sdk_dumps_whole_says_nothing_more(
    record: ModelRecord, message: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Empty lists of calls and nulls are refused by some servers."""
    assert sent(record, USER, {"role": "assistant", **message}, USER) == (
        [USER, {"role": "assistant", **expected}, USER],
        [],
    )


@pytest.mark.parametrize("record", [OPENAI, RELAY])
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({**CALL, "index": 0}, CALL),
        ({**CALL, "type": None, "custom": None}, CALL),
        ({"id": "a", "function": {"name": "f", "arguments": {"x": 1}}}, CALL),
        ({**CALL, "function": {"name": "f"}}, {**CALL, "function": {"name": "f",
         "arguments": "{}"}}),
        ({**CALL, "function": {"name": "f", "arguments": ""}}, {**CALL, "function": {"name": "f",
         "arguments": "{}"}}),
        (CUSTOM, CUSTOM),
    ],
)  # fmt: skip
def test_a_call_in_the_form_that_servers_take(
    record: ModelRecord, given: dict[str, Any], expected: dict[str, Any]
) -> None:
    messages, notes = sent(record, USER, answered(given), RESULT)
    assert (messages, notes) == ([USER, answered(expected), RESULT], [])


@pytest.mark.parametrize("record", [OPENAI, RELAY])
def test_a_call_that_stands_among_the_parts_too_is_one_call(record: ModelRecord) -> None:
    use = {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}}
    text = {"type": "text", "text": "see"}
    messages, notes = sent(record, USER, answered(content=[text, use]), RESULT)
    assert (messages, notes) == ([USER, answered(content=[text]), RESULT], [])
    history = [
        USER,
        {"role": "assistant", "content": [use]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "1"}]},
    ]
    assert sent(record, *history) == ([USER, answered(), RESULT], [])


@pytest.mark.parametrize("record", [OPENAI, RELAY])
def test_a_history_without_results_is_mended_and_told(record: ModelRecord) -> None:
    messages, notes = sent(record, USER, answered())
    assert (messages, notes) == (
        [USER, answered(), {**RESULT, "content": NO_RESULT}],
        [("repaired", "messages[1].tool_calls[0]")],
    )
    messages, notes = sent(record, USER, RESULT, USER)
    assert (messages, notes) == (
        [USER, {"role": "user", "content": "Tool result for a: 1"}, USER],
        [("repaired", "messages[1]")],
    )


def test_results_that_stand_elsewhere_are_moved_to_their_calls() -> None:
    other, later = {**CALL, "id": "b"}, {**RESULT, "tool_call_id": "b"}
    messages, notes = sent(RELAY, USER, answered(CALL, other), later, USER, RESULT)
    assert messages == [USER, answered(CALL, other), later, RESULT, USER]
    assert notes == [("repaired", "messages[4]")]


@pytest.mark.parametrize("record", [OPENAI, RELAY])
def test_each_call_has_an_id_of_its_own(record: ModelRecord) -> None:
    turn = [answered(), RESULT]
    messages, notes = sent(record, USER, *turn, *turn)
    second = "a_2"
    assert messages[3:] == [answered({**CALL, "id": second}), {**RESULT, "tool_call_id": second}]
    assert notes == []


def test_a_call_without_an_id_has_one_made_of_its_place() -> None:
    nameless = {"type": "function", "function": CALL["function"]}
    messages, notes = sent(RELAY, USER, answered(nameless), USER)
    made = messages[1]["tool_calls"][0]["id"]
    assert (messages[2]["tool_call_id"], messages[2]["content"]) == (made, NO_RESULT)
    assert notes == [("repaired", "messages[1].tool_calls[0]")]


def test_what_was_lost_is_told_once_of_an_arranged_history_too() -> None:
    _, notes = sent(OPENAI, USER, answered(reasoning_content="hm"), USER)
    assert notes == [
        ("repaired", "messages[1].tool_calls[0]"),
        ("dropped", "messages.reasoning_content"),
    ]


def test_long_ids_are_shortened_where_the_server_wants_it() -> None:
    long = "toolu_" + "x" * 60
    history = [USER, answered({**CALL, "id": long}), {**RESULT, "tool_call_id": long}]
    assert sent(RELAY, *history) == (history, [])
    messages, notes = sent(OPENAI, *history)
    short = messages[1]["tool_calls"][0]["id"]
    assert (len(short), messages[2]["tool_call_id"], notes) == (40, short, [])
    nine = ModelRecord(context_window=1, max_output_tokens=1, call_id_form="nine")
    (_, called, result), _ = sent(nine, *history)
    assert (len(called["tool_calls"][0]["id"]), result["tool_call_id"]) == (
        9,
        called["tool_calls"][0]["id"],
    )


@pytest.mark.parametrize("content", ["no such city", [{"type": "text", "text": "no such city"}]])
def test_a_failed_result_says_so_in_words_where_there_is_no_field_for_it(content: Any) -> None:
    failed = {**RESULT, "content": content, "is_error": True}
    (*_, result), notes = sent(OPENAI, USER, answered(), failed)
    told = (
        "Error: no such city"
        if content.__class__ is str
        else [{"type": "text", "text": "Error:"}, *content]
    )
    assert (result, notes) == ({**RESULT, "content": told}, [("emulated", "messages.is_error")])


@pytest.mark.parametrize(
    ("content", "told"), [("", "Error:"), ("Error: 404", "Error: 404"), ("ERROR 404", "ERROR 404")]
)
def test_it_is_said_once(content: str, told: str) -> None:
    (*_, result), _ = sent(
        OPENAI, USER, answered(), {**RESULT, "content": content, "is_error": True}
    )
    assert result == {**RESULT, "content": told}


def test_a_result_that_did_not_fail_says_nothing_of_it() -> None:
    assert sent(OPENAI, USER, answered(), {**RESULT, "is_error": False}) == (
        [USER, answered(), RESULT],
        [],
    )


def test_images_in_results_follow_in_a_user_message() -> None:
    other = {**CALL, "id": "b"}
    file = {"type": "file", "file": {"file_id": "file-1"}}
    history = [
        USER,
        answered(CALL, other),
        {**RESULT, "content": [{"type": "text", "text": "seen"}, IMAGE]},
        {**RESULT, "tool_call_id": "b", "content": [file]},
        USER,
    ]
    messages, notes = sent(OPENAI, *history)
    assert messages == [
        USER,
        answered(CALL, other),
        {**RESULT, "content": [{"type": "text", "text": "seen"}]},
        {**RESULT, "tool_call_id": "b", "content": SEEN_BELOW},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Result of the tool call a:"},
                IMAGE,
                {"type": "text", "text": "Result of the tool call b:"},
                file,
            ],
        },
        USER,
    ]
    assert notes == [("repaired", "messages")]
    assert sent(RELAY, *history) == (history, [])


def test_images_in_the_last_result() -> None:
    messages, _ = sent(OPENAI, USER, answered(), {**RESULT, "content": [IMAGE]})
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "user"]


BUILTIN: Final = {
    "id": "a",
    "type": "builtin_function",
    "function": {"name": "$find", "arguments": "{}"},
}


def test_a_call_of_a_servers_own_comes_back_to_it() -> None:
    history = [USER, answered(BUILTIN), {**RESULT, "name": "$find"}]
    assert sent(RELAY, *history) == (history, [])
    unknown = [USER, answered({"id": "m", "type": "mcp", "mcp": {"server": "s"}}), USER]
    assert sent(RELAY, *unknown) == (unknown, [])


def test_to_openai_it_is_a_function_like_any_other() -> None:
    (_, called, result), notes = sent(OPENAI, USER, answered(BUILTIN), {**RESULT, "name": "$find"})
    (call,) = called["tool_calls"]
    assert (call["type"], call["function"]["arguments"], notes) == ("function", "{}", [])
    assert call["function"]["name"] == result["name"] == "_find_" + call["function"]["name"][-8:]


def test_a_call_that_nobody_else_can_read_is_refused() -> None:
    with pytest.raises(InvalidRequest) as caught:
        sent(OPENAI, USER, answered({"id": "m", "type": "mcp", "mcp": {"server": "s"}}), USER)
    assert (caught.value.param, caught.value.code) == (
        "messages[1].tool_calls[0].type",
        "unsupported_value",
    )


@pytest.mark.parametrize("record", [OPENAI, RELAY])
def test_a_longer_history_begins_like_the_shorter(record: ModelRecord) -> None:
    """Prompt caches depend on it, also where ids and names are replaced."""
    long = "toolu_" + "y" * 50
    turn = [
        {
            "role": "user",
            "content": [{"type": "text", "text": "look", "cache_control": {"type": "ephemeral"}}],
        },
        answered(
            {**CALL, "id": long, "function": {"name": "bad name!", "arguments": ""}},
            reasoning_content="hm",
        ),
        {"role": "tool", "tool_call_id": long, "content": [IMAGE], "is_error": True},
        {"role": "assistant", "content": "done", "tool_calls": []},
    ]
    whole: list[dict[str, Any]] = []
    for turns in range(1, 5):
        made, _ = sent(record, *(turn * turns), USER)
        assert made[: len(whole)] == whole
        whole = made[:-1]
