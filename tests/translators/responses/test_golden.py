"""Golden cases of requests and whole answers, with the official SDK's types as judges."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from openai.types.chat import ChatCompletion
from openai.types.responses import response_create_params
from pydantic import ConfigDict, TypeAdapter, ValidationError

from tests.translators.responses.golden import (
    REQUESTS,
    RESPONSES,
    Case,
    read,
    request_result,
    response_result,
)

BODY: TypeAdapter[Any] = TypeAdapter(
    response_create_params.ResponseCreateParams, config=ConfigDict(extra="forbid")
)

NOT_IN_THE_TYPES = {
    "audio_part": "the SDK has a type for heard input, but not yet a place in a message for it"
}


def exhaust(value: Any) -> None:
    """Types that say Iterable are checked only while they are read."""
    if isinstance(value, dict):
        value = value.values()
    if not isinstance(value, str | bytes) and isinstance(value, Iterable):
        for member in value:
            exhaust(member)


def requests_sent() -> list[Path]:
    return [
        path
        for path in REQUESTS
        if "body" in read(path)["expected"] and path.stem not in NOT_IN_THE_TYPES
    ]


def with_required_fields(item: Case) -> Case:
    """The types demand what the API does not: an id and a status on an assistant's message that
    comes from elsewhere.
    """
    if item.get("role") == "assistant" and isinstance(item["content"], list):
        return {"id": "msg_0", "status": "completed", **item}
    return item


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


@pytest.mark.parametrize("path", requests_sent(), ids=lambda path: path.stem)
def test_the_sdk_would_send_this_body(path: Path) -> None:
    """Every body is one that the types of the official SDK allow."""
    body = read(path)["expected"]["body"]
    exhaust(
        BODY.validate_python(
            {**body, "input": [with_required_fields(item) for item in body["input"]]}
        )
    )


@pytest.mark.parametrize(
    "flaw",
    [
        {"zap": 1},
        {"tools": [{"type": "function", "name": "f"}]},
        {"reasoning": {"effort": "very"}},
        {"input": [{"role": "tool"}]},
    ],
)
def test_the_judge_sees_flaws(flaw: Case) -> None:
    with pytest.raises(ValidationError):
        exhaust(BODY.validate_python({"model": "m", "input": "hi", **flaw}))


@pytest.mark.parametrize("path", RESPONSES, ids=lambda path: path.stem)
def test_response(path: Path) -> None:
    """A whole answer becomes exactly this completion, or this failure."""
    case = read(path)
    assert response_result(case) == case["expected"]


@pytest.mark.parametrize(
    "path",
    [p for p in RESPONSES if "completion" in read(p)["expected"]],
    ids=lambda path: path.stem,
)
def test_the_sdk_reads_this_completion(path: Path) -> None:
    """Every completion is one that the types of the official SDK allow."""
    ChatCompletion.model_validate(read(path)["expected"]["completion"])
