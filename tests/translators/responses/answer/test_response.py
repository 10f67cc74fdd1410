"""translators.responses.answer.response: what is no response at all; whole answers are golden
cases.
"""

import pytest

from tests.translators.responses import transcripts as t
from tests.translators.responses.golden import envelope
from translators.dialect import Envelope
from translators.errors import FailureKind, UpstreamError
from translators.json_codec import dumps
from translators.responses import parse_response


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b'{"output":{}}'])
def test_a_body_that_is_no_response(body: bytes) -> None:
    with pytest.raises(UpstreamError) as caught:
        parse_response(body, envelope({}))
    assert caught.value.failure.kind is FailureKind.MALFORMED


@pytest.mark.parametrize(
    ("why", "reason", "native"),
    [
        ("max_output_tokens", "length", None),
        ("max_messages", "length", "max_messages"),
        ("content_filter", "content_filter", None),
        ("steered", "stop", "steered"),
        ("never_heard_of", "length", "never_heard_of"),
    ],
)
def test_why_a_response_is_incomplete(why: str, reason: str, native: str | None) -> None:
    body = dumps(t.response(t.TEXT, status="incomplete", incomplete_details={"reason": why}))
    choice = parse_response(body, envelope({}))["choices"][0]
    assert (choice["finish_reason"], choice.get("native_finish_reason")) == (reason, native)


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_a_response_that_is_not_there_yet(status: str) -> None:
    with pytest.raises(UpstreamError) as caught:
        parse_response(dumps(t.response(status=status)), envelope({}))
    assert caught.value.failure.kind is FailureKind.NO_OUTPUT


def test_the_total_is_the_sum() -> None:
    """Whatever else the provider says it is."""
    body = dumps(
        t.response(t.TEXT, usage={"input_tokens": 1, "output_tokens": 2, "total_tokens": 9})
    )
    assert parse_response(body, envelope({}))["usage"]["total_tokens"] == 3


def test_an_error_under_a_good_status() -> None:
    with pytest.raises(UpstreamError) as caught:
        parse_response(b'{"error":{"message":"m","code":"rate_limit_exceeded"}}', envelope({}))
    assert caught.value.failure.kind is FailureKind.RATE_LIMIT


def test_items_and_tokens_of_another_form_are_passed_over() -> None:
    odd = {
        **t.TEXT,
        "content": [
            {
                "type": "output_text",
                "text": "x",
                "logprobs": [5, {"token": "x", "top_logprobs": [1, {"token": "y"}]}],
            }
        ],
    }
    choice = parse_response(dumps(t.response(odd, {"type": {}}, {"type": []})), envelope({}))[
        "choices"
    ][0]
    assert choice["message"]["content"] == "x"
    top = [{"bytes": None, "token": "y"}]
    assert choice["logprobs"] == {
        "content": [{"bytes": None, "token": "x", "top_logprobs": top}],
        "refusal": None,
    }


@pytest.mark.parametrize(
    ("told", "created"), [(b"17", 17), (b"17.5", 17), (b"1e400", 1), (b"true", 1), (b'"x"', 1)]
)
def test_when_it_was_made(told: bytes, created: int) -> None:
    body = dumps(t.response(t.TEXT, created_at="HERE")).replace(b'"HERE"', told)
    assert parse_response(body, Envelope("i", 1, "m"))["created"] == created
