"""JSON Schema (of the newest draft) narrowed to what Claude's grammars can hold: for structured
answers and for strict tools.

Limits that a grammar cannot enforce move into the description, where the model still reads them.
"""

from collections import defaultdict
from typing import Any, Final

from translators.chat.json_schema import Schema
from translators.json_access import as_list, as_object
from translators.json_codec import dumps_str

FORMATS: Final = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}
)

_UNENFORCED: Final = frozenset({
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength",
    "maxLength", "pattern", "maxItems",
    "uniqueItems", "minProperties", "maxProperties", "patternProperties", "if", "then", "else",
    "not", "contains", "minContains",
    "maxContains", "propertyNames", "dependentRequired", "dependentSchemas",
    "unevaluatedProperties", "unevaluatedItems",
})  # fmt: skip
MAX_MERGES: Final = 200
"""Parts of allOf merged in one schema: references to references multiply."""
MAX_NODES: Final = 200_000
"""Values looked at while references are followed."""
_FORGOTTEN: Final = frozenset({"$schema", "$id", "$comment", "nullable"})
_LISTS: Final = ("anyOf", "prefixItems")
_MAPS: Final = ("properties", "$defs", "definitions")
_LOOSE: Final = frozenset({"minItems", "format"})
"""Keywords of which Claude enforces some values only."""
_LOOKED_INTO: Final = frozenset({*_LISTS, *_MAPS, "items", "$ref", "const", "enum"})
"""Keywords whose values hold schemas, or what may not be said: most others are kept as they are."""


class Unrepresentable(Exception):
    """A schema that Claude's grammars cannot hold; the message says why."""


class Narrowed:
    """A schema after narrowing: `schema`, the keywords that moved into descriptions, and what
    counts against the limits of strict tools.
    """

    def __init__(self, schema: Schema) -> None:
        """Raises Unrepresentable."""
        self.moved: list[str] = []
        self.optional = 0
        self.unions = 0
        self._merges = 0
        self._root = schema
        if _recurs(schema):
            raise Unrepresentable("the schema is recursive")
        self.schema = self._walk(schema)

    def _walk(self, node: Any) -> Any:
        if node.__class__ is not dict:
            return node
        node = self._merged(node)
        kept: Schema = {}
        limits: list[str] = []
        for name, value in node.items():
            if name in _FORGOTTEN:
                continue
            if name in _UNENFORCED or (name in _LOOSE and self._is_loose(name, value)):
                limits.append(f"{name}: {dumps_str(value)}")
                self._note(name)
            else:
                kept[name] = self._value(name, value) if name in _LOOKED_INTO else value
        if limits:
            told = kept.get("description")
            kept["description"] = f"{told} ({'; '.join(limits)})" if told else "; ".join(limits)
        if _is_object(kept):
            self._close(kept)
        if "anyOf" in kept or kept.get("type").__class__ is list:
            self.unions += 1
        return kept

    def _note(self, name: str) -> None:
        if name not in self.moved:
            self.moved.append(name)

    @staticmethod
    def _is_loose(name: str, value: Any) -> bool:
        return (name == "minItems" and value not in (0, 1)) or (
            name == "format" and value not in FORMATS
        )

    def _value(self, name: str, value: Any) -> Any:
        if name in _MAPS:
            return {key: self._walk(child) for key, child in as_object(value).items()}
        if name in _LISTS:
            return [self._walk(child) for child in as_list(value)]
        if name == "items":
            if value.__class__ is list:
                raise Unrepresentable("'items' is a list")
            return self._walk(value)
        if name == "$ref" and not str(value).startswith("#/"):
            raise Unrepresentable("it refers to another document")
        if (name == "const" and _is_composite(value)) or (
            name == "enum" and any(map(_is_composite, as_list(value)))
        ):
            raise Unrepresentable(f"'{name}' holds objects or arrays")
        return value

    def _close(self, node: Schema) -> None:
        """Claude's objects hold exactly their properties: an open map cannot be said."""
        properties = node.get("properties")
        more = node.get("additionalProperties")
        if not properties and (
            more not in (None, False) or (properties is None and more is not False)
        ):
            raise Unrepresentable("it has an object of any keys")
        if more not in (None, False):
            self._note("additionalProperties")
        node["additionalProperties"] = False
        self.optional += len((properties or {}).keys() - set(as_list(node.get("required"))))

    def _merged(self, node: Schema) -> Schema:
        """`node` with oneOf as anyOf and allOf merged into it."""
        if "oneOf" in node:
            if "anyOf" in node:
                raise Unrepresentable("it has both 'oneOf' and 'anyOf'")
            node = {("anyOf" if name == "oneOf" else name): value for name, value in node.items()}
        parts = node.get("allOf")
        if parts is None:
            return node
        merged = {name: value for name, value in node.items() if name != "allOf"}
        for part in as_list(parts):
            self._merges += 1
            if self._merges > MAX_MERGES:
                raise Unrepresentable("its 'allOf' parts are too many")
            merged = _intersection(merged, self._merged(resolved(part, self._root)))
        return merged


def _intersection(one: Schema, other: Schema) -> Schema:
    both = dict(one)
    for name, value in other.items():
        if name not in both or both[name] == value:
            both[name] = value
        elif name == "required":
            both[name] = list(dict.fromkeys([*as_list(both[name]), *as_list(value)]))
        elif name == "properties":
            both[name] = _joined(as_object(both[name]), as_object(value))
        elif name not in ("title", "description"):
            raise Unrepresentable(f"the parts of 'allOf' differ in '{name}'")
    return both


def _joined(one: Schema, other: Schema) -> Schema:
    if any(one[key] != other[key] for key in one.keys() & other.keys()):
        raise Unrepresentable("the parts of 'allOf' differ in a property")
    return {**one, **other}


def resolved(node: Any, root: Schema) -> Schema:
    """`node`, or what its local $ref points at. Raises Unrepresentable where that leads nowhere."""
    seen: set[str] = set()
    while node.__class__ is dict and "$ref" in node:
        ref = str(node["$ref"])
        if ref in seen:
            raise Unrepresentable("the schema is recursive")
        seen.add(ref)
        node = target(ref, root)
    if node.__class__ is not dict:
        raise Unrepresentable("a '$ref' leads nowhere")
    found: Schema = node
    return found


def target(ref: str, root: Schema) -> Any:
    """What a local JSON Pointer (`#/$defs/item`) points at, or None."""
    if not ref.startswith("#"):
        return None
    node: Any = root
    for name in ref[1:].split("/")[1:]:
        node = (
            node.get(name.replace("~1", "/").replace("~0", "~")) if node.__class__ is dict else None
        )
    return node


def _recurs(root: Schema) -> bool:
    """Whether a $ref leads back to a schema that holds it. Raises Unrepresentable where the
    references lead over too much.
    """
    inner: dict[str, set[str]] = {}
    outer: dict[str, list[str]] = defaultdict(list)
    refs, seen = _refs(root)
    for ref in refs:  # what they lead to is part of the root, so its references are among these
        inner[ref], nodes = _refs(target(ref, root))
        seen += nodes
        if seen > MAX_NODES:
            raise Unrepresentable("its references lead over too many schemas")
        for other in inner[ref]:
            outer[other].append(ref)
    ends = [ref for ref, others in inner.items() if not others]
    while ends:  # take away what leads nowhere any more: what is left goes in circles
        end = ends.pop()
        del inner[end]
        for ref in outer[end]:
            inner[ref].discard(end)
            if not inner[ref]:
                ends.append(ref)
    return bool(inner)


def _refs(node: Any) -> tuple[set[str], int]:
    """The references inside of `node`, and how many values it holds."""
    refs: set[str] = set()
    stack, seen = [node], 0
    while stack:
        node = stack.pop()
        seen += 1
        if node.__class__ is list:
            stack.extend(node)
        elif node.__class__ is dict:
            if node.get("$ref").__class__ is str:
                refs.add(node["$ref"])
            stack.extend(node.values())
    return refs, seen


def _is_object(node: Schema) -> bool:
    kind = node.get("type")
    return kind == "object" or "properties" in node or (kind.__class__ is list and "object" in kind)


def _is_composite(value: Any) -> bool:
    return value.__class__ in (dict, list)
