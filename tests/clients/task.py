"""The job that every command-line client is given, and the model that does it.

The model reads a file of numbers, writes their sum into another file and reads that one back.
So each step needs the result of the one before: one that was lost or changed shows in the end.
"""

import json
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

NUMBERS: Final = (7, 11, 24)
SUM: Final = sum(NUMBERS)
SOURCE: Final = "numbers.txt"
TARGET: Final = "sum.txt"
CALLS: Final = 3
REQUESTS: Final = CALLS + 1
"""Of the job itself; clients may make others, for a title or the like."""
_PROMPT: Final = re.compile(r"Add up the numbers in (\S+) and write SUM=N into (\S+)\.")
_READ_NUMBERS: Final = re.compile(r"\b" + r"\s+".join(map(str, NUMBERS)) + r"\b")


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that a request declares. `custom`: its input is text, not JSON.

    `field`: the only field of its input, which holds the text where a dialect has no custom tools.
    """

    name: str
    custom: bool = False
    namespace: str | None = None
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """One request for an answer, as all dialects tell it. `results`: of tools, oldest first."""

    texts: Sequence[str]
    tools: Sequence[Tool]
    results: Sequence[str]
    stream: bool
    thinking: bool = False


@dataclass(frozen=True, slots=True)
class Say:
    """The model answers with text."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """The model calls a tool. `number` counts the calls of the job, from 1."""

    tool: Tool
    arguments: Mapping[str, Any] | str
    number: int


Step = Say | Call


def prompt(directory: Path) -> str:
    """What the user types."""
    source, target = directory / SOURCE, directory / TARGET
    return f"Add up the numbers in {source} and write SUM=N into {target}. Use your tools."


def next_step(asked: Asked) -> Step:
    """What the model does now: deterministic, and from the request alone."""
    found = next((match for text in asked.texts if (match := _PROMPT.search(text))), None)
    if found is None:
        return Say("This is not the job.")
    source, target = found.groups()
    match asked.results:
        case []:
            return _call(asked, _READ, source, "", 1)
        case [numbers]:
            if _READ_NUMBERS.search(numbers) is None:
                return Say(f"The numbers did not arrive: {numbers[:300]}")
            return _call(asked, _WRITE, target, f"SUM={SUM}\n", 2)
        case [_, _]:
            return _call(asked, _READ, target, "", 3)
        case [*_, written]:
            read = re.search(r"SUM=\d+", written)
            return Say(f"Done: {read[0]}" if read else f"The sum did not arrive: {written[:300]}")
    raise AssertionError


def _patch(path: str, content: str) -> str:
    added = "".join(f"+{line}\n" for line in content.splitlines())
    return f"*** Begin Patch\n*** Add File: {path}\n{added}*** End Patch\n"


def _heredoc(path: str, content: str) -> str:
    return f"apply_patch <<'EOF'\n{_patch(path, content)}EOF\n"


def _script(tool: str, given: Any, part: str = "") -> str:
    """JavaScript for Codex's `exec`, which calls its other tools."""
    return f"const said = await tools.{tool}({json.dumps(given)}); text(said{part});"


Arguments = Callable[[str, str], Mapping[str, Any] | str]
"""From a path and a content."""

_READ: Final[Mapping[str, Arguments]] = {
    "Bash": lambda path, _: {"command": f"cat {shlex.quote(path)}", "description": "Read a file"},
    "exec": lambda path, _: _script("exec_command", {"cmd": f"cat {shlex.quote(path)}"}, ".output"),
    "exec_command": lambda path, _: {"cmd": f"cat {shlex.quote(path)}"},
    "shell_command": lambda path, _: {"command": f"cat {shlex.quote(path)}"},
    "shell": lambda path, _: {"command": ["cat", path]},
    "run_shell_command": lambda path, _: {
        "command": f"cat {shlex.quote(path)}",
        "description": "Read a file",
    },
}
_WRITE: Final[Mapping[str, Arguments]] = {
    "Write": lambda path, content: {"file_path": path, "content": content},
    "write_file": lambda path, content: {"file_path": path, "content": content},
    "apply_patch": _patch,
    "exec": lambda path, content: _script("apply_patch", _patch(path, content)),
    "exec_command": lambda path, content: {"cmd": _heredoc(path, content)},
    "shell_command": lambda path, content: {"command": _heredoc(path, content)},
    "shell": lambda path, content: {"command": ["apply_patch", _patch(path, content)]},
}


def _call(
    asked: Asked, ways: Mapping[str, Arguments], path: str, content: str, number: int
) -> Step:
    declared = {tool.name: tool for tool in asked.tools}
    name = next((name for name in ways if name in declared), None)
    if name is None:
        return Say(
            f"None of {', '.join(ways)} is declared, only {', '.join(declared) or 'nothing'}."
        )
    tool, arguments = declared[name], ways[name](path, content)
    if isinstance(arguments, str) and not tool.custom:
        if tool.field is None:
            return Say(f"{name} should take one text.")
        arguments = {tool.field: arguments}
    return Call(tool, arguments, number)
