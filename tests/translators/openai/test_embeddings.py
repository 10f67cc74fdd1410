"""Embeddings in OpenAI's words: what is sent, and what is read leniently."""

from dataclasses import replace
from typing import Any

import pytest

from translators.capabilities import Embedding, ModelRecord
from translators.chat.embeddings import EmbeddingsRequest, parse
from translators.chat.vectors import list_text, values_of
from translators.dialect import Target
from translators.errors import FailureKind, UpstreamError
from translators.json_codec import dumps, loads
from translators.openai.embeddings import build_embeddings, parse_embeddings

FACTS = Embedding(dimensions=8, shorten="request", tokens="cl100k_base")


def target(facts: Embedding = FACTS) -> Target:
    record = ModelRecord(context_window=8, max_output_tokens=1, embedding=facts)
    return Target("mine", "openai", "http://mine.example/v1/", "vec-1", record, query="?v=2")


def asked(**fields: Any) -> EmbeddingsRequest:
    return parse({"model": "p", "input": ["a goose", "a swan"], **fields})


def test_one_text_is_sent_as_a_list() -> None:
    built = build_embeddings(parse({"model": "p", "input": "a goose"}), target())
    assert built.url == "http://mine.example/v1/embeddings?v=2"
    assert loads(built.body) == {"model": "vec-1", "input": ["a goose"], "encoding_format": "float"}


def test_token_ids_user_and_fields_that_nobody_knows_are_relayed() -> None:
    request = parse(
        {
            "model": "p",
            "input": [[7, 8]],
            "user": "u",
            "truncate": "NONE",
            "encoding_format": "base64",
            "dimensions": 4,
        }
    )
    assert loads(build_embeddings(request, target()).body) == {
        "model": "vec-1", "input": [[7, 8]], "encoding_format": "base64", "dimensions": 4,
        "user": "u", "truncate": "NONE",
    }  # fmt: skip


def test_a_text_is_not_touched() -> None:
    request = parse({"model": "p", "input": "a\ngoose\r\n "})
    assert loads(build_embeddings(request, target()).body)["input"] == ["a\ngoose\r\n "]


def test_a_server_that_does_not_know_base64_is_not_asked_for_any_form() -> None:
    built = build_embeddings(asked(encoding_format="base64"), target(replace(FACTS, base64=False)))
    assert "encoding_format" not in loads(built.body)


@pytest.mark.parametrize("shorten", ["cut", "no"])
def test_dimensions_are_not_sent_to_models_that_refuse_them(shorten: Any) -> None:
    assert "dimensions" not in loads(
        build_embeddings(asked(dimensions=4), target(replace(FACTS, shorten=shorten))).body
    )


def test_a_task_is_dropped_and_told() -> None:
    built = build_embeddings(asked(input_type="query"), target())
    assert "input_type" not in loads(built.body)
    assert [(note.kind, note.param) for note in built.notes] == [("dropped", "input_type")]


def test_fields_of_x_provider_are_laid_over_the_body() -> None:
    built = build_embeddings(
        asked(x_provider={"mine": {"truncate": "END"}, "gemini": {"title": "t"}}), target()
    )
    assert loads(built.body)["truncate"] == "END"
    assert not {"title", "x_provider"} & loads(built.body).keys()


def answer(*items: dict[str, Any], **more: Any) -> bytes:
    return dumps(
        {
            "object": "list",
            "data": list(items),
            "model": "served",
            "usage": {"prompt_tokens": 4},
            **more,
        }
    )


def test_vectors_are_sorted_by_index() -> None:
    read = parse_embeddings(
        answer({"index": 1, "embedding": [1.0]}, {"index": 0, "embedding": [2.0]}), asked()
    )
    assert [values_of(vector) for vector in read.vectors] == [[2.0], [1.0]]
    assert (read.model, read.prompt_tokens) == ("served", 4)


def test_without_index_the_position_counts() -> None:
    read = parse_embeddings(answer({"embedding": [1.0]}, {"embedding": [2.0]}), asked())
    assert [values_of(vector) for vector in read.vectors] == [[1.0], [2.0]]


def test_lists_and_base64_may_stand_beside_each_other() -> None:
    read = parse_embeddings(
        answer({"embedding": [0.5, -2]}, {"embedding": "AAAAPwAAAMA="}), asked()
    )
    assert [values_of(vector) for vector in read.vectors] == [[0.5, -2.0], [0.5, -2.0]]


def test_digits_are_kept() -> None:
    read = parse_embeddings(
        b'{"data" : [ {"embedding" :\n [0.10, 2.50e-1]}], "usage": null}', asked()
    )
    assert [list_text(vector) for vector in read.vectors] == [b"[0.10, 2.50e-1]"]
    assert read.prompt_tokens is None


def test_a_total_counts_where_there_is_no_other_count() -> None:
    read = parse_embeddings(answer({"embedding": [1.0]}, usage={"total_tokens": 9}), asked())
    assert read.prompt_tokens == 9


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{}", b'{"data":null}', b'{"data":[5]}', b'{"data":[{}]}',
        b'{"data":[{"embedding":null}]}',
        b'{"data":[{"embedding":[]}]}', b'{"data":[{"embedding":[NaN]}]}',
        b'{"data":[{"embedding":[[1]]}]}',
        b'{"data":[{"embedding":"AAA"}]}', b'{"data":[{"embedding":{}}]}',
        b'{"data":[{"index":1,"embedding":[1]}]}',
        b'{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}',
        b'{"data":[{"index":"0","embedding":[1]}]}',
        b'{"data":[{"embedding":[1],"values":[1]}]}', b'{"data":[{"embedding":[1,"2"]}]}',
    ],
)  # fmt: skip
def test_what_is_no_list_of_embeddings_is_malformed(body: bytes) -> None:
    with pytest.raises(UpstreamError) as failed:
        parse_embeddings(body, asked())
    assert failed.value.failure.kind is FailureKind.MALFORMED
