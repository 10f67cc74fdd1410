"""What a server says, a message or the delta of one, in the hub's form: its text a string, its
reasoning under one name.

Everything here works on values that were just read from the server's JSON and changes them in
place.
"""

from collections.abc import Mapping
from types import NoneType
from typing import Any, Final

from translators.chat.tool_names import declared_name
from translators.dialect import AnswerShape
from translators.json_codec import dumps_str
from translators.openai.wire import Said

_TEXT: Final = (str, NoneType)
_SPOKEN: Final = (str, NoneType, list)
_NAMING: Final = (str, NoneType, int)
_CALLED: Final = {"function": "arguments", "custom": "input", "function_call": "arguments"}
"""What holds a call's name, and its text beside it. The last stands in a message, the others in one
of its `tool_calls`."""

_REASONING: Final = ("reasoning", "reasoning_text", "thinking")
"""Other names of `reasoning_content`: OpenRouter's, vLLM's, Groq's and Ollama's; Copilot's; some
proxies' of Claude."""
REASONED: Final = frozenset({*_REASONING, "reasoning_details"})
"""Fields of a message that may hold reasoning beside `reasoning_content`."""


def well_formed(choices: Any, inner: str) -> bool:
    """Whether `choices` are objects whose `message` or `delta` can be read: a server may send
    anything.
    """
    if choices.__class__ is not list:
        return False
    for choice in choices:
        if choice.__class__ is not dict:
            return False
        said, index = choice.get(inner), choice.get("index", 0)
        if said is None:
            if index is not None and index.__class__ is not int:
                return False
            continue
        if (
            said.__class__ is not dict
            or index.__class__ is not int
            or said.get("content").__class__ not in _SPOKEN
        ):
            return False
        if "function_call" in said and not _is_named(said["function_call"]):
            return False
        if "tool_calls" in said and not _are_calls(said["tool_calls"]):
            return False
    return True


def _are_calls(calls: Any) -> bool:
    if calls.__class__ is not list:
        return calls is None
    for call in calls:  # noqa: SIM110 (a chunk has one: `all` would cost more than to look at it)
        if not _is_call(call):
            return False
    return True


def _is_call(call: Any) -> bool:
    """Whether a call, or a piece of one, can be told from others."""
    return (
        call.__class__ is dict
        and call.get("id").__class__ in _NAMING
        and call.get("index").__class__ in _NAMING
        and (
            ((called := call.get("function")).__class__ is dict and "name" not in called)
            or _is_named(called)
        )
        and ("custom" not in call or _is_named(call["custom"]))
    )


def _is_named(called: Any) -> bool:
    return called is None or (called.__class__ is dict and called.get("name").__class__ in _TEXT)


def write_out(holder: Said) -> bool:
    """Arguments that came as a value become the JSON text that they are in OpenAI's form. Whether
    there were any.
    """
    found = False
    for kind, name in _CALLED.items():
        called = holder.get(kind)
        if called.__class__ is dict and called.get(name).__class__ not in _TEXT:
            called[name] = dumps_str(called[name])
            found = True
    return found


def fill_arguments(function: Said) -> None:
    """A whole call without arguments, or with an empty text, has those of an empty object: callers
    parse them as JSON.
    """
    if not (function.get("arguments") or "").strip():
        function["arguments"] = "{}"


def callers_name(name: str, shape: AnswerShape) -> str:
    """What the caller calls the tool that the model called `name`."""
    if shape.tool_names and name in shape.tool_names:
        return shape.tool_names[name]
    return declared_name(name, shape.declared_tools)


def answers_tools(shape: AnswerShape) -> bool:
    """Whether a `function_call`, OpenAI's older kind of call, is the answer to `tools`: then it is
    told as one of these.
    """
    return bool(shape.declared_tools) and not shape.legacy_functions


def mend_texts(said: Said) -> bool:
    """Show reasoning as `reasoning_content` beside the name it came under, and a content in parts
    as texts. Whether anything changed.
    """
    changed = False
    if said.get("content").__class__ is list:
        _join_parts(said)
        changed = True
    if not REASONED.isdisjoint(said) and not said.get("reasoning_content"):
        text = _reasoning(said)
        if text:
            said["reasoning_content"] = text
            changed = True
    return changed


def _reasoning(said: Said) -> str:
    for name in _REASONING:
        if text := _text_of(said.get(name)):
            return text
    details = said.get("reasoning_details")
    return "".join(map(_detail, details)) if details.__class__ is list else ""


def _detail(detail: Any) -> str:
    """The text of one of OpenRouter's reasoning_details; encrypted ones have none."""
    if detail.__class__ is not dict:
        return ""
    text = detail.get("text") or detail.get("summary")
    return text if text.__class__ is str else ""


def _join_parts(said: Said) -> None:
    """The parts of a content (Mistral's, and those of proxies): texts and reasoning become strings,
    what is neither is kept aside.
    """
    texts: list[str] = []
    found: dict[str, list[str]] = {"thinking": [], "refusal": []}
    rest = []
    for part in said["content"]:
        kind = part.get("type") if part.__class__ is dict else None
        if part.__class__ is str:
            texts.append(part)
        elif kind in ("text", "output_text") and part.get("text").__class__ is str:
            texts.append(part["text"])
        elif (name := _PARTS.get(kind if kind.__class__ is str else "")) is not None:
            found[name].append(_text_of(part.get(kind) or part.get("text") or part.get("content")))
        else:
            rest.append(part)
    said["content"] = "".join(texts) if texts or not found["refusal"] else None
    for name, texts_found in (
        ("reasoning_content", found["thinking"]),
        ("refusal", found["refusal"]),
    ):
        if (text := "".join(texts_found)) and not said.get(name):
            said[name] = text
    if rest:
        said["content_parts"] = rest


_PARTS: Final[Mapping[str, str]] = {
    "thinking": "thinking",
    "reasoning": "thinking",
    "refusal": "refusal",
}
"""What the text of a part is, by the part's type, where it is not the answer's own."""


def _text_of(value: Any) -> str:
    """A text that may be given as a string, as an object with one, or as a list of them."""
    if value.__class__ is str:
        return str(value)
    if value.__class__ is dict:
        value = value.get("text") or value.get("content")
        return value if value.__class__ is str else ""
    return (
        "".join(_text_of(each) for each in value if each.__class__ is not list)
        if value.__class__ is list
        else ""
    )
