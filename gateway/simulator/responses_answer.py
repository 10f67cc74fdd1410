"""OpenAI's Responses API, as the server speaks it: an answer as a response, and as the events in
which a response comes about.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from gateway.simulator.answer import pieces
from gateway.simulator.conversation import Answer, Call, Conversation, Piece, sign
from gateway.simulator.responses_items import Item, reasoning_id
from translators import json_codec

_OBFUSCATED: Final = 16
"""How long a delta is made by what is added to it."""
_BROKEN: Final = {
    "code": "server_error",
    "message": "The server had an error while processing your request.",
}


class _Event(NamedTuple):
    """One event without its number; `content` as in Piece."""

    name: str
    fields: dict[str, Any]
    content: bool = False


def whole(conversation: Conversation, answer: Answer) -> bytes:
    return json_codec.dumps(_finished(conversation, answer))


def stream(conversation: Conversation, answer: Answer) -> list[Piece]:
    return [
        Piece(_write(number, event), event.content)
        for number, event in enumerate(_events(conversation, answer))
    ]


def broken_stream(conversation: Conversation, sent: int) -> bytes:
    """A response that fails, or an error where none has begun."""
    if not sent:
        return _write(0, _Event("error", {**_BROKEN, "param": None}))
    return _write(
        sent,
        _Event(
            "response.failed",
            {"response": _begun(conversation) | {"status": "failed", "error": _BROKEN}},
        ),
    )


def _write(number: int, event: _Event) -> bytes:
    data = {"type": event.name, "sequence_number": number, **event.fields}
    return b"event: " + event.name.encode() + b"\ndata: " + json_codec.dumps(data) + b"\n\n"


def _begun(conversation: Conversation) -> dict[str, Any]:
    return {
        "id": f"resp_{conversation.digest[:48]}",
        "object": "response",
        "created_at": int(time.time()),
        "status": "in_progress",
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "model": conversation.model,
        "output": [],
        "usage": None,
        **conversation.options["echo"],
    }


def _finished(conversation: Conversation, answer: Answer) -> dict[str, Any]:
    begun, cut = _begun(conversation), answer.finish == "length"
    tier = begun["service_tier"]
    return begun | {
        "status": "incomplete" if cut else "completed",
        "completed_at": None if cut else begun["created_at"],
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "output": list(_items(conversation, answer)),
        "service_tier": "default" if tier == "auto" else tier,
        "usage": _usage(answer),
    }


def _usage(answer: Answer) -> dict[str, Any]:
    return {
        "input_tokens": answer.prompt_tokens,
        "input_tokens_details": {"cached_tokens": answer.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": answer.output_tokens,
        "output_tokens_details": {"reasoning_tokens": answer.thought_tokens},
        "total_tokens": answer.prompt_tokens + answer.output_tokens,
    }


def _items(conversation: Conversation, answer: Answer) -> Iterator[Item]:
    """The output, complete. Reasoning that used the limit up is followed by nothing."""
    if answer.thought:
        yield _reasoning(conversation, answer)
    if answer.text or not (answer.calls or answer.finish == "length"):
        yield _message(conversation, answer)
    for call in answer.calls:
        yield _call(call)


def _reasoning(conversation: Conversation, answer: Answer) -> Item:
    own = reasoning_id(conversation.digest, stored=conversation.options["echo"]["store"])
    summary = (
        [{"type": "summary_text", "text": answer.thought}]
        if conversation.thinking == "shown"
        else []
    )
    return {"id": own, "type": "reasoning", "summary": summary} | (
        {"encrypted_content": sign(own)} if conversation.options["sealed"] else {}
    )


def _message(conversation: Conversation, answer: Answer) -> Item:
    if answer.finish == "refusal":
        part: Item = {"type": "refusal", "refusal": answer.text}
    else:
        part = {"type": "output_text", "annotations": [], "logprobs": [], "text": answer.text}
    status = "incomplete" if answer.finish == "length" else "completed"
    return {
        "id": f"msg_{conversation.digest[:48]}",
        "type": "message",
        "status": status,
        "content": [part],
        "role": "assistant",
    }


def _call(call: Call) -> Item:
    kind, prefix, key = (
        ("custom_tool_call", "ctc", "input")
        if call.custom
        else ("function_call", "fc", "arguments")
    )
    said = {"id": f"{prefix}_{call.id}", "type": kind, "status": "completed", key: call.text}
    return said | {"call_id": f"call_{call.id}", "name": call.name}


def _events(conversation: Conversation, answer: Answer) -> Iterator[_Event]:
    for name in ("response.created", "response.in_progress"):
        yield _Event(name, {"response": _begun(conversation)})
    for place, item in enumerate(_items(conversation, answer)):
        empty, growth = _GROWTH[item["type"]]
        yield _Event(
            "response.output_item.added", {"output_index": place, "item": _started(item, empty)}
        )
        for name, fields, content in growth(item):
            if "delta" in fields and conversation.options["obfuscated"]:
                fields["obfuscation"] = conversation.digest[
                    : max(0, _OBFUSCATED - len(fields["delta"]))
                ]
            yield _Event(
                f"response.{name}",
                {"item_id": item["id"], "output_index": place, **fields},
                content,
            )
        yield _Event("response.output_item.done", {"output_index": place, "item": item})
    finished = _finished(conversation, answer)
    yield _Event(f"response.{finished['status']}", {"response": finished})


def _started(item: Item, empty: dict[str, Any]) -> Item:
    """The item as it is announced: reasoning is sealed only when it is done."""
    return {name: value for name, value in item.items() if name != "encrypted_content"} | empty


def _reasoning_grows(item: Item) -> Iterator[_Event]:
    for index, part in enumerate(item["summary"]):
        place = {"summary_index": index}
        yield _Event("reasoning_summary_part.added", place | {"part": part | {"text": ""}})
        for piece in pieces(part["text"]):
            yield _Event("reasoning_summary_text.delta", place | {"delta": piece}, content=True)
        yield _Event("reasoning_summary_text.done", place | {"text": part["text"]})
        yield _Event("reasoning_summary_part.done", place | {"part": part})


def _message_grows(item: Item) -> Iterator[_Event]:
    for index, part in enumerate(item["content"]):
        name, key = (
            ("output_text", "text") if part["type"] == "output_text" else ("refusal", "refusal")
        )
        place = {"content_index": index}
        logprobs: dict[str, Any] = {"logprobs": []} if key == "text" else {}
        yield _Event("content_part.added", place | {"part": part | {key: ""}})
        for piece in pieces(part[key]):
            yield _Event(f"{name}.delta", place | {"delta": piece} | logprobs, content=True)
        yield _Event(f"{name}.done", place | {key: part[key]} | logprobs)
        yield _Event("content_part.done", place | {"part": part})


def _call_grows(item: Item) -> Iterator[_Event]:
    name, key = (
        ("function_call_arguments", "arguments")
        if item["type"] == "function_call"
        else ("custom_tool_call_input", "input")
    )
    for piece in pieces(item[key]):
        yield _Event(f"{name}.delta", {"delta": piece}, content=True)
    yield _Event(f"{name}.done", {key: item[key]})


_GROWTH: Final[dict[str, tuple[dict[str, Any], Callable[[Item], Iterator[_Event]]]]] = {
    "reasoning": ({"summary": []}, _reasoning_grows),
    "message": ({"status": "in_progress", "content": []}, _message_grows),
    "function_call": ({"status": "in_progress", "arguments": ""}, _call_grows),
    "custom_tool_call": ({"status": "in_progress", "input": ""}, _call_grows),
}
"""What an item lacks when it is announced, and the events in which it gets it."""
