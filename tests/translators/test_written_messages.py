"""translators.known_messages.Written: a body whose messages go on as the text they came in has the
very bytes that it would have if they were written anew.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.config import Persona
from gateway.http.body import MAX_VALUES, _decoded
from gateway.routing.personas import apply
from translators import known_messages
from translators.capabilities import ModelRecord
from translators.chat.request import parse
from translators.dialect import Target
from translators.errors import InvalidRequest
from translators.json_codec import dumps, loads
from translators.known_messages import Written, as_written, forget_messages, known_as_written
from translators.known_tools import dumps_known, forget_tools, read
from translators.openai.request.build import build_request

LONG = {"role": "user", "content": "It says “no”.\n" * 800}
MARKS = (known_messages._STANDS_FOR, 7170910190719071911, 7170910190719071919)
TOOL = {
    "type": "function",
    "function": {"name": "read", "description": "word " * 500, "parameters": {"type": "object"}},
}


@pytest.fixture(autouse=True)
def _anew() -> Iterator[None]:
    forget_tools()
    forget_messages()
    yield
    forget_tools()
    forget_messages()


def _record(**facts: Any) -> ModelRecord:
    return ModelRecord(
        context_window=1_000_000,
        max_output_tokens=64_000,
        capabilities=frozenset({"vision", "tool_calling"}),
        **facts,
    )


RECORDS = (
    _record(),
    _record(ranges="openai", instructions_role="developer"),
    _record(message_fields=frozenset({"name"}), prefill=True),
    _record(mid_system="wrap"),
)
PERSONAS = (
    Persona(name="says-nothing", targets=()),
    Persona(name="prompted", targets=(), system_prompt="Be “brief”.", defaults={"top_p": 0.5}),
    Persona(name="default", targets=(), system_prompt="Be brief.", system_prompt_mode="default"),
    Persona(name="replacing", targets=(), system_prompt="Be brief.", system_prompt_mode="replace"),
)


def _sent(text: bytes, record: ModelRecord, persona: Persona) -> Any:
    """What goes to a provider, or the refusal; and whether the messages were known as text."""
    try:
        document, _, written = _decoded(text, MAX_VALUES)
        request = parse(document, len(text))
        request.written = written
        applied, _ = apply(persona, request)
        built = build_request(applied, Target("p", "openai", "https://x/v1", "up", record, "key"))
    except InvalidRequest as error:
        return str(error), error.param
    return built.body, built.notes, built.shape


def _written_anew(text: bytes, record: ModelRecord, persona: Persona) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(known_messages, "SHORTEST", 10**9)
        patch.setattr(known_messages, "LEAST_WRITTEN", 10**9)
        return _sent(text, record, persona)


texts = st.one_of(
    st.text(max_size=20), st.sampled_from(['"', "\\", "}]", "\x7f", "\u2028", str(MARKS[0])])
)
values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), texts,
        st.sampled_from(MARKS),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)  # fmt: skip
messages = st.one_of(
    st.builds(
        lambda role, content: {"role": role, "content": content},
        st.sampled_from(["system", "developer", "user", "assistant"]),
        st.one_of(texts, st.none(), st.just([{"type": "text", "text": "x"}])),
    ),
    st.builds(lambda more: {"role": "user", "content": "x", "more": more}, values),
    st.sampled_from([
        {"role": "tool", "tool_call_id": "c", "content": "done"},
        {"role": "assistant", "content": "Then"},
        7,
    ]),
)  # fmt: skip
FORMS = (
    dumps,
    lambda body: json.dumps(body).encode(),
    lambda body: json.dumps(body, separators=(",", ":")).encode(),
    lambda body: dumps(body).replace(b'},{"role"', b'},\n{"role"'),
    lambda body: dumps(body).replace(b'"role":"user"', b'"role":"user","role":"user"'),
    lambda body: dumps(body).replace(b'"more":null', b'"more":1e400'),
    lambda body: dumps(body).replace(b'"more":null', b'"more":"\\ud83d"'),
    lambda body: dumps(body).replace(b'"x"', b'"\\u0078"'),
    lambda body: dumps(body)[:-1] + b',"messages":[{"role":"user","content":"y"}]}',
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(messages, max_size=3), st.lists(messages, max_size=3),
    st.dictionaries(st.sampled_from(["metadata", "seed", "x", "tools"]), values, max_size=2),
    st.booleans(), st.sampled_from(FORMS), st.sampled_from(RECORDS), st.sampled_from(PERSONAS),
)  # fmt: skip
def test_every_body_is_sent_as_if_it_were_written_anew(
    before: list[Any], behind: list[Any], more: dict[str, Any], first: bool,
    form: Any, record: ModelRecord, persona: Persona,
) -> None:  # fmt: skip
    """Nobody knows the conversation; it began like another; it is known; it goes on."""
    forget_messages()
    held = {"model": "m", "messages": [*before, LONG, *behind], "max_tokens": 9}
    longer = {**held, "messages": [*held["messages"], LONG]}
    for body in (held, held, held, longer, longer):
        text = form({**more, **body} if first else {**body, **more})
        expected = _written_anew(text, record, persona)
        assert expected == _sent(text, record, persona)


def _body(*said: Any, **more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [LONG, *said], **more}


def test_messages_are_kept_as_the_text_that_they_came_in() -> None:
    body = _body({"role": "assistant", "content": "Yes."}, seed=1)
    written = as_written(dumps(body), body)
    assert written is not None
    assert dumps(body["messages"]) == written.text + b"]"
    assert tuple(body["messages"]) == written.messages


@pytest.mark.parametrize("seed", MARKS)
def test_a_number_that_stands_for_messages_may_stand_beside_them(seed: int) -> None:
    for body in ({"seed": seed, **_body()}, {**_body(), "seed": seed}):
        text = dumps(body)
        written = as_written(text, body)
        assert text == dumps_known(body, None, len(text), written)


def test_a_short_body_is_not_kept() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
    assert as_written(dumps(body), body) is None


@pytest.mark.parametrize(("place", "count"), [(0, 1), (0, 2), (1, 1), (0, 3), (2, 1), (0, 0)])
def test_instructions_in_front_may_be_others(place: int, count: int) -> None:
    """Up to two that are new, and up to two that stand for the caller's."""
    own = [{"role": "user", "content": str(n)} for n in range(6)]
    written = Written(tuple(own), dumps(own)[:-1])
    changed = [*own]
    changed[place : place + count] = [{"role": "developer", "content": "new"}] * count
    for said in (changed, [LONG, *changed], [LONG, LONG, *changed]):
        pieces = written.pieces(said)
        assert (pieces is not None) == (not count or (place == 0 and count <= 2))
        assert pieces is None or dumps(said) == b"".join(pieces)


def test_equal_messages_are_not_the_same_messages() -> None:
    own = [LONG, {"role": "user", "content": "x", "n": 1}]
    written = Written(tuple(own), dumps(own)[:-1])
    assert written.pieces([LONG, {"role": "user", "content": "x", "n": 1.0}]) is None
    assert written.pieces([LONG]) is None
    assert written.pieces([LONG, LONG, LONG, *own]) is None


def test_a_known_conversation_is_known_as_text_only_if_it_was_written_plainly() -> None:
    known_messages._was_begun(dumps([LONG])[: known_messages.BEGUN])
    said = {"role": "assistant", "content": "Yes."}
    one, two = dumps(_body(said, said)), dumps(_body(said, said, said))
    for text, plain in ((one, True), (two, True), (two.replace(b"},{", b"}, {"), False)):
        document = read(text)
        assert document is not None
        written = known_as_written(document)
        assert plain is (written is not None)
        assert written is None or dumps(document["messages"]) == written.text + b"]"
    odd = read(two.replace(b"},{", b"}, {", 1))
    assert odd is None or known_as_written(odd) is None


def test_known_tools_and_messages_are_both_sent_as_text() -> None:
    known_messages._was_begun(dumps([LONG])[: known_messages.BEGUN])
    said = {"role": "assistant", "content": "Yes."}
    for body in (_body(said, tools=[TOOL]), {"tools": [TOOL], **_body(said, said)}):
        text = dumps(body)
        sent = _sent(text, RECORDS[0], PERSONAS[1])
        assert loads(sent[0])["tools"] == [TOOL]
        forget_tools()
        assert _written_anew(text, RECORDS[0], PERSONAS[1]) == sent


def test_forgotten_messages_are_written_anew() -> None:
    body = _body()
    text = dumps(body)
    written = as_written(text, body)
    assert written is not None
    written.forget()
    assert (written.messages, written.text) == ((), b"")
    assert written.pieces(body["messages"]) is None
    assert written.pieces([]) is None
    assert text == dumps_known(body, None, len(text), written)
