"""The simulated providers: what each adds to its inbound dialect (signatures, pings, padding,
usage), and its path."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import ClassVar, Final

from gateway.simulator.answer import Answer
from gateway.simulator.exchange import REQUEST_ID, Exchange, Piece, sign
from translators.chat.chunks import DONE
from translators.chat.request import ChatRequest
from translators.claude import inbound as messages
from translators.claude.inbound.completion import add_up
from translators.dialect.inbound import AnswerWriter, Call, CallerError, InboundDialect
from translators.gemini import inbound as gemini
from translators.gemini.inbound.candidates import usage_metadata
from translators.gemini.inbound.errors import status_of
from translators.gemini.inbound.path import asked
from translators.gemini.inbound.writer import ArrayFraming, EventFraming, Framing
from translators.json_codec import JsonObject, dumps
from translators.openai import inbound as chat
from translators.responses.inbound.request import read_hub_request
from translators.responses.inbound.response_object import ResponseObject
from translators.responses.inbound.writer import ResponsesWriter

_PADDED: Final = 16
"""How long OpenAI makes a delta by what it adds to it."""
_TYPE: Final = "type.googleapis.com/google.rpc."
_DETAILS: Final[Mapping[int, JsonObject]] = {
    401: {"@type": f"{_TYPE}ErrorInfo", "reason": "ACCESS_TOKEN_TYPE_UNSUPPORTED",
          "domain": "googleapis.com"},
    429: {"@type": f"{_TYPE}QuotaFailure",
          "violations": [{"quotaId": "GenerateRequestsPerMinutePerProjectPerModel"}]},
}  # fmt: skip
"""What Google says of an error beside its status."""


class OpenAI(Exchange):
    """What both of OpenAI's dialects have."""

    PROVIDER = "openai"
    CALL_IDS = "call_"
    REFUSES_IN_WORDS = True
    REQUEST_ID_HEADER = "x-request-id"
    ERROR_TYPES: ClassVar = {429: "requests", 500: "server_error"}
    ERROR_CODES: ClassVar = {
        401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded",
    }  # fmt: skip
    BROKEN = CallerError(
        500, "The server had an error while processing your request.", "server_error"
    )

    @classmethod
    def error_document(cls, error: CallerError) -> JsonObject:
        return chat.error_document(error)


class Chat(OpenAI):
    """Chat Completions: reasoning is counted, and not shown."""

    INBOUND: ClassVar[InboundDialect] = chat
    ANSWER_IDS = "chatcmpl-"
    SHOWS_REASONING = False
    FRAME = b"data: %(data)b\n\n"
    END = (DONE,)
    EXTRA: ClassVar = {"service_tier": "default", "system_fingerprint": "fp_simulated"}

    def says(self, event: JsonObject) -> bool:
        delta = event["choices"][0]["delta"] if event["choices"] else {}
        return bool(delta) and "role" not in delta


class _OfOpenAI(ResponseObject):
    @property
    def id(self) -> str:
        return f"resp_{self.name}"


class Responses(OpenAI):
    """Responses: an item of reasoning is signed by its id."""

    def read(self, document: JsonObject, call: Call) -> ChatRequest:
        found = read_hub_request(document, call.size)
        kept, tier = document.get("store") is not False, document.get("service_tier")
        told = {"temperature": 1.0, "top_p": 1.0, **document}
        self._response = _OfOpenAI(told, self.id, int(time.time()), kept)
        self._response.tier = None if tier == "auto" else tier
        self._tools = found.findings.tools
        self._shows = "reasoning" in found.chat.body
        self._seals = "reasoning.encrypted_content" in (document.get("include") or ())
        self._pads = document.get("stream_options") != {"include_obfuscation": False}
        return found.chat

    def open_writer(self) -> AnswerWriter:
        return ResponsesWriter(
            self._response, self._tools, summaries=True, seals=False, compacts=False
        )

    def events(self, answer: Answer) -> list[JsonObject]:
        created, begun, *items, end = super().events(answer)
        said = [created, begun, *sorted(items, key=itemgetter("output_index")), end]
        if not self._shows:
            said = [e for e in said if not e["type"].startswith("response.reasoning_summary")]
        for number, event in enumerate(said):
            event["sequence_number"] = number
            if "delta" in event and self._pads:
                event["obfuscation"] = self.digest[: max(0, _PADDED - len(event["delta"]))]
        done = [event["item"] for event in said if event["type"] == "response.output_item.done"]
        for item in [*done, *end["response"]["output"]]:
            if item["type"] == "reasoning":
                item["summary"] = item["summary"] if self._shows else []
                item |= {"encrypted_content": sign(item["id"])} if self._seals else {}
        return said

    def whole(self, answer: Answer) -> JsonObject:
        return dict(self.events(answer)[-1]["response"])

    def says(self, event: JsonObject) -> bool:
        return "delta" in event

    def broken_stream(self, sent: int) -> bytes:
        """A response that fails, or an error where none has begun."""
        error = {"code": "server_error", "message": self.BROKEN.message}
        event: JsonObject = {"type": "error", "sequence_number": sent, **error, "param": None}
        if sent:
            failed = self._response.document("failed", [], error=error)
            event = {"type": "response.failed", "sequence_number": sent, "response": failed}
        return self.frame(event)


class Claude(Exchange):
    """Anthropic's Messages. A thought is signed by its text."""

    INBOUND: ClassVar[InboundDialect] = messages
    PROVIDER = "claude"
    CALL_IDS = "toolu_"
    REQUEST_ID_HEADER = "request-id"
    ERROR_TYPES: ClassVar = {
        401: "authentication_error", 402: "billing_error", 403: "permission_error",
        404: "not_found_error", 409: "conflict_error", 413: "request_too_large",
        429: "rate_limit_error", 500: "api_error", 504: "timeout_error", 529: "overloaded_error",
    }  # fmt: skip
    BROKEN = CallerError(529, "Overloaded", "overloaded_error")

    def read(self, document: JsonObject, call: Call) -> ChatRequest:
        """It may think unless that is forbidden, whether asked to or not."""
        self._shows = True
        thinking = document.get("thinking") or {}
        if isinstance(thinking, dict) and thinking.get("type") != "disabled":
            self._shows = thinking.get("display") != "omitted"
            document = {**document, "thinking": {"type": "adaptive"}}
        return super().read(document, call)

    def events(self, answer: Answer) -> list[JsonObject]:
        start, *said = super().events(answer)
        usage = said[-2]["usage"]
        usage |= {
            "output_tokens_details": {"thinking_tokens": 0},
            **usage,
            "service_tier": "standard",
        }
        start["message"]["usage"] = {**usage, "output_tokens": 1}
        for delta in [event["delta"] for event in said if "delta" in event]:
            if "signature" in delta:
                delta["signature"] = sign(answer.thought)
            if "stop_details" in delta:
                delta["stop_details"]["explanation"] = answer.text
        shown = [e for e in said if self._shows or "thinking" not in e.get("delta", ())]
        return [start, {"type": "ping"}, *shown]

    def whole(self, answer: Answer) -> JsonObject:
        return add_up(self.events(answer))

    def says(self, event: JsonObject) -> bool:
        return bool(event["type"] == "content_block_delta")

    @classmethod
    def error_document(cls, error: CallerError) -> JsonObject:
        told = {"type": error.type, "message": error.message, "details": None}
        return {"type": "error", "error": told, "request_id": REQUEST_ID}


class Gemini(Exchange):
    """Google's generateContent. From the third generation on calls have ids and are signed."""

    INBOUND: ClassVar[InboundDialect] = gemini
    PROVIDER = "gemini"
    CALL_IDS = ""
    BROKEN = CallerError(503, "The model is overloaded. Please try again later.", "UNAVAILABLE")

    def read(self, document: JsonObject, call: Call) -> ChatRequest:
        events = asked(call.url).as_events
        self._framing: Framing = EventFraming() if events else ArrayFraming()
        self.content_type = self._framing.content_type
        call = replace(call, url=call.url.partition("?")[0] + "?alt=sse")
        request = super().read(document, call)
        self._signs_calls = not request.model.startswith("gemini-2")
        return request

    def events(self, answer: Answer) -> list[JsonObject]:
        """The reason why a candidate ends stands in the frame of its last part."""
        frames: list[JsonObject] = []
        latest: dict[int, JsonObject] = {}
        for frame in super().events(answer):
            (candidate,) = frame["candidates"]
            before = latest.get(candidate["index"])
            frame["usageMetadata"] = usage_metadata(answer.usage or {})
            if before is not None and _says_nothing(candidate):
                before["finishReason"] = candidate["finishReason"]
            else:
                frames.append(frame)
                latest[candidate["index"]] = candidate
        for candidate in latest.values():
            self._sign(candidate, answer)
        return frames

    def _sign(self, candidate: JsonObject, answer: Answer) -> None:
        """The last candidate of a stream, or a whole one."""
        parts = candidate["content"]["parts"]
        calls = [part for part in parts if "functionCall" in part]
        if _says_nothing(candidate):
            del candidate["content"]
        elif not calls and answer.thought:
            parts[-1]["thoughtSignature"] = sign(answer.thought)
        elif calls and self._signs_calls:
            calls[0]["thoughtSignature"] = sign(answer.calls[0].text)
        for part in calls if not self._signs_calls else ():
            del part["functionCall"]["id"]

    def whole(self, answer: Answer) -> JsonObject:
        document = super().whole(answer)
        for candidate in document["candidates"]:
            self._sign(candidate, answer)
        return document

    def says(self, event: JsonObject) -> bool:
        return "content" in event["candidates"][0]

    def frame(self, event: JsonObject) -> bytes:
        return self._framing.frame(dumps(event))

    def stream(self, answer: Answer) -> Sequence[Piece]:
        return [*super().stream(answer), Piece(self._framing.end())]

    def broken_stream(self, sent: int) -> bytes:
        return self._framing.failure(dumps(self.error_document(self.BROKEN)))[0]

    @classmethod
    def error_document(cls, error: CallerError) -> JsonObject:
        told = status_of(error)
        if error.status in _DETAILS:
            told["details"] = [_DETAILS[error.status], *told.get("details", ())]
        return {"error": told}


def _says_nothing(candidate: JsonObject) -> bool:
    return bool(candidate["content"]["parts"] == [{"text": ""}])


ROUTES: Final[Mapping[str, type[Exchange]]] = {
    "/openai/v1/chat/completions": Chat,
    "/openai/v1/responses": Responses,
    "/claude/v1/messages": Claude,
    "/gemini/v1beta/models/{model:[^:]+}:{method:generateContent|streamGenerateContent}": Gemini,
}
