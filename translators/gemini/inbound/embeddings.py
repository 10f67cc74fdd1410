"""Google's methods that make embeddings, as callers use them: embedContent, batchEmbedContents, and
Vertex's predict.

https://ai.google.dev/api/embeddings. A target that speaks Gemini is sent the caller's own requests;
for others the texts of one content are joined by a line end.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from translators.chat.embeddings import (
    GEMINIS_TASKS,
    MOST_INPUTS,
    EmbeddingsRequest,
    read_dimensions,
)
from translators.chat.validation_errors import missing, too_long, type_name, wrong_type
from translators.chat.vectors import Vector, list_text, values_of
from translators.errors import InvalidRequest
from translators.gemini.endpoint import resource_of
from translators.json_codec import JsonObject, dumps
from translators.notes import Note, Report

_CONFIG: Final = ("taskType", "title", "outputDimensionality")
"""What a request may also say in `embedContentConfig`."""
_ASIDE: Final = frozenset({"model", "embedContentConfig", "autoTruncate"})
"""What of a request is not sent on as it came."""
_CUT: Final = "inputs are never cut off: one that is too long is refused"
_NO_PLACE: Final = "this target has no such parameter"


class _Item(NamedTuple):
    """One content to embed."""

    text: str
    native: JsonObject
    """An EmbedContentRequest without `model` and dimensions."""
    dimensions: int | None
    natives_only: str | None
    """The first field that is no text."""


def read(method: str, persona: str, document: Any, size: int = 0) -> EmbeddingsRequest:
    """A request of `method` (one of METHODS) to the model `persona`, as the path names it.

    Raises InvalidRequest naming the field in Google's words.
    """
    if document.__class__ is not dict:
        said = f"The request body must be a JSON object, but it is {type_name(document)}."
        raise InvalidRequest(said, None, "invalid_type")
    report = Report()
    items = _READERS[method](document, persona, report)
    dimensions = {item.dimensions for item in items}
    vary = len(dimensions) > 1
    if vary:  # only a target that speaks Gemini gives each its own
        items = [_with_dimensions(item) for item in items]
    only = next((item.natives_only for item in items if item.natives_only), None)
    tasks = {item.native.get("taskType") for item in items}
    return EmbeddingsRequest(
        {"model": persona},
        [item.text for item in items],
        size,
        "base64",
        None if vary else dimensions.pop(),
        tasks.pop() if len(tasks) == 1 else None,
        [item.native for item in items],
        tuple(_once(report.notes)),
        natives_only=only or ("requests.outputDimensionality" if vary else None),
        dimensions_vary=vary,
    )


def write(
    method: str, request: EmbeddingsRequest, vectors: Sequence[Vector], prompt_tokens: int
) -> bytes:
    """The answer of `method`."""
    values = [_values(vector) for vector in vectors]
    return _WRITERS[method](values, request, prompt_tokens)


def _once(notes: Sequence[Note]) -> list[Note]:
    return list({note.param: note for note in notes}.values())


def _with_dimensions(item: _Item) -> _Item:
    if item.dimensions is None:
        return item
    return item._replace(native={**item.native, "outputDimensionality": item.dimensions})


def _one(document: JsonObject, persona: str, report: Report) -> list[_Item]:
    return [_item(document, "", persona, report)]


def _batch(document: JsonObject, persona: str, report: Report) -> list[_Item]:
    requests = _listed(document, "requests")
    return [
        _item(request, f"requests[{i}].", persona, report) for i, request in enumerate(requests)
    ]


def _listed(document: JsonObject, name: str) -> list[JsonObject]:
    value = document.get(name)
    if value is None:
        raise missing(name)
    if value.__class__ is not list:
        raise wrong_type(name, "an array", value)
    if not value:
        raise InvalidRequest(f"Invalid '{name}': it must not be empty.", name, "empty_array")
    if len(value) > MOST_INPUTS:
        raise too_long(name, len(value), MOST_INPUTS)
    for i, item in enumerate(value):
        if item.__class__ is not dict:
            raise wrong_type(f"{name}[{i}]", "an object", item)
    listed: list[JsonObject] = value
    return listed


def _item(request: JsonObject, at: str, persona: str, report: Report) -> _Item:
    named = request.get("model")
    if named is not None and (
        named.__class__ is not str or resource_of(named) != resource_of(persona)
    ):
        said = f"'{at}model' must be the model of the path, {resource_of(persona)!r}."
        raise InvalidRequest(said, f"{at}model", "invalid_value")
    native = _flattened(request, at, report)
    text, other = _text(native.get("content"), f"{at}content")
    dimensions = read_dimensions(
        native.pop("outputDimensionality", None), f"{at}outputDimensionality"
    )
    task = native.get("taskType")
    if task is not None and task not in (*GEMINIS_TASKS, "TASK_TYPE_UNSPECIFIED"):
        raise InvalidRequest(
            f"Invalid value at '{at}taskType': {str(task)[:80]!r}.",
            f"{at}taskType",
            "invalid_value",
        )
    for name, value in native.items():
        if name != "content" and value is not None:
            report.dropped(name, _NO_PLACE)
    return _Item(text, native, dimensions, other)


def _refuse_to_cut(wish: Any, report: Report) -> None:
    """Report a wish for the end of long inputs to be left out; false is what is done anyway."""
    if wish:
        report.dropped("autoTruncate", _CUT)


def _flattened(request: JsonObject, at: str, report: Report) -> JsonObject:
    """The request with what stands in `embedContentConfig` beside its content; without `model`."""
    native = {name: value for name, value in request.items() if name not in _ASIDE}
    _refuse_to_cut(request.get("autoTruncate"), report)
    config = request.get("embedContentConfig")
    if config is None:
        return native
    if config.__class__ is not dict:
        raise wrong_type(f"{at}embedContentConfig", "an object", config)
    native.update({name: config[name] for name in _CONFIG if name in config})
    _refuse_to_cut(config.get("autoTruncate"), report)
    if rest := {
        name: value for name, value in config.items() if name not in (*_CONFIG, "autoTruncate")
    }:
        native["embedContentConfig"] = rest
    return native


def _text(content: Any, at: str) -> tuple[str, str | None]:
    """The texts of a content, and where there is something else in it."""
    if content is None:
        raise missing(at)
    if content.__class__ is not dict:
        raise wrong_type(at, "an object", content)
    parts = content.get("parts")
    if parts.__class__ is not list or not parts:
        raise InvalidRequest(
            f"'{at}.parts' must hold at least one part.", f"{at}.parts", "empty_array"
        )
    texts: list[str] = []
    other: str | None = None
    for i, part in enumerate(parts):
        if part.__class__ is not dict:
            raise wrong_type(f"{at}.parts[{i}]", "an object", part)
        text = part.get("text")
        if text.__class__ is str:
            texts.append(text)
        else:
            other = other or f"{at}.parts[{i}]"
    joined = "\n".join(texts)
    if not joined and other is None:
        raise InvalidRequest(f"'{at}' must not be empty.", at, "empty_string")
    return joined, other


def _instances(document: JsonObject, persona: str, report: Report) -> list[_Item]:
    """Vertex's predict."""
    parameters = document.get("parameters") or {}
    if parameters.__class__ is not dict:
        raise wrong_type("parameters", "an object", parameters)
    at = "parameters.outputDimensionality"
    dimensions = read_dimensions(parameters.get("outputDimensionality"), at)
    _refuse_to_cut(parameters.get("autoTruncate"), report)
    items = []
    for i, instance in enumerate(_listed(document, "instances")):
        text = instance.get("content")
        if text.__class__ is not str or not text:
            raise wrong_type(f"instances[{i}].content", "a string that is not empty", text)
        request: JsonObject = {"content": {"parts": [{"text": text}]}}
        for name, own in (("task_type", "taskType"), ("title", "title")):
            if instance.get(name) is not None:
                request[own] = instance[name]
        items.append(
            _item(request, f"instances[{i}].", persona, report)._replace(dimensions=dimensions)
        )
    return items


def _values(vector: Vector) -> bytes:
    """As they came; those of base64 as the numbers that float32 stands for."""
    return list_text(vector) if vector.packed is None else dumps(values_of(vector))


def _usage(prompt_tokens: int) -> bytes:
    return dumps({"promptTokenCount": prompt_tokens, "totalTokenCount": prompt_tokens})


def _write_one(values: list[bytes], request: EmbeddingsRequest, prompt_tokens: int) -> bytes:
    return b'{"embedding":{"values":%b},"usageMetadata":%b}' % (values[0], _usage(prompt_tokens))


def _write_batch(values: list[bytes], request: EmbeddingsRequest, prompt_tokens: int) -> bytes:
    embeddings = b",".join(b'{"values":%b}' % each for each in values)
    return b'{"embeddings":[%b],"usageMetadata":%b}' % (embeddings, _usage(prompt_tokens))


def _write_predictions(
    values: list[bytes], request: EmbeddingsRequest, prompt_tokens: int
) -> bytes:
    """Each with its share of the tokens, by its length: providers count all of them together."""
    sizes = [max(1, len(text)) for text in request.inputs]
    total, done, told, predictions = sum(sizes), 0, 0, []
    for each, size in zip(values, sizes, strict=True):
        done += size
        count = prompt_tokens * done // total - told
        told += count
        statistics = dumps({"token_count": count, "truncated": False})
        predictions.append(b'{"embeddings":{"values":%b,"statistics":%b}}' % (each, statistics))
    return b'{"predictions":[%b]}' % b",".join(predictions)


_READERS: Final[Mapping[str, Callable[[JsonObject, str, Report], list[_Item]]]] = {
    "embedContent": _one,
    "batchEmbedContents": _batch,
    "predict": _instances,
}
_WRITERS: Final[Mapping[str, Callable[[list[bytes], EmbeddingsRequest, int], bytes]]] = {
    "embedContent": _write_one,
    "batchEmbedContents": _write_batch,
    "predict": _write_predictions,
}
METHODS: Final = frozenset(_READERS)
"""What stands behind the colon of a path."""
