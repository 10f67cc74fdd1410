"""What holds for every request: where it goes, what it never holds, and that the same goes in the
same way again.
"""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.translators.gemini.golden import REQUESTS, build, read
from tests.translators.gemini.models import RECORDS
from tests.translators.gemini.official import check_request
from translators import gemini
from translators.capabilities import ModelRecord
from translators.chat.request import ChatRequest, parse
from translators.dialect import Target
from translators.errors import InvalidRequest
from translators.gemini.names import upstream_name
from translators.json_codec import loads

USER = {"role": "user", "content": "Hi"}
KEY = "AIza-canary"
BUILDABLE = [path for path in REQUESTS if "body" in read(path)["expected"]]


def target(
    base_url: str = "https://g.example",
    model: str = "gemini-3.5-flash",
    key: str = KEY,
    record: ModelRecord | None = None,
) -> Target:
    return Target("google", "gemini", base_url, model, record or RECORDS["gemini-3.5-flash"], key)


def chat(**body: Any) -> ChatRequest:
    return parse({"model": "persona", "messages": [USER], **body})


@pytest.mark.parametrize(("base_url", "expected"), [
    ("https://g.example", "https://g.example/v1beta/models/gemini-3.5-flash:generateContent"),
    ("https://g.example/", "https://g.example/v1beta/models/gemini-3.5-flash:generateContent"),
    ("https://g.example/v1beta",
     "https://g.example/v1beta/models/gemini-3.5-flash:generateContent"),
    ("https://g.example/v1alpha/",
     "https://g.example/v1alpha/models/gemini-3.5-flash:generateContent"),
    ("https://g.example/v1", "https://g.example/v1/models/gemini-3.5-flash:generateContent"),
    ("https://g.example/proxy/gemini",
     "https://g.example/proxy/gemini/v1beta/models/gemini-3.5-flash:generateContent"),
])  # fmt: skip
def test_url(base_url: str, expected: str) -> None:
    assert gemini.build_request(chat(), target(base_url)).url == expected


def test_url_of_a_stream() -> None:
    built = gemini.build_request(chat(stream=True), target())
    assert built.stream
    assert (
        built.url
        == "https://g.example/v1beta/models/gemini-3.5-flash:streamGenerateContent?alt=sse"
    )


@pytest.mark.parametrize(("model", "path"), [
    ("models/x", "models/x"), ("tunedModels/x", "tunedModels/x"), ("a/b c", "models/a/b%20c"),
])  # fmt: skip
def test_model_in_the_url(model: str, path: str) -> None:
    assert (
        gemini.build_request(chat(), target(model=model)).url
        == f"https://g.example/v1beta/{path}:generateContent"
    )


@pytest.mark.parametrize("model", ["../x", "x?key=1", "x&y", "x#y"])
def test_a_model_name_cannot_leave_its_place(model: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        gemini.build_request(chat(), target(model=model))
    assert (caught.value.status, caught.value.code) == (404, "model_not_found")


def test_f61_the_key_is_in_one_header_only() -> None:
    built = gemini.build_request(chat(), target())
    assert built.headers == {"content-type": "application/json", "x-goog-api-key": KEY}
    assert KEY not in built.url + built.body.decode() + repr(built) + repr(target())


def test_no_key_no_header() -> None:
    assert gemini.build_request(chat(), target(key="")).headers == {
        "content-type": "application/json"
    }


def test_x_provider_under_the_providers_own_name() -> None:
    built = gemini.build_request(
        chat(x_provider={"google": {"labels": {"a": "1"}}, "gemini": {"labels": {"b": "1"}}}),
        target(),
    )
    assert loads(built.body)["labels"] == {"a": "1"}


def test_what_json_cannot_say_is_refused() -> None:
    """A lone surrogate cannot come in by JSON, but by hand."""
    with pytest.raises(InvalidRequest):
        gemini.build_request(
            ChatRequest({"model": "m", "messages": [{"role": "user", "content": "\ud800"}]}),
            target(),
        )


@pytest.mark.parametrize("path", BUILDABLE, ids=lambda path: path.stem)
def test_the_request_is_left_as_it_was_and_goes_the_same_way_again(path: Path) -> None:
    """A retry builds again from the same untouched request."""
    case = read(path)
    before = deepcopy(case)
    first, second = build(case), build(case)
    assert case == before
    assert first.body == second.body


@pytest.mark.parametrize("path", BUILDABLE, ids=lambda path: path.stem)
def test_laws_of_gemini(path: Path) -> None:
    case = read(path)
    check_laws(case["expected"]["body"], RECORDS[case["model"]])


def check_laws(body: dict[str, Any], record: ModelRecord) -> None:
    """What Gemini answers 400 to."""
    contents = body["contents"]
    assert contents[0]["role"] == "user"
    for i, content in enumerate(contents):
        parts = content["parts"]
        assert parts
        assert all(part.get("text", "x") for part in parts)
        calls = [part["functionCall"]["name"] for part in parts if "functionCall" in part]
        results = [part["functionResponse"] for part in parts if "functionResponse" in part]
        if calls:
            assert content["role"] == "model"
            answered = [part["functionResponse"]["name"] for part in contents[i + 1]["parts"]]
            assert answered == calls if not record.call_ids else sorted(answered) == sorted(calls)
            assert record.signatures != "required" or "thoughtSignature" in next(
                part for part in parts if "functionCall" in part
            )
        if results:
            assert (content["role"], len(results)) == ("user", len(parts))
            assert all(result["response"].__class__ is dict for result in results)
            assert record.call_ids or not any("id" in result for result in results)
    config = body.get("generationConfig", {})
    assert not {"thinkingBudget", "thinkingLevel"} <= config.get("thinkingConfig", {}).keys()
    assert 1 <= len(config.get("stopSequences", [1])) <= 5
    declared = [d for tool in body.get("tools", []) for d in tool.get("functionDeclarations", [])]
    assert declared or "toolConfig" not in body
    assert len({d["name"] for d in declared}) == len(declared)


TEXTS = st.sampled_from(
    [
        "",
        " ",
        "a",
        "Åre\u2028😀",
        '{"$ref":1}',
        "[1]",
        '{"a":{"b":9007199254740993}}',
        '{"a":1}',
        "{",
    ]
)
NAMES = st.sampled_from(["w", "a/b c", "1x", "n" * 80])


@st.composite
def turns(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A message, or an assistant's calls with all their results in some order."""
    role = draw(st.sampled_from(["user", "system", "developer", "assistant", "calls"]))
    if role != "calls":
        return [{"role": role, "content": draw(TEXTS)}]
    ids = draw(
        st.lists(
            st.sampled_from(["call_0", "call_1", "toolu_2", "c__thought__RWpR"]),
            min_size=1,
            max_size=3,
            unique=True,
        )
    )
    calls = [
        {"id": i, "type": "function", "function": {"name": draw(NAMES), "arguments": draw(TEXTS)}}
        for i in ids
    ]
    results = [
        {"role": "tool", "tool_call_id": i, "content": draw(TEXTS)}
        for i in draw(st.permutations(ids))
    ]
    return [
        {"role": "assistant", "content": draw(st.none() | TEXTS), "tool_calls": calls},
        *results,
    ]


@given(st.lists(turns(), min_size=1, max_size=8), st.sampled_from(sorted(RECORDS)))
@settings(max_examples=150, deadline=None)
def test_every_history_becomes_one_that_gemini_reads(
    history: list[list[dict[str, Any]]], model: str
) -> None:
    messages = [message for turn in history for message in turn]
    built = gemini.build_request(
        parse({"model": "m", "messages": messages}), target(record=RECORDS[model])
    )
    body = loads(built.body)
    check_laws(body, RECORDS[model])
    check_request(body)


@given(st.lists(turns(), min_size=1, max_size=6), st.lists(turns(), min_size=1, max_size=3))
@settings(max_examples=80, deadline=None)
def test_a_longer_history_begins_like_the_shorter_one(
    history: list[list[dict[str, Any]]], more: list[list[dict[str, Any]]]
) -> None:
    """Prompt caches and signatures depend on it. The last message may be one that only stands in
    for an end.
    """
    record = RECORDS["gemini-3.5-flash"]

    def contents(turns: list[list[dict[str, Any]]]) -> list[Any]:
        talk = [
            message
            for turn in turns
            for message in turn
            if message["role"] not in ("system", "developer")
        ]
        spoken = [
            message
            for message in talk
            if message["content"] != "" or message["role"] == "tool" or "tool_calls" in message
        ]
        if not spoken:
            return []
        found: list[Any] = loads(
            gemini.build_request(
                parse({"model": "m", "messages": spoken}), target(record=record)
            ).body
        )["contents"]
        return found

    shorter, longer = contents(history), contents(history + more)
    assert longer[: max(len(shorter) - 1, 0)] == shorter[:-1]


@given(st.text(min_size=1, max_size=90), st.text(min_size=1, max_size=90))
def test_f23_aliases_are_valid_and_differ(one: str, other: str) -> None:
    first, second = upstream_name(one), upstream_name(other)
    assert len(first) <= 64
    assert first.isascii()
    assert (first == second) == (one == other)


@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gemini-3.5-flash"])
def test_thoughts_are_shown_without_a_wish_for_how_many(model: str) -> None:
    built = gemini.build_request(
        chat(google={"thinking_config": {"include_thoughts": True}}), target(record=RECORDS[model])
    )
    assert loads(built.body)["generationConfig"] == {"thinkingConfig": {"includeThoughts": True}}
