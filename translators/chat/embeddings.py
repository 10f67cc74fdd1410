"""Embeddings in the hub's words, which are OpenAI's `POST /v1/embeddings`: request and answer.

https://platform.openai.com/docs/api-reference/embeddings
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

from translators.capabilities import Embedding
from translators.chat.passthrough import check_passthrough, passed_through
from translators.chat.validation_errors import (
    missing,
    not_one_of,
    out_of_range,
    too_long,
    type_name,
    wrong_type,
)
from translators.chat.vectors import Vector, base64_text, list_text, packed_form, shaped
from translators.errors import FailureKind, InvalidRequest, UpstreamError, UpstreamFailure
from translators.failures import malformed
from translators.json_codec import JsonObject, dumps, loads
from translators.notes import Note

Input = str | list[int]
"""A text, or the ids of its tokens."""
Encoding = Literal["float", "base64"]

MOST_INPUTS: Final = 100_000
ENCODINGS: Final = ("float", "base64")
TASKS: Final = MappingProxyType({"query": "RETRIEVAL_QUERY", "document": "RETRIEVAL_DOCUMENT"})
"""What an input is for, and Gemini's name for it; Gemini's own names are taken, too."""
GEMINIS_TASKS: Final = (
    "RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT", "SEMANTIC_SIMILARITY", "CLASSIFICATION", "CLUSTERING",
    "QUESTION_ANSWERING", "FACT_VERIFICATION", "CODE_RETRIEVAL_QUERY",
)  # fmt: skip
TASK_NAMES: Final = ("input_type", "task_type")
READ: Final = frozenset(
    {"model", "input", "encoding_format", "dimensions", "x_provider", *TASK_NAMES}
)
"""Fields that the gateway reads itself; `user` and all others are relayed where that can be."""
_DECIDED: Final = ("dimensions", "output_dimensionality", "encoding_format", "requests", "content")
"""What `x_provider` may not say, beside what it may not say of a chat request."""


@dataclass(frozen=True, slots=True)
class EmbeddingsRequest:
    """A request that keeps the hub's rules. `body` is never changed."""

    body: JsonObject = field(repr=False)
    inputs: Sequence[Input] = field(repr=False)
    """In the caller's order."""
    size: int = 0
    """Bytes of the JSON text it came from."""
    encoding: Encoding = "float"
    dimensions: int | None = None
    """None: as many as the model gives."""
    task: str | None = None
    """One of GEMINIS_TASKS."""
    natives: Sequence[JsonObject] | None = field(default=None, repr=False)
    """Of a caller that speaks Gemini: for each input its own EmbedContentRequest."""
    notes: tuple[Note, ...] = ()
    """What was lost of `natives` when they were read: nothing of it where they are sent."""
    dimensions_vary: bool = False
    """Each of `natives` says its own."""
    start: int = 0
    """The caller's number of the first input, in a part of a request."""
    natives_only: str | None = None
    """The first field of `natives` that no other dialect can say; None if there is none."""

    @property
    def model(self) -> str:
        """The persona that was asked for."""
        model: str = self.body["model"]
        return model

    def part(self, start: int, end: int) -> "EmbeddingsRequest":
        """The same request for some of its inputs."""
        natives = None if self.natives is None else self.natives[start:end]
        return replace(
            self, inputs=self.inputs[start:end], natives=natives, start=self.start + start
        )


class EmbeddingsAnswer(NamedTuple):
    """What a provider answered: as many vectors as there were inputs, in their order."""

    vectors: list[Vector]
    model: str | None
    """As the provider names it."""
    prompt_tokens: int | None
    """None: not counted."""


class BuiltEmbeddings(NamedTuple):
    """A request in a provider's words, without the key."""

    url: str
    body: bytes
    notes: tuple[Note, ...] = ()


def parse(document: Any, size: int = 0) -> EmbeddingsRequest:
    """Check a decoded JSON body. Raises InvalidRequest naming the field and the rule."""
    if document.__class__ is not dict:
        said = f"The request body must be a JSON object, but it is {type_name(document)}."
        raise InvalidRequest(said, None, "invalid_type")
    for name in ("model", "input"):
        if document.get(name) is None:
            raise missing(name)
    if document["model"].__class__ is not str:
        raise wrong_type("model", "a string", document["model"])
    inputs = read_inputs(document["input"])
    encoding = document.get("encoding_format")
    if encoding is not None and encoding not in ENCODINGS:
        raise not_one_of("encoding_format", encoding, ENCODINGS)
    dimensions = read_dimensions(document.get("dimensions"), "dimensions")
    if (user := document.get("user")) is not None and user.__class__ is not str:
        raise wrong_type("user", "a string", user)
    if (extension := document.get("x_provider")) is not None:
        _check_extension(extension)
    return EmbeddingsRequest(
        document, inputs, size, encoding or "float", dimensions, _task(document)
    )


def read_dimensions(value: Any, param: str) -> int | None:
    """Raises InvalidRequest for what is no number of dimensions."""
    if value is None:
        return None
    if value.__class__ is not int:
        raise wrong_type(param, "an integer", value)
    if value < 1:
        raise out_of_range(param, value, 1, None)
    dimensions: int = value
    return dimensions


def task_named(value: Any, param: str) -> str:
    """Gemini's name for a task. Raises InvalidRequest for what names none."""
    if value.__class__ is not str:
        raise wrong_type(param, "a string", value)
    task = TASKS.get(value, value)
    if task not in GEMINIS_TASKS:
        raise not_one_of(param, value, (*TASKS, *GEMINIS_TASKS))
    return task


def _task(document: JsonObject) -> str | None:
    for name in TASK_NAMES:
        if (value := document.get(name)) is not None:
            return task_named(value, name)
    return None


def _check_extension(extension: Any) -> None:
    check_passthrough(extension, "x_provider")
    for name in _DECIDED:
        if (at := passed_through(extension, name)) is not None:
            rule = "a passthrough cannot change what is embedded, or the form of its vectors"
            raise InvalidRequest(
                f"'{at[:200]}' is not taken: {rule}.", at[:200], "unsupported_parameter"
            )


def read_inputs(value: Any) -> list[Input]:
    """A string, a list of strings, a list of token ids (one input) or a list of such lists."""
    if value.__class__ is str:
        return [_text(value, "input")]
    if value.__class__ is not list:
        raise wrong_type("input", "a string or an array", value)
    if not value:
        raise _empty("input")
    if len(value) > MOST_INPUTS:
        raise too_long("input", len(value), MOST_INPUTS)
    kind = value[0].__class__
    if (row := _KINDS.get(kind)) is None:
        raise wrong_type("input[0]", "a string or an array of token ids", value[0])
    expected, read = row
    for i, item in enumerate(value):
        if item.__class__ is not kind:
            raise wrong_type(f"input[{i}]", f"{expected}, as input[0] is", item)
    if kind is int:
        return [_ids(value, "input")]
    return [read(item, f"input[{i}]") for i, item in enumerate(value)]


def _text(value: str, param: str) -> str:
    if not value:
        raise InvalidRequest(
            f"Invalid '{param}': it cannot be an empty string.", param, "empty_string"
        )
    return value


def _ids(value: list[Any], param: str) -> list[int]:
    if not value:
        raise _empty(param)
    for i, token in enumerate(value):
        if token.__class__ is not int:
            raise wrong_type(f"{param}[{i}]", "a token id", token)
        if token < 0:
            raise out_of_range(f"{param}[{i}]", token, 0, None)
    return value


def _empty(param: str) -> InvalidRequest:
    said = "empty array. Expected an array with minimum length 1."
    return InvalidRequest(f"Invalid '{param}': {said}", param, "empty_array")


_KINDS: Final[Mapping[type, tuple[str, Callable[[Any, str], Input]]]] = {
    str: ("a string", _text),
    int: ("a token id", _text),
    list: ("an array of token ids", _ids),
}


def unsupported_dimensions(asked: int | None, facts: Embedding) -> str | None:
    """Why a model cannot make vectors of so many dimensions; None if it can."""
    native = facts.dimensions
    if asked is None or asked == native:
        return None
    if facts.shorten == "no":
        return f"This model's embeddings have {native} dimensions, not {asked}."
    if asked > native:
        return f"This model's embeddings have at most {native} dimensions, not {asked}."
    if asked < facts.min_dimensions:
        return (
            f"This model's embeddings have at least {facts.min_dimensions} dimensions, not {asked}."
        )
    return None


def asked_upstream(request: EmbeddingsRequest, facts: Embedding) -> int | None:
    """The dimensions that the provider is asked for; None: none."""
    return request.dimensions if facts.shorten == "request" else None


def finished(
    answer: EmbeddingsAnswer, request: EmbeddingsRequest, facts: Embedding
) -> EmbeddingsAnswer:
    """The answer with the dimensions that were asked for, of length 1, and as float32 where the
    caller wants base64.

    Raises UpstreamError where there is not one vector for each input, all of the same length.
    """
    vectors = answer.vectors
    if len(vectors) != len(request.inputs):
        said = f"The provider answered {len(request.inputs)} inputs with {len(vectors)} embeddings."
        raise UpstreamError(malformed(said))
    given = vectors[0].dimensions
    if request.dimensions_vary:
        return answer
    if any(vector.dimensions != given for vector in vectors):
        raise UpstreamError(malformed("The provider's embeddings differ in their dimensions."))
    wanted = given if request.dimensions is None else request.dimensions
    if given < wanted:
        raise UpstreamError(
            malformed(f"The provider's embeddings have {given} dimensions, not {wanted}.")
        )
    short = min(wanted, given) < facts.dimensions
    normalise = (
        given > wanted or facts.normalised == "no" or (facts.normalised == "native_only" and short)
    )
    packs = request.encoding == "base64" and request.natives is None
    if not normalise and not packs:
        return answer
    try:
        if not normalise:
            return answer._replace(vectors=[packed_form(vector) for vector in vectors])
        return answer._replace(vectors=[shaped(vector, wanted, True) for vector in vectors])
    except ValueError as error:
        raise UpstreamError(
            malformed(f"The provider's embeddings cannot be read: {error}.")
        ) from None


_TOTALS: Final = re.compile(
    r"per[ _]request|request[ _](?:body )?size|payload size|too many inputs"
    r"|in one batch|batch size|array too long",
    re.IGNORECASE,
).search
_MAY_TELL: Final = frozenset(
    {FailureKind.CONTEXT_LENGTH, FailureKind.INVALID_REQUEST, FailureKind.UNSUPPORTED}
)


def too_large_in_total(failure: UpstreamFailure) -> bool:
    """Whether a provider refused all inputs of a request together: half of them may pass."""
    if failure.kind is FailureKind.REQUEST_TOO_LARGE:
        return True
    said = f"{failure.message} {failure.upstream_code} {failure.code} {failure.type}"
    return failure.kind in _MAY_TELL and _TOTALS(said) is not None


_WRITERS: Final[Mapping[str, Callable[[Vector], bytes]]] = {
    "float": list_text,
    "base64": base64_text,
}


def write(vectors: Sequence[Vector], encoding: str, model: str, prompt_tokens: int) -> bytes:
    """OpenAI's answer. Raises ValueError for a number that base64 cannot say."""
    written = _WRITERS[encoding]
    items = b",".join(
        b'{"object":"embedding","index":%d,"embedding":%b}' % (i, written(vector))
        for i, vector in enumerate(vectors)
    )
    usage = dumps({"prompt_tokens": prompt_tokens, "total_tokens": prompt_tokens})
    return b'{"object":"list","data":[%b],"model":%b,"usage":%b}' % (items, dumps(model), usage)


_VECTORS: Final = re.compile(
    rb'"(?:embedding|values)"[ \t\r\n]*:[ \t\r\n]*(\[[^][{}"]*\]|"[A-Za-z0-9+/=]*")'
).sub
_HOLE: Final = rb'"vector":null'


def without_vectors(body: bytes) -> tuple[Any, Iterator[bytes]]:
    """An answer's document with `vector: null` in place of each vector, and the vectors' JSON texts
    in their order: millions of numbers need not all be made. Raises ValueError if it is no JSON."""
    texts: list[bytes] = []

    def keep(found: re.Match[bytes]) -> bytes:
        texts.append(found[1])
        return _HOLE

    return loads(_VECTORS(keep, body)), iter(texts)
