"""gateway/routing/README.md is true: its examples are plans that are made, its reasons are the ones
there are.
"""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.revisions.load import ConfigFiles
from gateway.routing.decision import decide
from gateway.routing.facts import NOBODY
from gateway.routing.plan import SCHEMA_IN_WORDS, plan_document
from tests.pages import ROOT, blocks, page, section, spans
from tests.routing.worlds import context
from translators.chat.request import parse
from translators.json_codec import dumps

README = page("gateway/routing/README.md")
DAY = datetime(2026, 11, 30, 12, tzinfo=UTC)
"""Whose prices the examples have."""
SENTENCE = "The quick brown fox jumps over the lazy dog. "
ALL = {"OPENAI_API_KEY": "o", "ANTHROPIC_API_KEY": "a", "GEMINI_API_KEY": "g"}


def document(times: int) -> dict[str, Any]:
    return {"model": "analyst", "messages": [{"role": "user", "content": SENTENCE * times}]}


FIRST, LAST = (json.loads(block) for block in blocks(README, "json request"))
REQUESTS = [
    (FIRST, "OPENAI_API_KEY"),
    (document(28_000), None),
    (document(31_000), None),
    (LAST, None),
]
EXAMPLES = [
    (request, missing, json.loads(block))
    for (request, missing), block in zip(REQUESTS, blocks(README, "json plan"), strict=True)
]


@pytest.mark.parametrize(
    ("request_", "missing", "shown"),
    EXAMPLES,
    ids=lambda value: value.get("rule") if isinstance(value, dict) else "",
)
def test_an_example_is_the_plan_that_is_made(
    request_: dict[str, Any], missing: str | None, shown: dict[str, Any]
) -> None:
    """Each field that the page shows, of the shipped configuration."""
    config = ConfigFiles(
        ROOT / "config", {name: key for name, key in ALL.items() if name != missing}
    ).load()
    made = plan_document(
        decide(
            config, parse(request_, len(dumps(request_))), NOBODY, context(config, moment=DAY)
        ).plan
    )
    targets = [
        {name: target[name] for name in shown_}
        for target, shown_ in zip(made["targets"], shown["targets"], strict=True)
    ]
    assert {**{name: made[name] for name in shown}, "targets": targets} == shown


def test_the_sentence_of_the_example_has_the_length_that_the_page_says() -> None:
    assert f"one sentence of {len(SENTENCE)} characters, 28,000 times" in README


OTHERS = {
    "missing_capability",
    "too_many_tools",
    "cannot_force_tools",
    "max_output",
    SCHEMA_IN_WORDS,
}
"""Reasons that do not begin a text where the code gives them."""


def test_every_reason_is_documented() -> None:
    """What a plan says against a target, up to its colon."""
    sources = "".join(
        path.read_text("utf-8")
        for room in ("routing", "health")
        for path in (ROOT / "gateway" / room).glob("*.py")
    )
    given = set(re.findall(r'(?:refuse|Standing)\(f?"(\w+)', sources))
    assert {
        "context_overflow",
        "over_cost_tier",
        "cooldown",
        "no_usable_key",
        "unavailable",
    } <= given
    assert [reason for reason in OTHERS if not re.search(rf'"{reason}[":]', sources)] == []
    assert (given | OTHERS) - {
        span.partition(":")[0] for span in spans(section(README, "## Reasons"))
    } == set()
