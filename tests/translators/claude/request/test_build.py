"""What the golden cases cannot show: addresses and headers, limits of size, prefixes that stay the
same.
"""

import json
from typing import Any

import pytest

from tests.translators.claude.models import RECORDS, record
from translators import claude
from translators.chat.request import parse
from translators.claude.request import build as request_module
from translators.dialect import Target, UpstreamRequest
from translators.errors import InvalidRequest

USER = {"role": "user", "content": "Hi"}
TOOL = {"type": "function", "function": {"name": "g"}}


def build(
    body: dict[str, Any],
    model: str = "claude-sonnet-5",
    base: str = "https://api.anthropic.com",
    key: str = "k",
    **overrides: Any,
) -> UpstreamRequest:
    target = Target("anthropic", "claude", base, model, record(model, overrides), key)
    return claude.build_request(parse({"model": "persona", "messages": [USER], **body}), target)


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://api.anthropic.com", "https://api.anthropic.com/v1/messages"),
        ("https://api.anthropic.com/", "https://api.anthropic.com/v1/messages"),
        ("https://host/anthropic/v1", "https://host/anthropic/v1/messages"),
        ("https://host/anthropic/v1/", "https://host/anthropic/v1/messages"),
    ],
)
def test_url(base: str, url: str) -> None:
    """/v1/messages is added, unless the base already ends with the version."""
    assert build({}, base=base).url == url


def test_headers_of_a_new_model() -> None:
    assert build({}).headers == {
        "content-type": "application/json",
        "anthropic-version": "2026-10-21",
        "x-api-key": "k",
    }


def test_headers_without_key_and_version() -> None:
    """A model without a version of its own gets the one every server knows; no key, no header."""
    assert build({}, "claude-sonnet-4-6", key="").headers == {
        "content-type": "application/json",
        "anthropic-version": "2023-06-01",
    }


@pytest.mark.parametrize(
    ("limit", "stream", "expected"), [(64_000, False, False), (None, False, True), (10, True, True)]
)
def test_an_answer_that_nobody_limited_is_streamed_from_claude(
    limit: int | None, stream: bool, expected: bool
) -> None:
    """It may take longer than a silent connection lives; who names a limit gets the call they
    describe.
    """
    built = build({"max_tokens": limit, "stream": stream})
    assert (built.stream, json.loads(built.body)["stream"]) == (expected, expected)


def test_x_provider_betas_that_are_no_list_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="array of names") as raised:
        build({"x_provider": {"claude": {"betas": "fine-2026-01-01"}}})
    assert raised.value.param == "x_provider.claude.betas"


def test_x_provider_betas_of_null_are_none() -> None:
    assert "anthropic-beta" not in build({"x_provider": {"claude": {"betas": None}}}).headers


@pytest.mark.parametrize("beta", ["a\r\nx-api-key: b", "a,b", "", 5, "ä"])
def test_x_provider_beta_that_cannot_stand_in_a_header(beta: object) -> None:
    with pytest.raises(InvalidRequest, match="A beta is a name") as raised:
        build({"x_provider": {"claude": {"betas": ["fine-2026-01-01", beta]}}})
    assert raised.value.param == "x_provider.claude.betas[1]"


def test_x_provider_by_the_providers_name() -> None:
    """The provider's own name comes before the dialect's."""
    built = build(
        {"x_provider": {"anthropic": {"inference_geo": "us"}, "claude": {"inference_geo": "eu"}}}
    )
    assert json.loads(built.body)["inference_geo"] == "us"


def test_x_provider_null_is_nothing() -> None:
    assert build({"x_provider": {"claude": None}}).body == build({}).body


def test_the_key_is_not_in_the_repr() -> None:
    assert "secret" not in repr(build({}, key="secret"))


def test_f18_ids_and_names_are_the_same_on_the_next_turn() -> None:
    """Sanitised ids and names depend on nothing but themselves."""
    call = {
        "id": "functions.a:0",
        "type": "function",
        "function": {"name": "a.b", "arguments": "{}"},
    }
    turn = [
        USER,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "functions.a:0", "content": "1"},
    ]
    more = [{"role": "assistant", "content": "so"}, USER]
    first = json.loads(build({"messages": turn}).body)["messages"]
    second = json.loads(build({"messages": turn + more}).body)["messages"]
    assert second[: len(first)] == first


@pytest.mark.parametrize("model", ["claude-opus-4-8", "claude-sonnet-5"])
def test_f42_a_later_system_message_leaves_the_prefix_as_it_was(model: str) -> None:
    """The bytes of what was said before stay the same when a system message comes in later."""
    before = [{"role": "system", "content": "S"}, USER, {"role": "assistant", "content": "a"}]
    after = [*before, {"role": "user", "content": "b"}, {"role": "system", "content": "now"}]
    first = json.loads(build({"messages": [*before, USER]}, model).body)
    second = json.loads(build({"messages": after}, model).body)
    assert (second["system"], second["messages"][:2]) == (first["system"], first["messages"][:2])


@pytest.mark.parametrize(("window", "most"), [(200_000, 100), (1_000_000, 600)])
def test_too_many_images(window: int, most: int) -> None:
    """The limit of images depends on the context window; images in tool results count too."""
    image = {"type": "image_url", "image_url": {"url": "https://e.example/a"}}
    call = {"id": "a", "type": "function", "function": {"name": "g", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": [image] * (most - 1)},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": [image]},
    ]
    build({"messages": messages, "tools": [TOOL]}, context_window=window)
    with pytest.raises(InvalidRequest) as raised:
        build(
            {"messages": [*messages, {"role": "user", "content": [image]}], "tools": [TOOL]},
            context_window=window,
        )
    assert (raised.value.param, raised.value.code) == ("messages", "too_many_images")


def test_an_image_that_is_too_large() -> None:
    url = "data:image/png;base64," + "A" * (10 * 1024 * 1024 + 4)
    with pytest.raises(InvalidRequest) as raised:
        build(
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}
                ]
            }
        )
    assert (raised.value.param, raised.value.code) == (
        "messages[0].content[0].image_url.url",
        "image_too_large",
    )


def test_a_body_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_module, "MAX_BODY", 100)
    with pytest.raises(InvalidRequest) as raised:
        build({})
    assert (raised.value.status, raised.value.code) == (413, "request_too_large")


@pytest.mark.parametrize("model", sorted(RECORDS))
def test_every_model_gets_a_plain_request(model: str) -> None:
    body = json.loads(build({}, model).body)
    assert (body["model"], body["messages"]) == (
        model,
        [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
    )


def test_thousands_of_calls_are_paired_in_one_sitting() -> None:
    """Pairing does not grow with the square of the history, even where one id comes again and
    again.
    """
    call = {"id": "a", "type": "function", "function": {"name": "g", "arguments": "{}"}}
    turn: list[dict[str, Any]] = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": "1"},
    ]
    wide = [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{**call, "id": f"c{i}"} for i in range(3000)],
        }
    ]
    results = [
        {"role": "tool", "tool_call_id": f"c{i}", "content": "1"} for i in reversed(range(3000))
    ]
    system = [
        m
        for i in range(3000)
        for m in ({"role": "system", "content": "s"}, {"role": "user", "content": "u"})
    ]
    body = json.loads(
        build(
            {"messages": [USER, *turn * 3000, *wide, USER, *results, *system], "tools": [TOOL]}
        ).body
    )
    assert len(body["messages"]) == 3 + 2 * 3000


def test_cut_arguments_of_an_older_call_are_told_by_its_place() -> None:
    messages = [
        USER,
        {"role": "assistant", "function_call": {"name": "g", "arguments": '{"a":[1'}},
        {"role": "function", "name": "g", "content": "1"},
    ]
    built = build({"messages": messages})
    assert json.loads(built.body)["messages"][1]["content"][0]["input"] == {"a": [1]}
    told = [(note.param, note.why) for note in built.notes]
    assert (
        "messages[1].function_call.arguments",
        "the arguments were cut off and have been closed",
    ) in told


def test_two_calls_of_one_id_share_no_result() -> None:
    """As many results as calls stand behind them, but one is of another call."""
    call = {"id": "c", "type": "function", "function": {"name": "g", "arguments": "{}"}}
    results = [
        {"role": "tool", "tool_call_id": call_id, "content": call_id} for call_id in ("c", "other")
    ]
    built = build(
        {
            "messages": [
                USER,
                {"role": "assistant", "content": None, "tool_calls": [call, call]},
                *results,
            ],
            "tools": [TOOL],
        }
    )
    assert json.loads(built.body)["messages"][2]["content"] == [
        {"type": "tool_result", "tool_use_id": "c", "content": "c"},
        {
            "type": "tool_result",
            "tool_use_id": "c_2",
            "content": "No result was recorded for this tool call.",
            "is_error": True,
        },
        {"type": "text", "text": "Tool result for other: other"},
    ]


@pytest.mark.parametrize("model", ["claude-sonnet-5", "claude-sonnet-4-6"])
def test_thinking_that_is_null_or_empty_is_not_asked_for(model: str) -> None:
    assert build({"reasoning_effort": None, "reasoning": {}}, model).body == build({}, model).body


def test_web_search_that_is_null_is_not_asked_for() -> None:
    assert build({"web_search_options": None}).body == build({}).body
