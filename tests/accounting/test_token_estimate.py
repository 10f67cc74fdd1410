"""gateway.accounting.token_estimate and contents: estimates near o200k's counts, cheap for any
input.
"""

from collections.abc import Callable
from statistics import mean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.accounting.prompt_contents import IMAGE_TOKENS, MESSAGE_TOKENS, MOST_PARTS, contents_of
from gateway.accounting.token_estimate import (
    PIECE,
    PIECES,
    WHOLE,
    estimate_request,
    estimate_text,
    estimate_texts,
    near,
    overflow,
    pieces,
)
from gateway.config import Model
from tests.accounting.counting import count_texts
from tests.accounting.samples import SAMPLES
from translators.capabilities import ModelRecord
from translators.chat.request import ChatRequest
from translators.json_codec import dumps
from translators.known_tools import forget_tools, known_tools, read

ENGLISH = (
    "The quick brown fox jumps over the lazy dog, and nobody in the village was surprised by that. "
    * 10
)
A_FERRY = SAMPLES["english"]


def user(content: Any, **more: Any) -> ChatRequest:
    return request([{"role": "user", "content": content}], **more)


def request(messages: list[dict[str, Any]], **more: Any) -> ChatRequest:
    body = {"model": "p", "messages": messages, **more}
    return ChatRequest(body, len(dumps(body)))


@pytest.mark.parametrize("name", SAMPLES)
def test_an_ordinary_text_is_estimated_within_a_third(name: str) -> None:
    assert estimate_text(SAMPLES[name]) == pytest.approx(count_texts([SAMPLES[name]]), rel=0.33)


def test_the_mean_error_over_all_kinds_of_text() -> None:
    errors = [estimate_text(text) / count_texts([text]) - 1 for text in SAMPLES.values()]
    assert mean(map(abs, errors)) < 0.12
    assert abs(mean(errors)) < 0.08


@pytest.mark.parametrize("name", SAMPLES)
def test_pieces_stand_for_a_long_text(name: str) -> None:
    text = SAMPLES[name]
    times = 3 * WHOLE // len(text)
    assert estimate_text(text * times) == pytest.approx(estimate_text(text) * times, rel=0.05)


def test_pieces_stand_for_many_texts() -> None:
    """Long and short ones mixed, each by its share."""
    texts = [SAMPLES["chinese"], A_FERRY * 5, SAMPLES["json"], "x"] * 100
    assert sum(map(len, texts)) > WHOLE
    assert estimate_texts(texts) == pytest.approx(sum(map(estimate_text, texts)), rel=0.05)


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=200), st.integers(0, 199))
def test_the_pieces_are_as_many_and_as_long_whatever_the_texts(
    lengths: list[int], longest: int
) -> None:
    lengths[longest % len(lengths)] += WHOLE
    texts = ["a" * length for length in lengths]
    assert sum(map(len, pieces(texts, sum(lengths)))) == PIECES * PIECE


@pytest.mark.parametrize("character", [" ", "a", "\n", "ก", "渡", "😀", "\ud800", "\x00"])
def test_a_megabyte_of_one_character_costs_as_much_as_any_long_text(character: str) -> None:
    text = character * 1_000_000
    assert sum(map(len, pieces([text], len(text)))) == PIECES * PIECE
    assert estimate_text(text) >= 0


def test_emptiness() -> None:
    assert estimate_texts([]) == estimate_text("") == 0
    assert estimate_request(request([])) == 1


CALL = {"type": "function", "function": {"name": "f", "arguments": "a"}}


@pytest.mark.parametrize(
    "body",
    [
        lambda n: {"messages": [{"role": "user", "content": "a"}] * n},
        lambda n: {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}] * n}]},
        lambda n: {"messages": [{"role": "assistant", "tool_calls": [CALL] * n}]},
        lambda n: {"messages": [], "tools": [[1] * n]},
        lambda n: {"messages": [], "tools": [{str(10**6 + i): "x" for i in range(n)}]},
        lambda n: {"messages": [], "tools": [[[["a"] * 20] * 20] * (n // 400)]},
    ],
    ids=["messages", "parts", "calls", "numbers", "keys", "nested"],
)
def test_of_a_request_with_too_many_parts_the_rest_is_taken_to_be_like_the_beginning(
    body: Callable[[int], dict[str, Any]],
) -> None:
    few, many = (ChatRequest(body(n), len(dumps(body(n)))) for n in (3_000, 300_000))
    assert contents_of(few).scale == 1.0
    assert len(contents_of(many).texts) <= 2 * MOST_PARTS + 2
    assert estimate_request(many) == pytest.approx(100 * estimate_request(few), rel=0.3)


def test_the_scale_is_fair() -> None:
    """Nine times as many messages as are looked at are nine times as many tokens."""
    message = {"role": "user", "content": A_FERRY}
    part, whole = request([message] * MOST_PARTS), request([message] * MOST_PARTS * 9)
    assert estimate_request(whole) == pytest.approx(9 * estimate_request(part), rel=0.02)


def test_a_request_counts_everything_it_holds() -> None:
    """Messages, names, calls, tools, schemas, and images by the piece and not by their base64."""
    base = estimate_request(user(ENGLISH))
    text = {"type": "text", "text": ENGLISH}
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 100_000}}
    assert estimate_request(user([text])) == base
    assert estimate_request(user([text, image])) - base == IMAGE_TOKENS
    call = {"id": "a", "function": {"name": "f", "arguments": ENGLISH}}
    legacy = {"name": "f", "arguments": ENGLISH}
    for more in (
        {"tool_calls": [call]},
        {"tool_calls": [{"id": "a", "type": "custom", "custom": {"name": "f", "input": ENGLISH}}]},
        {"function_call": legacy},
        {"function_call": {"name": "f", "arguments": {"x": ENGLISH}}},
    ):
        assert (
            estimate_request(
                request(
                    [
                        {"role": "user", "content": ENGLISH},
                        {"role": "assistant", "content": None, **more},
                    ]
                )
            )
            > 1.8 * base
        )
    function = {"name": "f", "description": ENGLISH}
    for more in (
        {"tools": [{"type": "function", "function": function}]},
        {"functions": [function]},
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"schema": {"description": ENGLISH}},
            }
        },
    ):
        assert estimate_request(user(ENGLISH, **more)) > 1.8 * base
    assert (
        base
        < estimate_request(request([{"role": "user", "name": "Ada", "content": ENGLISH}]))
        < base + 4
    )


@pytest.mark.parametrize(
    ("part", "tokens"),
    [
        ({"type": "image_url", "image_url": {"url": "https://example.org/x.png"}}, IMAGE_TOKENS),
        (
            {
                "type": "image_url",
                "image_url": {"url": "data:application/pdf;base64," + "A" * 50_000},
            },
            1563,
        ),
        ({"type": "file", "file": {"file_data": "A" * 50_000}}, 1562),
        ({"type": "file", "file": {"file_data": "data:text/plain;base64," + "A" * 5_000}}, 1004),
        ({"type": "file", "file": {"file_id": "file-1"}}, 0),
        ({"type": "input_audio", "input_audio": {"data": "A" * 20_000, "format": "mp3"}}, 40),
        (
            {"type": "video_url", "video_url": {"url": "data:video/mp4;base64," + "A" * 1_350_000}},
            3000,
        ),
    ],
    ids=["image", "pdf", "file", "text file", "file by id", "audio", "video"],
)
def test_media_count_by_what_they_are(part: dict[str, Any], tokens: int) -> None:
    assert contents_of(user([part])).tokens - MESSAGE_TOKENS == pytest.approx(tokens, abs=1)


def test_near_a_limit() -> None:
    assert [near(tokens, 1000) for tokens in (849, 850, 1000, 1150, 1151)] == [
        False,
        True,
        True,
        True,
        False,
    ]


def test_overflow_names_what_is_needed_and_what_there_is() -> None:
    def model(**record: int) -> Model:
        return Model(
            id="m",
            record=ModelRecord(context_window=1000, max_output_tokens=300, **record),
            cost_tier="low",
        )

    assert overflow(model(), 700, 300) is None
    assert overflow(model(), 701, 300) == (1001, 1000)
    assert overflow(model(), 700, 50_000) is None
    assert overflow(model(), 1000, None) is None
    assert overflow(model(max_input_tokens=600), 601, None) == (601, 600)


texts = st.text(st.sampled_from('ab "\\/\n\r\t\f߀{}[]:,1'), max_size=12)
values = st.recursive(
    st.one_of(texts, st.integers(-9, 10**12), st.floats(-1e9, 1e9), st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=30,
)


@given(st.lists(values, min_size=1, max_size=6))
def test_a_set_of_tools_counts_by_its_text_as_by_a_walk_over_it(held: list[Any]) -> None:
    tools = [*({"type": value} for value in held), {"description": "word " * 500}]
    forget_tools()
    document = read(dumps({"messages": [], "tools": tools}))
    assert document is not None
    assert known_tools(document["tools"]) is not None
    by_text = contents_of(ChatRequest(document, 0), joined=True)
    by_walk = contents_of(ChatRequest({"messages": [], "tools": tools}, 0))
    assert (by_text.tokens, by_text.scale) == (by_walk.tokens, by_walk.scale)
    assert estimate_texts(by_text.texts) == estimate_texts(by_walk.texts)
