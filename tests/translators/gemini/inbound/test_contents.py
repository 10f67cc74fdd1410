"""Conversations: the same beginning gives the same messages, and whatever comes is a request or a
refusal that names its place.
"""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from translators.chat.request import parse
from translators.dialect.inbound import Call
from translators.errors import InvalidRequest
from translators.gemini import inbound
from translators.gemini.inbound.request import read_body
from translators.gemini.inbound.signatures import (
    SEALED_BEGINS,
    sealed_signature,
    unsealed_signature,
)

NAMES = st.sampled_from(["dig", "plant"])
PARTS = st.one_of(
    st.builds(lambda text: {"text": text}, st.text(max_size=5)),
    st.builds(lambda name: {"functionCall": {"name": name, "args": {}}}, NAMES),
    st.builds(
        lambda name: {"functionResponse": {"name": name, "response": {"output": "x"}}}, NAMES
    ),
    st.just({"thoughtSignature": "R29v"}),
    st.just({"text": "t", "thought": True}),
    st.dictionaries(st.text(max_size=4), st.integers(), max_size=1),
)
CONTENTS = st.lists(
    st.builds(
        lambda role, parts: {**({} if role is None else {"role": role}), "parts": parts},
        st.sampled_from([None, "user", "model", "function"]),
        st.lists(PARTS, max_size=4),
    ),
    max_size=6,
)


def read(contents: Any) -> Any:
    return inbound.read_request(
        {"contents": contents}, Call(url="/v1/models/p:generateContent")
    ).request.body


def read_or_refused(contents: Any) -> Any:
    try:
        return read(contents)
    except InvalidRequest as error:
        return error


@settings(max_examples=500, deadline=None)
@given(CONTENTS)
def test_whatever_comes_is_a_request_or_names_its_place(contents: Any) -> None:
    body = read_or_refused(contents)
    if isinstance(body, InvalidRequest):
        assert (body.status, (body.param or "").startswith("contents")) == (400, True)
        return
    assert parse(body).messages == body["messages"]
    called = [
        call["id"] for message in body["messages"] for call in message.get("tool_calls") or ()
    ]
    answered = [
        message["tool_call_id"] for message in body["messages"] if message["role"] == "tool"
    ]
    assert sorted(called) == sorted(answered)
    assert len(set(called)) == len(called)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(NAMES, min_size=1, max_size=5), min_size=1, max_size=5))
def test_results_without_ids_answer_their_calls_in_order(turns: list[list[str]]) -> None:
    contents: list[Any] = [{"parts": [{"text": "q"}]}]
    for i, names in enumerate(turns):
        calls = [
            {"functionCall": {"name": name, "args": {"n": [i, j]}}} for j, name in enumerate(names)
        ]
        results = [
            {"functionResponse": {"name": name, "response": {"n": [i, j]}}}
            for j, name in enumerate(names)
        ]
        contents += [{"role": "model", "parts": calls}, {"parts": results}]
    messages = read(contents)["messages"]
    asked = {
        call["id"]: call["function"]["arguments"]
        for message in messages
        for call in message.get("tool_calls") or ()
    }
    answered = {
        message["tool_call_id"]: message["content"]
        for message in messages
        if message["role"] == "tool"
    }
    assert answered == asked


def test_a_longer_conversation_begins_as_the_shorter_one() -> None:
    call = {"role": "model", "parts": [{"functionCall": {"name": "dig"}}]}
    turn = [{"parts": [{"text": "q"}]}, call, {"parts": [{"functionResponse": {"name": "dig"}}]}]
    shorter, longer = read(turn)["messages"], read([*turn, *turn])["messages"]
    assert longer[: len(shorter)] == shorter


MESSAGE = {"thinking_blocks": [{"type": "thinking", "thinking": "t", "signature": "s"}]}


def test_what_is_sealed_is_what_is_opened() -> None:
    signature = sealed_signature(MESSAGE, "claude/c")
    assert signature is not None
    assert signature.startswith(SEALED_BEGINS)
    opened = unsealed_signature(signature)
    assert opened is not None
    assert (opened.target, opened.fields) == ("claude/c", MESSAGE)


@pytest.mark.parametrize("cut", range(8))
def test_a_sealed_one_that_was_cut_or_changed_is_nobodys(cut: int) -> None:
    signature = sealed_signature(MESSAGE, "claude/c")
    assert signature is not None
    assert unsealed_signature(signature[: len(signature) * cut // 8]) is None


def test_too_much_is_not_sealed() -> None:
    noise = "".join(chr(0x4E00 + i * 7919 % 20_000) for i in range(300_000))
    assert sealed_signature({"thinking_blocks": [{"thinking": noise}]}, "claude/c") is None
    assert sealed_signature({"content": "x"}, "claude/c") is None
    assert unsealed_signature("A" * 300_000) is None


@pytest.mark.parametrize(
    ("instruction", "told"),
    [
        (None, "Answer in JSON."),
        ("Be kind.", "Be kind.\n\nAnswer in JSON."),
        ("Write Json.", "Write Json."),
    ],
)
def test_an_answer_in_json_is_asked_for_in_words_that_stay(
    instruction: str | None, told: str
) -> None:
    """Whatever the conversation says: what is before it is the same in each turn."""
    config = {"responseMimeType": "application/json"}
    body: dict[str, Any] = {"contents": [{"parts": [{"text": "as json"}]}]}
    body["generationConfig"] = config
    if instruction is not None:
        body["systemInstruction"] = {"parts": [{"text": instruction}]}
    found = read_body(body, "p", False, 0)
    assert found.request.body["messages"] == [
        {"role": "system", "content": told},
        {"role": "user", "content": "as json"},
    ]
    emulated = [note.param for note in found.found.told() if note.kind == "emulated"]
    assert emulated == ([] if told == instruction else ["generationConfig.responseMimeType"])
