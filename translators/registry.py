"""Every dialect, one line each, and which of them a request to a model needs."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, Protocol

from translators import claude, gemini, openai, responses
from translators.capabilities import ModelRecord, effort_in
from translators.chat import reasoning
from translators.chat.embeddings import BuiltEmbeddings, EmbeddingsAnswer, EmbeddingsRequest
from translators.chat.json_schema import Schema
from translators.chat.request import ChatRequest
from translators.chat.schema_drafts import modern
from translators.claude.request.schema import Narrowed, Unrepresentable
from translators.dialect import Dialect, Target
from translators.gemini import embeddings as gemini_embeddings
from translators.gemini.request import thinking_limits
from translators.json_codec import JsonObject
from translators.notes import Report
from translators.openai import embeddings as openai_embeddings

DIALECTS: Final = MappingProxyType[str, Dialect](
    {
        "claude": claude,
        "gemini": gemini,
        "openai": openai,
        "responses": responses,
    }
)


class EmbeddingsDialect(Protocol):
    """What a wire format can do that makes embeddings; a module satisfies it."""

    def build_embeddings(self, request: EmbeddingsRequest, target: Target) -> BuiltEmbeddings:
        """The request in this dialect, its inputs texts or token ids that the target takes."""

    def parse_embeddings(self, body: bytes, request: EmbeddingsRequest) -> EmbeddingsAnswer:
        """A whole answer, in the order of the inputs. Raises UpstreamError if it is not one."""


EMBEDDINGS: Final = MappingProxyType[str, EmbeddingsDialect](
    {"gemini": gemini_embeddings, "openai": openai_embeddings}
)
"""Those that make embeddings: Claude has none."""


CALLING: Final = frozenset({"tools", "functions"})
"""Members of a body that may make a difference to its dialect."""


def dialect_for(name: str, record: ModelRecord, body: JsonObject) -> Dialect:
    """The dialect of a provider that speaks `name`, for this model and the body of a request.

    OpenAI has two: some of its models are reached through /v1/responses, always or when they are to
    reason and call functions.
    """
    if (
        name == "openai"
        and record.responses != "never"
        and (record.responses == "always" or _calls_and_reasons(record, body))
    ):
        return DIALECTS["responses"]
    return DIALECTS[name]


def _calls_and_reasons(record: ModelRecord, body: JsonObject) -> bool:
    if CALLING.isdisjoint(body):
        return False
    effort = body.get("reasoning_effort")
    reasons = (
        record.thinking.on_by_default
        if effort in (None, "default")
        else effort != "none" or "none" not in record.thinking.levels
    )
    return reasons and (
        bool(body.get("functions"))
        or any(tool.get("type") == "function" for tool in body.get("tools") or ())
    )


ASKS_FOR_REASONING: Final = frozenset({"thinking", "reasoning", *thinking_limits.FIELDS})
"""Members of a body in which `hold_reasoning` may find something to hold."""


def hold_reasoning(body: JsonObject, caps: Mapping[str, Any], report: Report) -> None:
    """Hold every form in which `body` may ask for reasoning to a persona's `caps`; `body` is
    changed, the objects in it are not.
    """
    reasoning.hold_reasoning(body, caps, report, (thinking_limits,))


def is_open(schema: Schema) -> bool:
    """Whether a model whose record says no to `open_schemas` can only be told this JSON Schema in
    words.
    """
    try:
        Narrowed(modern(schema))
    except Unrepresentable:
        return True
    return False


def wants_reasoning_back(name: str, record: ModelRecord, request: ChatRequest) -> bool:
    """Whether a model of a provider that speaks `name` goes on worse, or not at all, in a tool loop
    without the reasoning it signed.
    """
    return _WANTS_BACK[name](record, request)


def _reasons(record: ModelRecord, body: JsonObject) -> bool:
    """Whether the model reasons in answer to `body`."""
    thinking, reasoning, verbatim = record.thinking, body.get("reasoning"), body.get("thinking")
    if thinking.kind == "none":
        return False
    effort = body.get("reasoning_effort") or (effort_in(reasoning) if reasoning else None)
    if effort == "none" or (verbatim.__class__ is dict and verbatim.get("type") == "disabled"):
        return thinking.switch_off == "never"
    return thinking.on_by_default or bool(effort or reasoning or verbatim)


_WANTS_BACK: Final[dict[str, Callable[[ModelRecord, ChatRequest], bool]]] = {
    "claude": lambda record, request: _reasons(record, request.body),
    "gemini": lambda record, _: record.signatures == "required",
    "openai": lambda record, request: (
        dialect_for("openai", record, request.body) is responses and _reasons(record, request.body)
    ),
}
