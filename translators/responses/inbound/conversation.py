"""Items as the hub's messages: calls and outputs that interleave are one turn, as they were when
the model made them. A pure function: a longer input with the same beginning gives the same
beginning of messages."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from translators.errors import InvalidRequest
from translators.json_codec import JsonObject, dumps
from translators.responses.inbound.checks import array, mapping, text, unknown_value
from translators.responses.inbound.findings import Findings
from translators.responses.inbound.flat_names import flat_name
from translators.responses.inbound.parts import content_of
from translators.responses.inbound.sealed_items import INTRODUCTION, unseal_summary
from translators.responses.inbound.tools import ToolReader
from translators.responses.inbound.turn import CallOutput, Turn, pair
from translators.sealed import unseal

CALLS: Final[Mapping[str, str]] = {
    "function_call": "arguments",
    "custom_tool_call": "input",
    "tool_search_call": "arguments",
}
"""The calls of the caller's tools, and where each has its text."""
OUTPUTS: Final[Mapping[str, str]] = {
    "function_call_output": "output",
    "custom_tool_call_output": "output",
    "tool_search_output": "tools",
}
ROLES: Final = ("user", "system", "developer")
IGNORED: Final = frozenset({"web_search_call"})
"""What the answer that follows says again."""


class Conversation:
    """Reads the items of one request."""

    def __init__(self, items: Sequence[Any], findings: Findings, tools: ToolReader) -> None:
        self.messages: list[JsonObject] = []
        self.updates: list[JsonObject] = []
        """The `configuration_update` items."""
        self.compacts = False
        """The answer is to be a summary of the conversation."""
        self._items = [_item(item, i) for i, item in enumerate(items)]
        self._findings = findings
        self._tools = tools
        self._turn = Turn()
        self._pairs = pair(self._items, CALLS, OUTPUTS)
        self._answers = {output: call for call, output in self._pairs.items()}
        self._call_ids = {
            str(item.get("call_id")) for item in self._items if item.get("type") in CALLS
        }
        self._outputs: dict[int, CallOutput] = {}

    def read(self) -> None:
        """Raises InvalidRequest, which names the item."""
        self._read_outputs()
        for i, item in enumerate(self._items):
            kind = item["type"]
            if (read := _READERS.get(kind)) is not None:
                read(self, i, item)
            elif kind not in IGNORED:
                self._findings.natives.append(f"input[{i}].type")
        self.close(len(self._items))

    def close(self, ends_at: int) -> None:
        """The open turn is over: what it was stands in the messages."""
        if not self._turn.empty:
            turn, self._turn = self._turn, Turn()
            self.messages += turn.messages(self._output_of, self._findings, ends_at)

    def _output_of(self, call: int) -> CallOutput | None:
        output = self._pairs.get(call)
        return None if output is None else self._outputs[output]

    def _read_outputs(self) -> None:
        """Outputs first, wherever they stand; the tools that a search found are declared."""
        for i, item in enumerate(self._items):
            kind = item["type"]
            if kind == "additional_tools":
                self._tools.declare(item.get("tools"), f"input[{i}].tools")
            elif kind == "tool_search_output" and _is_callers(item):
                names = self._tools.declare(item.get("tools"), f"input[{i}].tools")
                self._outputs[i] = CallOutput(
                    i, f"Tools found: {', '.join(sorted(names)) or 'none'}"
                )
            elif kind in OUTPUTS and kind != "tool_search_output":
                at = f"input[{i}].output"
                self._outputs[i] = CallOutput(i, content_of(item.get("output"), at, self._findings))

    def message(self, i: int, item: JsonObject) -> None:
        """Somebody speaks."""
        role = text(item.get("role"), f"input[{i}].role")
        content = content_of(item.get("content"), f"input[{i}].content", self._findings)
        if role == "assistant":
            self._say(i, content)
        elif role in ROLES:
            self._add(i, {"role": role, "content": content})
        else:
            raise unknown_value(role, f"input[{i}].role", ", ".join((*ROLES, "assistant")))

    def _say(self, i: int, content: str | list[JsonObject]) -> None:
        self._turn.reach(i)
        if content.__class__ is str:
            self._turn.texts.append(str(content))
            return
        for part in content:
            assert part.__class__ is dict
            if part["type"] == "text":
                self._turn.texts.append(part["text"])
            elif part["type"] == "refusal":
                self._turn.refusals.append(part["refusal"])
            else:
                self._turn.pictures.append(part)

    def _add(self, i: int, message: JsonObject) -> None:
        self.close(i)
        self.messages.append(message)
        self._findings.places.append(f"input[{i}]")

    def call(self, i: int, item: JsonObject) -> None:
        """A call of one of the caller's tools."""
        kind, at = item["type"], f"input[{i}]"
        if kind == "tool_search_call" and not _is_callers(item):
            self._findings.natives.append(f"{at}.type")
            return
        call_id = text(item.get("call_id"), f"{at}.call_id")
        name = "tool_search" if kind == "tool_search_call" else text(item.get("name"), f"{at}.name")
        namespace = item.get("namespace")
        flat = flat_name(name, namespace if namespace.__class__ is str else None)
        written = _written(item.get(CALLS[kind]), f"{at}.{CALLS[kind]}")
        if kind == "custom_tool_call":
            call = {"id": call_id, "type": "custom", "custom": {"name": flat, "input": written}}
        else:
            function = {"name": flat, "arguments": written or "{}"}
            call = {"id": call_id, "type": "function", "function": function}
        self._turn.reach(i)
        self._turn.calls.append((i, call))
        if (output := self._pairs.get(i)) is not None and output > i:
            self._turn.waiting.add(output)

    def output(self, i: int, item: JsonObject) -> None:
        """What a tool gave was read before: here it only ends the turn, where it is the last."""
        if item["type"] == "tool_search_output" and not _is_callers(item):
            self._findings.natives.append(f"input[{i}].type")
            return
        if i in self._turn.waiting:
            self._turn.waiting.discard(i)
            self._turn.reach(i)
            if not self._turn.waiting:
                self.close(i + 1)
        elif i not in self._answers and str(item.get("call_id")) not in self._call_ids:
            said = (
                f"No tool call found for function call output with call_id {item.get('call_id')}."
            )
            raise InvalidRequest(said, "input")

    def reasoning(self, i: int, item: JsonObject) -> None:
        """Ours goes back to whoever signed it; another's means nothing to other models."""
        sealed = item.get("encrypted_content")
        if sealed is None:
            return
        if (state := unseal(sealed)) is None:
            why = "encrypted reasoning of another API, or too long"
            self._findings.report.dropped("messages.reasoning", why)
            return
        self._turn.reach(i)
        self._turn.states.append(state)

    def reference(self, i: int, item: JsonObject) -> None:
        """One that was not found in what is kept."""
        item_id = text(item.get("id"), f"input[{i}].id")
        if not item_id.startswith("rs_"):
            raise InvalidRequest(f"Item with id '{item_id}' not found.", "input")
        self._findings.report.dropped("messages.reasoning", "the item is not kept")

    def declared(self, i: int, item: JsonObject) -> None:
        """Tools were read with the outputs."""

    def compaction(self, i: int, item: JsonObject) -> None:
        """A summary stands for what was before it."""
        summary = unseal_summary(item.get("encrypted_content"))
        if summary is None:
            self._findings.natives.append(f"input[{i}].encrypted_content")
            return
        self._add(i, {"role": "user", "content": INTRODUCTION + summary})

    def trigger(self, i: int, item: JsonObject) -> None:
        """The answer is to be a summary."""
        if i != len(self._items) - 1:
            raise InvalidRequest(
                "A 'compaction_trigger' must be the last item.", f"input[{i}]", "invalid_value"
            )
        self.compacts = True

    def update(self, i: int, item: JsonObject) -> None:
        """Other settings from here on: the last ones hold for the answer."""
        self.updates.append(item)

    def drawn(self, i: int, item: JsonObject) -> None:
        """A picture that the model drew."""
        result = item.get("result")
        if result.__class__ is str and result:
            form = item.get("output_format") or "png"
            url = result if result.startswith("data:") else f"data:image/{form};base64,{result}"
            self._turn.reach(i)
            self._turn.pictures.append({"type": "image_url", "image_url": {"url": url}})


_READERS: Final[Mapping[str, Callable[[Conversation, int, JsonObject], None]]] = {
    "message": Conversation.message,
    **dict.fromkeys(CALLS, Conversation.call),
    **dict.fromkeys(OUTPUTS, Conversation.output),
    "reasoning": Conversation.reasoning,
    "item_reference": Conversation.reference,
    "additional_tools": Conversation.declared,
    "compaction": Conversation.compaction,
    "compaction_trigger": Conversation.trigger,
    "configuration_update": Conversation.update,
    "image_generation_call": Conversation.drawn,
}
"""What is read for the hub; every other item is for OpenAI's own models only."""
ITEMS: Final = frozenset(_READERS)


def _item(item: Any, i: int) -> JsonObject:
    found = mapping(item, f"input[{i}]")
    kind = found.get("type")
    if kind is None:
        if "role" not in found and "id" in found:
            return {**found, "type": "item_reference"}
        return {**found, "type": "message"}
    text(kind, f"input[{i}].type")
    return found


def _is_callers(item: JsonObject) -> bool:
    """Whether a search for tools is the caller's own."""
    return item.get("execution") != "server"


def _written(value: Any, at: str) -> str:
    """A call's text; an object is told as JSON."""
    if value.__class__ in (dict, list):
        return dumps(value).decode()
    return "" if value is None else text(value, at)


def plain_messages(items: list[Any]) -> list[JsonObject] | None:
    """The hub's messages of items that are nothing but texts which somebody says, in turn; None if
    one is anything else."""
    found: list[JsonObject] = []
    before = ""
    for item in items:
        if item.__class__ is not dict or item.get("type", "message") != "message":
            return None
        role, content = item.get("role"), item.get("content")
        if content.__class__ is not str or not content or role.__class__ is not str:
            return None
        if role not in ROLES and (role != "assistant" or before == role):
            return None
        before = role
        found.append({"role": role, "content": content})
    return found


def read_input(given: Any) -> list[Any]:
    """The items of `input`: a text is what the user says. Raises InvalidRequest."""
    if given.__class__ is str:
        return [{"type": "message", "role": "user", "content": given}]
    items = array(given, "input")
    if not items:
        raise InvalidRequest(
            "Invalid 'input': empty array. Expected an array with minimum length 1.",
            "input",
            "empty_array",
        )
    return items
