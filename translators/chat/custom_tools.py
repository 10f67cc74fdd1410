"""Custom tools for providers that have only functions: what a grammar asks for, told in words."""

from typing import Final

from translators.chat.json_schema import Schema
from translators.json_codec import JsonObject

TEXT_INPUT: Final[Schema] = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
}
"""The arguments of a function that stands for a custom tool: its input as one text."""


def with_grammar(custom: JsonObject) -> tuple[str, bool]:
    """The description of a custom tool, its grammar behind it; whether there is one."""
    description: str = custom.get("description") or ""
    form = custom.get("format")
    if form.__class__ is not dict or form.get("type") in (None, "text"):
        return description, False
    inner = form.get("grammar")
    grammar = inner if inner.__class__ is dict else form
    rule = (
        f"The input must follow this {grammar.get('syntax')} grammar:\n{grammar.get('definition')}"
    )
    return f"{description}\n\n{rule}".strip(), True
