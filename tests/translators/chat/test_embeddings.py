"""Requests for embeddings are checked, and answers held against what was asked."""

from typing import Any

import pytest

from translators.capabilities import Embedding
from translators.chat.embeddings import (
    EmbeddingsAnswer,
    finished,
    parse,
    too_large_in_total,
    unsupported_dimensions,
    write,
)
from translators.chat.vectors import list_text, read_list
from translators.errors import FailureKind, InvalidRequest, UpstreamError
from translators.failures import failure
from translators.json_codec import loads


@pytest.mark.parametrize(
    ("given", "inputs"),
    [
        ("a kite", ["a kite"]),
        (["a kite"], ["a kite"]),
        (["a\nkite", "  "], ["a\nkite", "  "]),
        ([5, 6], [[5, 6]]),
        ([[5, 6], [7]], [[5, 6], [7]]),
    ],
)
def test_every_form_of_input_is_a_list_of_inputs(given: Any, inputs: list[Any]) -> None:
    assert parse({"model": "m", "input": given}).inputs == inputs


@pytest.mark.parametrize(
    ("more", "param", "code"),
    [
        ({"input": None}, "input", "missing_required_parameter"),
        ({"model": None}, "model", "missing_required_parameter"),
        ({"model": 5}, "model", "invalid_type"),
        ({"input": ""}, "input", "empty_string"),
        ({"input": []}, "input", "empty_array"),
        ({"input": ["a", ""]}, "input[1]", "empty_string"),
        ({"input": [[1], []]}, "input[1]", "empty_array"),
        ({"input": ["a", 1]}, "input[1]", "invalid_type"),
        ({"input": [1, "a"]}, "input[1]", "invalid_type"),
        ({"input": [1, True]}, "input[1]", "invalid_type"),
        ({"input": [[1], "a"]}, "input[1]", "invalid_type"),
        ({"input": [[1, -1]]}, "input[0][1]", "integer_below_min_value"),
        ({"input": [[1, 1.5]]}, "input[0][1]", "invalid_type"),
        ({"input": [{"text": "a"}]}, "input[0]", "invalid_type"),
        ({"input": 5}, "input", "invalid_type"),
        ({"input": ["a"] * 100_001}, "input", "array_above_max_length"),
        ({"encoding_format": "int8"}, "encoding_format", "invalid_value"),
        ({"encoding_format": ["float"]}, "encoding_format", "invalid_value"),
        ({"dimensions": 0}, "dimensions", "integer_below_min_value"),
        ({"dimensions": 2.0}, "dimensions", "invalid_type"),
        ({"dimensions": True}, "dimensions", "invalid_type"),
        ({"user": 5}, "user", "invalid_type"),
        ({"input_type": "poem"}, "input_type", "invalid_value"),
        ({"task_type": 5}, "task_type", "invalid_type"),
        ({"x_provider": []}, "x_provider", "invalid_type"),
        ({"x_provider": {"openai": {"input": "b"}}}, "x_provider.openai.input",
         "unsupported_parameter"),
        ({"x_provider": {"gemini": {"outputDimensionality": 1}}},
         "x_provider.gemini.outputDimensionality", "unsupported_parameter"),
    ],
)  # fmt: skip
def test_what_breaks_a_rule_is_named(more: dict[str, Any], param: str, code: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse({"model": "m", "input": "a", **more})
    assert (refused.value.param, refused.value.code) == (param, code)


def test_a_body_that_is_no_object_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="must be a JSON object"):
        parse([])


def test_null_is_the_same_as_nothing() -> None:
    request = parse(
        {
            "model": "m",
            "input": "a",
            "encoding_format": None,
            "dimensions": None,
            "user": None,
            "input_type": None,
        }
    )
    assert (request.encoding, request.dimensions, request.task) == ("float", None, None)


@pytest.mark.parametrize(
    ("name", "said"), [("input_type", "query"), ("task_type", "RETRIEVAL_QUERY")]
)
def test_a_task_has_geminis_name(name: str, said: str) -> None:
    assert parse({"model": "m", "input": "a", name: said}).task == "RETRIEVAL_QUERY"


@pytest.mark.parametrize(
    ("shorten", "asked", "refused"),
    [
        ("no", 8, False), ("no", 4, True), ("request", 4, False), ("cut", 4, False), ("cut", 1,
         True), ("request", 9, True),
        ("no", None, False),
    ],
)  # fmt: skip
def test_dimensions_that_a_model_has(shorten: Any, asked: int | None, refused: bool) -> None:
    facts = Embedding(dimensions=8, shorten=shorten, min_dimensions=2)
    assert (unsupported_dimensions(asked, facts) is not None) == refused


def vectors(*texts: bytes) -> EmbeddingsAnswer:
    return EmbeddingsAnswer([read_list(text) for text in texts], "m", 1)


@pytest.mark.parametrize(
    ("facts", "dimensions", "text"),
    [
        (Embedding(dimensions=2, normalised="always"), None, b"[3,4]"),
        (Embedding(dimensions=2, normalised="native_only"), None, b"[3,4]"),
        (Embedding(dimensions=4, normalised="native_only", shorten="request"), 2, b"[0.6,0.8]"),
        (Embedding(dimensions=2, normalised="no"), None, b"[0.6,0.8]"),
        (Embedding(dimensions=4, shorten="request"), 2, b"[3,4]"),
    ],
)
def test_what_has_not_length_one_as_it_comes_is_given_it(
    facts: Embedding, dimensions: int | None, text: bytes
) -> None:
    request = parse({"model": "m", "input": "a", "dimensions": dimensions})
    assert list_text(finished(vectors(b"[3,4]"), request, facts).vectors[0]) == text


def test_a_model_that_is_cut_here_gives_the_first_numbers_with_length_one() -> None:
    request = parse({"model": "m", "input": "a", "dimensions": 2})
    cut = finished(vectors(b"[3,4,9]"), request, Embedding(dimensions=3, shorten="cut"))
    assert list_text(cut.vectors[0]) == b"[0.6,0.8]"


@pytest.mark.parametrize(
    "answer",
    [vectors(), vectors(b"[1]"), vectors(b"[1]", b"[1,2]"), vectors(b"[1]", b"[1]", b"[1]")],
)
def test_an_answer_that_is_not_one_vector_for_each_input_is_malformed(
    answer: EmbeddingsAnswer,
) -> None:
    with pytest.raises(UpstreamError) as failed:
        finished(answer, parse({"model": "m", "input": ["a", "b"]}), Embedding(dimensions=1))
    assert failed.value.failure.kind is FailureKind.MALFORMED


def test_an_answer_with_fewer_dimensions_than_asked_is_malformed() -> None:
    with pytest.raises(UpstreamError):
        finished(
            vectors(b"[1]"),
            parse({"model": "m", "input": "a", "dimensions": 2}),
            Embedding(dimensions=4, shorten="request"),
        )


@pytest.mark.parametrize(
    ("kind", "message", "expected"),
    [
        (FailureKind.REQUEST_TOO_LARGE, "no", True),
        (
            FailureKind.INVALID_REQUEST,
            "Requested 400000 tokens, max 300000 tokens per request",
            True,
        ),
        (FailureKind.INVALID_REQUEST, "maximum request size is 300000 tokens", True),
        (FailureKind.INVALID_REQUEST, "at most 100 requests can be in one batch", True),
        (FailureKind.CONTEXT_LENGTH, "This model's maximum context length is 8192 tokens", False),
        (FailureKind.RATE_LIMIT, "tokens per request", False),
        (FailureKind.SERVER_ERROR, "request size", False),
    ],
)
def test_refusals_of_all_inputs_together(kind: FailureKind, message: str, expected: bool) -> None:
    assert too_large_in_total(failure(kind, message)) == expected


def test_the_answer_numbers_its_vectors_anew() -> None:
    written = loads(write(vectors(b"[1.50]", b"[2]").vectors, "float", "served", 7))
    assert written == {
        "object": "list",
        "data": [
            {"object": "embedding", "index": 0, "embedding": [1.5]},
            {"object": "embedding", "index": 1, "embedding": [2]},
        ],
        "model": "served",
        "usage": {"prompt_tokens": 7, "total_tokens": 7},
    }


def test_a_part_knows_where_it_begins() -> None:
    part = parse({"model": "m", "input": ["a", "b", "c", "d"]}).part(1, 4).part(1, 2)
    assert (part.inputs, part.start) == (["c"], 2)
