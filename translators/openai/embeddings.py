"""Embeddings of OpenAI and of servers that speak its language: `POST {base}/embeddings`."""

from typing import Any

from translators.chat.embeddings import (
    READ,
    TASK_NAMES,
    BuiltEmbeddings,
    EmbeddingsAnswer,
    EmbeddingsRequest,
    asked_upstream,
    without_vectors,
)
from translators.chat.passthrough import extension_for
from translators.chat.vectors import Vector, read_base64, read_list
from translators.dialect import Target
from translators.errors import UpstreamError
from translators.failures import malformed
from translators.json_codec import JsonObject, dumps
from translators.notes import Report


def build_embeddings(request: EmbeddingsRequest, target: Target) -> BuiltEmbeddings:
    """The request with its inputs as a list; fields that no table knows are relayed."""
    facts, report, asked = target.record.embedding, Report(), request.body
    assert facts is not None
    body: JsonObject = {"model": target.model, "input": list(request.inputs)}
    if facts.base64:
        body["encoding_format"] = request.encoding
    if (dimensions := asked_upstream(request, facts)) is not None:
        body["dimensions"] = dimensions
    body.update(
        {name: value for name, value in asked.items() if name not in READ and value is not None}
    )
    for name in TASK_NAMES:
        if asked.get(name) is not None:
            report.dropped(name, "servers that speak OpenAI's language have no such parameter")
    report.notes += request.notes
    body.update(extension_for(asked, target.provider, target.dialect))
    url = target.base_url.rstrip("/") + "/embeddings" + target.query
    return BuiltEmbeddings(url, dumps(body), tuple(report.notes))


def parse_embeddings(body: bytes, request: EmbeddingsRequest) -> EmbeddingsAnswer:
    """The answer, its vectors in the order of the inputs. Raises UpstreamError if it is none.

    Read leniently: vectors as lists or as base64, in any order, with or without `index`.
    """
    try:
        document, texts = without_vectors(body)
        items = document["data"]
        found = [(_index(item, i), _vector(item, next(texts))) for i, item in enumerate(items)]
        if next(texts, None) is not None:
            raise ValueError("there are vectors outside of `data`")
        model, usage = document.get("model"), document.get("usage")
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
        said = f"The provider's answer is no list of embeddings: {str(error)[:200]}"
        raise UpstreamError(malformed(said)) from None
    if sorted(index for index, _ in found) != list(range(len(found))):
        raise UpstreamError(
            malformed("The indices of the provider's embeddings are not 0, 1, 2, …")
        )
    vectors = [vector for _, vector in sorted(found, key=lambda item: item[0])]
    return EmbeddingsAnswer(
        vectors, model if model.__class__ is str and model else None, _prompt_tokens(usage)
    )


def _index(item: Any, position: int) -> int:
    index = item.get("index")
    if index is None:
        return position
    if index.__class__ is not int:
        raise ValueError("an index is no integer")
    found: int = index
    return found


def _vector(item: Any, text: bytes) -> Vector:
    if "vector" not in item:
        raise ValueError("an item has no embedding")
    return read_list(text) if text[:1] == b"[" else read_base64(text[1:-1])


def _prompt_tokens(usage: Any) -> int | None:
    if usage.__class__ is not dict:
        return None
    for name in ("prompt_tokens", "total_tokens"):
        if usage.get(name).__class__ is int and usage[name] > 0:
            tokens: int = usage[name]
            return tokens
    return None
