"""Golden cases of requests and whole answers."""

from pathlib import Path

import pytest

from tests.translators.claude.golden import (
    REQUESTS,
    RESPONSES,
    envelope,
    read,
    request_result,
    response_result,
)
from translators import claude
from translators.errors import FailureKind, UpstreamError


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: path.stem)
def test_request(path: Path) -> None:
    """A chat request becomes exactly this body, with exactly these notes."""
    case = read(path)
    assert request_result(case) == case["expected"]


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: path.stem)
def test_building_leaves_the_request_untouched(path: Path) -> None:
    """A retry builds again from the same request, and gives the same."""
    case = read(path)
    first = request_result(case)
    assert request_result(case) == first
    assert case == read(path)


@pytest.mark.parametrize("path", RESPONSES, ids=lambda path: path.stem)
def test_response(path: Path) -> None:
    """A whole answer becomes exactly this completion, or this failure."""
    case = read(path)
    assert response_result(case) == case["expected"]


def test_an_answer_that_is_no_json() -> None:
    with pytest.raises(UpstreamError) as raised:
        claude.parse_response(b"<html>", envelope({}))
    assert raised.value.failure.kind is FailureKind.MALFORMED
