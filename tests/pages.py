"""The pages of documentation, and what the code says that they must say, too."""

import ast
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

ROOT: Final = Path(__file__).parents[1]
PAGES: Final = sorted(
    path
    for top in (".", "config", "gateway", "translators", "tests")
    for path in (ROOT / top).glob("*.md" if top == "." else "**/*.md")
)
SOURCES: Final = sorted(
    path
    for house in ("gateway", "translators")
    for path in (ROOT / house).rglob("*.py")
    if "simulator" not in path.relative_to(ROOT).parts
)

_CODE_AT: Final = {
    "InvalidRequest": 2,
    "NotServed": 2,
    "Cause": 1,
    "_Told": 2,
    "_failed": 2,
    "_timed_out": 0,
}
"""Where a code stands among the positional arguments of what makes an error."""


def page(path: str) -> str:
    return (ROOT / path).read_text("utf-8")


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks whose first line says `language`."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def section(text: str, heading: str) -> str:
    """What stands under a heading like `## Routes`, up to the next heading of its level or
    above."""
    level = heading.partition(" ")[0]
    _, found, rest = f"\n{text}".partition(f"\n{heading}\n")
    assert found, f"there is no heading {heading!r}"
    return re.split(rf"\n#{{1,{len(level)}}} ", rest)[0]


def spans(text: str) -> set[str]:
    """All that stands in backticks outside of blocks."""
    return set(
        re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))
    )


def words(text: str) -> set[str]:
    """The names in what stands in backticks."""
    return {word for span in spans(text) for word in re.findall(r"[A-Za-z_][A-Za-z0-9_]*", span)}


def rows(text: str) -> dict[str, list[str]]:
    """The rows of its tables by the first name in their first cell."""
    found = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells and (name := re.match(r"`([^`]+)`", cells[0])):
            found[name[1]] = cells
    return found


def anchors(text: str) -> set[str]:
    """What a link to a heading of a page is called."""
    return {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.*)", text, re.MULTILINE)
    }


def constants(node: ast.AST) -> Iterator[str]:
    """The texts that stand in a piece of code."""
    return (
        each.value
        for each in ast.walk(node)
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    )


def nodes() -> Iterator[ast.AST]:
    """All code of both houses but the simulator's."""
    for path in SOURCES:
        yield from ast.walk(ast.parse(path.read_text("utf-8")))


def error_codes() -> set[str]:
    """Every code that is written down where an error is made."""
    found: set[str] = set()
    for node in nodes():
        match node:
            case ast.Call():
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                at = _CODE_AT.get(name)
                given = [] if at is None else node.args[at : at + 1]
                given += [keyword.value for keyword in node.keywords if keyword.arg == "code"]
                found.update(
                    each.value
                    for each in given
                    if isinstance(each, ast.Constant) and isinstance(each.value, str)
                )
                if name == "_tls":
                    found.update(f"upstream_tls_{code}" for code in constants(node.args[0]))
            case ast.ClassDef():
                found.update(_codes_of_class(node))
    return found


def _codes_of_class(node: ast.ClassDef) -> Iterator[str]:
    """`code = …` or `status, type, code = …` in the body of an exception."""
    for line in node.body:
        if isinstance(line, ast.Assign):
            target = line.targets[0]
            names = target.elts if isinstance(target, ast.Tuple) else [target]
            values = line.value.elts if isinstance(line.value, ast.Tuple) else [line.value]
            yield from (
                value.value
                for name, value in zip(names, values, strict=False)
                if isinstance(name, ast.Name)
                and name.id == "code"
                and isinstance(value, ast.Constant)
                and isinstance(value.value, str)
            )


class Form:
    """What a class that is read from a file may hold, as pydantic's JSON Schema tells it."""

    def __init__(self, of: type[Any]) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a default that JSON cannot say
            self._root = TypeAdapter(of).json_schema()

    def keys(self, *path: str) -> set[str]:
        """The keys of the mapping behind these keys."""
        return {key for schema in self._at(path) for key in self._properties(schema)}

    def choices(self, *path: str) -> set[str]:
        """The words that may stand behind these keys."""
        return {word for schema in self._at(path) for word in schema.get("enum", ())}

    def settings(self) -> set[str]:
        """All keys, of the mappings within, too."""
        found: set[str] = set()
        seen: list[Any] = []
        waiting = [self._root]
        while waiting:
            for schema in self._same(waiting.pop()):
                if schema not in seen:
                    seen.append(schema)
                    properties = self._properties(schema)
                    found.update(properties)
                    waiting += properties.values()
        return found

    def _at(self, path: tuple[str, ...]) -> list[dict[str, Any]]:
        found = [*self._same(self._root)]
        for key in path:
            behind = [
                properties[key]
                for schema in found
                if key in (properties := self._properties(schema))
            ]
            found = [each for schema in behind for each in self._same(schema)]
        return found

    def _properties(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Names that begin with a control character stand in no file."""
        properties: dict[str, Any] = schema.get("properties", {})
        return {name: inner for name, inner in properties.items() if name[0].isprintable()}

    def _same(self, schema: Any) -> Iterator[dict[str, Any]]:
        """A schema, its alternatives, and what its items are: all that stands behind the same
        key."""
        if not isinstance(schema, dict):
            return
        yield schema
        if "$ref" in schema:
            yield from self._same(self._root["$defs"][schema["$ref"].rpartition("/")[2]])
        for name in ("anyOf", "oneOf", "allOf"):
            for inner in schema.get(name, ()):
                yield from self._same(inner)
        yield from self._same(schema.get("items"))
