"""The golden cases: what each request becomes, and what each answer becomes."""

from pathlib import Path

import pytest
from google.genai import types as google
from openai.types import CreateEmbeddingResponse

from tests.translators.embeddings.golden import (
    REQUESTS,
    RESPONSES,
    read,
    request_result,
    response_result,
)
from translators.chat.vectors import read_base64, values_of
from translators.json_codec import loads


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: path.stem)
def test_request(path: Path) -> None:
    case = read(path)
    assert request_result(case) == case["expected"]


@pytest.mark.parametrize("path", RESPONSES, ids=lambda path: path.stem)
def test_response(path: Path) -> None:
    case = read(path)
    assert response_result(case) == case["expected"]


@pytest.mark.parametrize(
    "path", [p for p in RESPONSES if "answer" in read(p)["expected"]], ids=lambda path: path.stem
)
def test_response_is_one_the_callers_package_knows(path: Path) -> None:
    case = read(path)
    answer = loads(case["expected"]["answer"])
    if "method" not in case:
        for item in answer["data"]:
            item["embedding"] = (
                values_of(read_base64(item["embedding"]))
                if isinstance(item["embedding"], str)
                else item["embedding"]
            )
        assert CreateEmbeddingResponse.model_validate(answer).object == "list"
    elif "predictions" not in answer:
        embeddings = answer.get("embeddings") or [answer["embedding"]]
        assert all(google.ContentEmbedding.model_validate(each).values for each in embeddings)
