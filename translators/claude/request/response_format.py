"""The form of the answer: a JSON Schema that Claude holds to, or an instruction where it has
none."""

from dataclasses import dataclass
from typing import Final

from translators.chat.emulation import ANY_OBJECT
from translators.chat.json_schema import Schema
from translators.chat.schema_drafts import modern
from translators.claude.request.context import Translation
from translators.claude.request.schema import Narrowed, Unrepresentable
from translators.claude.wire import OutputFormat
from translators.errors import InvalidRequest
from translators.json_codec import JsonObject, dumps_str

_JSON: Final = (
    "Answer with one valid JSON object and nothing else: no prose before or after it, no code fence"
    " around it."
)
_SCHEMA: Final = (
    "Answer with one JSON value that is valid against this JSON Schema, and nothing else: no prose,"
    " no code fence.\n"
)


@dataclass(frozen=True, slots=True)
class AnswerFormat:
    """`output_config.format`, or the instruction that stands in for it, or neither."""

    native: OutputFormat | None = None
    instruction: str | None = None
    schema: Schema | None = None
    """What an answer to the instruction is held against."""


FREE: Final = AnswerFormat()


def answer_format(body: JsonObject, translation: Translation, usual: bool = False) -> AnswerFormat:
    """What `response_format` becomes; `usual`: its schema is known to be a usual one.

    Raises InvalidRequest for a schema together with web search, which Claude refuses.
    """
    asked = body.get("response_format") or {}
    kind = asked.get("type")
    if kind not in ("json_object", "json_schema"):
        return FREE
    described = asked.get("json_schema") or {}
    schema = described.get("schema") if kind == "json_schema" else None
    if schema is None:
        translation.report.emulated(
            "response_format.json_object", "Claude is told to answer with a JSON object"
        )
        return AnswerFormat(instruction=_JSON, schema=_checked(ANY_OBJECT, body))
    if body.get("web_search_options") is not None:
        raise InvalidRequest(
            "Claude does not search the web for an answer in a JSON Schema.",
            "response_format",
            "unsupported_value",
        )
    named = {"title": described.get("name"), "description": described.get("description")}
    if not usual:
        schema = modern(schema)
    schema = {
        **{name: text for name, text in named.items() if text and name not in schema},
        **schema,
    }
    native = _narrowed(schema, translation) if translation.record.can("json_schema") else None
    if native is not None:
        return AnswerFormat({"type": "json_schema", "schema": native})
    translation.report.emulated("response_format.json_schema", "Claude is told the schema")
    return AnswerFormat(instruction=_SCHEMA + dumps_str(schema), schema=_checked(schema, body))


def _checked(schema: Schema, body: JsonObject) -> Schema | None:
    """Not where a stop sequence may end the text anywhere."""
    return None if body.get("stop") else schema


def _narrowed(schema: Schema, translation: Translation) -> Schema | None:
    try:
        narrowed = Narrowed(schema)
    except Unrepresentable:
        return None
    for keyword in narrowed.moved:
        translation.report.changed(
            f"response_format:{keyword}", "Claude cannot enforce it: it is told in the description"
        )
    result: Schema = narrowed.schema
    return result
