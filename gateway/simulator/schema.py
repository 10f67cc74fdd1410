"""A value that fits a JSON schema: the same schema gives the same value. Reads Google's spelling
(`OBJECT`, `"minItems": "1"`) too.
"""

from collections.abc import Callable
from typing import Any, Final

_DEEP: Final = 3
"""Levels after which optional properties and list items are left out and the simplest alternative
is taken."""
_DEEPEST: Final = 60
_MOST_VALUES: Final = 10_000
"""Bounds for a schema that goes on without an end, or branches without measure: null stands where
they are reached."""

_FORMATS: Final = {
    "date-time": "2026-01-31T12:00:00Z",
    "date": "2026-01-31",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "someone@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000001",
}


def example(schema: Any) -> Any:
    """A value that fits `schema`. `pattern`, `not`, `if` and `uniqueItems` are not understood."""
    return _Generator(schema).value(schema, 0)


class _Generator:
    def __init__(self, root: Any) -> None:
        self._root = root
        self._left = _MOST_VALUES

    def value(self, schema: Any, depth: int) -> Any:
        schema = self._resolved(schema, depth)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return schema["enum"][0]
        kind = _kind(schema)
        if depth > _DEEP and schema.get("nullable"):
            return None
        make: Callable[[dict[str, Any], int], Any] = {
            "object": self._object, "array": self._array, "string": _string, "integer": _integer,
            "number": _number,
            "boolean": _true, "null": _none,
        }.get(kind, _string)  # fmt: skip
        return make(schema, depth)

    def _resolved(self, given: Any, depth: int) -> dict[str, Any]:
        """References followed, one alternative chosen, `allOf` put together: what is left says its
        type by itself.
        """
        self._left -= 1
        if self._left < 0 or depth > _DEEPEST:
            return {"type": "null"}
        schema: dict[str, Any] = given if isinstance(given, dict) else {}
        for _ in range(32):
            if isinstance(reference := schema.get("$ref"), str):
                schema = self._target(reference) | {k: v for k, v in schema.items() if k != "$ref"}
            elif key := next((k for k in ("anyOf", "oneOf") if schema.get(k)), None):
                rest = {k: v for k, v in schema.items() if k != key}
                schema = _merged(rest, self._chosen(schema[key], depth))
            elif schema.get("allOf"):
                parts = [self._resolved(part, depth + 1) for part in schema["allOf"]]
                schema = {k: v for k, v in schema.items() if k != "allOf"}
                for part in parts:
                    schema = _merged(schema, part)
            else:
                break
        return schema

    def _chosen(self, branches: list[Any], depth: int) -> dict[str, Any]:
        """The first branch that is not null; deep down the one that ends soonest."""
        objects = [branch for branch in branches if isinstance(branch, dict)]
        shortest = min(objects, key=self._height, default={})
        return (
            shortest
            if depth > _DEEP
            else next((b for b in objects if _kind(b) != "null"), shortest)
        )

    def _height(self, schema: Any, limit: int = 6) -> int:
        """Levels that the smallest value has, as far as `limit` steps show."""
        self._left -= 1
        if limit == 0 or self._left < 0 or not isinstance(schema, dict) or _kind(schema) == "null":
            return 0
        if isinstance(reference := schema.get("$ref"), str):
            return self._height(self._target(reference), limit - 1)
        if branches := schema.get("anyOf") or schema.get("oneOf"):
            return min(self._height(branch, limit - 1) for branch in branches)
        properties = schema.get("properties") or {}
        return 1 + max(
            (
                self._height(properties.get(name), limit - 1)
                for name in schema.get("required") or ()
            ),
            default=0,
        )

    def _target(self, reference: str) -> dict[str, Any]:
        node = self._root
        for step in reference.lstrip("#").split("/")[1:]:
            node = (
                node.get(step.replace("~1", "/").replace("~0", "~"), {})
                if isinstance(node, dict)
                else {}
            )
        return node if isinstance(node, dict) else {}

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        required = schema.get("required") or []
        properties = schema.get("properties") or {}
        names = [name for name in properties if depth < _DEEP or name in required]
        made = {name: self.value(properties[name], depth + 1) for name in names}
        extra = schema.get("additionalProperties")
        for name in (name for name in required if name not in properties):
            made[name] = self.value(extra, depth + 1)
        return made

    def _array(self, schema: dict[str, Any], depth: int) -> list[Any]:
        head = [self.value(item, depth + 1) for item in schema.get("prefixItems") or []]
        least = int(schema.get("minItems", 0 if head or depth > _DEEP else 1))
        most = int(schema.get("maxItems", max(least, 1)))
        items = schema.get("items", {})
        return head + [
            self.value(items, depth + 1) for _ in range(min(least, most, self._left) - len(head))
        ]


def _merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    both = first | second
    if "properties" in first and "properties" in second:
        both["properties"] = first["properties"] | second["properties"]
    if "required" in first and "required" in second:
        both["required"] = list(dict.fromkeys([*first["required"], *second["required"]]))
    return both


def _kind(schema: dict[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((k for k in kind if str(k).lower() != "null"), "null")
    if kind is None:
        kind = (
            "object"
            if "properties" in schema
            else "array"
            if "items" in schema or "prefixItems" in schema
            else "string"
        )
    return str(kind).lower()


def _string(schema: dict[str, Any], depth: int) -> str:
    text = _FORMATS.get(schema.get("format", ""), "example")
    least = min(int(schema.get("minLength", 0)), _MOST_VALUES)
    return text.ljust(least, "x")[: int(schema.get("maxLength", max(least, len(text))))]


def _number(schema: dict[str, Any], depth: int) -> float:
    if "multipleOf" in schema:
        return float(_grid(schema, schema["multipleOf"]))
    low, high = (
        schema.get("minimum", schema.get("exclusiveMinimum")),
        schema.get("maximum", schema.get("exclusiveMaximum")),
    )
    if low is not None and high is not None:
        return (float(low) + float(high)) / 2
    if low is not None:
        return float(low) + 0.5
    return 1.5 if high is None else float(high) - 0.5


def _integer(schema: dict[str, Any], depth: int) -> int:
    return int(_grid(schema, int(schema.get("multipleOf", 1)) or 1))


def _grid(schema: dict[str, Any], step: float) -> float:
    """The first multiple of `step` from the lower bound on; without one, `step` itself or what is
    left under the upper bound.
    """
    if (low := schema.get("minimum")) is not None:
        return -(-float(low) // step) * step
    if (above := schema.get("exclusiveMinimum")) is not None:
        return (float(above) // step + 1) * step
    if (high := schema.get("maximum")) is not None:
        return min(1.0, float(high) // step) * step
    if (below := schema.get("exclusiveMaximum")) is not None:
        return min(1.0, -(-float(below) // step) - 1) * step
    return step


def _true(schema: dict[str, Any], depth: int) -> bool:
    return True


def _none(schema: dict[str, Any], depth: int) -> None:
    return None
