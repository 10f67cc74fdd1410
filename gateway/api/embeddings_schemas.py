"""Request and answer of /v1/embeddings as types: /openapi.json is made from them. A text under a
field is its description there."""

from typing import Any, Final, Literal

from typing_extensions import TypedDict  # pydantic reads typing's own from Python 3.12 on only

from translators.chat.embeddings import ENCODINGS, GEMINIS_TASKS, MOST_INPUTS, TASKS

_TASK: Final = {
    "type": ["string", "null"],
    "enum": [*TASKS, *GEMINIS_TASKS, None],
    "description": "What the inputs are for, where the model can be told.",
}
_TEXT: Final = {"type": "string", "minLength": 1}
_IDS: Final = {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1}

REQUEST: Final[dict[str, Any]] = {
    "type": "object",
    "description": (
        "OpenAI's request for embeddings. Further parameters are relayed where they can be."
    ),
    "properties": {
        "model": {"type": "string", "description": "A persona whose targets make embeddings."},
        "input": {
            "description": "A text, token ids of cl100k_base, or a list of either.",
            "anyOf": [
                _TEXT,
                {"type": "array", "items": _TEXT, "minItems": 1, "maxItems": MOST_INPUTS},
                _IDS,
                {"type": "array", "items": _IDS, "minItems": 1, "maxItems": MOST_INPUTS},
            ],
        },
        "encoding_format": {
            "type": ["string", "null"],
            "enum": [*ENCODINGS, None],
            "description": "Vectors as lists of numbers, or as base64 of little-endian float32.",
        },
        "dimensions": {
            "type": ["integer", "null"],
            "minimum": 1,
            "description": "Of each vector; null: as many as the model gives.",
        },
        "user": {
            "type": ["string", "null"],
            "description": "Names the caller's user to servers that speak OpenAI's language.",
        },
        "input_type": _TASK,
        "task_type": _TASK,
        "x_provider": {
            "type": ["object", "null"],
            "description": "Fields in a provider's own words, by its name or dialect.",
        },
    },
    "required": ["model", "input"],
    "additionalProperties": True,
}


class EmbeddingDocument(TypedDict):
    """The vector of one input."""

    object: Literal["embedding"]
    """Always this."""
    index: int
    """The input's number, from 0 on."""
    embedding: list[float] | str
    """The vector; base64 where the request asks for it."""


class EmbeddingUsageDocument(TypedDict):
    """What was read."""

    prompt_tokens: int
    """Tokens of all inputs; an estimate where the header `x-llm-router-usage` says so."""
    total_tokens: int
    """The same."""


class EmbeddingListDocument(TypedDict):
    """The vectors of all inputs, in their order."""

    object: Literal["list"]
    """Always this."""
    data: list[EmbeddingDocument]
    """One for each input."""
    model: str
    """The model that served, as its provider names it."""
    usage: EmbeddingUsageDocument
    """What was counted."""
