"""response_format: told to Gemini as a MIME type and a schema, or asked for in words where it
cannot stand beside tools.
"""

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from translators.capabilities import ModelRecord
from translators.chat.emulation import ANY_OBJECT
from translators.chat.json_schema import Schema
from translators.chat.schema_drafts import modern
from translators.gemini.request.openapi_schema import openapi
from translators.gemini.request.schema import Sanitizer
from translators.gemini.request.schema_growth import Growth
from translators.gemini.request.tools import Toolset
from translators.gemini.wire import JsonForm
from translators.json_codec import JsonObject, dumps_str
from translators.notes import Report

_JSON: Final = "application/json"
_WHERE: Final = "response_format"
_Name = Literal["responseJsonSchema", "responseSchema"]


@dataclass(frozen=True, slots=True)
class JsonAnswer:
    """How the form of the answer is asked for."""

    config: JsonForm = field(default_factory=JsonForm)
    """For `generationConfig`."""
    instruction: str | None = None
    """For `systemInstruction`: the answer may then stand in a code fence, which is taken off."""
    schema: Schema | None = None
    """What an answer to the instruction is held against."""


FREE: Final = JsonAnswer()


def json_answer(
    body: JsonObject,
    tools: Toolset,
    record: ModelRecord,
    report: Report,
    growth: Growth,
    usual: bool = False,
) -> tuple[JsonAnswer, Toolset]:
    """The form of the answer, and the tools that may stand beside it; `usual`: its schema is known
    to be a usual one.

    `growth` is the request's. Raises InvalidRequest for a schema that is none.
    """
    wanted = body.get("response_format")
    # Where the answer has to be a call, Gemini refuses a MIME type, and the text it would shape
    # does not come.
    if wanted is None or wanted["type"] == "text" or tools.forced:
        return FREE, tools
    inner = wanted.get("json_schema") or {}
    schema: Schema | None = inner.get("schema") if wanted["type"] == "json_schema" else None
    if schema and not usual:
        schema = modern(schema)
    maps = any(name == "googleMaps" for name, _ in tools.google)
    if maps or (tools.declarations and not record.tools_with_json):
        report.emulated(
            _WHERE,
            "JSON is asked for by instruction: this model gives no JSON answers beside tools",
        )
        checked = (
            None if body.get("stop") else schema or ANY_OBJECT
        )  # a stop sequence may end the text anywhere
        return JsonAnswer(instruction=_instruction(schema), schema=checked), tools
    if tools.google and not record.tools_with_json:
        tools = tools.without_google(
            report, "this model gives no JSON answers beside tools of Google's"
        )
    config: JsonForm = {"responseMimeType": _JSON}
    if schema:
        name, narrowed = _narrowed(schema, inner.get("description"), record, report, growth)
        config[name] = narrowed
    return JsonAnswer(config), tools


def _narrowed(
    schema: Schema, description: Any, record: ModelRecord, report: Report, growth: Growth
) -> tuple[_Name, Schema]:
    sanitizer = Sanitizer(schema, _WHERE, f"{_WHERE}.json_schema.schema", report, growth)
    narrowed = sanitizer.sanitized()
    if description.__class__ is str and description and "$ref" not in narrowed:
        narrowed.setdefault("description", description)
    if record.can("json_schema"):
        return "responseJsonSchema", narrowed
    return "responseSchema", openapi(narrowed, sanitizer)


def _instruction(schema: Schema | None) -> str:
    what = "JSON" if schema else "one JSON object"
    head = (
        f"When you give your final answer, and not a tool call, answer with {what} only: no prose"
        " and no code fence around it."
    )
    return f"{head} It must match this JSON Schema:\n{dumps_str(schema)}" if schema else head
