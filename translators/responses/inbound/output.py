"""The output items of an answer, as events of a stream and as what stands in the response."""

from collections.abc import Mapping
from typing import Any, Final

from translators.json_codec import JsonObject, loads
from translators.responses.inbound.events import Events
from translators.responses.inbound.findings import DeclaredTool
from translators.responses.inbound.response_object import ResponseObject

_TAIL: Final = b'"}'


class Output:
    """Gathers the items of one answer, in the order in which they began."""

    def __init__(
        self, events: Events, response: ResponseObject, tools: Mapping[str, DeclaredTool]
    ) -> None:
        self.items: list[JsonObject | None] = []
        """None for those that are not done."""
        self.status = "completed"
        self._events = events
        self._response = response
        self._tools = tools
        self._reasoning: tuple[int, list[str]] | None = None
        self._message: Message | None = None
        self._calls: dict[int, CallItem] = {}

    @property
    def done(self) -> list[JsonObject]:
        """The items that are whole."""
        return [item for item in self.items if item is not None]

    def place(self, prefix: str) -> tuple[int, str]:
        """The next place, and the id of the item there."""
        index = len(self.items)
        self.items.append(None)
        return index, self._id(prefix, index)

    def add(self, index: int, item: JsonObject) -> None:
        """An item begins."""
        self._events.add("response.output_item.added", {"output_index": index, "item": item})

    def finish(self, index: int, item: JsonObject) -> None:
        """An item is whole."""
        self.items[index] = item
        self._events.add("response.output_item.done", {"output_index": index, "item": item})

    def reason(self, text: str) -> None:
        """More of what the model thinks."""
        if self._reasoning is None:
            index, item_id = self.place("rs")
            self._reasoning = index, []
            self.add(index, {"id": item_id, "type": "reasoning", "summary": []})
            part = {"type": "summary_text", "text": ""}
            kind = "response.reasoning_summary_part.added"
            self._events.at(kind, index, item_id, summary_index=0, part=part)
        index, texts = self._reasoning
        texts.append(text)
        kind = "response.reasoning_summary_text.delta"
        self._events.at(kind, index, self._id("rs", index), summary_index=0, delta=text)

    def end_reasoning(self) -> None:
        """The thought is over."""
        if self._reasoning is None:
            return
        (index, texts), self._reasoning = self._reasoning, None
        text, item_id = "".join(texts), self._id("rs", index)
        part = {"type": "summary_text", "text": text}
        at = self._events.at
        at("response.reasoning_summary_text.done", index, item_id, summary_index=0, text=text)
        at("response.reasoning_summary_part.done", index, item_id, summary_index=0, part=part)
        self.finish(index, {"id": item_id, "type": "reasoning", "summary": [part]})

    def say(self, text: str, logprobs: list[Any]) -> None:
        """More of the text."""
        self._said().text(text, logprobs)

    def say_written(self, written: list[bytes], text: str) -> None:
        """The same for texts that are the insides of JSON strings; `text` is all that they say."""
        self._said().written(written, text)

    def refuse(self, text: str) -> None:
        """More of a refusal."""
        self._said().refusal(text)

    def cite(self, annotations: list[Any]) -> None:
        """What the text cites: told at its end."""
        self._said().annotations += [_citation(each) for each in annotations]

    def _said(self) -> "Message":
        if self._reasoning is not None:
            self.end_reasoning()
        if self._message is None:
            index, item_id = self.place("msg")
            self._message = Message(self._events, index, item_id)
            self.add(index, self._message.item("in_progress"))
        return self._message

    def call(self, part: JsonObject) -> None:
        """A part of a call."""
        self.end_reasoning()
        number = part.get("index", len(self._calls))
        call = self._calls.get(number)
        if call is None:
            call = self._calls[number] = self._begin_call(part)
        said = part.get("function") or part.get("custom") or {}
        call.more(said.get("arguments") or said.get("input") or "", self._events)

    def _begin_call(self, part: JsonObject) -> "CallItem":
        said = part.get("function") or part.get("custom") or {}
        flat = str(said.get("name") or "")
        tool = self._tools.get(flat)
        kind = "custom" if part.get("type") == "custom" else "function"
        if tool is not None:
            kind = tool.kind
        call = CallItem(kind, str(part.get("id") or ""), flat if tool is None else tool.name, tool)
        call.index, call.id = self.place(_CALLS[kind].prefix)
        self.add(call.index, call.item("in_progress", ""))
        return call

    def draw(self, images: list[Any]) -> None:
        """Pictures."""
        for image in images:
            url = image.get("image_url", {}).get("url", "") if image.__class__ is dict else ""
            head, _, data = url.partition(",")
            form = head.partition("/")[2].partition(";")[0] or "png"
            index, item_id = self.place("ig")
            item = {"id": item_id, "type": "image_generation_call", "status": "completed"}
            whole = {**item, "result": data, "output_format": form}
            self.add(index, {**item, "status": "in_progress"})
            self.finish(index, whole)

    def search(self, query: str) -> None:
        """A search that the provider made."""
        index, item_id = self.place("ws")
        action = {"type": "search", "query": query, "queries": [query]}
        item = {"id": item_id, "type": "web_search_call", "status": "in_progress", "action": action}
        self.add(index, item)
        for step in ("in_progress", "searching", "completed"):
            where = {"output_index": index, "item_id": item_id}
            self._events.add(f"response.web_search_call.{step}", where)
        self.finish(index, {**item, "status": "completed"})

    def seal(self, sealed: str) -> None:
        """An item that carries what was signed."""
        index, item_id = self.place("rs")
        self.add(index, {"id": item_id, "type": "reasoning", "summary": []})
        self.finish(index, self.sealed_item(index, sealed))

    def sealed_item(self, index: int, sealed: str) -> JsonObject:
        """The same item, as it is when it is whole."""
        return {
            "id": self._id("rs", index),
            "type": "reasoning",
            "summary": [],
            "encrypted_content": sealed,
        }

    def compact(self, sealed: str) -> None:
        """An item that stands for the conversation so far."""
        index, item_id = self.place("cmp")
        item = {"id": item_id, "type": "compaction", "encrypted_content": sealed}
        self.add(index, item)
        self.finish(index, item)

    def end(self, status: str) -> None:
        """Everything that is open is whole, or as far as it came."""
        self.end_reasoning()
        if self._message is not None:
            self._message.end()
            self.finish(self._message.index, self._message.item(status))
        for _, call in sorted(self._calls.items()):
            call.end(self._events)
            self.finish(call.index, call.item(status, call.whole()))

    def _id(self, prefix: str, index: int) -> str:
        return f"{prefix}_lr{self._response.mark}_{index}"


_DELTA: Final = (
    b"event: response.output_text.delta\n"
    b'data: {"type":"response.output_text.delta","sequence_number":'
)
_BEHIND_DELTA: Final = b'","logprobs":[]}\n\n'
_BETWEEN_DELTAS: Final = _BEHIND_DELTA + _DELTA
_WRITTEN: Final = [b"%d" % number for number in range(2000)]
"""The numbers of most events, written once."""


class Message:
    """The one message of an answer."""

    def __init__(self, events: Events, index: int, item_id: str) -> None:
        self.index = index
        self.annotations: list[JsonObject] = []
        self._events = events
        self._item_id = item_id
        self._parts: list[JsonObject] = []
        self._kind = ""
        self._texts: list[str] = []
        self._logprobs: list[Any] = []
        self._head = b""

    def item(self, status: str) -> JsonObject:
        """The item as far as its parts are whole."""
        head = {"id": self._item_id, "type": "message", "status": status}
        return {**head, "role": "assistant", "content": list(self._parts)}

    def text(self, text: str, logprobs: list[Any]) -> None:
        """More text."""
        self._open("output_text")
        self._texts.append(text)
        self._logprobs += logprobs
        self._at("response.output_text.delta", delta=text, logprobs=logprobs)

    def written(self, written: list[bytes], text: str) -> None:
        """More text, as the insides of JSON strings: around each stands the same."""
        self._open("output_text")
        self._texts.append(text)
        events, count = self._events, len(written)
        if count == 1:
            event = _DELTA, events.number, self._head, written[0], _BEHIND_DELTA
            events.pieces.append(b"%b%d%b%b%b" % event)
            events.number += 1
            return
        pieces = [self._head] * (4 * count)
        begin, end = events.number, events.number + count
        known = end <= len(_WRITTEN)
        pieces[0::4] = _WRITTEN[begin:end] if known else [b"%d" % n for n in range(begin, end)]
        pieces[2::4] = written
        pieces[3::4] = [_BETWEEN_DELTAS] * count
        pieces[-1] = _BEHIND_DELTA
        events.pieces.append(_DELTA)
        events.pieces += pieces
        events.number = end

    def refusal(self, text: str) -> None:
        """More of a refusal."""
        self._open("refusal")
        self._texts.append(text)
        self._at("response.refusal.delta", delta=text)

    def end(self) -> None:
        """The open part is whole."""
        text, kind = "".join(self._texts), self._kind
        if kind == "output_text":
            for n, annotation in enumerate(self.annotations):
                name = "response.output_text.annotation.added"
                self._at(name, annotation_index=n, annotation=annotation)
            self._at("response.output_text.done", text=text, logprobs=self._logprobs)
        elif kind:
            self._at("response.refusal.done", refusal=text)
        if kind:
            part = self._part(kind, text)
            self._at("response.content_part.done", part=part)
            self._parts.append(part)
        self._texts, self._logprobs, self._kind = [], [], ""

    def _open(self, kind: str) -> None:
        if self._kind == kind:
            return
        self.end()
        self._kind = kind
        empty: JsonObject = {"type": kind, "refusal": ""}
        if kind == "output_text":
            empty = {"type": kind, "text": "", "annotations": [], "logprobs": []}
            self._head = b',"item_id":"%s","output_index":%d,"content_index":%d,"delta":"' % (
                self._item_id.encode(), self.index, len(self._parts),
            )  # fmt: skip
        self._at("response.content_part.added", part=empty)

    def _part(self, kind: str, text: str) -> JsonObject:
        if kind == "refusal":
            return {"type": kind, "refusal": text}
        annotations, self.annotations = self.annotations, []
        part = {"type": kind, "text": text, "annotations": annotations}
        return {**part, "logprobs": self._logprobs}

    def _at(self, name: str, **fields: Any) -> None:
        index = len(self._parts)
        self._events.at(name, self.index, self._item_id, content_index=index, **fields)


class _CallWords:
    """How a kind of call is told."""

    __slots__ = ("event", "prefix", "text", "type")

    def __init__(self, type: str, prefix: str, text: str, event: str) -> None:
        self.type, self.prefix, self.text, self.event = type, prefix, text, event


_CALLS: Final[Mapping[str, _CallWords]] = {
    "function": _CallWords("function_call", "fc", "arguments", "response.function_call_arguments"),
    "custom": _CallWords("custom_tool_call", "ctc", "input", "response.custom_tool_call_input"),
    "tool_search": _CallWords("tool_search_call", "tsc", "arguments", ""),
}


class CallItem:
    """A call of one of the caller's tools."""

    def __init__(self, kind: str, call_id: str, name: str, tool: DeclaredTool | None) -> None:
        self.kind = kind
        self.index, self.id = 0, ""
        self._call_id, self._name = call_id, name
        self._namespace = None if tool is None else tool.namespace
        self._texts: list[str] = []

    def item(self, status: str, text: str) -> JsonObject:
        """The item with its text as far as it is told."""
        words = _CALLS[self.kind]
        head: JsonObject = {"id": self.id, "type": words.type}
        if self.kind == "tool_search":
            said = {"call_id": self._call_id, "execution": "client", "arguments": _object(text)}
            return {**head, **said, "status": status}
        head |= {"status": status, "call_id": self._call_id, "name": self._name, words.text: text}
        if self._namespace is not None:
            head["namespace"] = self._namespace
        return head

    def more(self, text: Any, events: Events) -> None:
        """More of its text."""
        if text.__class__ is not str or not text:
            return
        self._texts.append(text)
        if event := _CALLS[self.kind].event:
            events.at(f"{event}.delta", self.index, self.id, delta=text)

    def whole(self) -> str:
        """All of its text."""
        text = "".join(self._texts)
        return text if self.kind == "custom" else text or "{}"

    def end(self, events: Events) -> None:
        """Nothing more follows."""
        words = _CALLS[self.kind]
        if words.event:
            events.at(f"{words.event}.done", self.index, self.id, **{words.text: self.whole()})


def _object(text: str) -> JsonObject:
    try:
        read = loads(text) if text else {}
    except ValueError:
        return {}
    return read if read.__class__ is dict else {}


def _citation(annotation: Any) -> JsonObject:
    """Chat's form of it, flat."""
    if annotation.__class__ is not dict:
        return {"type": "url_citation", "start_index": 0, "end_index": 0, "title": "", "url": ""}
    inner = annotation.get("url_citation")
    cited = inner if inner.__class__ is dict else annotation
    return {
        "type": "url_citation",
        "start_index": cited.get("start_index") or 0,
        "end_index": cited.get("end_index") or 0,
        "title": cited.get("title") or "",
        "url": cited.get("url") or "",
    }
