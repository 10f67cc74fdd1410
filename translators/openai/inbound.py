"""A caller that speaks Chat Completions: the hub's own language, so nothing is translated."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from translators.chat.chunks import DONE, Chunk, ChunkWriter
from translators.chat.request import ChatRequest, parse
from translators.chat.wire import Completion
from translators.dialect.inbound import AnswerFacts, Call, CallerError, WrittenError
from translators.json_codec import dumps
from translators.long_json import dumps_long
from translators.openai.answer.as_it_came import LEAST, text_of
from translators.pieces import LONG

NAME: Final = "chat"
KEEP_ALIVE: Final = None
KEEPS_TEXT: Final = False
EVENT_STREAM: Final = "text/event-stream; charset=utf-8"
KEEP_ALIVE_COMMENT: Final = b": keep-alive\n\n"
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class ChatWriter:
    """Chunks as server-sent events, then `[DONE]`."""

    __slots__ = ("_include_usage", "write")

    over = False
    content_type = EVENT_STREAM
    write: Callable[[Iterable[Chunk]], bytes]

    def __init__(self, include_usage: bool) -> None:
        self._include_usage = include_usage

    def begin(self, answer: AnswerFacts) -> None:
        """Every chunk carries the answer's id, its second and its model."""
        writer = ChunkWriter(answer.id, answer.created, answer.model, self._include_usage)
        self.write = writer.write

    def end(self) -> bytes:
        return DONE

    def fail(self, error: CallerError) -> Sequence[bytes]:
        """The error as the last event, without `[DONE]`: SDKs raise it."""
        return (b"data: " + dumps(error_document(error)) + b"\n\n",)

    def keep_alive(self) -> bytes:
        return KEEP_ALIVE_COMMENT


class ChatInbound:
    """A chat request, as it came."""

    __slots__ = ("request",)

    origin = None

    def __init__(self, request: ChatRequest) -> None:
        self.request = request

    def write_completion(self, completion: Completion, answer: AnswerFacts) -> bytes:
        if answer.size >= LEAST and (text := text_of(completion)) is not None:
            return text
        return dumps(completion) if answer.size <= LONG else dumps_long(completion)

    def open_writer(self, answer_id: str, created: int) -> ChatWriter:
        return ChatWriter(self.request.include_usage)


def read_request(document: Any, call: Call) -> ChatInbound:
    """Raises InvalidRequest, which names the field and the rule."""
    request = parse(document, call.size)
    request.written = call.written
    return ChatInbound(request)


def error_document(error: CallerError) -> dict[str, Any]:
    """OpenAI's shape."""
    detail = {"message": error.message, "type": error.type, "param": error.param}
    limit = {} if error.limit is None else {"limit": error.limit}
    return {"error": {**detail, "code": error.code, **limit}}


def write_error(error: CallerError, request_id: str) -> WrittenError:
    return WrittenError(error.status, dumps(error_document(error)))


def headers(request_id: str) -> Mapping[str, str]:
    return _NOTHING
