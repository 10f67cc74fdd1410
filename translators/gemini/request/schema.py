"""JSON Schema narrowed to what Gemini reads, by position: what stands under `properties` is a name,
never a keyword.

Annotations go in silence, constraints that Gemini cannot enforce go with a report, and what can be
said another way is.
"""

from collections.abc import Callable
from typing import Any, Final

from translators.chat.json_schema import Schema
from translators.errors import InvalidRequest
from translators.gemini.request.schema_growth import Growth
from translators.gemini.request.schema_keywords import (
    ANNOTATIONS,
    KEPT,
    NO_OPS,
    RULES,
    close,
    merge,
    types_of,
)
from translators.json_access import object_at
from translators.notes import Report

_RULED: Final = frozenset(RULES)
_SIMPLE: Final = KEPT - {"required"}
"""Keywords that are taken over as they are, whatever stands beside them; but arrays say what is in
them."""

MAX_NODES: Final = 20_000
"""Nodes of one schema."""

MAX_DEPTH: Final = 64
"""Nodes that may stand inside each other, references followed."""


class Sanitizer:
    """Narrows one schema. `where` names it in reports (`tools.<name>.parameters`,
    `response_format`), `param` in rejections; `growth` is the whole request's.
    """

    def __init__(
        self, root: Schema, where: str, param: str, report: Report, growth: Growth
    ) -> None:
        self._root = {
            **root,
            "$defs": {**object_at(root, "definitions"), **object_at(root, "$defs")},
        }
        self._where = where
        self._param = param
        self._report = report
        self._growth = growth
        self._reported: set[str] = set()
        self._inlining: list[str] = []
        self._nodes = 0
        self._depth = 0

    def sanitized(self) -> Schema:
        """A new schema; the given one stays as it is. Raises InvalidRequest."""
        made = self._node(self._root)
        if self._root["$defs"]:
            made["$defs"] = self._members(self._root["$defs"])
        return made

    def tool_root(self) -> Schema:
        """The same for the parameters of a tool, which must be an object."""
        made = self.sanitized()
        followed: set[str] = set()
        while (reference := made.get("$ref")) is not None and reference not in followed:
            followed.add(reference)
            made = {
                **self._inlined(reference, {}),
                **({"$defs": made["$defs"]} if "$defs" in made else {}),
            }
        if "type" not in made and not ({"anyOf", "oneOf", "$ref"} & made.keys()):
            made = {"type": "object", **made}
        if types_of(made) != ["object"]:
            raise self._invalid("the parameters of a function must be of type 'object'.")
        return {**made, "type": "object"}

    def resolved(self, reference: str) -> Schema:
        """What a local reference points to. Raises InvalidRequest if that is nothing."""
        node: Any = self._root
        for step in reference.split("/")[1:]:
            step = step.replace("~1", "/").replace("~0", "~")
            if node.__class__ is list:
                node = node[int(step)] if step.isdecimal() and int(step) < len(node) else None
            else:
                node = node.get(step) if node.__class__ is dict else None
        if node.__class__ is not dict:
            raise self._invalid(f"the reference {reference[:80]!r} points to nothing.")
        found: Schema = node
        return found

    def lost(self, keyword: str, why: str) -> None:
        """Report a keyword once, however often it stands in the schema."""
        if keyword not in self._reported:
            self._reported.add(keyword)
            self._report.changed(f"{self._where}:{keyword}", why)

    def enter(self) -> None:
        """Count a node and what it stands in; `leave` it afterwards. Raises InvalidRequest."""
        self._depth += 1
        self._nodes += 1
        if self._nodes > MAX_NODES or self._depth > MAX_DEPTH or self._growth.following:
            self._check_size()

    def _check_size(self) -> None:
        """A node that stands where a reference was counts for the request, any other for its
        schema.
        """
        if self._growth.following:
            self._nodes -= 1
            self._growth.add(self._param)
        if self._nodes > MAX_NODES or self._depth > MAX_DEPTH:
            raise self._invalid(
                "it is too large." if self._nodes > MAX_NODES else "it is nested too deeply."
            )

    def leave(self) -> None:
        self._depth -= 1

    def follow(self, target: Schema) -> None:
        """The nodes from here on stand where a reference to `target` was; `followed` afterwards."""
        self._growth.follow(target)

    def followed(self) -> None:
        self._growth.following -= 1

    def _invalid(self, what: str) -> InvalidRequest:
        return InvalidRequest(f"Invalid schema: {what}", self._param, "invalid_function_parameters")

    def _node(self, schema: Any) -> Schema:
        # `enter` and `leave`, without two calls for each node
        self._depth += 1
        self._nodes += 1
        if self._nodes > MAX_NODES or self._depth > MAX_DEPTH or self._growth.following:
            self._check_size()
        if (  # most nodes name a type and describe it
            schema.__class__ is dict
            and _SIMPLE.issuperset(schema)
            and (kind := schema.get("type")).__class__ is str
            and kind != "array"
        ):
            made = schema.copy()
        else:
            made = self._narrowed(schema)
        self._depth -= 1
        return made

    def _narrowed(self, schema: Any) -> Schema:
        if schema.__class__ is not dict:
            if schema is False:
                self.lost("false", "Gemini has no schema that nothing fits")
            return {}
        if "$ref" in schema:
            return self._reference(schema)
        if schema.get("allOf").__class__ is list:
            schema = self._merged(schema, ())
        made: Schema = {}
        for keyword, value in schema.items():
            if keyword in KEPT:
                made[keyword] = value
            else:
                self._keyword(keyword, value, made)
        if not _RULED.isdisjoint(schema):
            for keyword, rule in RULES.items():
                if keyword in schema:
                    rule(schema, made, self.lost)
        close(made, self.lost)
        return made

    def _keyword(self, keyword: str, value: Any, made: Schema) -> None:
        convert = _CONVERTERS.get(keyword)
        if convert is not None:
            converted = convert(self, value)
            if converted is not None:
                made[keyword] = converted
        elif (
            keyword not in RULES
            and keyword not in ANNOTATIONS
            and not keyword.startswith("x-")
            and value not in NO_OPS.get(keyword, ())
        ):
            self.lost(keyword, "Gemini's schemas have no such keyword")

    def _reference(self, schema: Schema) -> Schema:
        """A reference stands alone. One with siblings is inlined, and one that points elsewhere
        than to `$defs` too.
        """
        reference = self._local(schema["$ref"])
        self.resolved(reference)
        siblings = {k: v for k, v in schema.items() if k != "$ref" and k not in ANNOTATIONS}
        may_stay = reference == "#" or reference.startswith("#/$defs/")
        if may_stay and not siblings:
            return {"$ref": reference}
        if reference in self._inlining:
            self.lost("$ref", "a reference into itself must stand alone")
            return {"$ref": reference} if may_stay else {}
        return self._inlined(reference, siblings)

    def _inlined(self, reference: str, siblings: Schema) -> Schema:
        target = self.resolved(reference)
        self._inlining.append(reference)
        self.follow(target)
        made = self._node({**target, **siblings})
        self.followed()
        self._inlining.pop()
        return made

    def _local(self, reference: Any) -> str:
        if reference.__class__ is not str or not (reference == "#" or reference.startswith("#/")):
            raise self._invalid(f"the reference {str(reference)[:80]!r} points out of it.")
        return (
            "#/$defs/" + reference[14:]
            if reference.startswith("#/definitions/")
            else str(reference)
        )

    def _merged(self, schema: Schema, seen: tuple[str, ...]) -> Schema:
        """`allOf` merged into its parent, as far as its branches do not contradict each other."""
        made = {k: v for k, v in schema.items() if k != "allOf"}
        for branch in schema["allOf"]:
            flat = self._flat(branch, seen)
            if flat is None or not merge(made, flat):
                self.lost("allOf", "its branches cannot be merged into one schema")
        return made

    def _flat(self, branch: Any, seen: tuple[str, ...]) -> Schema | None:
        """A branch of allOf without references and without allOf of its own; None if it cannot be
        one.
        """
        self.enter()
        made = self._flattened(branch, seen)
        self.leave()
        return made

    def _flattened(self, branch: Any, seen: tuple[str, ...]) -> Schema | None:
        if branch.__class__ is not dict:
            return {} if branch is True else None
        if "$ref" in branch:
            reference = self._local(branch["$ref"])
            if reference in seen:
                return None
            siblings = {k: v for k, v in branch.items() if k != "$ref"}
            target = self.resolved(reference)
            self.follow(target)
            flat = self._flat({**target, **siblings}, (*seen, reference))
            self.followed()
            return flat
        return self._merged(branch, seen) if branch.get("allOf").__class__ is list else branch

    def _members(self, members: Any) -> Schema | None:
        return (
            {name: self._node(member) for name, member in members.items()}
            if members.__class__ is dict
            else None
        )

    def _branches(self, branches: Any) -> list[Schema] | None:
        return (
            [self._node(branch) for branch in branches]
            if branches.__class__ is list and branches
            else None
        )

    def _items(self, items: Any) -> Schema | None:
        return self._node(items) if items.__class__ is dict else None

    def _additional(self, value: Any) -> Any:
        return value if value.__class__ is bool else self._node(value)


_CONVERTERS: Final[dict[str, Callable[[Sanitizer, Any], Any]]] = {
    "properties": Sanitizer._members,
    "anyOf": Sanitizer._branches,
    "oneOf": Sanitizer._branches,
    "prefixItems": Sanitizer._branches,
    "items": Sanitizer._items,
    "additionalProperties": Sanitizer._additional,
}
