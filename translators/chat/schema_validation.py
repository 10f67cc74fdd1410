"""Whether a JSON value is valid against a JSON Schema, within bounds: for answers whose schema a
model was only told in words.

Kept by hand, because schemas are a caller's and no validator on PyPI holds still under a hostile
one. Measured on one core: jsonschema 4.26 takes 182 ms to import (the whole gateway starts in 340),
fastjsonschema 2.22 compiles each schema with `exec` in 4 ms and fetches references over HTTP,
jsonschema-rs 0.61 has 16 MB; and all three work for longer than anybody waits on 24 nested `anyOf`
of two. Delete this when a library takes a budget of steps, fetches nothing, and is small. What is
not judged counts as valid: keywords that are not here (`pattern` and `format` too: a caller's
regular expression may take forever), references to elsewhere, schemas that are none, and all that
is left when the budget is spent.
"""

import operator
from collections.abc import Callable, Iterable
from typing import Any, Final

from translators.chat.json_schema import Schema

MAX_STEPS: Final = 10_000
"""Schemas held against values, and entries of lists looked through: some 20 ms of work."""
MAX_DEPTH: Final = 120
"""Schemas inside of schemas, references followed; each costs some five frames of Python's stack,
which holds a thousand."""

Check = Callable[["_Judge", Any, Any, Schema, int], bool]
"""Holds a value against a keyword's operand, which stands in a schema at some depth."""


class _Unjudged(Exception):
    """The budget is spent."""


def is_valid(value: Any, schema: Any) -> bool:
    """Whether `value` is valid against `schema`, an object or a boolean, as far as it is judged.
    Raises nothing.
    """
    try:
        return _Judge(schema).accepts(value, schema, 0)
    except _Unjudged:
        return True


class _Judge:
    """Holds one value against one schema."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._left = MAX_STEPS

    def spend(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise _Unjudged

    def accepts(self, value: Any, schema: Any, depth: int) -> bool:
        self.spend(1)
        if depth > MAX_DEPTH:
            raise _Unjudged
        if schema.__class__ is not dict or (value is None and schema.get("nullable") is True):
            return schema is not False
        for keyword, operand in schema.items():
            check = _CHECKS.get(keyword)
            if check is not None and not check(self, operand, value, schema, depth + 1):
                return False
        return True

    def reference(self, pointer: Any, value: Any, schema: Schema, depth: int) -> bool:
        if pointer.__class__ is not str or not pointer.startswith("#"):
            return True
        node = self._root
        for name in pointer[1:].split("/")[1:]:
            name = name.replace("~1", "/").replace("~0", "~")
            node = node.get(name) if node.__class__ is dict else None
        return node is None or self.accepts(value, node, depth)

    def properties(self, of: Any, value: Any, schema: Schema, depth: int) -> bool:
        of = _as(dict, of)
        return self._all(
            ((child, of[name]) for name, child in _as(dict, value).items() if name in of), depth
        )

    def other_properties(self, of: Any, value: Any, schema: Schema, depth: int) -> bool:
        """Beside patterns, which are not judged, nobody knows which those are."""
        if value.__class__ is not dict or "patternProperties" in schema:
            return True
        known = _as(dict, schema.get("properties"))
        return self._all(((child, of) for name, child in value.items() if name not in known), depth)

    def items(self, of: Any, value: Any, schema: Schema, depth: int) -> bool:
        if value.__class__ is not list:
            return True
        if of.__class__ is list:
            return self.first_items(of, value, schema, depth)  # as drafts up to 2019-09 have it
        return self._all(
            ((child, of) for child in value[len(_as(list, schema.get("prefixItems"))) :]), depth
        )

    def first_items(self, of: Any, value: Any, schema: Schema, depth: int) -> bool:
        return self._all(zip(_as(list, value), _as(list, of), strict=False), depth)

    def every(self, of: Any, value: Any, schema: Schema, depth: int) -> bool:
        return self._all(((value, part) for part in _as(list, of)), depth)

    def some(self, of: Any, value: Any, schema: Schema, depth: int) -> bool:
        return not _as(list, of) or any(
            self.accepts(value, alternative, depth) for alternative in of
        )

    def exactly_one(self, of: Any, value: Any, schema: Schema, depth: int) -> bool:
        return (
            not _as(list, of)
            or sum([self.accepts(value, alternative, depth) for alternative in of]) == 1
        )

    def _all(self, held: Iterable[tuple[Any, Any]], depth: int) -> bool:
        return all(self.accepts(value, schema, depth) for value, schema in held)


def _as(kind: type, value: Any) -> Any:
    """`value` if it is of that kind, else an empty one: a caller's schema may hold anything."""
    return value if value.__class__ is kind else kind()


def _has_kind(judge: _Judge, kinds: Any, value: Any, schema: Schema, depth: int) -> bool:
    classes = [
        _KINDS.get(kind)
        for kind in (kinds if kinds.__class__ is list else [kinds])
        if kind.__class__ is str
    ]
    found = int if value.__class__ is float and value.is_integer() else value.__class__
    return not classes or any(of is None or found in of for of in classes)


def _is_one_of(judge: _Judge, values: Any, value: Any, schema: Schema, depth: int) -> bool:
    listed = _as(list, values)
    judge.spend(len(listed))
    return not listed or any(_is_same(judge, other, value, schema, depth) for other in listed)


def _is_same(judge: _Judge, other: Any, value: Any, schema: Schema, depth: int) -> bool:
    return bool(value == other) and (value.__class__ is bool) == (other.__class__ is bool)


def _has_all(judge: _Judge, names: Any, value: Any, schema: Schema, depth: int) -> bool:
    judge.spend(len(_as(list, names)))
    return value.__class__ is not dict or all(
        name in value for name in _as(list, names) if name.__class__ is str
    )


def _limit(
    kinds: tuple[type, ...], measure: Callable[[Any], Any], holds: Callable[[Any, Any], bool]
) -> Check:
    """A check of sizes. What is no number, as draft 4's `exclusiveMinimum`, is not judged."""
    return lambda judge, limit, value, schema, depth: (
        limit.__class__ not in _NUMBER
        or value.__class__ not in kinds
        or holds(measure(value), limit)
    )


_NUMBER: Final = (int, float)
_KINDS: Final[dict[str, tuple[type, ...]]] = {
    "object": (dict,), "array": (list,), "string": (str,), "number": _NUMBER, "integer": (int,),
    "boolean": (bool,), "null": (type(None),),
}  # fmt: skip
_SIZES: Final = (("Length", str), ("Items", list), ("Properties", dict))
_CHECKS: Final[dict[str, Check]] = {
    "$ref": _Judge.reference, "allOf": _Judge.every, "anyOf": _Judge.some,
    "oneOf": _Judge.exactly_one,
    "type": _has_kind, "enum": _is_one_of, "const": _is_same, "required": _has_all,
    "properties": _Judge.properties, "additionalProperties": _Judge.other_properties,
    "prefixItems": _Judge.first_items, "items": _Judge.items,
    **{f"min{of}": _limit((kind,), len, operator.ge) for of, kind in _SIZES},
    **{f"max{of}": _limit((kind,), len, operator.le) for of, kind in _SIZES},
    "minimum": _limit(_NUMBER, operator.pos, operator.ge), "maximum": _limit(_NUMBER, operator.pos,
     operator.le),
    "exclusiveMinimum": _limit(_NUMBER, operator.pos, operator.gt),
    "exclusiveMaximum": _limit(_NUMBER, operator.pos, operator.lt),
}  # fmt: skip
