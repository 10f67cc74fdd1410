"""What a coding agent sends: the same 128 tools in each of its turns, and a call more with its
result. Some 106 KB.
"""

from typing import Any, Final

from translators.json_codec import dumps

TURNS: Final = 9
"""Of one session, as far as it is played."""
NUMBER: Final = "@@@@@@@@"
"""Stands for a number that is another in each request, or in each session."""
_CALLS_BEFORE: Final = 19
_SYSTEM: Final = (
    """You are an agent that changes code in a repository.
- Look before you change: read what is there, and say “why” in one line.
- Paths are absolute. Never guess a path; list the directory (`ls`) instead.
- Run the tests after each change; a test that was not run proves nothing.
"""
    + "The team's rules stand in CONTRIBUTING.md, and are binding. " * 30
)
_ROOMS: Final = (
    "files", "shell", "search", "git", "issues", "review", "browser", "database",
    "notebook", "deploy", "metrics", "logs", "docs", "images", "memory", "tasks",
)  # fmt: skip
_VERBS: Final = ("read", "list", "create", "update", "delete", "find", "watch", "explain")
_ABOUT: Final = (
    "The “absolute” path; it may not leave the workspace.",
    "At most so many, newest first (100 unless said).",
    'A regular expression, as in `grep -E`: "^def ".',
    "Seconds to wait before it is given up.",
)
_EDIT: Final = {
    "type": "object",
    "properties": {
        "old_text": {"type": "string", "minLength": 1},
        "new_text": {"type": "string"},
        "replace_all": {"type": "boolean", "default": False},
    },
    "required": ["old_text", "new_text"],
    "additionalProperties": False,
}
_PROPERTIES: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("path", {"type": "string", "description": _ABOUT[0]}),
    ("limit", {"type": "integer", "description": _ABOUT[1], "minimum": 1, "maximum": 1000}),
    ("pattern", {"type": "string", "description": _ABOUT[2]}),
    ("mode", {"type": "string", "enum": ["content", "names", "count"], "default": "names"}),
    ("edits", {"type": "array", "items": _EDIT, "minItems": 1}),
    ("timeout", {"type": ["number", "null"], "description": _ABOUT[3]}),
    ("labels", {"type": "array", "items": {"type": "string"}}),
    ("since", {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}),
    ("environment", {"type": "object", "additionalProperties": {"type": "string"}}),
    ("dry_run", {"type": "boolean", "description": "Tell what would be done, and do nothing."}),
)
_OF_A_TOOL: Final = 2


def agents_turn(model: str, turn: int = 1, *, new_tools: bool = False) -> bytes:
    """The body of one turn, from 1 on. NUMBER stands in what the session begins with or, with
    `new_tools`, in the tools.
    """
    asked: list[dict[str, Any]] = [
        {"role": "system", "content": _SYSTEM},
        {
            "role": "user",
            "content": f"Mend the import in /src ({NUMBER})." if not new_tools else "Mend it.",
        },
    ]
    calls = [message for n in range(_CALLS_BEFORE + turn) for message in _called(n)]
    body = {"model": model, "messages": [*asked, *calls], "tools": _tools(new_tools)}
    return dumps({**body, "tool_choice": "auto", "stream": False, "max_tokens": 8000})


def _tools(new: bool) -> list[dict[str, Any]]:
    return [
        _tool(room, verb, number * len(_VERBS) + place, NUMBER if new else "")
        for number, room in enumerate(_ROOMS)
        for place, verb in enumerate(_VERBS)
    ]


def _tool(room: str, verb: str, number: int, mark: str) -> dict[str, Any]:
    taken = [_PROPERTIES[(number + step * 3) % len(_PROPERTIES)] for step in range(_OF_A_TOOL)]
    about = f"Lets you {verb} {room} of the workspace.{mark}\n- Say why before."
    parameters = {
        "type": "object",
        "properties": {"target": {"type": "string"}, **dict(taken)},
        "required": ["target", taken[0][0]],
        "additionalProperties": False,
    }
    function = {"name": f"{room}_{verb}", "description": about, "parameters": parameters}
    return {"type": "function", "function": function}


def _called(n: int) -> tuple[dict[str, Any], dict[str, Any]]:
    arguments = dumps({"target": f"module_{n}", "path": f"/src/module_{n}.py", "limit": 200})
    name = f"{_ROOMS[n % len(_ROOMS)]}_{_VERBS[n % len(_VERBS)]}"
    function = {"name": name, "arguments": arguments.decode()}
    call = {"id": f"call_{n:020}", "type": "function", "function": function}
    code = f'def part_{n}(text: str) -> "str":\n    return f"“{{text}}”\\n"  # {n}\n\n'
    said = None if n % 3 else f"I look at part {n}."
    return (
        {"role": "assistant", "content": said, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": code * 26},
    )
