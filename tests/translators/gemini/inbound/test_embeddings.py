"""Google's methods as callers use them: read into the hub's form, answered in Google's."""

from typing import Any

import pytest

from translators.capabilities import Embedding, ModelRecord
from translators.chat.vectors import read_base64, read_list
from translators.dialect import Target
from translators.errors import InvalidRequest
from translators.gemini.embeddings import build_embeddings
from translators.gemini.inbound.embeddings import read, write
from translators.json_codec import loads
from translators.openai.embeddings import build_embeddings as build_for_openai

RECORD = ModelRecord(
    context_window=8, max_output_tokens=1, embedding=Embedding(dimensions=8, shorten="request")
)
GOOGLE = Target("google", "gemini", "http://google.example", "vec-9", RECORD)
OPENAI = Target("mine", "openai", "http://mine.example/v1", "vec-1", RECORD)


def content(*texts: str) -> dict[str, Any]:
    return {"role": "user", "parts": [{"text": text} for text in texts]}


def batch(*requests: dict[str, Any]) -> dict[str, Any]:
    return {"requests": list(requests)}


def test_one_content_is_one_input() -> None:
    request = read(
        "embedContent", "birds", {"content": content("a goose"), "outputDimensionality": 4}
    )
    assert (request.model, request.inputs, request.dimensions, request.encoding) == (
        "birds",
        ["a goose"],
        4,
        "base64",
    )


def test_a_batch_goes_to_gemini_as_it_came_but_for_the_model() -> None:
    document = batch(
        {
            "model": "models/birds",
            "content": content("a", "b"),
            "title": "t",
            "taskType": "CLUSTERING",
            "new": 1,
        }
    )
    sent = loads(build_embeddings(read("batchEmbedContents", "birds", document), GOOGLE).body)
    assert sent == batch(
        {
            "content": content("a", "b"),
            "title": "t",
            "taskType": "CLUSTERING",
            "new": 1,
            "model": "models/vec-9",
        }
    )


def test_for_others_texts_of_one_content_are_joined_and_the_rest_is_told() -> None:
    document = batch({"content": content("a", "b"), "title": "t", "taskType": "CLUSTERING"})
    built = build_for_openai(read("batchEmbedContents", "birds", document), OPENAI)
    assert loads(built.body) == {"model": "vec-1", "input": ["a\nb"], "encoding_format": "base64"}
    assert [(note.kind, note.param) for note in built.notes] == [
        ("dropped", "title"),
        ("dropped", "taskType"),
    ]


def test_embed_content_config_is_read_as_if_it_stood_beside_the_content() -> None:
    config = {"outputDimensionality": 4, "taskType": "CLUSTERING", "autoTruncate": False}
    request = read("embedContent", "birds", {"content": content("a"), "embedContentConfig": config})
    assert (request.dimensions, request.task) == (4, "CLUSTERING")
    assert request.natives == [{"content": content("a"), "taskType": "CLUSTERING"}]
    assert [note.param for note in request.notes] == ["taskType"]


def test_a_part_that_is_no_text_needs_a_target_that_speaks_gemini() -> None:
    document = {
        "content": {
            "parts": [{"text": "a"}, {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]
        }
    }
    assert read("embedContent", "birds", document).natives_only == "content.parts[1]"


def test_different_dimensions_need_a_target_that_speaks_gemini() -> None:
    request = read(
        "batchEmbedContents",
        "birds",
        batch({"content": content("a"), "outputDimensionality": 2}, {"content": content("b")}),
    )
    assert (request.natives_only, request.dimensions) == ("requests.outputDimensionality", None)
    sent = loads(build_embeddings(request, GOOGLE).body)["requests"]
    assert [each.get("outputDimensionality") for each in sent] == [2, None]


def test_predict_reads_instances() -> None:
    document = {
        "instances": [{"content": "a", "task_type": "CLUSTERING"}],
        "parameters": {"outputDimensionality": 4, "autoTruncate": False},
    }
    request = read("predict", "birds", document)
    assert (request.inputs, request.dimensions, request.task) == (["a"], 4, "CLUSTERING")
    assert [note.param for note in request.notes] == ["taskType"]


@pytest.mark.parametrize(
    ("method", "document"),
    [
        ("embedContent", {"content": content("a"), "autoTruncate": True}),
        ("embedContent", {"content": content("a"), "embedContentConfig": {"autoTruncate": True}}),
        ("predict", {"instances": [{"content": "a"}], "parameters": {"autoTruncate": True}}),
    ],
)
@pytest.mark.parametrize(
    ("build", "target"), [(build_embeddings, GOOGLE), (build_for_openai, OPENAI)]
)
def test_nothing_is_cut_off_and_who_asks_for_it_is_told(
    method: str, document: Any, build: Any, target: Target
) -> None:
    built = build(read(method, "birds", document), target)
    assert b"autoTruncate" not in built.body
    assert [(note.kind, note.param) for note in built.notes] == [("dropped", "autoTruncate")]


@pytest.mark.parametrize(
    ("method", "document", "param"),
    [
        ("embedContent", [], None),
        ("embedContent", {}, "content"),
        ("embedContent", {"content": "a"}, "content"),
        ("embedContent", {"content": {"parts": []}}, "content.parts"),
        ("embedContent", {"content": {"parts": ["a"]}}, "content.parts[0]"),
        ("embedContent", {"content": content("")}, "content"),
        ("embedContent", {"content": content("a"), "model": "models/other"}, "model"),
        (
            "embedContent",
            {"content": content("a"), "outputDimensionality": 0},
            "outputDimensionality",
        ),
        ("embedContent", {"content": content("a"), "taskType": "POEM"}, "taskType"),
        ("embedContent", {"content": content("a"), "embedContentConfig": 5}, "embedContentConfig"),
        ("batchEmbedContents", {}, "requests"),
        ("batchEmbedContents", {"requests": []}, "requests"),
        ("batchEmbedContents", {"requests": [5]}, "requests[0]"),
        (
            "batchEmbedContents",
            batch({"content": content("a")}, {"content": content("b"), "model": "x"}),
            "requests[1].model",
        ),
        ("predict", {"instances": [{"content": ""}]}, "instances[0].content"),
        ("predict", {"instances": [{"content": "a"}], "parameters": 5}, "parameters"),
    ],
)
def test_what_breaks_a_rule_is_named(method: str, document: Any, param: str | None) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read(method, "birds", document)
    assert refused.value.param == param


VECTORS = [read_list(b"[0.50,1]"), read_base64("AAAAPwAAgD8=")]


def test_a_batch_is_answered_in_order_with_usage() -> None:
    request = read(
        "batchEmbedContents", "birds", batch({"content": content("a")}, {"content": content("b")})
    )
    assert loads(write("batchEmbedContents", request, VECTORS, 5)) == {
        "embeddings": [{"values": [0.5, 1]}, {"values": [0.5, 1.0]}],
        "usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 5},
    }


def test_one_content_is_answered_with_one_embedding() -> None:
    request = read("embedContent", "birds", {"content": content("a")})
    assert loads(write("embedContent", request, VECTORS[:1], 5)) == {
        "embedding": {"values": [0.5, 1]},
        "usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 5},
    }


def test_predictions_share_the_tokens_that_were_counted() -> None:
    request = read("predict", "birds", {"instances": [{"content": "aaaa"}, {"content": "b"}]})
    predictions = loads(write("predict", request, VECTORS, 5))["predictions"]
    assert [each["embeddings"]["statistics"] for each in predictions] == [
        {"token_count": 4, "truncated": False},
        {"token_count": 1, "truncated": False},
    ]
