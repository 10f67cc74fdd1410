"""What Gemini counted, and the tier that served."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.translators.gemini.streams import envelope, frame, sse
from translators import gemini
from translators.json_codec import dumps


def answered(**metadata: Any) -> dict[str, Any]:
    """The completion of an answer with these counts."""
    return dict(
        gemini.parse_response(
            dumps({**frame({"text": "x"}, reason="STOP"), "usageMetadata": metadata}), envelope()
        )
    )


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
    """The total is what was given, written and fed in: so the thoughts are among the written
    ones."""
    counts = {
        "promptTokenCount": 10,
        "candidatesTokenCount": 20,
        "thoughtsTokenCount": 15,
        "toolUsePromptTokenCount": 7,
    }
    usage = answered(**counts, totalTokenCount=37)["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (
        17,
        20,
        37,
    )


def test_a_modality_that_is_told_in_parts() -> None:
    parts = [
        {"modality": "AUDIO", "tokenCount": 3},
        {"modality": "TEXT", "tokenCount": 2},
        {"modality": "AUDIO", "tokenCount": 4},
    ]
    usage = answered(
        promptTokenCount=9,
        candidatesTokenCount=7,
        promptTokensDetails=parts,
        candidatesTokensDetails=parts,
    )["usage"]
    assert (
        usage["prompt_tokens_details"]["audio_tokens"],
        usage["completion_tokens_details"]["audio_tokens"],
    ) == (7, 7)


def test_a_number_of_thousands_of_digits_is_no_count() -> None:
    counted = answered(
        promptTokenCount="9" * 5000, candidatesTokenCount=10**4000, totalTokenCount="7"
    )["usage"]
    assert (counted["prompt_tokens"], counted["completion_tokens"]) == (0, 0)


def streamed(*counts: dict[str, Any], read: int = 0) -> dict[str, Any]:
    """The usage of a stream with these counts in its frames, read at once or in pieces of so many
    bytes.
    """
    frames = [
        {**frame({"text": f"{number}"}), "usageMetadata": metadata}
        for number, metadata in enumerate(counts)
    ]
    data = sse(*frames, frame({"text": ""}, reason="STOP"))
    stream = gemini.open_stream(envelope())
    for start in range(0, len(data), read or len(data)):
        stream.receive(data[start : start + (read or len(data))])
    stream.receive_eof()
    assert stream.finished
    return stream.usage_so_far or {}


def numbers(usage: dict[str, Any]) -> tuple[int, ...]:
    """Prompt, completion, total, thoughts, cached."""
    return (
        usage["prompt_tokens"],
        usage["completion_tokens"],
        usage["total_tokens"],
        usage["completion_tokens_details"]["reasoning_tokens"],
        usage["prompt_tokens_details"]["cached_tokens"],
    )


def metadata(
    prompt: int | None = None,
    candidates: int | None = None,
    thoughts: int | None = None,
    fed: int | None = None,
    cached: int | None = None,
    total: int | None = None,
) -> dict[str, Any]:
    found = {
        "promptTokenCount": prompt, "candidatesTokenCount": candidates,
        "thoughtsTokenCount": thoughts, "toolUsePromptTokenCount": fed,
        "cachedContentTokenCount": cached, "totalTokenCount": total,
    }  # fmt: skip
    return {name: value for name, value in found.items() if value is not None}


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        pytest.param([metadata(9, 21, 35, total=65), metadata(87, thoughts=78, total=165)], (87,
         78, 165, 78, 0), id="nothing_carried"),
        pytest.param([metadata(10, 5, total=15), metadata(candidates=9, total=19)], (10, 9, 19, 0,
         0), id="prompt_carried"),
        pytest.param([metadata(10, 5, 30, total=45), metadata(10, 9, total=49)], (10, 39, 49, 30,
         0), id="thoughts_carried"),
        pytest.param([metadata(10, 5, 30, total=45), metadata(10, 9, total=19)], (10, 9, 19, 0, 0),
         id="thoughts_gone"),
        pytest.param([metadata(10, 5, fed=7, total=22), metadata(10, 9, total=26)], (17, 9, 26, 0,
         0), id="tool_results_carried"),
        pytest.param([metadata(10, 5, 3, 7, total=25), metadata(10, 9, total=22)], (10, 12, 22, 3,
         0), id="one_of_two_carried"),
        pytest.param([metadata(10, 5, 3, 7, total=25), metadata(10, 9, total=29)], (17, 12, 29, 3,
         0), id="both_carried"),
        pytest.param([metadata(10, 5, 8, total=23), metadata(10, 9, total=24)], (10, 9, 19, 0, 0),
         id="too_large_to_be_meant"),
        pytest.param([metadata(100, cached=80, total=100), metadata(100, 5, total=105)], (100, 5,
         105, 0, 80), id="cached_of_this_prompt"),
        pytest.param([metadata(100, cached=80, total=100), metadata(87, 5, total=92)], (87, 5, 92,
         0, 0), id="cached_of_another_prompt"),
        pytest.param([metadata(100, cached=80, total=100), metadata(candidates=5, total=105)],
         (100, 5, 105, 0, 80), id="cached_with_it"),
        pytest.param([metadata(10, total=10), metadata(candidates=4)], (10, 4, 14, 0, 0),
         id="no_total"),
        pytest.param([metadata(10, 4, total=14), {"trafficType": "ON_DEMAND"}], (10, 4, 14, 0, 0),
         id="no_counts"),
        pytest.param([metadata(10, 4, total=14), {"promptTokenCount": None, "totalTokenCount": 18,
         "candidatesTokenCount": 8}],
                     (10, 8, 18, 0, 0), id="null"),
        pytest.param([metadata(10, 4, 3, total=17), metadata(3, 2, 1, total=6)], (3, 3, 6, 1, 0),
         id="less_than_before"),
        pytest.param([metadata(10, 20, 15, total=30), metadata(10, 22, 16, total=32)], (10, 22, 32,
         16, 0), id="thoughts_among_candidates"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("read", [0, 1, 7])
def test_the_newest_count_holds(
    counts: list[dict[str, Any]], expected: tuple[int, ...], read: int
) -> None:
    assert numbers(streamed(*counts, read=read)) == expected


def test_details_go_with_what_they_are_details_of() -> None:
    heard = [{"modality": "AUDIO", "tokenCount": 6}]
    first = {
        **metadata(10, 5, total=15),
        "promptTokensDetails": heard,
        "candidatesTokensDetails": heard,
    }
    same, other = (
        streamed(first, metadata(10, 7, total=17)),
        streamed(first, metadata(12, 5, total=17)),
    )
    assert (
        same["prompt_tokens_details"]["audio_tokens"],
        same["completion_tokens_details"]["audio_tokens"],
    ) == (6, 0)
    assert (
        other["prompt_tokens_details"]["audio_tokens"],
        other["completion_tokens_details"]["audio_tokens"],
    ) == (0, 6)


COUNT = st.integers(0, 50)
ADDED = st.fixed_dictionaries(
    {}, optional={"prompt": COUNT, "candidates": COUNT, "thoughts": COUNT, "fed": COUNT}
)
SNAPSHOTS = st.builds(
    lambda parts, cached, total: metadata(**parts, cached=cached, total=total),
    ADDED,
    st.none() | COUNT,
    st.none() | COUNT,
)


@given(st.lists(SNAPSHOTS, min_size=1, max_size=7), st.integers(1, 90))
@settings(max_examples=150, deadline=None)
def test_counts_do_not_depend_on_how_they_are_read(
    snapshots: list[dict[str, Any]], read: int
) -> None:
    assert streamed(*snapshots, read=read) == streamed(*snapshots)


@given(st.lists(SNAPSHOTS, max_size=5), ADDED, st.integers(1, 90))
@settings(max_examples=150, deadline=None)
def test_a_count_that_adds_up_needs_nothing_from_before(
    before: list[dict[str, Any]], parts: dict[str, int], read: int
) -> None:
    """The answer costs what the last frame says, whatever others said before it."""
    last = metadata(**parts, total=sum(parts.values()))
    assert numbers(streamed(*before, last, read=read))[:4] == numbers(streamed(last))[:4]


@given(ADDED, ADDED, st.sets(st.sampled_from(["prompt", "candidates", "thoughts", "fed"])))
@settings(max_examples=150, deadline=None)
def test_what_was_left_out_is_found_again_by_the_total(
    before: dict[str, int], after: dict[str, int], left_out: set[str]
) -> None:
    """Fields that did not change may be left out; the total is what all of them come to."""
    kept = {name: before[name] for name in left_out & before.keys()}
    whole = {**after, **kept}
    shown = {name: value for name, value in after.items() if name not in kept}
    told = streamed(
        metadata(**before, total=sum(before.values())), metadata(**shown, total=sum(whole.values()))
    )
    assert told["total_tokens"] == sum(whole.values())
