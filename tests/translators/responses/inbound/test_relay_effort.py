"""The effort that a caller asks for, held against the model that it is relayed to."""

import pytest

from translators.capabilities import Effort, ModelRecord, Thinking
from translators.dialect import Target
from translators.dialect.inbound import Call, Overlay
from translators.json_codec import loads
from translators.responses.inbound.dialect import read_request

NOTHING = Overlay()
TEXT = b'{"model":"p","input":"x","reasoning":{ "effort" : "%s","summary":"auto","x":1e2 }}'


def relayed(
    effort: str, thinking: Thinking, overlay: Overlay = NOTHING
) -> tuple[bytes, list[tuple[str, str]]]:
    record = ModelRecord(context_window=1000, max_output_tokens=100, thinking=thinking)
    target = Target("o", "openai", "https://api.example/v1", "m", record, "k")
    text = TEXT % effort.encode()
    read = read_request(loads(text), Call(text=text, size=1))
    built = read.origin.relay(overlay).build_request(read.request, target)
    return built.body, [(note.kind, note.param) for note in built.notes]


@pytest.mark.parametrize(
    ("asked", "levels", "sent"),
    [
        ("xhigh", ("low", "medium", "high"), "high"),
        ("minimal", ("none", "low"), "low"),
        ("high", ("low", "high"), "high"),
        ("max", (), "max"),
    ],
)
def test_the_nearest_that_the_model_has_is_sent_and_told(
    asked: Effort, levels: tuple[Effort, ...], sent: str
) -> None:
    body, notes = relayed(asked, Thinking(kind="effort", levels=levels))
    assert b'{ "effort" : "%s","summary":"auto","x":1e2 }' % sent.encode() in body
    assert notes == ([] if sent == asked else [("changed", "reasoning.effort")])


def test_a_model_that_does_not_reason_is_asked_for_none() -> None:
    body, notes = relayed("high", Thinking())
    assert b'{ "summary":"auto","x":1e2 }' in body
    assert notes == [("dropped", "reasoning.effort")]


def test_an_effort_that_nobody_knows_is_the_providers_to_judge() -> None:
    body, notes = relayed("hardest", Thinking(kind="effort", levels=("low",)))
    assert b'"effort" : "hardest"' in body
    assert notes == []


def test_a_personas_effort_is_held_against_the_model_too() -> None:
    overlay = Overlay(values={"reasoning_effort": "xhigh"})
    body, _ = relayed("low", Thinking(kind="effort", levels=("low", "high")), overlay)
    assert loads(body)["reasoning"]["effort"] == "high"
