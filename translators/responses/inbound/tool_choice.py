"""Which tool is to be called."""

from collections.abc import Mapping
from typing import Any, Final

from translators.json_codec import JsonObject
from translators.responses.inbound.checks import array, mapping, text, unknown_value
from translators.responses.inbound.findings import Findings
from translators.responses.inbound.flat_names import flat_name

_WORDS: Final = ("none", "auto", "required")
_NAMED: Final = ("function", "custom")
_AT: Final = "tool_choice"


def read_tool_choice(choice: Any, findings: Findings) -> Any:
    """The hub's form; None where it says nothing or only a relay can. Raises InvalidRequest."""
    if choice.__class__ is str:
        if choice not in _WORDS:
            raise unknown_value(choice, _AT, ", ".join(_WORDS))
        return choice
    asked = mapping(choice, _AT)
    kind = text(asked.get("type"), f"{_AT}.type")
    if kind in _NAMED:
        return _named(asked, _AT)
    if kind == "allowed_tools":
        return _allowed(asked)
    if kind == "tool_search":
        return {"type": "function", "function": {"name": "tool_search"}}
    findings.natives.append(f"{_AT}.type")  # of a hosted tool, which only OpenAI's models call
    return None


def _named(asked: Mapping[str, Any], at: str) -> JsonObject:
    namespace = asked.get("namespace")
    name = flat_name(
        text(asked.get("name"), f"{at}.name"), namespace if namespace.__class__ is str else None
    )
    kind = asked["type"]
    return {"type": kind, kind: {"name": name}}


def _allowed(asked: JsonObject) -> JsonObject:
    tools = []
    for i, member in enumerate(array(asked.get("tools"), f"{_AT}.tools")):
        at = f"{_AT}.tools[{i}]"
        if mapping(member, at).get("type") in _NAMED:
            tools.append(_named(member, at))
    mode = asked.get("mode") or "auto"
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}
