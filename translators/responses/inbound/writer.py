"""A streamed answer as the events of this API."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from translators.chat.chunks import Chunk, Relayed, Texts
from translators.chat.wire import Usage
from translators.dialect.inbound import AnswerFacts, CallerError
from translators.json_codec import JsonObject, dumps
from translators.responses.inbound.events import Events, NoEvents
from translators.responses.inbound.failures import error_event, told
from translators.responses.inbound.findings import DeclaredTool
from translators.responses.inbound.output import Output
from translators.responses.inbound.relay_writer import RelayWriter
from translators.responses.inbound.response_object import (
    INCOMPLETE,
    ResponseObject,
    usage_document,
)
from translators.responses.inbound.sealed_items import seal_summary
from translators.responses.inbound.signed import Signed

EVENT_STREAM: Final = "text/event-stream; charset=utf-8"
_UNPLAIN: Final = (
    "refusal", "tool_calls", "annotations", "images", "thinking_blocks", "provider_content",
    "extra_content",
)  # fmt: skip


class ResponsesWriter:
    """AnswerWriter: one response, from `created` to its terminal event."""

    content_type = EVENT_STREAM
    over = False

    def __init__(
        self,
        response: ResponseObject,
        tools: Mapping[str, DeclaredTool],
        *,
        summaries: bool,
        seals: bool,
        compacts: bool,
        whole: bool = False,
    ) -> None:
        """`whole`: nothing is shown but the response at its end."""
        self.response = response
        self.final: JsonObject | None = None
        """The response object of the terminal event, once it is known."""
        self.hidden: list[JsonObject] = []
        """Items that are kept and not shown."""
        self._events = NoEvents() if whole else Events()
        self._output = Output(self._events, response, tools)
        self._signed = Signed()
        self._summaries, self._seals, self._compacts = summaries, seals, compacts
        self._created = whole
        self._shows_texts = not (whole or compacts)
        self._finish: str | None = None
        self._usage: Usage | None = None
        self._target = ""
        self._serving = response.model
        self._ended_at = response.created
        self._relay: RelayWriter | None = None

    def begin(self, answer: AnswerFacts) -> None:
        """What follows is written by `answer.model`."""
        if answer.name and not self._created:
            self.response.name = answer.name
        self._serving = answer.model
        self._target = answer.target
        self._ended_at = max(self._ended_at, answer.created)

    def write(self, chunks: Sequence[Chunk]) -> bytes:
        """The events of one read."""
        if self._relay is not None or (chunks and isinstance(chunks[0], Relayed)):
            return self._relayed(chunks)
        if not self._created:
            self._create()
        for chunk in chunks:
            text = _plain_text(chunk) if self._shows_texts else None
            if text is None:
                self._chunk(chunk)
            else:
                texts = chunk.written if isinstance(chunk, Texts) else [dumps(text)[1:-1]]
                self._output.say_written(texts, text)
                self._signed.say(text)
        return self._events.take()

    def _relayed(self, chunks: Sequence[Chunk]) -> bytes:
        if self._relay is None:
            self._relay = RelayWriter(self.response, self._events.number, self._created)
        data = self._relay.write(chunks)
        self.final = self._relay.final
        return data

    def _create(self) -> None:
        self._created = True
        begun = {"response": self.response.document("in_progress", [])}
        for kind in ("response.created", "response.in_progress"):
            self._events.add(kind, begun)

    def _chunk(self, chunk: Chunk) -> None:
        if chunk.usage is not None:
            self._usage = chunk.usage
        if chunk.top is not None:
            self.response.tier = chunk.top.get("service_tier") or self.response.tier
            self.response.moderation = chunk.top.get("moderation") or self.response.moderation
        if chunk.index:
            return
        if chunk.finish_reason is not None:
            self._finish = chunk.finish_reason
        if chunk.delta:
            self._delta(chunk.delta, chunk.choice)

    def _delta(self, delta: Mapping[str, Any], choice: Mapping[str, Any] | None) -> None:
        self._signed.add(delta)
        if self._compacts:
            return
        output = self._output
        if self._summaries and (text := delta.get("reasoning_content")):
            output.reason(text)
        if text := delta.get("content"):
            output.say(text, _logprobs(choice))
        if any(delta.get(name) for name in _UNPLAIN):
            self._rest(delta)

    def _rest(self, delta: Mapping[str, Any]) -> None:
        output = self._output
        if text := delta.get("refusal"):
            output.refuse(text)
        if annotations := delta.get("annotations"):
            output.cite(annotations)
        for part in delta.get("tool_calls") or ():
            output.call(part)
        if images := delta.get("images"):
            output.draw(images)

    def end(self) -> bytes:
        """Everything that is open is closed, then the terminal event."""
        if self._relay is not None:
            return self._relay.end()
        if not self._created:
            self._create()
        reason = INCOMPLETE.get(self._finish or "")
        status = "completed" if reason is None else "incomplete"
        output = self._output
        self.response.model = self._serving
        if self._compacts:
            sealed = seal_summary(self._signed.text.strip(), self._target)
            if not self._signed.text.strip() or sealed is None:
                return b"".join(self.fail(_NO_SUMMARY))
            output.compact(sealed)
        else:
            output.end(status)
            for query in self._signed.searches():
                output.search(query)
            if (sealed := self._signed.sealed(self._target)) is not None:
                if self._seals:
                    output.seal(sealed)
                else:
                    self.hidden.append(output.sealed_item(len(output.items), sealed))
        self.final = self.response.document(
            status,
            output.done,
            completed=self._ended_at if reason is None else None,
            incomplete=reason,
            usage=usage_document(self._usage),
        )
        before = self._events.take()
        self._before_end = before, self._events.number
        self._events.add(f"response.{status}", {"response": self.final})
        return before + self._events.take()

    def end_unkept(self) -> bytes:
        """What `end` gave, once more, where the response could not be kept."""
        if self._relay is not None:
            data = self._relay.end_unkept()
            self.final = self._relay.final
            return data
        assert self.final is not None
        before, self._events.number = self._before_end
        self.final = {**self.final, "store": False}
        self._events.add(f"response.{self.final['status']}", {"response": self.final})
        return before + self._events.take()

    def fail(self, error: CallerError) -> Sequence[bytes]:
        """`error`, then `response.failed`: each half of the clients reads one of them."""
        if self._relay is not None:
            data = self._relay.fail(error)
            self.final = self._relay.final
            return (data,)
        if not self._created:
            self._create()
        code, message = told(error)
        self.response.model = self._serving
        self._events.add("error", error_event(error))
        self.final = self.response.document(
            "failed",
            self._output.done,
            error={"code": code, "message": message},
            usage=usage_document(self._usage),
        )
        before = self._events.take()
        self._before_end = before, self._events.number
        self._events.add("response.failed", {"response": self.final})
        return (before + self._events.take(),)

    def keep_alive(self) -> bytes:
        """`response.in_progress` again: clients count the silence between events."""
        if self._relay is not None:
            return self._relay.keep_alive()
        if not self._created:
            self._create()
        else:
            document = self.response.document("in_progress", [])
            self._events.add("response.in_progress", {"response": document})
        return self._events.take()


_NO_SUMMARY: Final = CallerError(502, "The model wrote no summary.", "server_error", "no_output")


def _plain_text(chunk: Chunk) -> str | None:
    """The text of a chunk that says nothing but a piece of the first choice's: nearly all do."""
    delta = chunk.delta
    if (
        delta is None
        or len(delta) != 1
        or chunk.finish_reason is not None
        or chunk.index
        or chunk.choice is not None
        or chunk.usage is not None
        or chunk.top is not None
    ):
        return None
    return delta.get("content") or None


def _logprobs(choice: Mapping[str, Any] | None) -> list[Any]:
    told_of = None if choice is None else choice.get("logprobs")
    content = told_of.get("content") if told_of.__class__ is dict else None
    return content if content.__class__ is list else []
