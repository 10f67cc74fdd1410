"""gateway.health.unsupported_features: what a target turned out to lack holds for an hour and for
the record that was wrong.
"""

from dataclasses import replace

from gateway.health.unsupported_features import BELIEVED, NONE_KNOWN, Lacks
from tests.routing.worlds import config, context, facts, model, persona, planned, provider

ABLE = model("able", capabilities=["streaming", "tool_calling", "vision"])
OTHER = model("other", capabilities=["streaming", "tool_calling"])
WORLD = config([provider("x", ABLE, OTHER)], persona("x/able", "x/other"))
TOOLS = {"tool_calling": "tools"}


def test_each_lack_has_its_own_hour() -> None:
    lacks = Lacks()
    lacks.learn("x/able", ABLE.record, "tool_calling", 0.0)
    lacks.learn("x/able", ABLE.record, "vision", 100.0)
    assert lacks.of("x/able", ABLE.record, BELIEVED - 1) == {"tool_calling", "vision"}
    assert lacks.of("x/able", ABLE.record, BELIEVED) == {"vision"}
    assert lacks.of("x/able", ABLE.record, BELIEVED + 100) == frozenset()


def test_a_record_of_another_revision_may_say_better() -> None:
    lacks = Lacks()
    lacks.learn("x/able", ABLE.record, "tool_calling", 0.0)
    again = replace(ABLE.record)
    assert lacks.of("x/able", again, 1.0) == frozenset()
    lacks.learn("x/able", again, "vision", 1.0)
    assert lacks.of("x/able", again, 2.0) == {"vision"}


def test_nothing_is_known_of_others() -> None:
    lacks = Lacks()
    lacks.learn("x/able", ABLE.record, "tool_calling", 0.0)
    assert lacks.of("x/other", OTHER.record, 1.0) == frozenset()
    assert not NONE_KNOWN.known


def test_a_plan_asks_a_target_only_for_what_it_has() -> None:
    lacks = Lacks()
    lacks.learn("x/able", ABLE.record, "tool_calling", 1000.0)
    now = replace(context(WORLD, now=1001.0), lacks=lacks)
    made = planned(WORLD, facts(TOOLS), now)
    assert [(c.name, c.verdict, c.reasons) for c in made.candidates] == [
        ("x/other", "chosen", ()),
        ("x/able", "rejected", ("missing_capability:tool_calling",)),
    ]
    assert planned(WORLD, facts(), now).candidates[0].name == "x/able"
    assert planned(WORLD, facts({"vision": "messages[0]"}), now).candidates[0].name == "x/able"
    later = replace(now, now=1000.0 + BELIEVED)
    assert planned(WORLD, facts(TOOLS), later).candidates[0].name == "x/able"
