"""JSON Schemas of older drafts (3 to 2019-09) and of OpenAPI 3.0, written in the words of draft
2020-12.

What is so written already stays the very object it was. Nothing of the meaning is lost: each old
word has a new one.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from translators.chat.json_schema import Schema, below, changed_below, pointer_of, same_or, steps_of
from translators.chat.request import ChatRequest
from translators.chat.schema_check import is_usual

NEWEST: Final = "https://json-schema.org/draft/2020-12/schema"

_MAY_BE_NULL: Final = frozenset({"default", "const", "example"})
"""Under any other keyword null says nothing."""
_ANCHOR: Final = re.compile(r"[A-Za-z_][-A-Za-z0-9._]*", re.ASCII).fullmatch
_COMPOSING: Final = frozenset({"$ref", "anyOf", "oneOf", "allOf", "const"})
_NOTHING: Final = {"type": "null"}
_ANNOTATIONS: Final = ("title", "description", "default")


def modern(schema: Schema) -> Schema:
    """The schema in the newest draft's words; itself if it has no others."""
    usual = _usual(schema)
    made: Schema = _Older(schema).node(schema) if usual is None else usual
    return made


def _usual(schema: Any) -> Schema | None:
    """The same of most schemas, at a third of the price: they may name an older draft, but have
    none of its words. None of others.
    """
    if schema.__class__ is not dict:
        return None
    rest: Schema = schema
    if (draft := schema.get("$schema")).__class__ is str:
        rest = {word: value for word, value in schema.items() if word != "$schema"}
        if draft.rstrip("#") == NEWEST:
            return schema if is_usual(rest) else None
    return rest if is_usual(rest) else None


def with_modern_schemas(request: ChatRequest) -> ChatRequest:
    """The request with all of its schemas (of tools, functions and the answer) in the newest
    draft's words; itself if nothing changes.
    """
    body = request.body
    made = dict(body)
    for name, function in (("tools", "function"), ("functions", None)):
        if declared := body.get(name):
            made[name] = _each(declared, partial(_with_parameters, under=function))
    form = body.get("response_format") or {}
    described = form.get("json_schema")
    if described and described.get("schema"):
        told = _replaced(described, "schema", modern(described["schema"]))
        made["response_format"] = _replaced(form, "json_schema", told)
    return request if same_or(body, made) is body else ChatRequest(made, request.size)


def _with_parameters(holder: Schema, under: str | None) -> Schema:
    if under is not None:
        inner = holder.get(under)
        return (
            holder
            if inner.__class__ is not dict
            else _replaced(holder, under, _with_parameters(inner, None))
        )
    parameters = holder.get("parameters")
    return _replaced(holder, "parameters", modern(parameters)) if parameters else holder


def _each(values: list[Any], change: Callable[[Any], Any]) -> list[Any]:
    made = [change(value) for value in values]
    return values if all(new is old for new, old in zip(made, values, strict=True)) else made


def _replaced(holder: Schema, name: str, value: Any) -> Schema:
    return holder if holder[name] is value else {**holder, name: value}


class _Older:
    """Writes the nodes of one schema anew."""

    def __init__(self, root: Schema) -> None:
        self._root = root

    def node(self, node: Any) -> Any:
        if node.__class__ is not dict:
            return node
        made: Schema = {}
        for word, value in node.items():
            if value is None and word not in _MAY_BE_NULL:
                continue
            if (rule := _RULES.get(word)) is not None:
                rule(self, value, node, made)
            else:
                made[word] = changed_below(word, value, self.node)
        if (properties := node.get("properties")).__class__ is dict:
            _require(properties, made)
        if node.get("nullable") is True:
            made = _or_null(made)
        return same_or(node, made)

    def pointer(self, reference: Any) -> Any:
        """A reference by position, which may lead over words that are others now."""
        if reference.__class__ is not str or not reference.startswith("#/"):
            return reference
        node: Any = self._root
        steps: list[str] = []
        names = False  # the next step is a name, not a keyword
        for step in steps_of(reference):
            steps.append(step if names else _moved(step, node))
            names = not names and step in _BY_NAME and node.__class__ is dict
            node = below(node, step)
        made = pointer_of(steps)
        return reference if list(steps_of(reference)) == steps else made


_BY_NAME: Final = frozenset(
    {"properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"}
)


def _moved(step: str, node: Any) -> str:
    """What the keyword `step` of `node` is called now."""
    if node.__class__ is not dict:
        return step
    listed = node.get("items").__class__ is list
    return {
        "items": "prefixItems" if listed else "items",
        "additionalItems": "items",
        "dependencies": "dependentSchemas",
    }.get(step, step)


def _require(properties: Schema, made: Schema) -> None:
    """Draft 3 said of each property whether it is required."""
    named = [
        name
        for name, member in properties.items()
        if member.__class__ is dict and member.get("required") is True
    ]
    if named:
        known = made.get("required", [])
        made["required"] = [*known, *(name for name in named if name not in known)]


def _or_null(made: Schema) -> Schema:
    """OpenAPI's `nullable`."""
    kind, members, others = made.get("type"), made.get("enum"), made.keys() & _COMPOSING
    if kind is None and members is None and not others:
        return made  # any value, null among them
    if kind is None and members is None and others == {"anyOf"} and made["anyOf"].__class__ is list:
        return {
            **made,
            "anyOf": [branch for branch in made["anyOf"] if branch != _NOTHING] + [_NOTHING],
        }
    if (kind is None and members is None) or "const" in made:
        told: Schema = {name: made[name] for name in _ANNOTATIONS if name in made}
        return {
            **told,
            "anyOf": [{name: value for name, value in made.items() if name not in told}, _NOTHING],
        }
    if kind is not None and "null" not in (kinds := kind if kind.__class__ is list else [kind]):
        made["type"] = [*kinds, "null"]
    if members.__class__ is list and None not in members:
        made["enum"] = [*members, None]
    return made


_Rule = Callable[[_Older, Any, Schema, Schema], None]
"""Adds to a node being made what one keyword of the old node says."""


def _draft(older: _Older, value: Any, node: Schema, made: Schema) -> None:
    if value.__class__ is str and value.rstrip("#") == NEWEST:
        made["$schema"] = value


def _identity(word: str) -> _Rule:
    """`id`, `$id`: in the newest draft without a fragment, which has a keyword of its own."""

    def rule(older: _Older, value: Any, node: Schema, made: Schema) -> None:
        if value.__class__ is not str:
            made[word] = value
            return
        address, _, fragment = value.partition("#")
        if not fragment:
            if address:
                made["$id"] = value
        elif not address and _ANCHOR(fragment):
            made["$anchor"] = fragment

    return rule


def _exclusive(word: str, inclusive: str) -> _Rule:
    """Until draft 4 a truth value beside the limit, now the limit."""

    def rule(older: _Older, value: Any, node: Schema, made: Schema) -> None:
        if value.__class__ is not bool:
            made[word] = value
        elif value and node.get(inclusive) is not None:
            made[word] = node[inclusive]

    return rule


def _inclusive(word: str, exclusive: str) -> _Rule:
    def rule(older: _Older, value: Any, node: Schema, made: Schema) -> None:
        if node.get(exclusive) is not True:
            made[word] = value

    return rule


def _type(older: _Older, value: Any, node: Schema, made: Schema) -> None:
    if value.__class__ is list:
        if "any" not in value:
            made["type"] = _each_once(value)
    elif value != "any":
        made["type"] = value


def _required(older: _Older, value: Any, node: Schema, made: Schema) -> None:
    """A list of names, each once. (A truth value says something to the schema around it.)"""
    if value.__class__ is list:
        made["required"] = _each_once(value)


def _each_once(names: list[Any]) -> list[Any]:
    once = list(dict.fromkeys(names)) if all(name.__class__ is str for name in names) else names
    return names if len(once) == len(names) else once


def _items(older: _Older, value: Any, node: Schema, made: Schema) -> None:
    if value.__class__ is not list:
        made["items"] = older.node(value)
    elif value:
        made["prefixItems"] = [older.node(member) for member in value]


def _additional_items(older: _Older, value: Any, node: Schema, made: Schema) -> None:
    """What stands behind a list of items; beside one schema for all of them it says nothing."""
    if node.get("items").__class__ is list:
        made["items"] = older.node(value)


def _dependencies(older: _Older, value: Any, node: Schema, made: Schema) -> None:
    for name, needed in value.items() if value.__class__ is dict else ():
        if needed.__class__ in (dict, bool):
            word, needed = "dependentSchemas", older.node(needed)
        else:
            word, needed = "dependentRequired", [needed] if needed.__class__ is str else needed
        before = made.get(word)
        made[word] = {**before, name: needed} if before.__class__ is dict else {name: needed}


def _dependent(word: str) -> _Rule:
    def rule(older: _Older, value: Any, node: Schema, made: Schema) -> None:
        value = changed_below(word, value, older.node)
        before = made.get(word)
        if before.__class__ is dict:  # of `dependencies`
            value = {**value, **before} if value.__class__ is dict else before
        made[word] = value

    return rule


def _divisible(older: _Older, value: Any, node: Schema, made: Schema) -> None:
    made.setdefault("multipleOf", value)


def _extends(older: _Older, value: Any, node: Schema, made: Schema) -> None:
    bases = value if value.__class__ is list else [value]
    known = node.get("allOf")
    made["allOf"] = [
        older.node(base) for base in [*(known if known.__class__ is list else ()), *bases]
    ]


def _all_of(older: _Older, value: Any, node: Schema, made: Schema) -> None:
    if "extends" not in node:
        made["allOf"] = changed_below("allOf", value, older.node)


def _disallow(older: _Older, value: Any, node: Schema, made: Schema) -> None:
    unwanted = value if value.__class__ is list else [value]
    schemas = [older.node(one if one.__class__ is dict else {"type": one}) for one in unwanted]
    if node.get("not") is not None:
        schemas.append(older.node(node["not"]))
    made["not"] = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _not(older: _Older, value: Any, node: Schema, made: Schema) -> None:
    if "disallow" not in node:
        made["not"] = older.node(value)


def _reference(older: _Older, value: Any, node: Schema, made: Schema) -> None:
    made["$ref"] = older.pointer(value)


def _examples(older: _Older, value: Any, node: Schema, made: Schema) -> None:
    if value.__class__ is list:
        made["examples"] = value


def _gone(older: _Older, value: Any, node: Schema, made: Schema) -> None:
    """Read where its meaning goes."""


_RULES: Final[dict[str, _Rule]] = {
    "$schema": _draft,
    "id": _identity("id"),
    "$id": _identity("$id"),
    "$ref": _reference,
    "$recursiveRef": _reference,
    "type": _type,
    "minimum": _inclusive("minimum", "exclusiveMinimum"),
    "maximum": _inclusive("maximum", "exclusiveMaximum"),
    "exclusiveMinimum": _exclusive("exclusiveMinimum", "minimum"),
    "exclusiveMaximum": _exclusive("exclusiveMaximum", "maximum"),
    "divisibleBy": _divisible,
    "items": _items,
    "additionalItems": _additional_items,
    "required": _required,
    "dependencies": _dependencies,
    "dependentRequired": _dependent("dependentRequired"),
    "dependentSchemas": _dependent("dependentSchemas"),
    "extends": _extends,
    "allOf": _all_of,
    "disallow": _disallow,
    "not": _not,
    "examples": _examples,
    "nullable": _gone,
}
