"""One turn of the assistant: what its items say together, and the answers of its tools."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from translators.errors import InvalidRequest
from translators.json_codec import JsonObject
from translators.responses.inbound.findings import Findings
from translators.sealed import SEALED, SealedReasoning


@dataclass(frozen=True, slots=True)
class CallOutput:
    """What a tool gave, and where it stands."""

    index: int
    content: str | list[JsonObject]


@dataclass(slots=True)
class Turn:
    """Gathered item by item; closed when none of its calls waits, or somebody else speaks."""

    texts: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    calls: list[tuple[int, JsonObject]] = field(default_factory=list)
    """With the place of each in `input`."""
    states: list[SealedReasoning] = field(default_factory=list)
    waiting: set[int] = field(default_factory=set)
    """The places of the outputs that have not come yet."""
    pictures: list[JsonObject] = field(default_factory=list)
    """What the assistant drew: shown behind the turn."""
    first: int = -1
    """The place of its first item."""
    last: int = -1
    """The place of the item that was read last."""

    @property
    def empty(self) -> bool:
        return self.first < 0

    def reach(self, index: int) -> None:
        """The turn goes as far as the item at `index`."""
        if self.first < 0:
            self.first = index
        self.last = index

    def messages(
        self, output_of: Callable[[int], CallOutput | None], findings: Findings, ends_at: int
    ) -> list[JsonObject]:
        """The assistant's message and one of each call's tool, in the order of the calls. Raises
        InvalidRequest for a call without an output. `ends_at`: the place behind the turn."""
        written: list[JsonObject] = []
        if (said := self._said()) is not None:
            written.append(said)
            findings.places.append(f"input[{self.first}]")
        for index, call in self.calls:
            output = output_of(index)
            if output is None:
                raise InvalidRequest(
                    f"No tool output found for function call {call['id']}.", "input"
                )
            if output.index >= ends_at or output.index < index:
                findings.report.repaired("messages", "a tool's output was moved to its call")
            answer = {"role": "tool", "tool_call_id": call["id"], "content": output.content}
            written.append(answer)
            findings.places.append(f"input[{output.index}]")
        if self.pictures:
            written.append({"role": "user", "content": self.pictures})
            findings.places.append(f"input[{self.last}]")
        return written

    def _said(self) -> JsonObject | None:
        if not self.texts and not self.refusals and not self.calls:
            return None
        message: JsonObject = {"role": "assistant", "content": "".join(self.texts)}
        if not message["content"] and (self.calls or self.refusals):
            message["content"] = None
        if self.refusals:
            message["refusal"] = "".join(self.refusals)
        if self.calls:
            message["tool_calls"] = [call for _, call in self.calls]
        if self.states:
            message[SEALED] = tuple(self.states)
        return message


def pair(
    items: list[JsonObject], calls: Mapping[str, str], outputs: Mapping[str, str]
) -> dict[int, int]:
    """For the place of each call the place of its output, by `call_id`; of an output without one,
    the oldest call of its kind and name that waits. Of several outputs the first stands."""
    named = _outputs_by_id(items, calls, outputs)
    pairs: dict[int, int] = {}
    used: set[int] = set()
    of_id: dict[str, list[int]] = {}
    for i, item in enumerate(items):
        if item.get("type") in calls:
            of_id.setdefault(str(item.get("call_id")), []).append(i)
    for call_id, places in of_id.items():
        found = named.get(call_id, [])
        for n, place in enumerate(places):
            until = places[n + 1] if n + 1 < len(places) else len(items)
            near = [j for j in found if place < j < until and j not in used]
            left = near or [j for j in found if j not in used]
            if left:
                pairs[place] = left[0]
                used.add(left[0])
    return pairs


def _outputs_by_id(
    items: list[JsonObject], calls: Mapping[str, str], outputs: Mapping[str, str]
) -> dict[str, list[int]]:
    named: dict[str, list[int]] = {}
    waiting: list[JsonObject] = []
    early: list[object] = []
    """Ids of outputs that stand before their calls, which do not wait then."""
    for i, item in enumerate(items):
        kind = item.get("type")
        if kind in calls and item.get("call_id") in early:
            early.remove(item.get("call_id"))
        elif kind in calls:
            waiting.append(item)
        elif kind in outputs:
            call_id = item.get("call_id")
            if call_id is None:
                call_id = _oldest(waiting, item)
            elif all(call.get("call_id") != call_id for call in waiting):
                early.append(call_id)
            waiting = [call for call in waiting if call.get("call_id") != call_id]
            named.setdefault(str(call_id), []).append(i)
    return named


def _oldest(waiting: list[JsonObject], output: JsonObject) -> str | None:
    """The id of the call that an output without one answers."""
    for call in waiting:
        names = (call.get("name"), call.get("namespace"))
        if output.get("name") in (None, names[0]) and output.get("namespace") in (None, names[1]):
            found: str = call["call_id"]
            return found
    return None
