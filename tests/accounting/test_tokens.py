"""gateway.accounting.tokens: estimates near o200k's counts, cheap for any input."""

import pytest

from gateway.accounting.contents import IMAGE_TOKENS
from gateway.accounting.tokens import estimate_request, estimate_text
from translators.chat.request import ChatRequest

ENGLISH = "The quick brown fox jumps over the lazy dog, and nobody in the village was surprised by that. " * 10


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        (ENGLISH, 201),  # counted with o200k_base, as all of these
        ("def add(a: int, b: int) -> int:\n    return a + b\n" * 10, 190),
        ("今日は天気がいいので散歩に行きましょう。" * 10, 140),
        ("Сегодня хорошая погода, пойдём гулять. " * 10, 121),
        ("😀🎉🚀" * 10, 50),
    ],
    ids=["english", "code", "japanese", "russian", "emoji"],
)
def test_estimates_are_within_half(text: str, tokens: int) -> None:
    assert tokens * 0.5 < estimate_text(text) < tokens * 1.5


def test_lone_surrogates_and_emptiness() -> None:
    assert estimate_text("\ud800") >= 0
    assert estimate_text("") == 0


def test_a_request_counts_everything_it_holds() -> None:
    """Messages, calls, tools, images by the piece and not by their base64."""
    base = ChatRequest({"messages": [{"role": "user", "content": ENGLISH}]})
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 100_000}}
    with_image = ChatRequest({"messages": [{"role": "user", "content": [{"type": "text", "text": ENGLISH}, image]}]})
    assert estimate_request(with_image) - estimate_request(base) == IMAGE_TOKENS
    call = {"id": "a", "function": {"name": "f", "arguments": ENGLISH}}
    with_call = ChatRequest({"messages": [*base.messages, {"role": "assistant", "content": None, "tool_calls": [call]}]})
    assert estimate_request(with_call) > 1.8 * estimate_request(base)
    with_tools = ChatRequest({**base.body, "tools": [{"type": "function", "function": {"name": "f", "description": ENGLISH}}]})
    assert estimate_request(with_tools) > 1.8 * estimate_request(base)
    with_format = ChatRequest(
        {**base.body, "response_format": {"type": "json_schema", "json_schema": {"schema": {"description": ENGLISH}}}}
    )
    assert estimate_request(with_format) > 1.8 * estimate_request(base)
