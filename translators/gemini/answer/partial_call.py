"""A function call that comes in pieces (Vertex): each piece names a place in the arguments and what
to put or append there.
"""

import re
from itertools import pairwise
from typing import Any, Final

from translators.gemini.wire import AnswerCall
from translators.json_codec import JsonObject

_STEP: Final = re.compile(r"""\.([^.\[\]]+)|\[(\d+)\]|\['([^']*)'\]|\["([^"]*)"\]""")


class PartialCall:
    """Gathers one call. `raw` is the call as far as it is known, in the shape of a whole one."""

    def __init__(self, first: AnswerCall) -> None:
        self.raw: JsonObject = {name: first[name] for name in ("id", "name") if name in first}
        self.raw["args"] = {}
        self.signature: Any = None

    def add(self, piece: AnswerCall) -> None:
        """Raises ValueError for a place that cannot be in the arguments."""
        for name in ("id", "name"):
            if piece.get(name):
                self.raw[name] = piece[name]
        args = piece.get("args")
        if args.__class__ is dict:
            self.raw["args"].update(args)
        partial = piece.get("partialArgs")
        for argument in partial if partial.__class__ is list else ():
            if argument.__class__ is dict:
                self._put(str(argument.get("jsonPath") or ""), argument)

    def _put(self, path: str, argument: JsonObject) -> None:
        steps = _steps(path)
        if not steps or steps[0].__class__ is not str:
            raise ValueError(f"a function call's argument has no place: {path[:80]!r}")
        node: Any = self.raw["args"]
        for step, after in pairwise(steps):
            node = _enter(node, step, [] if after.__class__ is int else {})
        last = steps[-1]
        before = _at(node, last)
        value = _value(argument)
        _set(
            node,
            last,
            before + value if before.__class__ is str and value.__class__ is str else value,
        )


def _steps(path: str) -> list[str | int]:
    if not path.startswith("$"):
        raise ValueError(f"not a JSON path: {path[:80]!r}")
    steps: list[str | int] = []
    position = 1
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            raise ValueError(f"not a JSON path: {path[:80]!r}")
        position = match.end()
        name, index, single, double = match.groups()
        steps.append(
            int(index)
            if index is not None
            else next(n for n in (name, single, double) if n is not None)
        )
    return steps


def _at(node: Any, step: str | int) -> Any:
    if node.__class__ is dict and step.__class__ is str:
        return node.get(step)
    if node.__class__ is list and isinstance(step, int):
        return node[step] if step < len(node) else None
    raise ValueError("a function call's arguments contradict each other")


def _set(node: Any, step: str | int, value: Any) -> None:
    if node.__class__ is list and isinstance(step, int):
        if step > len(node):
            raise ValueError("a function call's arguments have a gap")
        node[step : step + 1] = [value]
    else:
        node[step] = value


def _enter(node: Any, step: str | int, fresh: Any) -> Any:
    child = _at(node, step)
    if child is None:
        _set(node, step, fresh)
        return fresh
    return child


def _value(argument: JsonObject) -> Any:
    for name in ("stringValue", "boolValue"):
        if name in argument:
            return argument[name]
    number = argument.get("numberValue")
    # Numbers come as doubles: a whole one is written as such.
    return int(number) if number.__class__ is float and number.is_integer() else number
