"""translators.openai.request.build: a relay, within the rules of the model's record."""

from typing import Any

import pytest

from translators.capabilities import ModelRecord, Thinking, nearest_effort
from translators.chat.request import ChatRequest
from translators.dialect import Target
from translators.json_codec import loads
from translators.openai import build_request

PLAIN = ModelRecord(context_window=128_000, max_output_tokens=16_384)
REASONER = ModelRecord(
    context_window=400_000,
    max_output_tokens=128_000,
    thinking=Thinking(
        kind="effort", levels=("none", "low", "medium", "high", "xhigh"), on_by_default=True
    ),
    sampling="unless_reasoning",
    tools_with_reasoning="effort_none",
    unsupported=frozenset({"stop", "presence_penalty"}),
)
OPENAI = ModelRecord(
    context_window=400_000,
    max_output_tokens=128_000,
    thinking=Thinking(
        kind="effort", levels=("none", "low", "medium", "high", "xhigh"), on_by_default=True
    ),
    ranges="openai",
)
USER = {"role": "user", "content": "hi"}
TOOL = {"type": "function", "function": {"name": "f"}}


def build(record: ModelRecord = PLAIN, **body: Any) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    target = Target("openai", "openai", "https://api.example/v1/", "gpt-x", record, "sk-key")
    upstream = build_request(ChatRequest({"model": "persona", "messages": [USER], **body}), target)
    return loads(upstream.body), [(note.kind, note.param) for note in upstream.notes]


def test_unknown_fields_survive_and_the_model_is_replaced() -> None:
    body, notes = build(
        foo={"bar": [1]},
        messages=[
            {
                "role": "user",
                "content": [{"type": "video_url", "video_url": {"url": "x"}}],
                "zap": 1,
            }
        ],
    )
    assert body == {
        "model": "gpt-x",
        "foo": {"bar": [1]},
        "messages": [
            {
                "role": "user",
                "content": [{"type": "video_url", "video_url": {"url": "x"}}],
                "zap": 1,
            }
        ],
    }
    assert notes == []


def test_url_and_headers() -> None:
    upstream = build_request(
        ChatRequest({"model": "p", "messages": [USER]}),
        Target("o", "openai", "https://a/v1/", "m", PLAIN, "sk-key"),
    )
    assert upstream.url == "https://a/v1/chat/completions"
    assert upstream.headers["authorization"] == "Bearer sk-key"
    assert "sk-key" not in repr(upstream)
    keyless = build_request(
        ChatRequest({"model": "p", "messages": [USER]}),
        Target("o", "openai", "http://a/v1", "m", PLAIN),
    )
    assert "authorization" not in keyless.headers


def test_usage_is_always_asked_for_in_streams() -> None:
    assert build(stream=True)[0]["stream_options"] == {"include_usage": True}
    assert build(stream=True, stream_options={"include_obfuscation": False})[0][
        "stream_options"
    ] == {
        "include_obfuscation": False,
        "include_usage": True,
    }
    old = ModelRecord(
        context_window=1, max_output_tokens=1, unsupported=frozenset({"stream_options"})
    )
    assert "stream_options" not in build(old, stream=True)[0]


@pytest.mark.parametrize(
    ("options", "notes"),
    [
        ({"include_usage": True}, [("emulated", "stream_options")]),
        ({"include_usage": False}, []),
        ({"include_usage": None, "include_obfuscation": False}, []),
        ({"include_usage": True, "include_obfuscation": True},
         [("emulated", "stream_options"), ("dropped", "stream_options.include_obfuscation")]),
        ({}, []),
    ],
)  # fmt: skip
def test_usage_that_comes_without_being_asked_for_is_no_loss(
    options: dict[str, Any], notes: list[tuple[str, str]]
) -> None:
    counts = ModelRecord(
        context_window=1, max_output_tokens=1, unsupported=frozenset({"stream_options", "seed"})
    )
    body, made = build(counts, stream=True, stream_options=options)
    assert ("stream_options" in body, made) == (False, notes)


@pytest.mark.parametrize(
    ("given", "sent", "notes"),
    [
        ({"max_tokens": 5}, {"max_completion_tokens": 5}, []),
        ({"max_tokens": 5, "max_completion_tokens": 7}, {"max_completion_tokens": 7}, []),
        ({"max_tokens": 99_999}, {"max_completion_tokens": 16_384}, [("changed", "max_tokens")]),
    ],
)
def test_token_limit(
    given: dict[str, Any], sent: dict[str, Any], notes: list[tuple[str, str]]
) -> None:
    body, made = build(**given)
    assert ({k: v for k, v in body.items() if k.startswith("max")}, made) == (sent, notes)


def test_token_limit_under_the_older_name() -> None:
    vllm = ModelRecord(
        context_window=1000, max_output_tokens=1000, max_tokens_parameter="max_tokens"
    )
    assert build(vllm, max_completion_tokens=7)[0]["max_tokens"] == 7


@pytest.mark.parametrize(
    ("given", "sent", "notes"),
    [
        ({"temperature": 0.2}, {}, [("dropped", "temperature")]),
        ({"temperature": 1, "top_p": 1.0}, {}, []),
        (
            {"temperature": 0.2, "reasoning_effort": "none"},
            {"temperature": 0.2, "reasoning_effort": "none"},
            [],
        ),
        (
            {"reasoning_effort": "max"},
            {"reasoning_effort": "xhigh"},
            [("changed", "reasoning_effort")],
        ),
        (
            {"reasoning_effort": "minimal"},
            {"reasoning_effort": "low"},
            [("changed", "reasoning_effort")],
        ),
        (
            {"tools": [TOOL]},
            {"reasoning_effort": "none", "tools": [TOOL]},
            [("emulated", "reasoning_effort")],
        ),
        (
            {"tools": [TOOL], "reasoning_effort": "high"},
            {"reasoning_effort": "none", "tools": [TOOL]},
            [("changed", "reasoning_effort")],
        ),
        (
            {"tools": [TOOL], "temperature": 0},
            {"reasoning_effort": "none", "tools": [TOOL], "temperature": 0},
            [("emulated", "reasoning_effort")],
        ),
        ({"stop": "x", "presence_penalty": 0}, {}, [("emulated", "stop")]),
        ({"stop": []}, {}, []),
    ],
)
def test_rules_of_reasoning_models(
    given: dict[str, Any], sent: dict[str, Any], notes: list[tuple[str, str]]
) -> None:
    body, made = build(REASONER, **given)
    assert ({k: v for k, v in body.items() if k not in ("model", "messages")}, made) == (
        sent,
        notes,
    )


def test_effort_for_a_model_that_does_not_reason() -> None:
    assert build(reasoning_effort="high") == (
        {"model": "gpt-x", "messages": [USER]},
        [("dropped", "reasoning_effort")],
    )
    assert build(reasoning_effort="none") == ({"model": "gpt-x", "messages": [USER]}, [])
    assert build(reasoning_effort="default") == ({"model": "gpt-x", "messages": [USER]}, [])


@pytest.mark.parametrize("effort", ["default", "on", "ultra"])
def test_an_effort_of_a_servers_own_is_not_snapped(effort: str) -> None:
    body, notes = build(REASONER, reasoning_effort=effort)
    assert (body["reasoning_effort"], notes) == (effort, [])


FOREIGN = {
    "top_k": 5, "min_p": 0.1, "repetition_penalty": 1.1, "cache_control": {"type": "ephemeral"},
    "thinking": {"type": "enabled"},
    "google": {"thinking_config": {}}, "extra_body": {"google": {}},
    "chat_template_kwargs": {"enable_thinking": False},
    "enable_thinking": False,
}  # fmt: skip


def test_parameters_of_other_servers_are_not_passed_on_to_openai() -> None:
    body, notes = build(OPENAI, **FOREIGN, new_feature={"x": 1})
    assert body == {"model": "gpt-x", "messages": [USER], "new_feature": {"x": 1}}
    assert notes == [("dropped", name) for name in FOREIGN]


def test_other_servers_get_them() -> None:
    body, notes = build(**FOREIGN)
    assert (body, notes) == ({"model": "gpt-x", "messages": [USER], **FOREIGN}, [])


def test_of_a_parameter_that_asks_for_nothing_nothing_is_told() -> None:
    nothing = {
        "top_k": 0,
        "min_p": 0.0,
        "thinking": {},
        "extra_body": {},
        "ignore_eos": False,
        "stop_token_ids": [],
        "cache_control": None,
    }
    assert build(OPENAI, **nothing) == ({"model": "gpt-x", "messages": [USER]}, [])


@pytest.mark.parametrize(
    ("asked", "sent", "notes"),
    [
        ({"reasoning": {"effort": "low"}}, "low", []),
        ({"reasoning": {"effort": "max"}}, "xhigh", [("changed", "reasoning_effort")]),
        ({"reasoning": {"enabled": False}}, "none", []),
        ({"reasoning": {"effort": "low"}, "reasoning_effort": "high"}, "high", []),
        ({"reasoning": {"enabled": True}}, None, []),
        ({"reasoning": {}}, None, []),
        (
            {"reasoning": {"effort": "odd", "max_tokens": 5, "exclude": False}},
            None,
            [("dropped", "reasoning.effort"), ("dropped", "reasoning.max_tokens")],
        ),
    ],
)
def test_openrouters_form_of_reasoning_is_told_in_this_apis_words(
    asked: Any, sent: str | None, notes: Any
) -> None:
    body, made = build(OPENAI, **asked)
    assert (body.get("reasoning_effort"), "reasoning" in body, made) == (sent, False, notes)


@pytest.mark.parametrize(
    "reasoning", [{"effort": "odd", "max_tokens": 5}, {"enabled": True, "exclude": True}, {}]
)
@pytest.mark.parametrize("record", [PLAIN, REASONER])
def test_a_server_with_words_of_its_own_gets_openrouters_form_as_it_came(
    record: ModelRecord, reasoning: dict[str, Any]
) -> None:
    body, made = build(record, reasoning=reasoning)
    assert (body["reasoning"], "reasoning_effort" in body, made) == (reasoning, False, [])


def test_nearest_effort() -> None:
    assert nearest_effort("none", ("low", "high")) == "low"
    assert nearest_effort("medium", ("low", "high")) == "low"
    assert nearest_effort("minimal", ("none", "low")) == "low"
    assert nearest_effort("max", ("none",)) == "none"
    assert nearest_effort("high", ()) == "high"


@pytest.mark.parametrize(
    ("role", "sent"),
    [
        ("any", ["system", "developer"]),
        ("system", ["system"] * 2),
        ("developer", ["developer"] * 2),
    ],
)
def test_role_of_instructions(role: Any, sent: list[str]) -> None:
    record = ModelRecord(context_window=1, max_output_tokens=1, instructions_role=role)
    body, _ = build(
        record,
        messages=[{"role": "system", "content": "a"}, {"role": "developer", "content": "b"}, USER],
    )
    assert [m["role"] for m in body["messages"]] == [*sent, "user"]


def test_passthrough_is_merged_last() -> None:
    body, notes = build(
        x_provider={"openai": {"temperature": 0.5, "special": 1}, "claude": {"no": 1}},
        temperature=0.1,
    )
    assert (body["temperature"], body["special"], "x_provider" in body, "no" in body, notes) == (
        0.5,
        1,
        False,
        False,
        [],
    )


def test_the_request_is_not_changed() -> None:
    """A retry builds again from the same request."""
    request = ChatRequest(
        {
            "model": "p",
            "messages": [{"role": "system", "content": "s"}, USER],
            "stop": [],
            "max_tokens": 9,
            "tools": [TOOL],
        }
    )
    before = loads(str(request.body).replace("'", '"'))
    target = Target("o", "openai", "http://a", "m", REASONER)
    first, second = build_request(request, target), build_request(request, target)
    assert request.body == before
    assert first.body == second.body


def test_an_empty_stop_is_left_out() -> None:
    assert "stop" not in build(stop="")[0]


FREE = ModelRecord(context_window=128_000, max_output_tokens=16_384, forced_tool_choice="no")
NO_CHOICE = ModelRecord(
    context_window=128_000, max_output_tokens=16_384, unsupported=frozenset({"tool_choice"})
)
TOLD = "whatever else you say: an answer without that call cannot be used."


def must_call(record: ModelRecord, **body: Any) -> frozenset[str]:
    target = Target("o", "openai", "https://api.example/v1", "m", record)
    return build_request(
        ChatRequest({"model": "p", "messages": [USER], **body}), target
    ).shape.must_call


@pytest.mark.parametrize("record", [FREE, NO_CHOICE])
def test_a_call_that_cannot_be_forced_is_asked_for_in_words(record: ModelRecord) -> None:
    """In an instruction in front, or in the first one there is: templates take no more than one,
    and only there.
    """
    any_call = {"role": "system", "content": f"Answer with a call of one of the tools, {TOLD}"}
    body, notes = build(record, tools=[TOOL], tool_choice="required")
    assert (body["messages"], "tool_choice" in body, notes) == (
        [any_call, USER],
        False,
        [("emulated", "tool_choice")],
    )
    assert must_call(record, tools=[TOOL], tool_choice="required") == {"f"}

    named = {"type": "function", "function": {"name": "f"}}
    messages = [{"role": "system", "content": "Be brief."}, USER]
    body, _ = build(record, tools=[TOOL], tool_choice=named, messages=messages)
    assert body["messages"] == [
        {"role": "system", "content": f'Be brief.\n\nAnswer with a call of the tool "f", {TOLD}'},
        USER,
    ]
    parts = [{"role": "developer", "content": [{"type": "text", "text": "Be brief."}]}, USER]
    body, _ = build(record, tools=[TOOL], tool_choice=named, messages=parts)
    assert [part["text"] for part in body["messages"][0]["content"]] == [
        "Be brief.",
        f'Answer with a call of the tool "f", {TOLD}',
    ]


def test_older_functions_and_allowed_tools_are_asked_for_in_words_too() -> None:
    body, notes = build(FREE, functions=[{"name": "f"}], function_call={"name": "f"})
    assert ("function_call" in body, notes) == (False, [("emulated", "function_call")])
    assert must_call(FREE, functions=[{"name": "f"}], function_call={"name": "f"}) == {"f"}
    tools = [TOOL, {"type": "function", "function": {"name": "g"}}]
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [TOOL]}}
    body, _ = build(FREE, tools=tools, tool_choice=allowed)
    assert body["tool_choice"] == {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "auto", "tools": [TOOL]},
    }
    assert must_call(FREE, tools=tools, tool_choice=allowed) == {"f"}


@pytest.mark.parametrize(
    "choice", ["auto", "none", {"type": "function", "function": {"name": "nobody's"}}]
)
def test_what_forces_nothing_is_relayed(choice: Any) -> None:
    body, notes = build(FREE, tools=[TOOL], tool_choice=choice)
    assert (body["tool_choice"], body["messages"], notes) == (choice, [USER], [])
    assert must_call(FREE, tools=[TOOL], tool_choice=choice) == frozenset()


def test_who_can_be_forced_is() -> None:
    body, notes = build(tools=[TOOL], tool_choice="required")
    assert (body["tool_choice"], body["messages"], notes) == ("required", [USER], [])
    assert must_call(PLAIN, tools=[TOOL], tool_choice="required") == frozenset()
