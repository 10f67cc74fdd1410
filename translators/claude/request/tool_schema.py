"""A tool's schema as Claude wants it: of the newest draft, with keys of its letters, an object at
its root and no alternatives there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from translators.chat.json_schema import Schema
from translators.chat.schema_drafts import modern
from translators.claude.property_keys import NO_KEYS, aliased, keys_of
from translators.claude.request.schema import Unrepresentable, resolved
from translators.json_access import as_list, as_object
from translators.json_codec import JsonObject, dumps_str

EMPTY: Final[Schema] = {"type": "object", "properties": {}}
_BRANCHES: Final = ("oneOf", "anyOf", "allOf")
_INDIRECT: Final = frozenset({"$ref", *_BRANCHES})
_NO_OBJECT: Final = ("enum", "const", "items", "prefixItems")
MAX_BRANCHES: Final = 100
"""Alternatives merged into one root, with those inside of them: references to references multiply.
"""
_DEFINITIONS: Final = ("$defs", "definitions")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A schema that is sent as another than it was given."""

    schema: Schema
    original: str | None
    """What it said before alternatives at its root were merged, as text."""
    wrapped: bool
    """Arguments travel inside {"value": …}."""
    keys: Mapping[str, str]
    """The caller's property keys that Claude refuses → what they are called there."""


def prepared(parameters: Schema) -> Prepared:
    """The schema of a tool whose `parameters` are not usual."""
    schema = modern(parameters)
    keys = keys_of(schema)
    if keys:
        schema = aliased(schema, keys)
    root, original = object_root(schema)
    return Prepared(root, original, not is_object_root(schema), keys or NO_KEYS)


def is_object_root(parameters: Schema | None) -> bool:
    """Whether arguments of this schema are a JSON object. The arguments of any other tool travel
    inside {"value": …}.
    """
    if not parameters or _is_plain_object(parameters):
        return True
    stack, seen = [parameters], 0
    while stack:
        seen += 1
        try:
            schema = resolved(stack.pop(), parameters)
        except Unrepresentable:
            return False
        branches = _all_branches(schema)
        if seen > MAX_BRANCHES or not _may_be_object(schema, bool(branches)):
            return False
        stack.extend(branches)
    return True


def _is_plain_object(schema: Schema) -> bool:
    """Whether a schema says that it is an object, and nothing else of its root: as nearly all
    do."""
    return schema.get("type") == "object" and _INDIRECT.isdisjoint(schema)


def _may_be_object(schema: Schema, has_branches: bool) -> bool:
    kind = schema.get("type")
    if kind is not None:
        return kind == "object" or (
            kind.__class__ is list
            and "object" in kind
            and all(k in ("object", "null") for k in kind)
        )
    return has_branches or "properties" in schema or not any(name in schema for name in _NO_OBJECT)


def _all_branches(schema: Schema) -> list[Any]:
    return [branch for name in _BRANCHES for branch in as_list(schema.get(name))]


def object_root(parameters: Schema | None) -> tuple[Schema, str | None]:
    """The schema with an object at its root, and the original as text if its alternatives had to be
    merged.
    """
    if not parameters:
        return EMPTY, None
    if _is_plain_object(parameters):
        return parameters, None
    if not is_object_root(parameters):
        return _wrapped(parameters), None
    root = parameters
    if "$ref" in root:
        root = _definitions(root) | resolved(root, root)
    if not any(name in root for name in _BRANCHES):
        return _typed(root), None
    return _typed(_merged(root, parameters)), dumps_str(parameters)


def _definitions(root: Schema) -> Schema:
    return {name: root[name] for name in _DEFINITIONS if name in root}


def _typed(root: Schema) -> Schema:
    if root.get("type") == "object":
        return root
    typed = {"type": "object", **{name: value for name, value in root.items() if name != "type"}}
    typed.setdefault("properties", {})
    return typed


def _wrapped(parameters: Schema) -> Schema:
    definitions = _definitions(parameters)
    value = {name: child for name, child in parameters.items() if name not in definitions}
    return {"type": "object", "properties": {"value": value}, "required": ["value"], **definitions}


def _merged(node: Schema, root: Schema) -> Schema:
    """`node` without its top-level alternatives: all properties of all branches, and required what
    every reading requires.
    """
    merged = {name: value for name, value in node.items() if name not in _BRANCHES}
    properties = dict(as_object(merged.get("properties")))
    required = list(as_list(merged.get("required")))
    for name in _BRANCHES:
        branches = [_merged(resolved(branch, root), root) for branch in as_list(node.get(name))]
        demands = [as_list(branch.get("required")) for branch in branches]
        for branch in branches:
            _add_properties(
                properties, branch["properties"], "allOf" if name == "allOf" else "anyOf"
            )
        for demand in demands if name == "allOf" else demands[:1]:
            required += [
                key for key in demand if name == "allOf" or all(key in other for other in demands)
            ]
    merged["properties"] = properties
    if required:
        merged["required"] = list(dict.fromkeys(required))
    return merged


def _add_properties(properties: JsonObject, more: JsonObject, joint: str) -> None:
    for key, schema in more.items():
        known = properties.get(key)
        if known is None or known == schema:
            properties[key] = schema
        elif known.__class__ is dict and list(known) == [joint]:
            properties[key] = {joint: [*known[joint], schema]}
        else:
            properties[key] = {joint: [known, schema]}
