"""Embeddings in Gemini's words: a batch of one content for each input."""

from dataclasses import replace
from typing import Any

import pytest

from translators.capabilities import Embedding, ModelRecord
from translators.chat.embeddings import EmbeddingsRequest, parse
from translators.chat.vectors import list_text
from translators.dialect import Target
from translators.errors import FailureKind, UpstreamError
from translators.gemini.embeddings import build_embeddings, parse_embeddings
from translators.json_codec import dumps, loads

FACTS = Embedding(dimensions=8, shorten="request")


def target(facts: Embedding = FACTS) -> Target:
    record = ModelRecord(context_window=8, max_output_tokens=1, embedding=facts)
    return Target("google", "gemini", "http://google.example", "vec-9", record)


def asked(**fields: Any) -> EmbeddingsRequest:
    return parse({"model": "p", "input": ["a goose", "a swan"], **fields})


def test_each_input_is_a_request_with_one_part() -> None:
    built = build_embeddings(asked(), target())
    assert built.url == "http://google.example/v1beta/models/vec-9:batchEmbedContents"
    assert loads(built.body) == {
        "requests": [
            {"model": "models/vec-9", "content": {"parts": [{"text": "a goose"}]}},
            {"model": "models/vec-9", "content": {"parts": [{"text": "a swan"}]}},
        ]
    }


def test_dimensions_and_task_stand_at_the_top_of_each_request() -> None:
    requests = loads(build_embeddings(asked(dimensions=4, input_type="document"), target()).body)[
        "requests"
    ]
    assert [(each["outputDimensionality"], each["taskType"]) for each in requests] == [
        (4, "RETRIEVAL_DOCUMENT")
    ] * 2


def test_dimensions_are_not_sent_to_a_model_that_is_cut_here() -> None:
    assert (
        b"outputDimensionality"
        not in build_embeddings(asked(dimensions=4), target(replace(FACTS, shorten="cut"))).body
    )


def test_what_gemini_has_no_place_for_is_told_but_not_the_user() -> None:
    built = build_embeddings(asked(user="u", truncate="END"), target())
    assert [(note.kind, note.param) for note in built.notes] == [("dropped", "truncate")]


def test_fields_of_x_provider_stand_in_each_request() -> None:
    requests = loads(
        build_embeddings(asked(x_provider={"gemini": {"title": "birds"}}), target()).body
    )["requests"]
    assert [each["title"] for each in requests] == ["birds", "birds"]


def test_vectors_are_read_in_the_order_that_was_sent() -> None:
    body = b'{"embeddings":[{"values":[0.10]},{"values":[2e0]}],"usageMetadata":{"promptTokenCount":6}}'  # noqa: E501
    read = parse_embeddings(body, asked())
    assert ([list_text(vector) for vector in read.vectors], read.prompt_tokens) == (
        [b"[0.10]", b"[2e0]"],
        6,
    )


@pytest.mark.parametrize(
    ("more", "tokens"),
    [
        ({}, None),
        ({"usageMetadata": {}}, None),
        ({"usageMetadata": {"totalTokenCount": 5}}, 5),
        (
            {
                "embeddings": [
                    {"values": [1], "statistics": {"token_count": 3}},
                    {"values": [1], "statistics": {"tokenCount": 4.0}},
                ]
            },
            7,
        ),
        (
            {"embeddings": [{"values": [1], "statistics": {"token_count": 3}}, {"values": [1]}]},
            None,
        ),
    ],
)
def test_tokens_are_counted_as_the_answer_says(more: dict[str, Any], tokens: int | None) -> None:
    assert (
        parse_embeddings(
            dumps({"embeddings": [{"values": [1]}, {"values": [1]}], **more}), asked()
        ).prompt_tokens
        == tokens
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"embeddings":[{}]}',
        b'{"embeddings":[{"values":"AAAA"}]}',
        b'{"embeddings":[{"values":[]}]}',
    ],
)
def test_what_is_no_batch_of_embeddings_is_malformed(body: bytes) -> None:
    with pytest.raises(UpstreamError) as failed:
        parse_embeddings(body, asked())
    assert failed.value.failure.kind is FailureKind.MALFORMED
