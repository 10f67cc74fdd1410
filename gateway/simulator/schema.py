"""A value that fits a JSON schema: the same schema gives the same value."""

from functools import reduce
from typing import Any, Final

_DEEP: Final = 3
"""Levels after which optional properties and list items are left out and the simplest alternative
is taken."""
_DEEPEST: Final = 60
_MOST_VALUES: Final = 10_000
"""Bounds for a schema that goes on without an end, or branches without measure: null stands where
they are reached."""

_FORMATS: Final = {
    "date-time": "2026-01-31T12:00:00Z", "date": "2026-01-31", "time": "12:00:00Z",
    "duration": "PT1H", "email": "someone@example.com", "hostname": "example.com",
    "ipv4": "192.0.2.1", "ipv6": "2001:db8::1", "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000001",
}  # fmt: skip


def example(schema: Any) -> Any:
    """A value that fits `schema`. `pattern`, `not`, `if` and `uniqueItems` are not understood."""
    return _Generator(schema).value(schema, 0)


class _Generator:
    def __init__(self, root: Any) -> None:
        self._root = root
        self._left = _MOST_VALUES

    def value(self, given: Any, depth: int) -> Any:
        schema = self._resolved(given, depth)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return schema["enum"][0]
        match _kind(schema):
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, depth)
            case "integer":
                return int(_grid(schema, int(schema.get("multipleOf", 1)) or 1))
            case "number":
                return _number(schema)
            case "boolean" | "null" as kind:
                return True if kind == "boolean" else None
        return _string(schema)

    def _resolved(self, given: Any, depth: int) -> dict[str, Any]:
        """References followed, one alternative chosen, `allOf` put together: what is left says its
        type by itself."""
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
                rest = {k: v for k, v in schema.items() if k != "allOf"}
                schema = reduce(_merged, parts, rest)
            else:
                break
        return schema

    def _chosen(self, branches: list[Any], depth: int) -> dict[str, Any]:
        """The first branch that is not null; deep down the one that ends soonest."""
        objects = [branch for branch in branches if isinstance(branch, dict)]
        shortest = min(objects, key=self._height, default={})
        some = next((branch for branch in objects if _kind(branch) != "null"), shortest)
        return shortest if depth > _DEEP else some

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
        needed = [properties.get(name) for name in schema.get("required") or ()]
        return 1 + max([self._height(each, limit - 1) for each in needed], default=0)

    def _target(self, reference: str) -> dict[str, Any]:
        node = self._root
        for step in reference.lstrip("#").split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            node = node.get(name) if isinstance(node, dict) else None
        return node if isinstance(node, dict) else {}

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        required = schema.get("required") or []
        properties = dict(schema.get("properties") or {})
        for name in required:
            properties.setdefault(name, schema.get("additionalProperties"))
        names = [name for name in properties if depth < _DEEP or name in required]
        return {name: self.value(properties[name], depth + 1) for name in names}

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


def _kind(schema: dict[str, Any]) -> Any:
    kind = schema.get("type")
    if isinstance(kind, list):
        return next((each for each in kind if each != "null"), "null")
    if kind is None:
        kind = "array" if "items" in schema or "prefixItems" in schema else "string"
        return "object" if "properties" in schema else kind
    return kind


def _string(schema: dict[str, Any]) -> str:
    text = _FORMATS.get(schema.get("format", ""), "example")
    least = min(int(schema.get("minLength", 0)), _MOST_VALUES)
    return text.ljust(least, "x")[: int(schema.get("maxLength", max(least, len(text))))]


def _number(schema: dict[str, Any]) -> float:
    if "multipleOf" in schema:
        return float(_grid(schema, schema["multipleOf"]))
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is None:
        low = 1 if high is None else high - 1
    return float(low + (low + 1 if high is None else high)) / 2


def _grid(schema: dict[str, Any], step: float) -> float:
    """The first multiple of `step` from the lower bound on; without one, `step` itself or what is
    left under the upper bound."""
    if (low := schema.get("minimum")) is not None:
        return -(-float(low) // step) * step
    if (above := schema.get("exclusiveMinimum")) is not None:
        return (float(above) // step + 1) * step
    if (high := schema.get("maximum")) is not None:
        return min(1.0, float(high) // step) * step
    if (below := schema.get("exclusiveMaximum")) is not None:
        return min(1.0, -(-float(below) // step) - 1) * step
    return step
