"""Tool calls of a history: what they call, and their ids in the form that a server takes: the same
history gives the same bytes.
"""

import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any, Final, Literal

from translators.chat.wire import InputCall
from translators.errors import InvalidRequest
from translators.json_codec import JsonObject

CallIdForm = Literal["any", "short", "nine"]
OWN: Final = frozenset({"function", "custom"})
"""The kinds of calls that the caller's own tools answer. Others may have been run by the server
that made them."""
SHORT: Final = 40
"""Characters of a call id that OpenAI takes."""

_NINE: Final = re.compile(r"[a-zA-Z0-9]{9}").fullmatch


def called_in(call: InputCall) -> JsonObject | None:
    """The object that names what is called. A call of an unknown kind counts as one of a function
    if it has one, as Moonshot's `builtin_function` does; None if it has none: then nobody but the
    server that made it can tell what was called.
    """
    return call.get("custom" if call.get("type") == "custom" else "function")


def unreadable(call: InputCall, index: int, place: int) -> InvalidRequest:
    """For the call at `place` of message `index`, of which `called_in` says None."""
    at = f"messages[{index}].tool_calls[{place}].type"
    return InvalidRequest(
        f"This provider has no tool calls of type '{call['type'][:80]}'.", at, "unsupported_value"
    )


def refuse_foreign_tools(tools: Iterable[Mapping[str, Any]]) -> None:
    """For OpenAI's own APIs: raises InvalidRequest for a function under another type than
    `function`, which some server runs itself.
    """
    for i, tool in enumerate(tools):
        kind = tool["type"]
        if kind not in OWN and "function" in tool:
            raise InvalidRequest(
                f"OpenAI has no tools of type '{kind[:80]}'.",
                f"tools[{i}].type",
                "unsupported_value",
            )


def formed(call_id: str, form: CallIdForm) -> str:
    """`call_id` in that form: as it is, its beginning with a hash behind it, or a hash alone."""
    if form == "any" or (len(call_id) <= SHORT if form == "short" else _NINE(call_id) is not None):
        return call_id
    digest = sha256(call_id.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{call_id[: SHORT - 9]}_{digest[:8]}" if form == "short" else digest[:9]
