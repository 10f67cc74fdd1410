"""gateway.routing.decision_log: decisions kept without content, and made again from what was
kept."""

import gc
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import Condition, Rule, TargetRef
from gateway.routing.decision import decide
from gateway.routing.decision_log import (
    KEPT,
    DecisionLog,
    compact,
    facts_document,
    not_recorded,
    read_facts,
    record_document,
)
from gateway.routing.facts import Caller, Facts, Prompt, facts_of
from gateway.routing.plan import Plan, plan_document
from gateway.telemetry.events import AttemptEnded, RequestEnded, Usage
from tests.routing.worlds import config, context, facts, model, persona, planned, provider
from translators.chat.request import ChatRequest
from translators.json_codec import dumps, loads

TEAM = Condition(metadata={"team": frozenset({"blue"})})
WEST = Condition(header={"x-region": frozenset({"west"})})
CAPABLE = ["streaming", "tool_calling", "vision"]
MAP = {"type": "object", "additionalProperties": {"type": "string"}}
X = provider(
    "x",
    model("small", window=1000, output=500, capabilities=CAPABLE),
    model("large", capabilities=CAPABLE, price=(5, 9)),
)
P = persona(
    "x/small",
    "x/large",
    strategy="cost",
    rules=(
        Rule(name="team", when=TEAM, targets=(TargetRef("x", "large"),)),
        Rule(
            name="long",
            when=Condition(tokens_over=300),
            targets=(TargetRef("x", "small", when=WEST), TargetRef("x", "large")),
        ),
        Rule(name="key", when=Condition(key=frozenset({"0a0a0a0a"})), strategy="priority"),
    ),
)
WORLD = config([X], P)
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)

asked = st.builds(
    lambda needs, tokens, known, exact, limit, stream, forced, team, region, key, conversation, settled: (  # noqa: E501
        Facts(
            requirements=facts({need: need for need in needs}).requirements,
            features=frozenset(["tools"] if "tool_calling" in needs else []),
            prompt=Prompt(None, 10**9 if known else tokens, tokens, exact),
            max_tokens=limit,
            stream=stream,
            forces_tool=forced,
            metadata={"other": "secret", **({"team": team} if team else {})},
            caller=Caller(
                key_id=key,
                headers={"authorization": "secret", **({"x-region": region} if region else {})},
            ),
            conversation=conversation,
            settled=settled,
        )
    ),
    st.lists(st.sampled_from([*CAPABLE, "pdf"]), unique=True),
    st.integers(1, 2000),
    st.booleans(),
    st.booleans(),
    st.none() | st.integers(1, 900),
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, "blue", "red"]),
    st.sampled_from([None, "west", "east"]),
    st.sampled_from([None, "0a0a0a0a", "1b1b1b1b"]),
    st.sampled_from([None, "c0ffee"]),
    st.booleans(),
)


def shape(of: Facts) -> Any:
    made = planned(WORLD, of, context(WORLD))
    return made.policy, made.candidates, made.pinned, made.near_limit


@given(asked)
def test_facts_that_were_kept_decide_the_same(of: Facts) -> None:
    before = shape(of)
    kept = loads(dumps(facts_document(of, P)))
    again = read_facts(kept)
    assert shape(again) == before
    assert facts_document(again, P) == kept
    assert "secret" not in str(kept)


@pytest.mark.parametrize("most", [7, 300.0, 1e22, 10**4299])
def test_a_limit_is_kept_as_it_came(most: float) -> None:
    """4300 digits are the most that a JSON reader takes, and that Python writes."""
    of = facts_of(
        ChatRequest({"model": "p", "messages": [], "max_tokens": loads(dumps(most))}, 60),
        P,
        Caller(),
    )
    assert facts_document(of, P)["max_tokens"] == most


def test_a_prompt_that_nobody_estimated_is_kept_by_its_size() -> None:
    small = facts_of(
        ChatRequest({"model": "p", "messages": [{"role": "user", "content": "hi"}]}, 60),
        P,
        Caller(),
    )
    document = facts_document(small, P)
    assert (document.get("tokens"), document["bytes"]) == (None, 60)
    assert read_facts(document).prompt.tokens == 15


@pytest.mark.parametrize(("schema", "open_schema"), [(MAP, True), ({"type": "string"}, None)])
def test_of_a_schema_it_is_kept_whether_it_is_open(
    schema: dict[str, Any], open_schema: bool | None
) -> None:
    """Not the schema: it is the caller's."""
    capable = [*CAPABLE, "json_schema"]
    of = config(
        [
            provider(
                "x",
                model("closed", capabilities=capable, open_schemas=False),
                model("any", capabilities=capable),
            )
        ],
        persona("x/closed", "x/any"),
    )
    body = {"model": "p", "messages": [{"role": "user", "content": "hi"}]}
    wanted = {"type": "json_schema", "json_schema": {"name": "secret", "schema": schema}}
    made = decide(
        of, ChatRequest({**body, "response_format": wanted}, 60), Caller(), context(of)
    ).plan
    document = facts_document(made.facts, of.personas["p"])
    assert document.get("open_schema") is open_schema
    made.facts.forget({}, {})
    assert facts_document(made.facts, of.personas["p"]) == document
    again = planned(of, read_facts(document))
    assert [(c.name, c.reasons) for c in again.candidates] == [
        (c.name, c.reasons) for c in made.candidates
    ]
    without = decide(
        of,
        ChatRequest({**body, "response_format": {**wanted, "json_schema": {"name": "n"}}}, 60),
        Caller(),
        context(of),
    ).plan
    assert without.facts.schema is None


@pytest.mark.parametrize("count", [0, 1, 150])
def test_of_tools_it_is_kept_how_many_they_were(count: int) -> None:
    of = config(
        [provider("x", model("few", max_tools=100), model("any"))], persona("x/few", "x/any")
    )
    document = facts_document(facts(tools=count), of.personas["p"])
    assert (document.get("tools", 0), read_facts(document).tools) == (count, count)
    before, again = planned(of, facts(tools=count)), planned(of, read_facts(document))
    assert [(c.name, c.reasons) for c in again.candidates] == [
        (c.name, c.reasons) for c in before.candidates
    ]


def test_of_headers_and_metadata_only_what_the_rules_look_at() -> None:
    of = facts(
        metadata={"team": "blue", "user": "bob", "n": 5},
        caller=Caller(headers={"x-region": "west" * 100, "cookie": "c"}),
    )
    document = facts_document(of, P)
    assert document["metadata"] == {"team": "blue"}
    assert document["headers"] == {"x-region": ("west" * 100)[:200]}
    assert "headers" not in facts_document(of, persona("x/small"))
    assert list(not_recorded({"metadata": {"team": "blue"}}, P)) == ["header x-region"]


def test_a_header_that_is_no_utf_8_is_written_without_what_json_cannot_say() -> None:
    of = facts(caller=Caller(headers={"x-region": b"S\xfcd".decode("utf-8", "surrogateescape")}))
    assert facts_document(of, P)["headers"] == {"x-region": "S?d"}


def test_a_condition_counts_wherever_its_target_is_listed_twice() -> None:
    """The same model without a condition elsewhere does not hide the one here."""
    twice = persona(
        "x/small",
        rules=(
            Rule(
                name="r",
                when=Condition(tokens_over=1),
                targets=(TargetRef("x", "small", when=WEST),),
            ),
        ),
    )
    assert facts_document(facts(caller=Caller(headers={"x-region": "west"})), twice)["headers"] == {
        "x-region": "west"
    }
    only = persona(TargetRef("x", "small", when=WEST), "x/large")
    assert facts_document(facts(caller=Caller(headers={"x-region": "west"})), only)["headers"] == {
        "x-region": "west"
    }


ENDED = RequestEnded(
    request_id="req_1", api="chat", key_id=None, persona="p", provider="x", model="large",
    stream=False, status=200, outcome="ok",
    error_code=None, attempts=(AttemptEnded("x", "large", "ok", 0.5, 200),), dropped=(),
    usage=Usage(prompt=7, completion=3),
    finish_reason="stop", seconds=0.6, upstream_seconds=0.5, first_chunk_seconds=None,
)  # fmt: skip


def decided(text: str = "a secret prompt") -> Any:
    request = ChatRequest(
        {
            "model": "p",
            "messages": [{"role": "user", "content": text}],
            "metadata": {"team": "blue"},
        },
        5000,
    )
    return decide(
        WORLD,
        request,
        Caller(key_id="0a0a0a0a", headers={"authorization": "Bearer secret"}),
        context(WORLD),
    ).plan


def test_a_record_says_what_was_planned_and_what_came_of_it_and_nothing_of_the_content() -> None:
    records = DecisionLog()
    record = records.add(decided(), NOW, "req_1")
    assert record.id.startswith("dec_")
    assert record.outcome() == {}
    record.close(ENDED, ())
    assert records.find(record.id) is record
    document = loads(dumps(record_document(record)))
    assert (document["time"], document["request_id"], document["rule"]) == (
        "2026-11-25T12:00:00.000+00:00",
        "req_1",
        "team",
    )
    assert (document["served"], document["status"], document["facts"]["key"]) == (
        "x/large",
        200,
        "0a0a0a0a",
    )
    line = compact(record.id, record.plan)
    assert (line["rule"], line["strategy"], line["targets"]) == ("team", "cost", ["x/large"])
    for shown in (document, line, repr(record)):
        assert "a secret prompt" not in str(shown)
        assert "Bearer" not in str(shown)


def test_what_is_kept_of_a_decision_is_one_object_that_says_the_same() -> None:
    record = DecisionLog().add(decided(), NOW, "req_1")
    planned_first = plan_document(record.plan), facts_document(record.plan.facts, P)
    record.close(ENDED, [{"provider": "x", "model": "large", "after_characters": 7}])
    assert (plan_document(record.plan), facts_document(record.plan.facts, P)) == planned_first
    assert record.plan.candidates[0].share == 1.0
    assert record.outcome()["resumed"] == [
        {"provider": "x", "model": "large", "after_characters": 7}
    ]
    held = gc.get_referents(record)
    assert not [each for each in held if isinstance(each, Plan | Facts | RequestEnded)]


def test_only_the_last_are_kept() -> None:
    records, made = DecisionLog(), decided()
    first, *_, last = [records.add(made, NOW, str(i)) for i in range(KEPT + 1)]
    assert len(records) == KEPT
    assert (records.find(first.id), records.find(last.id)) == (None, last)
