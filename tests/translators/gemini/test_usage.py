"""What Gemini counted, and the tier that served."""

from typing import Any

import pytest

from tests.translators.gemini.streams import envelope, frame
from translators import gemini
from translators.jsontext import dumps


def answered(**metadata: Any) -> dict[str, Any]:
    """The completion of an answer with these counts."""
    return dict(gemini.parse_response(dumps({**frame({"text": "x"}, reason="STOP"), "usageMetadata": metadata}), envelope()))


@pytest.mark.parametrize("field", ["trafficType", "serviceTier"])
@pytest.mark.parametrize(
    ("told", "tier"),
    [
        ("ON_DEMAND", "default"),
        ("STANDARD", "default"),
        ("standard", "default"),
        ("ON_DEMAND_FLEX", "flex"),
        ("FLEX", "flex"),
        ("ON_DEMAND_OFFPEAK", "flex"),
        ("ON_DEMAND_PRIORITY", "priority"),
        ("PRIORITY", "priority"),
        ("PROVISIONED_THROUGHPUT", "scale"),
        ("NEVER_HEARD_OF", None),
    ],
)
def test_service_tiers(field: str, told: str, tier: str | None) -> None:
    assert answered(**{field: told}).get("service_tier") == tier


def test_thoughts_that_were_counted_twice_beside_results_of_tools() -> None:
    """The total is what was given, written and fed in: so the thoughts are among the written ones."""
    counts = {"promptTokenCount": 10, "candidatesTokenCount": 20, "thoughtsTokenCount": 15, "toolUsePromptTokenCount": 7}
    usage = answered(**counts, totalTokenCount=37)["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (17, 20, 37)


def test_a_modality_that_is_told_in_parts() -> None:
    parts = [{"modality": "AUDIO", "tokenCount": 3}, {"modality": "TEXT", "tokenCount": 2}, {"modality": "AUDIO", "tokenCount": 4}]
    usage = answered(promptTokenCount=9, candidatesTokenCount=7, promptTokensDetails=parts, candidatesTokensDetails=parts)["usage"]
    assert (usage["prompt_tokens_details"]["audio_tokens"], usage["completion_tokens_details"]["audio_tokens"]) == (7, 7)


def test_a_number_of_thousands_of_digits_is_no_count() -> None:
    counted = answered(promptTokenCount="9" * 5000, candidatesTokenCount=10**4000, totalTokenCount="7")["usage"]
    assert (counted["prompt_tokens"], counted["completion_tokens"]) == (0, 0)
