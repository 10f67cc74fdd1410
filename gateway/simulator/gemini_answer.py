"""What generateContent answers: whole answers, frames, errors."""

from collections.abc import Iterator
from typing import Any, Final

from gateway.simulator.answer import pieces
from gateway.simulator.conversation import Answer, Call, Conversation, Piece, Refused, Reply, sign
from translators import json_codec

_ERRORS: Final = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
    409: "ABORTED", 429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED", 500: "INTERNAL", 501: "UNIMPLEMENTED", 503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}  # fmt: skip
_FINISH: Final = {"length": "MAX_TOKENS", "refusal": "SAFETY"}
_TYPE: Final = "type.googleapis.com/google.rpc."


def whole(conversation: Conversation, answer: Answer) -> bytes:
    parts = list(_parts(conversation, answer, [answer.text] if answer.text else []))
    candidates = [
        _candidate(i, parts, _FINISH.get(answer.finish, "STOP"))
        for i in range(conversation.choices)
    ]
    return json_codec.dumps({"candidates": candidates, **_tail(conversation, answer)})


def stream(conversation: Conversation, answer: Answer) -> list[Piece]:
    """SSE events, or one JSON array written piece by piece."""
    frames = []
    for index in range(conversation.choices):
        parts = list(_parts(conversation, answer, pieces(answer.text)))
        frames += [({"candidates": [_candidate(index, [part])]}, True) for part in parts[:-1]]
        finish = _FINISH.get(answer.finish, "STOP")
        frames.append(({"candidates": [_candidate(index, parts[-1:], finish)]}, bool(parts)))
    tail = _tail(conversation, answer)
    if conversation.options["sse"]:
        return [
            Piece(b"data: " + json_codec.dumps(frame | tail) + b"\r\n\r\n", content)
            for frame, content in frames
        ]
    written = [
        Piece((b",\r\n" if i else b"[") + json_codec.dumps(frame | tail), content)
        for i, (frame, content) in enumerate(frames)
    ]
    return [*written, Piece(b"\n]\n")]


def _parts(
    conversation: Conversation, answer: Answer, texts: list[str]
) -> Iterator[dict[str, Any]]:
    if answer.finish == "refusal":
        return
    if answer.thought and conversation.thinking == "shown":
        yield {"text": answer.thought, "thought": True}
    for index, text in enumerate(texts):
        signed = answer.thought and not answer.calls and index == len(texts) - 1
        yield {"text": text, "thoughtSignature": sign(answer.thought)} if signed else {"text": text}
    for index, call in enumerate(answer.calls):
        signature = (
            {"thoughtSignature": sign(call.text)}
            if conversation.options["ids"] and not index
            else {}
        )
        yield {"functionCall": _call(conversation, call), **signature}


def _call(conversation: Conversation, call: Call) -> dict[str, Any]:
    identity = {"id": call.id} if conversation.options["ids"] else {}
    return identity | {"name": call.name} | ({"args": call.arguments} if call.arguments else {})


def _candidate(
    index: int, parts: list[dict[str, Any]], finish: str | None = None
) -> dict[str, Any]:
    """Proto JSON leaves zeros and empty lists out."""
    content: dict[str, Any] = (
        {"content": {"parts": parts, "role": "model"}} if parts or finish == "STOP" else {}
    )
    return content | ({"finishReason": finish} if finish else {}) | {"index": index}


def _tail(conversation: Conversation, answer: Answer) -> dict[str, Any]:
    said = (answer.output_tokens - answer.thought_tokens) * conversation.choices
    thought = answer.thought_tokens * conversation.choices
    total = answer.prompt_tokens + said + thought
    usage = {
        "promptTokenCount": answer.prompt_tokens,
        "candidatesTokenCount": said,
        "totalTokenCount": total,
    }
    usage |= {"thoughtsTokenCount": thought} if thought else {}
    usage |= {"cachedContentTokenCount": answer.cached_tokens} if answer.cached_tokens else {}
    return {
        "usageMetadata": usage,
        "modelVersion": conversation.model,
        "responseId": conversation.digest[:22],
    }


def broken_stream(conversation: Conversation, sent: int) -> bytes:
    body = error(Refused("The model is overloaded. Please try again later.", status=503)).body
    return b"data: " + body + b"\r\n\r\n" if conversation.options["sse"] else b",\r\n" + body + b"]"


def error(refusal: Refused, retry_after: int | None = None) -> Reply:
    details: list[dict[str, Any]] = []
    if refusal.param:
        details.append(
            {
                "@type": f"{_TYPE}BadRequest",
                "fieldViolations": [{"field": refusal.param, "description": refusal.message}],
            }
        )
    if refusal.status == 401:
        details.append(
            {
                "@type": f"{_TYPE}ErrorInfo",
                "reason": "ACCESS_TOKEN_TYPE_UNSUPPORTED",
                "domain": "googleapis.com",
            }
        )
    if refusal.status == 429:
        details.append(
            {
                "@type": f"{_TYPE}QuotaFailure",
                "violations": [{"quotaId": "GenerateRequestsPerMinutePerProjectPerModel"}],
            }
        )
    if retry_after is not None:
        details.append({"@type": f"{_TYPE}RetryInfo", "retryDelay": f"{retry_after}s"})
    status = _ERRORS.get(
        refusal.status, "INTERNAL" if refusal.status >= 500 else "INVALID_ARGUMENT"
    )
    body = {"error": {"code": refusal.status, "message": refusal.message, "status": status}}
    if details:
        body["error"]["details"] = details
    return Reply(refusal.status, {}, json_codec.dumps(body))
