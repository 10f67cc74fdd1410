"""The caller's tools and tool_choice, flat as this API has them."""

from dataclasses import dataclass
from typing import Any, Final

from translators.chat.in_words import TOLD, ForcedCall, forced_call
from translators.responses.translation import Translation

Tool = dict[str, Any]

_NO_PARAMETERS: Final = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}


@dataclass(frozen=True, slots=True)
class Tools:
    """What is said about tools: the tools, the choice, and whether several may be called at once (None: nothing is said)."""

    tools: list[Tool]
    choice: Any
    parallel: bool | None
    legacy: bool
    """The caller speaks of `functions`: one call, answered as `function_call`."""
    one_call: bool
    """Only the first call of the answer may be shown."""
    told: ForcedCall | None = None
    """The call that the model cannot be made to make, and is asked for in words."""

    @property
    def names(self) -> frozenset[str]:
        """What the caller's own tools are called."""
        return frozenset(tool["name"] for tool in self.tools if tool["type"] in ("function", "custom"))


def read_tools(body: dict[str, Any], reasons: bool, translation: Translation) -> Tools:
    """`tools` or the older `functions`, with their choice. `reasons`: the model reasons in this request."""
    declared = body.get("tools")
    legacy = not declared and bool(body.get("functions"))
    tools = (
        [_flat({"type": "function", "function": function}) for function in body["functions"]]
        if legacy
        else [_flat(t) for t in declared or ()]
    )
    if (options := body.get("web_search_options")) is not None and not any(tool["type"].startswith("web_search") for tool in tools):
        tools.append(web_search_tool(options))
    choice = _choice(body.get("function_call" if legacy else "tool_choice"))
    if not tools:
        return Tools([], None, None, legacy=False, one_call=False)
    parallel, one_call = _parallel(body.get("parallel_tool_calls"), translation)
    told = None if _can_force(reasons, translation) else forced_call(body)
    if told is not None:
        translation.report.emulated(told.param, TOLD)
        choice = {**choice, "mode": "auto"} if choice.__class__ is dict and "mode" in choice else "auto"
    return Tools(tools, choice, False if legacy else parallel, legacy=legacy, one_call=legacy or one_call, told=told)


def _parallel(asked: bool | None, translation: Translation) -> tuple[bool | None, bool]:
    """What is sent, and whether the answer has to be cut to one call instead."""
    if asked is None or "parallel_tool_calls" not in translation.record.unsupported:
        return asked, False
    if not asked:
        translation.report.emulated("parallel_tool_calls", "this model does not take it: only the first call of the answer is kept")
    return None, not asked


def _flat(tool: Tool) -> Tool:
    kind = tool["type"]
    inner = tool.get(kind) if kind in ("function", "custom") else None
    said = {
        name: value
        for name, value in (tool if inner is None else inner).items()
        if name not in ("type", "cache_control") and value is not None
    }
    if kind == "function":
        return {
            "type": kind,
            **said,
            "parameters": said.get("parameters") or _NO_PARAMETERS,
            "strict": said.get("strict", False),  # this API's own default is true, Chat's is false
        }
    if kind == "custom" and "format" in said:
        said["format"] = _format(said["format"])
    return {"type": kind, **said}


def _format(asked: dict[str, Any]) -> dict[str, Any]:
    grammar = asked.get("grammar")
    return {"type": "grammar", **grammar} if grammar.__class__ is dict else asked


def web_search_tool(options: dict[str, Any]) -> Tool:
    """`web_search_options` as the tool that searches."""
    tool = {"type": "web_search", **{name: value for name, value in options.items() if value is not None}}
    location = tool.get("user_location")
    if location.__class__ is dict and location.get("approximate").__class__ is dict:
        tool["user_location"] = {"type": "approximate", **location["approximate"]}
    return tool


def _choice(asked: Any) -> Any:
    """A tool_choice (or function_call) as this API has it: names stand beside the type."""
    if asked.__class__ is not dict:
        return asked
    kind = asked.get("type", "function")
    inner = asked.get(kind)
    if inner.__class__ is not dict:
        return {"type": kind, **asked}
    if kind == "allowed_tools":
        return {"type": kind, "mode": inner["mode"], "tools": [_choice(tool) for tool in inner["tools"]]}
    return {"type": kind, "name": inner["name"]}


def _can_force(reasons: bool, translation: Translation) -> bool:
    """Whether the model, which `reasons` or does not, can be made to call something."""
    possible = translation.record.forced_tool_choice
    return possible == "yes" or (possible == "without_thinking" and not reasons)
