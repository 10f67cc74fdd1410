"""One story of an answer as the stream of each kind of provider: pieces in, bytes out.

A story is a list of steps: ("think", text), ("text", text), ("call", id, name, [pieces of
arguments]), ("refuse", text), ("end", finish reason), ("count", read, cached, written), ("error",).
Without an end the stream breaks off.
"""

import json
from collections.abc import Callable
from typing import Any, Final

from translators.json_codec import dumps

Story = list[list[Any]]

_CLAUDE_ENDS: Final = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}
_GEMINI_ENDS: Final = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "tool_calls": "STOP",
    "content_filter": "SAFETY",
}


def _data(document: Any, name: str = "") -> bytes:
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + dumps(document) + b"\n\n"


def openai(story: Story) -> bytes:
    """Chat Completions chunks."""
    out, calls = [], 0

    def chunk(delta: Any, finish: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        out.append(
            _data(
                {
                    "id": "c1",
                    "object": "chat.completion.chunk",
                    "created": 1,
                    "model": "m-served",
                    "choices": [choice],
                }
            )
        )

    chunk({"role": "assistant", "content": ""})
    for kind, *given in story:
        if kind == "think":
            chunk({"reasoning_content": given[0]})
        elif kind == "text":
            chunk({"content": given[0]})
        elif kind == "refuse":
            chunk({"refusal": given[0]})
        elif kind == "call":
            id, name, pieces = given
            chunk(
                {
                    "tool_calls": [
                        {
                            "index": calls,
                            "id": id,
                            "type": "function",
                            "function": {"name": name, "arguments": ""},
                        }
                    ]
                }
            )
            for piece in pieces:
                chunk({"tool_calls": [{"index": calls, "function": {"arguments": piece}}]})
            calls += 1
        elif kind == "end":
            chunk({}, given[0])
            out.append(b"")
        elif kind == "count":
            read, cached, written = given
            usage = {
                "prompt_tokens": read,
                "completion_tokens": written,
                "total_tokens": read + written,
            }
            usage["prompt_tokens_details"] = {"cached_tokens": cached}
            out.append(
                _data(
                    {
                        "id": "c1",
                        "object": "chat.completion.chunk",
                        "created": 1,
                        "model": "m-served",
                        "choices": [],
                        "usage": usage,
                    }
                )
            )
        elif kind == "error":
            out.append(
                _data(
                    {
                        "error": {
                            "message": "The engine is overloaded.",
                            "type": "server_error",
                            "code": "overloaded",
                        }
                    }
                )
            )
    if any(step[0] == "end" for step in story):
        out.append(b"data: [DONE]\n\n")
    return b"".join(out)


def claude(story: Story) -> bytes:
    """Messages events."""
    usage = next(
        (
            {"input_tokens": s[1] - s[2], "cache_read_input_tokens": s[2], "output_tokens": 1}
            for s in story
            if s[0] == "count"
        ),
        {},
    )
    message = {
        "id": "msg_up",
        "type": "message",
        "role": "assistant",
        "model": "m-served",
        "content": [],
        "usage": usage,
    }
    out, index, open_kind, reason = (
        [_data({"type": "message_start", "message": message}, "message_start")],
        -1,
        "",
        "",
    )
    last: dict[str, Any] = {"output_tokens": 1}

    def event(name: str, **more: Any) -> None:
        out.append(_data({"type": name, **more}, name))

    def switch(kind: str, block: dict[str, Any] | None) -> None:
        nonlocal index, open_kind
        if open_kind and (kind != open_kind or kind == "call"):
            event("content_block_stop", index=index)
            open_kind = ""
        if block is not None and not open_kind:
            index, open_kind = index + 1, kind
            event("content_block_start", index=index, content_block=block)

    for kind, *given in story:
        if kind == "think":
            switch("think", {"type": "thinking", "thinking": "", "signature": ""})
            event(
                "content_block_delta",
                index=index,
                delta={"type": "thinking_delta", "thinking": given[0]},
            )
        elif kind == "text":
            switch("text", {"type": "text", "text": ""})
            event(
                "content_block_delta", index=index, delta={"type": "text_delta", "text": given[0]}
            )
        elif kind == "call":
            switch("call", {"type": "tool_use", "id": given[0], "name": given[1], "input": {}})
            for piece in given[2]:
                event(
                    "content_block_delta",
                    index=index,
                    delta={"type": "input_json_delta", "partial_json": piece},
                )
        elif kind == "end":
            switch("", None)
            reason = _CLAUDE_ENDS[given[0]]
        elif kind == "count":
            last = {"output_tokens": given[2]}
        elif kind == "error":
            event(
                "error", error={"type": "overloaded_error", "message": "The engine is overloaded."}
            )
    if reason:
        event("message_delta", delta={"stop_reason": reason, "stop_sequence": None}, usage=last)
        event("message_stop")
    return b"".join(out)


def gemini(story: Story) -> bytes:
    """generateContent chunks."""
    out: list[bytes] = []
    counted = next(
        (
            {
                "promptTokenCount": s[1],
                "cachedContentTokenCount": s[2],
                "candidatesTokenCount": s[3],
            }
            for s in story
            if s[0] == "count"
        ),
        None,
    )

    def chunk(parts: Any, finish: str | None = None) -> None:
        candidate: dict[str, Any] = {"index": 0, "content": {"role": "model", "parts": parts}}
        document: dict[str, Any] = {
            "candidates": [candidate],
            "modelVersion": "m-served",
            "responseId": "r1",
        }
        if finish is not None:
            candidate["finishReason"] = finish
            if counted is not None:
                document["usageMetadata"] = counted
        out.append(_data(document))

    for kind, *given in story:
        if kind == "think":
            chunk([{"text": given[0], "thought": True}])
        elif kind in ("text", "refuse"):
            chunk([{"text": given[0]}])
        elif kind == "call":
            text = "".join(given[2])
            try:
                arguments = json.loads(text or "{}")
            except ValueError:
                arguments = {}
            chunk(
                [
                    {
                        "functionCall": {"id": given[0], "name": given[1], "args": arguments},
                        "thoughtSignature": "c2lnbmVk",
                    }
                ]
            )
        elif kind == "end":
            chunk([], _GEMINI_ENDS[given[0]])
        elif kind == "error":
            out.append(
                _data(
                    {
                        "error": {
                            "code": 503,
                            "message": "The engine is overloaded.",
                            "status": "UNAVAILABLE",
                        }
                    }
                )
            )
    return b"".join(out)


def responses(story: Story) -> bytes:
    """Events of the Responses API."""
    out: list[bytes] = []
    items: list[Any] = []
    number = 0

    def event(name: str, **more: Any) -> None:
        nonlocal number
        out.append(_data({"type": name, "sequence_number": number, **more}, name))
        number += 1

    def response(status: str, **more: Any) -> dict[str, Any]:
        return {
            "id": "resp_1",
            "object": "response",
            "created_at": 1,
            "model": "m-served",
            "status": status,
            "output": items,
            **more,
        }

    event("response.created", response={**response("in_progress"), "output": []})
    grouped: list[tuple[str, list[Any]]] = []
    for kind, *given in story:
        if grouped and kind == grouped[-1][0] and kind in ("think", "text", "refuse"):
            grouped[-1][1].append(given)
        else:
            grouped.append((kind, [given]))
    usage = next((_counted(*given[0]) for kind, given in grouped if kind == "count"), None)
    for kind, given in grouped:
        at = len(items)
        if kind == "think":
            item: dict[str, Any] = {"type": "reasoning", "id": f"rs_{at}", "summary": []}
            event("response.output_item.added", output_index=at, item=item)
            for (text,) in given:
                event(
                    "response.reasoning_summary_text.delta",
                    item_id=item["id"],
                    output_index=at,
                    summary_index=0,
                    delta=text,
                )
            summary = [{"type": "summary_text", "text": "".join(text for (text,) in given)}]
            item = {**item, "summary": summary, "encrypted_content": "b3BhcXVl"}
            items.append(item)
            event("response.output_item.done", output_index=at, item=item)
        elif kind in ("text", "refuse"):
            part, name = (
                ("output_text", "response.output_text")
                if kind == "text"
                else ("refusal", "response.refusal")
            )
            item = {
                "type": "message",
                "id": f"m_{at}",
                "role": "assistant",
                "status": "in_progress",
                "content": [],
            }
            event("response.output_item.added", output_index=at, item=item)
            for (text,) in given:
                event(
                    f"{name}.delta",
                    item_id=item["id"],
                    output_index=at,
                    content_index=0,
                    delta=text,
                )
            whole = "".join(text for (text,) in given)
            content = {"type": part, ("text" if kind == "text" else "refusal"): whole}
            item = {**item, "status": "completed", "content": [content]}
            items.append(item)
            event("response.output_item.done", output_index=at, item=item)
        elif kind == "call":
            for id, called, pieces in given:
                at = len(items)
                item = {
                    "type": "function_call",
                    "id": f"fc_{at}",
                    "call_id": id,
                    "name": called,
                    "arguments": "",
                    "status": "in_progress",
                }
                event("response.output_item.added", output_index=at, item=item)
                for piece in pieces:
                    event(
                        "response.function_call_arguments.delta",
                        item_id=item["id"],
                        output_index=at,
                        delta=piece,
                    )
                item = {**item, "arguments": "".join(pieces), "status": "completed"}
                items.append(item)
                event("response.output_item.done", output_index=at, item=item)
        elif kind == "end":
            if given[0][0] in ("length", "content_filter"):
                why = "max_output_tokens" if given[0][0] == "length" else "content_filter"
                event(
                    "response.incomplete",
                    response=response(
                        "incomplete", incomplete_details={"reason": why}, usage=usage
                    ),
                )
            else:
                event("response.completed", response=response("completed", usage=usage))
        elif kind == "error":
            event(
                "error",
                code="server_is_overloaded",
                message="The engine is overloaded.",
                param=None,
            )
    return b"".join(out)


def _counted(read: int, cached: int, written: int) -> dict[str, Any]:
    return {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": cached},
        "output_tokens": written,
        "total_tokens": read + written,
    }


ENCODERS: Final[dict[str, Callable[[Story], bytes]]] = {
    "openai": openai,
    "responses": responses,
    "gemini": gemini,
    "claude": claude,
}
