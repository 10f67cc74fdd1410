"""Tools that Claude knows by a type and others need a schema for: the caller runs them either
way."""

from typing import Any, Final, NamedTuple

from translators.json_codec import JsonObject

_STRING: Final = {"type": "string"}
_INTEGER: Final = {"type": "integer"}
_EDITS: Final = ("view", "create", "str_replace", "insert")
_MOVES: Final = ("delete", "rename")


class TypedTool(NamedTuple):
    """A tool of a type, as the function it stands for."""

    prefix: str
    """Of its type: a date follows."""
    name: str
    description: str
    properties: dict[str, Any]
    required: tuple[str, ...] = ()

    def function(self, name: str) -> JsonObject:
        """The hub's function under the caller's name for it."""
        schema: JsonObject = {"type": "object", "properties": self.properties}
        if self.required:
            schema["required"] = list(self.required)
        return {"name": name, "description": self.description, "parameters": schema}


def _editing(commands: tuple[str, ...]) -> dict[str, Any]:
    return {
        "command": {"type": "string", "enum": list(commands)},
        "path": _STRING,
        "file_text": _STRING,
        "old_str": _STRING,
        "new_str": _STRING,
        "insert_line": _INTEGER,
        "insert_text": _STRING,
        "view_range": {"type": "array", "items": _INTEGER},
    }


TYPED: Final = (
    TypedTool(
        "bash_",
        "bash",
        "Runs commands in a persistent bash shell.",
        {
            "command": {"type": "string", "description": "The bash command to run."},
            "restart": {
                "type": "boolean",
                "description": "Restart the shell instead of running a command.",
            },
        },
    ),
    TypedTool(
        "text_editor_",
        "str_replace_based_edit_tool",
        "Views, creates and edits text files.",
        _editing(_EDITS),
        ("command", "path"),
    ),
    TypedTool(
        "memory_",
        "memory",
        "Reads and writes files in the /memories directory, which persists between conversations."
        " Look there before you begin.",
        {**_editing(_EDITS + _MOVES), "old_path": _STRING, "new_path": _STRING},
        ("command",),
    ),
)
