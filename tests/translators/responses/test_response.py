"""translators.responses.response: what is no response at all; whole answers are golden cases."""

import pytest

from tests.translators.responses.golden import envelope
from translators.errors import FailureKind, UpstreamError
from translators.responses import parse_response


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b'{"output":{}}'])
def test_a_body_that_is_no_response(body: bytes) -> None:
    with pytest.raises(UpstreamError) as caught:
        parse_response(body, envelope({}))
    assert caught.value.failure.kind is FailureKind.MALFORMED


def test_an_error_under_a_good_status() -> None:
    with pytest.raises(UpstreamError) as caught:
        parse_response(b'{"error":{"message":"m","code":"rate_limit_exceeded"}}', envelope({}))
    assert caught.value.failure.kind is FailureKind.RATE_LIMIT
