"""One answer as the events of a Messages stream, each an object: what a JSON answer is added up of.

One block is open at a time, indexes have no gaps, a call's input goes to the call's own block.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final

from translators.chat.chunks import Chunk
from translators.chat.wire import Usage
from translators.claude.answer.stop_reason import REFUSED
from translators.claude.inbound.answer_context import AnswerContext
from translators.claude.inbound.calls import Call, CallIds
from translators.claude.inbound.stop_text import StopText
from translators.claude.inbound.tokens import CHAT, GEMINI, write_token
from translators.claude.inbound.usage import counts, usage_of
from translators.dialect.inbound import AnswerFacts
from translators.json_codec import JsonObject

Events = list[JsonObject]

_OWN_REASONS: Final = ("pause_turn", "model_context_window_exceeded")
"""Stop reasons of Claude's that the hub has no word for."""
_NO_PLACE: Final = ("images", "audio")
"""Of the hub's message."""


def message_id(answer: AnswerFacts) -> str:
    """`msg_` and 24 hexadecimal digits: of a stream and of a whole answer, the first time and
    again."""
    return f"msg_{sha256(answer.own_name.encode()).hexdigest()[:24]}"


class AnswerEvents:
    """Takes the hub's chunks, gives events."""

    def __init__(self, context: AnswerContext) -> None:
        self.id = ""
        """Of the message."""
        self.context = context
        self.block: str | None = None
        """What kind of block is open: text, thinking or tool_use."""
        self.index = -1
        """Of the block that was opened last."""
        self.started = False
        self.usage: Usage | None = None
        self.stop = StopText(context.stops) if context.stops else None
        self._target = ""
        self._prompt: Any = None
        self._events: Events = []
        self._calls: dict[int, Call] = {}
        self._waiting: list[Call] = []
        self._open_call: Call | None = None
        self._ids = CallIds(context.call_ids)
        self._pending: list[str] = []
        """Tokens that stand before the next block."""
        self._echoes = False
        self._unshown: Callable[[str], None] | None = None
        self._hidden: list[str] = []
        """Reasoning that is not shown, for the target that wants it back beside its calls."""
        self._waiting_text: list[str] = []
        self._refusal = ""
        self._cited: dict[str, str] = {}
        self._finish: str | None = None
        self._own_reason: str | None = None
        self.said = 0
        """Characters of the answer so far."""

    def begin(self, answer: AnswerFacts) -> None:
        """Who answers."""
        self.id = message_id(answer)
        self._ids.message = self.id
        self._target = answer.target
        self._prompt = answer.prompt_tokens
        self._echoes = answer.echoes
        self._unshown = answer.unshown

    @property
    def over(self) -> bool:
        """A stop sequence was found."""
        return self.stop is not None and self.stop.found is not None

    def take(self) -> Events:
        """The events since the last time."""
        events, self._events = self._events, []
        return events

    def receive(self, chunk: Chunk) -> None:
        """One chunk of the first choice."""
        if chunk.usage is not None:
            self.usage = chunk.usage
        if chunk.index != 0:
            return
        if chunk.choice is not None:
            specific: Any = chunk.choice.get("provider_specific")
            reason = specific.get("stop_reason") if specific.__class__ is dict else None
            self._own_reason = reason if reason in _OWN_REASONS else None
        if chunk.finish_reason is not None:
            self._finish = chunk.finish_reason
        delta: Any = chunk.delta
        if delta and not self.over:
            self._delta(delta)
        if chunk.finish_reason is not None:
            self._start()

    def _delta(self, delta: Any) -> None:
        reasoning = delta.get("reasoning_content") or delta.get("reasoning")
        if reasoning and reasoning.__class__ is str:
            self._reasoning(reasoning)
        if (signed := delta.get("signed_reasoning")).__class__ is dict:
            self._signed(signed)
        if text := delta.get("content"):
            self.text(text)
        if text := delta.get("refusal"):
            self._refusal += text
            self.text(text)
        for annotation in delta.get("annotations") or ():
            self._annotation(annotation)
        if not self.over:
            for part in delta.get("tool_calls") or ():
                self._call_part(part)

        if self._unshown is not None:
            for name in _NO_PLACE:
                if delta.get(name):
                    self._unshown(name)

    def _reasoning(self, text: str) -> None:
        if not self.context.shown and self._echoes:
            self._hidden.append(text)
        if not self.context.shown or self._unfinished_calls():
            return
        if self.block != "thinking":
            self._close()
            self._write_pending()
            self._open("thinking", {"type": "thinking", "thinking": "", "signature": ""})
        self._write({"type": "thinking_delta", "thinking": text})

    def _signed(self, signed: JsonObject) -> None:
        token = write_token(self._target, str(signed.get("format")), signed.get("data"))
        if token is None:
            return
        if self.block == "thinking":
            self._sign(token)
        else:
            self._pending.append(token)

    def text(self, text: str) -> None:
        """A piece of the answer's text."""
        if self.stop is not None:
            text = self.stop.receive(text)
            if not text:
                return
        self._write_text(text)

    def _write_text(self, text: str) -> None:
        if self._unfinished_calls():
            self._waiting_text.append(text)
            return
        if self.block != "text":
            self._close()
            if self.context.asked:
                self._write_pending()
            self._open("text", {"type": "text", "text": ""})
        self.said += len(text)
        self._write({"type": "text_delta", "text": text})

    def _annotation(self, annotation: Any) -> None:
        cited: Any = annotation.get("url_citation") if annotation.__class__ is dict else None
        url = cited.get("url") if cited.__class__ is dict else None
        if url.__class__ is not str or self.block != "text" or url in self._cited:
            return
        title = cited.get("title") or url
        self._cited[url] = title
        citation = {"type": "web_search_result_location", "url": url, "title": title}
        citation |= {"encrypted_index": "", "cited_text": ""}
        self._write({"type": "citations_delta", "citation": citation})

    def _call_part(self, part: Any) -> None:
        index = part.get("index", len(self._calls))
        call = self._calls.get(index)
        if call is None:
            call = self._calls[index] = Call()
            self._waiting.append(call)
        function = part.get("function") or {}
        call.id = call.id or part.get("id")
        call.name = call.name or function.get("name") or ""
        google = (part.get("extra_content") or {}).get("google") or {}
        call.signature = call.signature or google.get("thought_signature")
        if (arguments := function.get("arguments")) and not call.closed:
            said = arguments.__class__ is str
            call.pieces.append(arguments if said else str(arguments))
        if call is not self._open_call:
            self._advance()
        elif text := call.take():
            self._input(text)

    def _unfinished_calls(self) -> bool:
        """Calls are open that are not whole: nothing else may begin."""
        if self._open_call is None and not self._waiting:
            return False
        self._advance()
        return bool(self._waiting) or (self._open_call is not None and not self._open_call.whole)

    def _advance(self) -> None:
        """Begin the next call, if the open one is whole."""
        while self._waiting and self._waiting[0].name:
            if self._open_call is not None and not self._open_call.whole:
                return
            self._begin_call(self._waiting.pop(0))

    def _begin_call(self, call: Call) -> None:
        self._release_text()
        self._close()
        if self._hidden and (echo := write_token(self._target, CHAT, "".join(self._hidden))):
            self._pending.append(echo)
        self._hidden.clear()
        self._write_pending()
        if call.signature and (token := write_token(self._target, GEMINI, call.signature)):
            self._write_token(token)
        start = {"type": "tool_use", "id": self._ids.next(call.id), "name": call.name, "input": {}}
        self._open("tool_use", start)
        self._open_call = call
        if text := call.take():
            self._input(text)

    def _input(self, text: str) -> None:
        self.said += len(text)
        self._write({"type": "input_json_delta", "partial_json": text})

    def _release_text(self) -> None:
        """A tail of text that a stop sequence might have begun with is text after all."""
        if self.stop is not None and (rest := self.stop.rest()):
            self._write_text(rest)

    def _write_pending(self) -> None:
        for token in self._pending:
            self._write_token(token)
        self._pending.clear()

    def _write_token(self, token: str) -> None:
        self._close()
        self._open("thinking", {"type": "thinking", "thinking": "", "signature": ""})
        self._sign(token)

    def _sign(self, token: str | None) -> None:
        """End a thinking block."""
        if token is not None:
            self._write({"type": "signature_delta", "signature": token})
        self._end_block()

    def _start(self) -> None:
        if self.started:
            return
        self.started = True
        message: JsonObject = {"id": self.id, "type": "message", "role": "assistant"}
        message |= {"model": self.context.model, "content": [], "stop_reason": None}
        prompt = max(1, self._prompt()) if self._prompt is not None else 1
        message |= {"stop_sequence": None, "usage": counts(prompt, 0, 0, 0)}
        self._events.append({"type": "message_start", "message": message})

    def _open(self, kind: str, block: JsonObject) -> None:
        self._start()
        self.block = kind
        self.index += 1
        event = {"type": "content_block_start", "index": self.index, "content_block": block}
        self._events.append(event)

    def _write(self, delta: JsonObject) -> None:
        self._events.append({"type": "content_block_delta", "index": self.index, "delta": delta})

    def _close(self) -> None:
        """End the open block, whatever is still missing of it."""
        if self.block == "thinking":
            self._sign(write_token(self._target))
            return
        if (call := self._open_call) is not None:
            if rest := call.rest(self._finish == "length"):
                self._input(rest)
            call.closed, self._open_call = True, None
        if self.block is not None:
            self._end_block()

    def _end_block(self) -> None:
        self.block = None
        self._events.append({"type": "content_block_stop", "index": self.index})

    def break_off(self) -> None:
        """The answer fails: only the open block is ended."""
        if self.block is not None:
            self._end_block()

    def end(self) -> None:
        """The end of a whole answer."""
        if not self.over:
            self._release_text()
        for call in self._waiting:
            if call.name:
                self._begin_call(call)
        self._waiting.clear()
        self._close()
        self._start()
        if self._waiting_text:
            self._write_text("".join(self._waiting_text))
            self._close()
        if self._cited and self.context.only_search and not self._calls:
            self._write_search()
        delta = self._ending()
        prompt = self._prompt() if self._prompt is not None and self.usage is None else 1
        usage = usage_of(self.usage, prompt, self.said)
        if self._cited:
            usage["server_tool_use"] = {"web_search_requests": 1, "web_fetch_requests": 0}
        self._events.append({"type": "message_delta", "delta": delta, "usage": usage})
        self._events.append({"type": "message_stop"})

    def _ending(self) -> JsonObject:
        """Why the answer ended: the first that holds."""
        sequence = None if self.stop is None else self.stop.found
        if sequence is not None:
            return {"stop_reason": "stop_sequence", "stop_sequence": sequence}
        if self._own_reason is not None:
            return {"stop_reason": self._own_reason, "stop_sequence": None}
        if self._refusal or self._finish == "content_filter":
            details: JsonObject = {"type": "refusal", "category": None}
            details["explanation"] = self._refusal or REFUSED
            return {"stop_reason": "refusal", "stop_sequence": None, "stop_details": details}
        if self._finish == "length":
            return {"stop_reason": "max_tokens", "stop_sequence": None}
        called = any(call.closed for call in self._calls.values())
        return {"stop_reason": "tool_use" if called else "end_turn", "stop_sequence": None}

    def _write_search(self) -> None:
        """The search as blocks: agents read its links there."""
        number = sha256(self.id.encode()).hexdigest()[:16]
        id = f"srvtoolu_llmr_{number}"
        start = {"type": "server_tool_use", "id": id, "name": "web_search", "input": {}}
        self._open("server_tool_use", start)
        self._write({"type": "input_json_delta", "partial_json": "{}"})
        self._end_block()
        found: list[JsonObject] = [
            {"type": "web_search_result", "url": url, "title": title}
            | {"encrypted_content": "", "page_age": None}
            for url, title in self._cited.items()
        ]
        result = {"type": "web_search_tool_result", "tool_use_id": id, "content": found}
        self._open("web_search_tool_result", result)
        self._end_block()
