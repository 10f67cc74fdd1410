"""The older form of schemas (`parameters`, `responseSchema`): OpenAPI with upper-case types,
without references or null types.

For models that do not read JSON Schema. What comes in has been narrowed by `schema.Sanitizer`
already.
"""

from typing import Any, Final

from translators.chat.json_schema import Schema
from translators.gemini.request.schema import Sanitizer
from translators.gemini.request.schema_keywords import types_of

MAX_RECURSION: Final = 3
"""How often a schema may stand inside itself before it is cut."""

_KEPT: Final = ("description", "minItems", "maxItems", "minimum", "maximum", "required", "format")


def openapi(schema: Schema, sanitizer: Sanitizer) -> Schema:
    """`schema` in the older form. Raises InvalidRequest if it grows too large without its
    references.
    """
    return _Converter(schema.get("$defs", {}), sanitizer).node(schema)


class _Converter:
    def __init__(self, definitions: Schema, sanitizer: Sanitizer) -> None:
        self._definitions = definitions
        self._sanitizer = sanitizer
        self._inside: list[str] = []

    def node(self, schema: Schema) -> Schema:
        self._sanitizer.enter()
        made = self._converted(schema)
        self._sanitizer.leave()
        return made

    def _converted(self, schema: Schema) -> Schema:
        if "$ref" in schema:
            return self._reference(schema["$ref"])
        given = schema.get("anyOf") or schema.get("oneOf") or []
        branches = [branch for branch in given if branch.get("type") != "null"]
        kinds = types_of(schema)
        nullable = schema.get("type") not in (None, kinds, *kinds) or len(branches) < len(given)
        if branches and "properties" in schema:
            self._sanitizer.lost(
                "anyOf", "beside alternatives nothing else may stand in this model's schemas"
            )
        elif len(kinds) > 1:
            branches = [{**schema, "type": kind} for kind in kinds]
        made = (
            self._any_of(branches)
            if branches
            else self._single(schema, kinds[0] if kinds else None)
        )
        if nullable:
            made["nullable"] = True
        return made

    def _any_of(self, branches: list[Schema]) -> Schema:
        made = [self.node(branch) for branch in branches]
        return made[0] if len(made) == 1 else {"anyOf": made}

    def _single(self, schema: Schema, kind: str | None) -> Schema:
        lost = self._sanitizer.lost
        if kind is None:
            kind = "object" if "properties" in schema else "string"
        made: Schema = {
            "type": kind.upper(),
            **{name: schema[name] for name in _KEPT if name in schema},
        }
        if schema.get("properties"):
            made["properties"] = {
                name: self.node(member) for name, member in schema["properties"].items()
            }
            made["propertyOrdering"] = list(schema["properties"])
        if schema.get("additionalProperties") not in (None, True, False):
            lost("additionalProperties", "this model's schemas have no free names")
        if "items" in schema:
            made["items"] = self.node(schema["items"])
        elif "prefixItems" in schema:
            lost("prefixItems", "this model's arrays hold one kind of item")
            made["items"] = self._any_of(schema["prefixItems"])
        if (members := schema.get("enum")) is not None:
            self._enum(members, kind, made)
        return made

    def _enum(self, members: list[Any], kind: str, made: Schema) -> None:
        if kind == "string" and all(member.__class__ is str for member in members):
            made["format"] = "enum"
            made["enum"] = members
        else:
            self._sanitizer.lost("enum", "this model takes only text as members")

    def _reference(self, reference: str) -> Schema:
        if self._inside.count(reference) >= MAX_RECURSION:
            self._sanitizer.lost(
                "$ref", f"a schema inside itself is cut after {MAX_RECURSION} levels"
            )
            return {"type": "OBJECT"}
        name = reference.removeprefix("#/$defs/").replace("~1", "/").replace("~0", "~")
        target = self._definitions.get(name)
        if target is None:
            self._sanitizer.lost("$ref", "this model's schemas cannot hold themselves")
            return {"type": "OBJECT"}
        self._inside.append(reference)
        self._sanitizer.follow(target)
        made = self.node(target)
        self._sanitizer.followed()
        self._inside.pop()
        return made
