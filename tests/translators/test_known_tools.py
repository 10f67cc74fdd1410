"""translators.known_tools: a body whose tools are known gives what it would give otherwise, byte by
byte.
"""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.accounting.prompt_contents import contents_of
from gateway.accounting.token_estimate import estimate_request
from gateway.http.body import MAX_VALUES, _decoded
from translators import known_tools
from translators.capabilities import ModelRecord
from translators.chat.request import parse
from translators.dialect import Target
from translators.errors import InvalidRequest
from translators.json_codec import dumps, loads
from translators.known_tools import KnownTools, forget_tools, read
from translators.registry import dialect_for

DIALECTS = ("openai", "claude", "gemini", "responses")
PLAIN = ModelRecord(context_window=1_000_000, max_output_tokens=64_000)
RECORDS = (
    PLAIN,
    ModelRecord(
        context_window=1_000_000,
        max_output_tokens=64_000,
        capabilities=frozenset({"json_schema", "tool_calling", "web_search"}),
        strict_tools=True,
        ranges="openai",
        message_fields=frozenset(),
    ),
)


@pytest.fixture(autouse=True)
def _anew() -> Iterator[None]:
    forget_tools()
    yield
    forget_tools()


def _tool(name: str, n: int = 0, **more: Any) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": {
            "path": {"type": "string", "description": f"The file, {n}. " * 5},
            "limit": {"type": "integer", "minimum": 1, "exclusiveMaximum": 100},
        },
        "required": ["path"],
    }
    function = {"name": name, "description": "Reads “files”.\n" * 3, "parameters": schema}
    return {"type": "function", "function": {**function, **more}}


def _body(tools: list[Any], **more: Any) -> dict[str, Any]:
    return {
        "model": "m",
        "messages": [{"role": "user", "content": "Hello"}],
        "tools": tools,
        **more,
    }


def _set(n: int = 8, of: int = 0) -> list[dict[str, Any]]:
    return [_tool(f"tool_{i}", of) for i in range(n)]


def _outcome(text: bytes, record: ModelRecord, dialect: str) -> Any:
    """All that becomes of a body: what is sent, with its notes and shape, or the refusal."""
    try:
        document, _, written = _decoded(text, MAX_VALUES)
        request = parse(document, len(text))
        request.written = written
        built = dialect_for(dialect, record, request.body).build_request(
            request, Target("p", dialect, "https://x/v1", "up", record, "key")
        )
    except InvalidRequest as error:
        return str(error), error.param, error.code, error.status
    estimated = estimate_request(request)
    return document, request, estimated, contents_of(request), built.body, built.notes, built.shape


def _fresh(text: bytes, record: ModelRecord, dialect: str) -> Any:
    forget_tools()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(known_tools, "SHORTEST", 10**9)
        return _outcome(text, record, dialect)


names = st.sampled_from(["a", "b", "read_file", "a/b c", "x" * 80, "web_search"])
schemas: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from([
        {"type": "string", "minLength": 1, "description": "text " * 30},
        {"type": "integer", "minimum": 0, "exclusiveMaximum": 9},
        {"enum": ["a", "b", ""]},
        {"$ref": "#/$defs/x", "description": "beside"},
        {"type": "any"},
        True,
    ]),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"type": st.just("array"), "items": inner}),
        st.builds(
            lambda members, more: {"type": "object", "properties": members, **more},
            st.dictionaries(st.sampled_from(["p", "q q", "r"]), inner, max_size=3),
            st.sampled_from([
                {},
                {"required": ["p"], "additionalProperties": False},
                {"$defs": {"x": {"type": "string"}}},
                {"anyOf": [{"required": ["p"]}]},
            ]),
        ),
    ),
    max_leaves=6,
)  # fmt: skip
functions = st.builds(
    lambda name, schema, more, mark: {**_tool(name, parameters=schema, **more), **mark},
    names,
    schemas,
    st.sampled_from([{}, {"strict": True}, {"strict": False, "description": None}]),
    st.sampled_from([
        {}, {}, {"cache_control": {"type": "ephemeral"}},
        {"cache_control": {"type": "ephemeral", "ttl": "1h"}}, {"defer_loading": True},
    ]),
)  # fmt: skip
others = st.sampled_from([
    {"type": "custom", "custom": {"name": "patch", "format": {"type": "grammar"}}},
    {"type": "google_search", "google_search": {}},
    {"type": "web_search_20250305", "name": "web_search"},
    {"type": "function", "name": "flat"},
    {"type": "function", "function": {"name": ""}},
    7,
])  # fmt: skip
sets = st.lists(st.one_of(functions, functions, functions, others), min_size=1, max_size=7)
beside: st.SearchStrategy[dict[str, Any]] = st.sampled_from([
    {},
    {"tool_choice": "required", "temperature": 0.5},
    {"tool_choice": {"type": "function", "function": {"name": "a"}}},
    {"parallel_tool_calls": False, "stream": True},
    {"web_search_options": {}},
    {"functions": [{"name": "older"}]},
    {"prompt_cache_options": {"ttl": "24h"}},
    {"prompt_cache_options": {"ttl": ["24h"]}},
    {"x_provider": {"claude": {"tools": []}, "gemini": {"tools": [{"a": 1}]}, "openai": {"a": 1}}},
    {"metadata": {"n": "7170910190719071911"}},
    {"seed": 7170910190719071911},
])  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sets, beside, st.sampled_from(RECORDS), st.sampled_from(DIALECTS), st.booleans())
def test_a_known_set_gives_what_a_first_reading_gives(
    tools: list[Any], more: dict[str, Any], record: ModelRecord, dialect: str, first: bool
) -> None:
    body = _body([*tools, _tool("long", description="word " * 500)], **more)
    if first:
        body = {"tools": body.pop("tools"), **body}
    text = dumps(body)
    expected = _fresh(text, record, dialect)
    for other in (*RECORDS, record):
        for spoken in (*DIALECTS, dialect):
            _outcome(text, other, spoken)
    assert expected == _outcome(text, record, dialect)
    for known in known_tools._known.values():
        assert loads(known.text) == known.value


def test_a_set_is_known_by_the_very_value_that_was_read_and_no_request_changes_it() -> None:
    tools = _set()
    tools[0]["cache_control"] = tools[1]["cache_control"] = {"type": "ephemeral"}
    tools[2]["cache_control"] = {"type": "ephemeral", "ttl": "1h"}
    text = dumps(_body(tools))
    first, second = read(text), read(text)
    assert first is not None
    assert second is not None
    assert first["tools"] is second["tools"]
    known = known_tools.known_tools(first["tools"])
    assert known is not None
    before = copy.deepcopy(known.value)
    for dialect in DIALECTS:
        for record in RECORDS:
            _outcome(text, record, dialect)
    made = {key: repr(value) for key, (_, value) in known._made.items()}
    marked = [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]
    more = {**_body(tools), "messages": [{"role": "user", "content": marked * 4}]}
    for dialect in DIALECTS:
        for record in RECORDS:
            _outcome(dumps(more), record, dialect)
    assert before == known.value
    assert made == {key: repr(value) for key, (_, value) in known._made.items() if key in made}
    assert len(known_tools._known) == 1


@pytest.mark.parametrize(
    "text",
    [
        b'{"model":"m","metadata":{"tools":%b},"tools":7170910190719071911}',
        b'{"model":"m","metadata":{"tools":%b}}',
        b'{"model":"m","tools":%b,"tools":[]}',
        b'{"model":"m","tools":[],"tools":%b}',
        b'{"model":"m","tools":%b,"a":1,"a":2}',
        b'{"model":"m","tools":%b7}',
        b'{"model":"m","tools":%b,"n":1e400}',
        b'{"model":"m","tools":%b,"user":"\\ud83d"}',
        b'{"model":"m","tools":%b',
        b'{"model":"m","my\\"tools":%b}',
        b'[{"tools":%b}]',
        b'{"model":"m","tools":"%b"}',
    ],
)
def test_a_body_in_which_something_is_odd_is_read_otherwise(text: bytes) -> None:
    tools = dumps(_set())
    assert read(b'{"tools":%b}' % tools) is not None
    assert read(text.replace(b"%b", tools)) is None


@pytest.mark.parametrize(
    "tools",
    [
        b'[{"a":1,"a":2,"long":"%b"}]' % (b"x" * 3000),
        b'[{"a":1e400,"long":"%b"}]' % (b"x" * 3000),
        b'[{"a":"\\ud83d","long":"%b"}]' % (b"x" * 3000),
        b"[" * 200 + b"]" * 200 + b" " * 3000,
        b'[{"long":"%b"}],"b":[{}]' % (b"x" * 3000),
    ],
)
def test_a_set_with_a_flaw_is_never_known(tools: bytes) -> None:
    assert read(b'{"model":"m","tools":%b}' % tools) is None
    assert len(known_tools._known) == 0


@pytest.mark.parametrize("written", [b'"tools":%b', b'"tools": %b', b'"tools":\n\t%b'])
@pytest.mark.parametrize(
    "body",
    [b'{"model":"m",%b}', b'{%b,"messages":[{"a":[{}]}]}', b'{"messages":[],%b , "stop":["x"]}'],
)
def test_sets_are_found_wherever_and_however_they_stand(written: bytes, body: bytes) -> None:
    text = body.replace(b"%b", written.replace(b"%b", dumps(_set())))
    assert [loads(text)] * 2 == [read(text), read(text)]
    assert len(known_tools._known) == 1


def test_the_memory_is_bounded_in_sets_and_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(2 * known_tools.MOST_SETS):
        read(dumps(_body(_set(of=n))))
    assert len(known_tools._known) == known_tools.MOST_SETS
    size = next(iter(known_tools._known.values())).size
    monkeypatch.setattr(known_tools, "MOST_BYTES", 3 * size + size // 2)
    last = dumps(_body(_set(of=999)))
    document = read(last)
    assert document is not None
    assert len(known_tools._known) == 3
    assert known_tools.known_tools(document["tools"]) is not None


def test_the_set_that_was_used_last_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_tools, "MOST_SETS", 2)
    texts = [dumps(_body(_set(of=n))) for n in range(3)]
    first = read(texts[0])
    read(texts[1])
    read(texts[0])
    read(texts[2])
    assert first is not None
    assert known_tools.known_tools(first["tools"]) is not None
    assert len(known_tools._known) == 2


def test_what_is_made_of_a_set_is_bounded_and_never_shared_between_facts() -> None:
    known = KnownTools(b"[]", [])
    records = [ModelRecord(context_window=n, max_output_tokens=1) for n in range(1, 100)]
    for n, record in enumerate(records):
        assert n == known.once("x", lambda n=n: n, record)
    assert len(known._made) == known_tools.MOST_MADE
    assert known.once("x", lambda: -1, records[-1]) == 98
    assert known.once("x", lambda: -1, copy.copy(records[-1])) == -1


def test_what_is_made_with_an_error_is_made_again() -> None:
    known = KnownTools(b"[]", [])

    def refuse() -> None:
        raise InvalidRequest("no", "tools")

    for _ in range(2):
        with pytest.raises(InvalidRequest, match="no"):
            known.once("x", refuse)
    assert len(known._made) == 0


def test_an_equal_value_that_was_not_read_is_not_known() -> None:
    document = read(dumps(_body(_set())))
    assert document is not None
    assert known_tools.known_tools(copy.copy(document["tools"])) is None


@pytest.mark.parametrize("first", [True, False])
def test_a_set_is_found_whose_tools_have_a_parameter_that_is_called_tools(first: bool) -> None:
    parameters = {"type": "object", "properties": {"tools": {"type": "array", "items": {}}}}
    tools = [*_set(), {"type": "function", "function": {"name": "t", "parameters": parameters}}]
    body = _body(tools, seed=1)
    if first:
        body = {"tools": body.pop("tools"), **body}
    document = read(dumps(body))
    assert document == body
    assert known_tools.known_tools(document["tools"]) is not None
