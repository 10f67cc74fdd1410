"""translators.known_messages: a body whose conversation is known gives what it would give
otherwise, byte by byte.
"""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.accounting.token_estimate import estimate_request
from gateway.http.body import MAX_VALUES, _decoded
from translators import known_messages
from translators.capabilities import ModelRecord
from translators.chat.request import parse
from translators.claude import inbound as messages_api
from translators.dialect import Target
from translators.dialect.inbound import Call
from translators.errors import InvalidRequest
from translators.json_codec import dumps, loads
from translators.known_messages import forget_messages
from translators.known_tools import forget_tools, read
from translators.registry import dialect_for

DIALECTS = ("openai", "claude", "gemini", "responses")
RECORD = ModelRecord(
    context_window=1_000_000,
    max_output_tokens=64_000,
    capabilities=frozenset({"vision", "tool_calling"}),
)
LONG = {"role": "user", "content": "It says “no”.\n" * 400}
TOOL = {
    "type": "function",
    "function": {"name": "read", "description": "word " * 500, "parameters": {"type": "object"}},
}

SCHEMA = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"anyOf": [{}, {}]}}}


@pytest.fixture(autouse=True)
def _anew() -> Iterator[None]:
    forget_tools()
    forget_messages()
    _seen()
    yield
    forget_tools()
    forget_messages()


def _seen() -> None:
    """A conversation began with the long message before."""
    known_messages._was_begun(dumps([LONG])[: known_messages.BEGUN])


def _outcome(text: bytes, dialect: str) -> Any:
    """All that becomes of a body: what is sent, with its notes, or the refusal."""
    try:
        document, _, written = _decoded(text, MAX_VALUES)
        before = copy.deepcopy(document)
        if dialect == "messages":
            read_request = messages_api.read_request(document, Call(text=text, size=len(text)))
            return before, read_request.request
        request = parse(document, len(text))
        request.written = written
        target = Target("p", dialect, "https://x/v1", "up", RECORD, "key")
        built = dialect_for(dialect, RECORD, request).build_request(request, target)
    except InvalidRequest as error:
        return str(error), error.param, error.code, error.status
    return before, request, estimate_request(request), built.body, built.notes, built.shape


def _fresh(text: bytes, dialect: str) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(known_messages, "SHORTEST", 10**9)
        patch.setattr(known_messages, "LEAST_WRITTEN", 10**9)
        return _outcome(text, dialect)


def _call(n: int, **more: Any) -> dict[str, Any]:
    function = {"name": "read", "arguments": '{"path":"x"}'}
    call = {"id": f"c{n}", "type": "function", "function": function}
    return {"role": "assistant", "content": None, "tool_calls": [call], **more}


messages = st.sampled_from([
    {"role": "user", "content": "Hello"},
    {"role": "assistant", "content": "}],\"tools\":[{"},
    {"role": "system", "content": None},
    {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": "https://x/y"}]},
    {"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "https://x/y"}}]},
    _call(1),
    _call(2, content="I look."),
    {"role": "tool", "tool_call_id": "c1", "content": "done"},
    {"role": "tool", "tool_call_id": "c1", "content": None},
    {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "x"}]},
    {"role": "developer", "content": "Now \u00e9.", "name": "n"},
    {"role": "nobody", "content": "x"},
    {"messages": [{}]},
    7,
])  # fmt: skip
beside: st.SearchStrategy[dict[str, Any]] = st.sampled_from([
    {},
    {"tools": [TOOL]},
    {"metadata": {"messages": [{"role": "user", "content": "x"}]}},
    {"response_format": SCHEMA},
    {"seed": 7170910190719071919},
    {"stop": ["}]"]},
])  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(messages, max_size=6), st.integers(1, 4), beside, st.booleans(), st.booleans(),
    st.sampled_from((*DIALECTS, "messages")),
)  # fmt: skip
def test_a_known_conversation_gives_what_a_first_reading_gives(
    said: list[Any], step: int, more: dict[str, Any], first: bool, spaced: bool, dialect: str
) -> None:
    """Turn by turn, and whoever asked before."""
    forget_messages()
    _seen()
    for count in range(0, len(said) + 1, step):
        held = {"model": "m", "messages": [LONG, *said[:count]], "max_tokens": 9}
        text = dumps({**more, **held} if first else {**held, **more})
        if spaced:
            text = text.replace(b'},{"role"', b'}, {"role"').replace(
                b'"messages":', b'"messages": '
            )
        expected = _fresh(text, dialect)
        for other in (*DIALECTS, "messages"):
            _outcome(text, other)
        assert expected == _outcome(text, dialect)
    for known in known_messages._known.values():
        assert tuple(loads(known.text + b"]")) == known.value


def _turn(count: int, n: int = 0) -> bytes:
    said = [{"role": "assistant", "content": f"{i}"} for i in range(count)]
    return dumps({"model": "m", "messages": [LONG, {"role": "user", "content": f"{n}"}, *said]})


def test_of_a_longer_conversation_what_was_there_is_the_same_and_the_list_is_not() -> None:
    first, second, again = read(_turn(1)), read(_turn(3)), read(_turn(3))
    assert first is not None
    assert second is not None
    assert again is not None
    assert [id(one) for one in first["messages"]] == [id(one) for one in second["messages"]][:3]
    assert second["messages"] == again["messages"]
    assert second["messages"] is not again["messages"]
    assert [id(one) for one in second["messages"]] == [id(one) for one in again["messages"]]


def test_of_a_conversation_that_begins_as_none_did_only_that_is_kept() -> None:
    forget_messages()
    assert read(_turn(2)) is None
    assert len(known_messages._known) == 0
    assert read(_turn(4)) is not None
    assert len(known_messages._known) == 1


def test_beginnings_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_messages, "MOST_BEGUN", 3)
    for n in range(9):
        assert not known_messages._was_begun(b"%d" % n)
    assert len(known_messages._begun) == 3


def test_a_longer_conversation_takes_the_place_of_the_shorter() -> None:
    for count in range(1, 20):
        read(_turn(count))
    assert len(known_messages._known) == 1


@pytest.mark.parametrize(
    "flawed",
    [
        b'{"role":"user","role":"user","content":"x"}',
        b'{"role":"user","content":"\\ud83d"}',
        b'{"role":"user","content":1e400}',
        b'{"role":"user","content":' + b"[" * 199 + b"]" * 199 + b"}",
    ],
)
def test_what_has_a_flaw_is_read_otherwise_and_never_known(flawed: bytes) -> None:
    assert read(_turn(1)) is not None
    assert read(_turn(1).replace(b"}]}", b"},%b]}" % flawed)) is None
    assert read(_turn(1, 7).replace(b"}]}", b"},%b]}" % flawed)) is None
    assert len(known_messages._known) == 1


@pytest.mark.parametrize(
    "text",
    [
        b'{"model":"m","messages":%b,"messages":[]}',
        b'{"model":"m","messages":[],"messages":%b}',
        b'{"model":"m","metadata":{"messages":%b}}',
        b'{"model":"m","messages":7170910190719071919,"x":{"messages":%b}}',
        b'{"model":"m","messages":%b,"seed":7170910190719071919}',
        b'{"model":"m","messages":%b',
        b'{"model":"m","messages":%b}}',
        b'{"model":"m","messages":"%b"}',
        b'{"model":"m","my\\"messages":%b}',
        b'[{"messages":%b}]',
    ],
)
def test_a_body_in_which_something_is_odd_is_read_otherwise(text: bytes) -> None:
    said = dumps(loads(_turn(1))["messages"])
    assert read(b'{"model":"m","messages":%b}' % said) is not None
    assert read(text.replace(b"%b", said)) is None


def test_the_memory_is_bounded_in_conversations_and_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(2 * known_messages.MOST_CONVERSATIONS):
        read(_turn(2, n))
    assert len(known_messages._known) == known_messages.MOST_CONVERSATIONS
    size = next(iter(known_messages._known.values())).size
    monkeypatch.setattr(known_messages, "MOST_BYTES", 3 * size + size // 2)
    read(_turn(2, 999))
    assert len(known_messages._known) == 3
