"""The golden cases: what each request becomes, and what each answer becomes."""

from pathlib import Path

import pytest

from tests.translators.gemini.golden import (
    REQUESTS,
    RESPONSES,
    read,
    request_result,
    response_result,
)
from tests.translators.gemini.official import check_completion, check_request


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: path.stem)
def test_request(path: Path) -> None:
    case = read(path)
    assert request_result(case) == case["expected"]


@pytest.mark.parametrize(
    "path", [p for p in REQUESTS if not p.stem.startswith("x_provider")], ids=lambda path: path.stem
)
def test_request_is_one_google_knows(path: Path) -> None:
    """The body validates with the types of Google's own package."""
    check_request(read(path)["expected"].get("body", {}))


@pytest.mark.parametrize("path", RESPONSES, ids=lambda path: path.stem)
def test_response(path: Path) -> None:
    case = read(path)
    assert response_result(case) == case["expected"]


@pytest.mark.parametrize("path", RESPONSES, ids=lambda path: path.stem)
def test_response_is_one_openai_knows(path: Path) -> None:
    """The answer validates with the types of OpenAI's own package."""
    completion = read(path)["expected"].get("completion")
    if completion is not None:
        check_completion(completion)
