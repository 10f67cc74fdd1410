"""Random conversations give messages that keep the hub's rules, and random unknown things are
relayed as they came."""

import json
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.translators.responses.inbound.request_cases import STATE, call, output, says, user
from translators.capabilities import ModelRecord
from translators.chat.request import parse
from translators.dialect import Envelope, Target
from translators.dialect.inbound import AnswerFacts, Call, Overlay
from translators.errors import InvalidRequest
from translators.failures import malformed
from translators.json_codec import dumps, loads
from translators.responses.inbound.dialect import read_request
from translators.responses.inbound.relay_stream import RelayStream
from translators.responses.inbound.sealed_items import COMPACTED, unseal_summary
from translators.sealed import PREFIX, SEALED, unseal

ITEM: Final = st.one_of(
    st.sampled_from(("x", "")).map(user),
    st.just({"role": "developer", "content": "Mind."}),
    st.sampled_from(("y", "")).map(says),
    st.integers(0, 3).map(call),
    st.integers(0, 3).map(output),
    st.integers(0, 3).map(lambda n: {**call(n), "type": "custom_tool_call", "input": "z"}),
    st.just({"type": "function_call_output", "output": "?"}),
    st.just({"type": "reasoning", "summary": [], "encrypted_content": STATE}),
    st.just({"type": "reasoning", "summary": [], "encrypted_content": "gA"}),
    st.just({"type": "web_search_call", "id": "ws_1"}),
    st.just({"type": "image_generation_call", "result": "AA=="}),
)


def refused_or_read(document: Any) -> tuple[Any, str]:
    try:
        return read_request(document, Call(size=1)), ""
    except InvalidRequest as error:
        return None, error.param or ""


@settings(max_examples=2_000, deadline=None)
@given(st.lists(ITEM, min_size=1, max_size=9))
def test_any_items_give_messages_of_the_hub_or_a_refusal(items: list[Any]) -> None:
    read, param = refused_or_read({"model": "p", "input": items})
    if read is None:
        assert param.startswith("input")
        return
    messages = read.request.messages
    assert read.request.body == parse(read.request.body).body
    waiting: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            assert waiting.pop(0) == message["tool_call_id"]
            continue
        assert waiting == []
        waiting = [call["id"] for call in message.get("tool_calls") or ()]
    assert waiting == []
    calls = [item for item in items if item.get("type") in ("function_call", "custom_tool_call")]
    assert len(calls) == sum(len(message.get("tool_calls") or ()) for message in messages)


@settings(max_examples=500, deadline=None)
@given(st.lists(ITEM, min_size=1, max_size=6), st.lists(ITEM, max_size=4))
def test_a_longer_conversation_begins_as_the_shorter_one_did(
    items: list[Any], more: list[Any]
) -> None:
    try:
        shorter = read_request({"model": "p", "input": [*items, user()]}, Call(size=1))
        longer = read_request({"model": "p", "input": [*items, user(), *more]}, Call(size=1))
    except InvalidRequest:
        return
    before = shorter.request.messages
    assert before == longer.request.messages[: len(before)]


JSON: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
UNKNOWN: Final = st.dictionaries(
    st.text(min_size=1, max_size=5).map(lambda name: f"new_{name}"), JSON, max_size=4
)
RECORD: Final = ModelRecord(context_window=100_000, max_output_tokens=8_000)
TARGET: Final = Target("openai", "openai", "https://x.example/v1", "served", RECORD)


@settings(max_examples=500, deadline=None)
@given(UNKNOWN, st.lists(UNKNOWN, max_size=3), st.sampled_from((None, 1, "\t")))
def test_what_no_table_knows_is_relayed_as_it_came(
    fields: dict[str, Any], items: list[dict[str, Any]], indent: Any
) -> None:
    new = [{"type": "new_item", **item} for item in items]
    document = {**fields, "model": "p", "input": [user(), *new], "store": True}
    text = json.dumps(document, indent=indent)
    read = read_request(loads(text.encode()), Call(text=text.encode(), size=1))
    relay = read.origin.relay(Overlay())
    sent = relay.build_request(read.request, TARGET).body.decode()
    expected = text.replace(
        '"model": "p"', '"model": "served","include":["reasoning.encrypted_content"]'
    )
    assert expected.replace('"store": true', '"store": false') == sent


@settings(max_examples=300, deadline=None)
@given(st.lists(UNKNOWN, max_size=5), st.integers(1, 40), st.sampled_from((b"\n", b"\r\n")))
def test_unknown_events_are_relayed_as_they_came(
    events: list[dict[str, Any]], step: int, end: bytes
) -> None:
    whole = {"id": "resp_1", "status": "completed", "output": []}
    told = [("response.created", {"response": {**whole, "status": "in_progress"}})]
    told += [("response.new_thing", event) for event in events]
    told.append(("response.completed", {"response": whole}))
    data = b"".join(
        b"event: %s%sdata: %s%s%s" % (kind.encode(), end, dumps({"type": kind, **said}), end, end)
        for kind, said in told
    )
    stream = RelayStream(Envelope("id", 1, "m"))
    writer = read_request({"model": "p", "input": "x"}, Call(size=1)).open_writer("a", 1)
    writer.begin(AnswerFacts("id", 1, "m", "p/m", lambda: 1))
    text = b""
    for at in range(0, len(data), step):
        if chunks := stream.receive(data[at : at + step]):
            text += writer.write(chunks)
    assert stream.finished
    assert data == text + writer.end()


@pytest.mark.parametrize("page", [b"<html>Sign in</html>", b"<html>Sign in</html>\n\n<p>"])
def test_a_page_in_place_of_a_stream_is_shown_to_nobody(page: bytes) -> None:
    stream = RelayStream(Envelope("id", 1, "m"))
    assert [*stream.receive(page), *stream.receive_eof()] == []
    assert stream.failure == malformed("The provider sent something that is no event.")


@pytest.mark.parametrize("prefix", [PREFIX, COMPACTED])
@given(st.text(max_size=40))
def test_a_sealed_text_that_cannot_be_read_is_as_none(prefix: str, rest: str) -> None:
    assert unseal(prefix + rest) is None
    assert unseal_summary(prefix + rest) is None


def test_ours_are_taken_out_of_what_is_relayed_and_openais_stay() -> None:
    own = {"type": "reasoning", "id": "rs_0a", "summary": [], "encrypted_content": "gA"}
    items = [
        user(),
        {"type": "reasoning", "id": "rs_lrx_0", "summary": [], "encrypted_content": STATE},
        own,
        {**says("A."), "id": "msg_lrx_1"},
        {"type": "web_search_call", "id": "ws_lrx_2", "status": "completed"},
        own,
        {**says("B."), "id": "msg_0a"},
    ]
    text = dumps({"model": "p", "input": items})
    read = read_request(loads(text), Call(text=text, size=1))
    sent = loads(read.origin.relay(Overlay()).build_request(read.request, TARGET).body)["input"]
    assert [user(), says("A."), own, items[-1]] == sent
    blind = Overlay(keeps_reasoning=False)
    without = loads(read.origin.relay(blind).build_request(read.request, TARGET).body)["input"]
    assert [user(), says("A."), items[-1]] == without


def test_the_persona_speaks_before_the_caller_and_sets_what_it_sets() -> None:
    text = b'{"model":"p","input":"x","instructions":"Mine.","reasoning":{"effort":"high","x":1}}'
    read = read_request(loads(text), Call(text=text, size=1))
    values = {"max_completion_tokens": 50, "reasoning_effort": "low", "temperature": 0.5}
    overlay = Overlay("Persona.", "prepend", values)
    sent = loads(read.origin.relay(overlay).build_request(read.request, TARGET).body)
    assert sent["instructions"] == "Persona.\n\nMine."
    assert (
        sent["reasoning"],
        sent["max_output_tokens"],
        sent["temperature"],
    ) == ({"effort": "low", "x": 1}, 50, 0.5)


def test_an_output_without_an_id_answers_no_call_whose_output_came_before_it() -> None:
    nameless = {"type": "function_call_output", "output": "?"}
    for items in ([output(0), call(0), nameless], [call(0), output(0), nameless]):
        with pytest.raises(InvalidRequest):
            read_request({"model": "p", "input": items}, Call(size=1))


def test_states_of_a_turn_stand_on_its_message() -> None:
    state = {"type": "reasoning", "summary": [], "encrypted_content": STATE}
    items = [user(), state, call(1), state, output(1)]
    read = read_request({"model": "p", "input": items}, Call(size=1))
    assert len(read.request.messages[1][SEALED]) == 2
