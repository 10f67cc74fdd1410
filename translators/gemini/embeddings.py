"""Embeddings of Google's API: `POST {base}/models/{model}:batchEmbedContents`, also for one input.

Each input is a request with one content of one text part: of several parts some models make one
vector. https://ai.google.dev/api/embeddings
"""

from typing import Any, Final

from translators.chat.embeddings import (
    READ,
    BuiltEmbeddings,
    EmbeddingsAnswer,
    EmbeddingsRequest,
    asked_upstream,
    without_vectors,
)
from translators.chat.passthrough import extension_for
from translators.chat.vectors import Vector, read_list
from translators.dialect import Target
from translators.errors import UpstreamError
from translators.failures import malformed
from translators.gemini.endpoint import method_url, resource_of
from translators.json_codec import JsonObject, dumps
from translators.notes import Report

METHOD: Final = "batchEmbedContents"
_IGNORED: Final = frozenset({"user"})
"""No-ops for this provider."""


def build_embeddings(request: EmbeddingsRequest, target: Target) -> BuiltEmbeddings:
    """A batch, in the inputs' order. The inputs are texts, or the caller's own requests."""
    facts, report = target.record.embedding, Report()
    assert facts is not None
    beside: JsonObject = {}
    if (dimensions := asked_upstream(request, facts)) is not None:
        beside["outputDimensionality"] = dimensions
    if request.task is not None:
        beside["taskType"] = request.task
    beside.update(extension_for(request.body, target.provider, target.dialect))
    model = resource_of(target.model)
    if request.natives is None:
        requests = [
            {"model": model, "content": {"parts": [{"text": text}]}, **beside}
            for text in request.inputs
        ]
        for name, value in request.body.items():
            if name not in READ and name not in _IGNORED and value is not None:
                report.dropped(name, "Gemini has no such parameter")
    else:
        requests = [{**native, "model": model, **beside} for native in request.natives]
        report.notes += [note for note in request.notes if note.param == "autoTruncate"]
    url = method_url(target.base_url, target.model, METHOD)
    return BuiltEmbeddings(url, dumps({"requests": requests}), tuple(report.notes))


def parse_embeddings(body: bytes, request: EmbeddingsRequest) -> EmbeddingsAnswer:
    """The answer, in the order that was sent. Raises UpstreamError if it is none."""
    try:
        document, texts = without_vectors(body)
        vectors = [_vector(item, next(texts)) for item in document["embeddings"]]
        if next(texts, None) is not None:
            raise ValueError("there are vectors outside of `embeddings`")
        statistics = [item.get("statistics") for item in document["embeddings"]]
        usage = document.get("usageMetadata")
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
        said = f"The provider's answer is no list of embeddings: {str(error)[:200]}"
        raise UpstreamError(malformed(said)) from None
    return EmbeddingsAnswer(vectors, None, _prompt_tokens(usage, statistics))


def _vector(item: Any, text: bytes) -> Vector:
    if "vector" not in item or text[:1] != b"[":
        raise ValueError("an item has no list of values")
    return read_list(text)


def _prompt_tokens(usage: Any, statistics: list[Any]) -> int | None:
    """By `usageMetadata`, whose total may be missing, or as Vertex counts each input."""
    if usage.__class__ is dict:
        for name in ("promptTokenCount", "totalTokenCount"):
            if usage.get(name).__class__ is int and usage[name] > 0:
                tokens: int = usage[name]
                return tokens
    counts: list[Any] = [
        one.get("token_count", one.get("tokenCount")) for one in statistics if one.__class__ is dict
    ]
    numbers = [int(count) for count in counts if count.__class__ in (int, float)]
    return sum(numbers) if numbers and len(numbers) == len(statistics) else None
