"""The rules that go across fields of a model: its facts must agree with each other."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from gateway.config.environment import base_url_complaints
from gateway.config.errors import Complaint, under, unknown
from gateway.config.providers import DialectName, Model, Provider
from translators.capabilities import ModelRecord, Thinking
from translators.chat.parameters import PARAMETERS
from translators.openai.request.foreign_fields import MESSAGE_FIELDS

NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
NAME_RULE: Final = (
    "must be 1 to 64 small letters, digits, '_', '.' or '-', the first a letter or digit"
)
MODEL_ID: Final = re.compile(r"[A-Za-z0-9@][A-Za-z0-9@_.:/-]{0,199}")

_SIZES: Final = (
    "dimensions", "min_dimensions", "max_input_tokens", "max_inputs", "max_request_tokens",
    "max_request_bytes",
)  # fmt: skip
"""Of an embedding: counts that are at least 1."""
_KINDS: Final[Mapping[DialectName, tuple[str, ...]]] = {
    "claude": ("none", "budget", "adaptive"),
    "gemini": ("none", "budget", "level"),
    "openai": ("none", "effort"),
}
"""The kinds of thinking that a dialect can express."""


def provider_complaints(row: Provider, written: Mapping[str, Any]) -> Iterator[Complaint]:
    """What a provider says twice or without effect; `written` is its row in the file."""
    yield from ((("base_url",), message) for message in base_url_complaints(row, row.base_url))
    if row.api_version is not None and row.dialect != "openai":
        yield ("api_version",), f"has no meaning for the dialect {row.dialect!r}"
    if row.key_header is not None and not row.keys and row.key_variable is None:
        yield ("auth",), "has no effect: the provider needs no key"
    if row.key_header is not None and row.key_header.name in row.headers:
        yield ("auth", "header"), f"{row.key_header.name!r} also stands in 'headers'"
    if row.keys and row.key_variable is not None:
        yield ("keys",), f"stands beside 'key_variable': {row.key_variable} belongs into the list"
    yield from under(
        "keys", _key_complaints([key.variable for key in row.keys], written.get("keys") or ())
    )


def _key_complaints(variables: Sequence[str], written: Sequence[Any]) -> Iterator[Complaint]:
    for i, (variable, key) in enumerate(zip(variables, written, strict=True)):
        if variable in variables[:i]:
            yield (i,), f"{variable} stands in the list twice"
        elif len(variables) == 1 and isinstance(key, dict) and key.get("weight") is not None:
            yield (i, "weight"), "has no effect: it is the only key"


def model_complaints(model: Model, provider: Provider | None) -> Iterator[Complaint]:
    """Facts of a model that contradict each other or its provider's (None: invalid)."""
    record = model.record
    if not MODEL_ID.fullmatch(model.id) or ".." in model.id:
        yield (), "is no model id: letters, digits and '@_.:/-' make one"
    sizes = {"context_window": record.context_window, "max_output_tokens": record.max_output_tokens}
    if record.max_input_tokens is not None:
        sizes["max_input_tokens"] = record.max_input_tokens
    for name, size in sizes.items():
        if size < 1:
            yield (name,), f"must be at least 1, not {size}"
        elif size > (window := record.context_window):
            yield (name,), f"must be at most the context_window ({window}), not {size}"
    for name in sorted(record.unsupported - PARAMETERS.keys()):
        yield ("unsupported",), unknown("parameter", name, PARAMETERS)
    yield from _server_complaints(record)
    dialect = None if provider is None else provider.dialect
    yield from _thinking_complaints(record.thinking, dialect)
    reasons, kind = record.can("reasoning"), record.thinking.kind
    if reasons != (kind != "none"):
        rule = f"must {'not ' if reasons else ''}hold 'reasoning'"
        yield ("capabilities",), f"{rule}: thinking.kind is {kind!r}"
    if record.can("parallel_tool_calls") and not record.can("tool_calling"):
        yield ("capabilities",), "holds 'parallel_tool_calls' without 'tool_calling'"
    yield from _embedding_complaints(record, dialect)
    days = [price.valid_from for price in model.prices]
    if days != sorted(set(days)):
        yield ("prices",), "must be in rising order of 'valid_from', each day once"
    limit, most = model.concurrency, None if provider is None else provider.concurrency
    if limit is not None and most is not None and limit.limit > most.limit:
        why = f"all models of the provider together are sent {most.limit} at a time"
        yield ("concurrency", "limit"), f"has no effect: {why}"


def _embedding_complaints(record: ModelRecord, dialect: DialectName | None) -> Iterator[Complaint]:
    """A model makes embeddings, and then nothing else, or none."""
    facts = record.embedding
    if record.can("embeddings") != (facts is not None):
        yield ("capabilities",), "must hold 'embeddings' where there is 'embedding', and only there"
    if facts is None:
        return
    if others := sorted(record.capabilities - {"embeddings"}):
        yield ("capabilities",), f"holds {others[0]!r}: a model of embeddings does nothing else"
    if dialect == "claude":
        yield ("embedding",), "has no meaning for the dialect 'claude', which has no embeddings"
    for name in _SIZES:
        size = getattr(facts, name)
        if size is not None and size < 1:
            yield ("embedding", name), f"must be at least 1, not {size}"
    least, full = facts.min_dimensions, facts.dimensions
    if least > full:
        rule = f"must be at most the dimensions ({full})"
        yield ("embedding", "min_dimensions"), f"{rule}, not {least}"


def _server_complaints(record: ModelRecord) -> Iterator[Complaint]:
    """What is said of a server that speaks OpenAI's language."""
    for name in sorted((record.message_fields or frozenset()) - MESSAGE_FIELDS):
        yield ("message_fields",), unknown("field", name, MESSAGE_FIELDS)
    if record.max_tools is not None and record.max_tools < 1:
        yield ("max_tools",), f"must be at least 1, not {record.max_tools}"


def _thinking_complaints(thinking: Thinking, dialect: DialectName | None) -> Iterator[Complaint]:
    kind = thinking.kind
    if dialect is not None and kind not in _KINDS[dialect]:
        rule = f"must be one of {', '.join(_KINDS[dialect])} for the dialect {dialect!r}"
        yield ("thinking", "kind"), f"{rule}, not {kind!r}"
        return
    least, most = thinking.min_budget, thinking.max_budget
    if kind == "budget" and not 0 <= least < most:
        yield ("thinking",), f"needs 0 <= min_budget < max_budget, not {least} and {most}"
    if kind in ("adaptive", "level", "effort") and not thinking.levels:
        yield ("thinking",), f"needs 'levels' for the kind {kind!r}"
    levels = ", ".join(thinking.levels)
    for name in ("default", "off_max_effort"):
        effort = getattr(thinking, name)
        if effort is not None and effort not in thinking.levels:
            yield ("thinking", name), f"{effort!r} is not among the levels ({levels})"
