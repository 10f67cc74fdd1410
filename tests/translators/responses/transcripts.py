"""Streams as the Responses API writes them: every event of an output, in order and numbered."""

from collections.abc import Iterator
from typing import Any

from translators.json_codec import dumps

Item = dict[str, Any]
Event = dict[str, Any]

REASONING: Item = {
    "id": "rs_1",
    "type": "reasoning",
    "summary": [
        {"type": "summary_text", "text": "**Plan**\n\nLook it up."},
        {"type": "summary_text", "text": "Then tell."},
    ],
    "encrypted_content": "gAAAAA1",
}
SEARCH: Item = {
    "id": "ws_1",
    "type": "web_search_call",
    "status": "completed",
    "action": {"type": "search", "query": "cold\u2028Oslo"},
}
CITED: Item = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "phase": "final_answer",
    "content": [
        {
            "type": "output_text",
            "text": "In Oslo it is −3 °C. 🥶 ",
            "annotations": [
                {
                    "type": "url_citation",
                    "start_index": 3,
                    "end_index": 7,
                    "url": "https://x",
                    "title": "X",
                }
            ],
        },
        {"type": "output_text", "text": "Dress warmly.", "annotations": []},
    ],
}
TEXT: Item = {
    "id": "msg_2",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "Hello there.", "annotations": []}],
}
REFUSAL: Item = {**TEXT, "content": [{"type": "refusal", "refusal": "I will not do that."}]}
CALL: Item = {
    "id": "fc_1", "type": "function_call", "status": "completed", "call_id": "call_1",
    "name": "weather", "arguments": '{"city":"Oslo"}',
}  # fmt: skip
SECOND_CALL: Item = {**CALL, "id": "fc_2", "call_id": "call_2", "arguments": '{"city":"Bonn"}'}
CUSTOM: Item = {
    "id": "ctc_1", "type": "custom_tool_call", "status": "completed", "call_id": "call_9",
    "name": "sql", "input": "select 1;\n",
}  # fmt: skip
OPEN_REASONING: Item = {
    "id": "rs_2",
    "type": "reasoning",
    "summary": [],
    "content": [
        {"type": "reasoning_text", "text": "One."},
        {"type": "reasoning_text", "text": "Two."},
    ],
}
IMAGE: Item = {
    "id": "ig_1",
    "type": "image_generation_call",
    "status": "completed",
    "result": "AAAA",
    "output_format": "png",
}

USAGE = {
    "input_tokens": 20,
    "input_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 0},
    "output_tokens": 30,
    "output_tokens_details": {"reasoning_tokens": 10},
    "total_tokens": 50,
}


def response(*output: Item, status: str = "completed", **more: Any) -> dict[str, Any]:
    """The whole response, as it would be without streaming."""
    return {
        "id": "resp_1", "object": "response", "created_at": 1764547300, "status": status,
        "error": None, "incomplete_details": None,
        "model": "gpt-6-astra-2026-10-01", "output": list(output), "usage": USAGE,
        "service_tier": "default",
        "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], **more,
    }  # fmt: skip


def events(*output: Item, status: str = "completed", **more: Any) -> list[Event]:
    """All events of a response, those at the end named after its status."""
    opening = response(status="in_progress") | {"usage": None}
    found: list[Event] = [
        {"type": "response.created", "response": opening},
        {"type": "response.in_progress", "response": opening},
    ]
    for place, item in enumerate(output):
        found += [{"output_index": place, **event} for event in _of_item(item)]
    found.append(
        {"type": f"response.{status}", "response": response(*output, status=status, **more)}
    )
    return [{**event, "sequence_number": n} for n, event in enumerate(found)]


def wire(found: list[Event]) -> bytes:
    return b"".join(
        b"event: %s\ndata: %s\n\n" % (event["type"].encode(), dumps(event)) for event in found
    )


def _pieces(text: str) -> list[str]:
    return [text[i : i + 5] for i in range(0, len(text), 5)]


def _of_item(item: Item) -> Iterator[Event]:
    kind = item["type"]
    empty: Item = {"content": [], "summary": [], "arguments": "", "input": ""}
    start = {name: empty.get(name, value) for name, value in item.items()}
    yield {"type": "response.output_item.added", "item": {**start, "status": "in_progress"}}
    here = {"item_id": item["id"]}
    match kind:
        case "function_call":
            yield from _text({**here}, "function_call_arguments", "arguments", item["arguments"])
        case "custom_tool_call":
            yield from _text({**here}, "custom_tool_call_input", "input", item["input"])
        case "reasoning":
            for n, part in enumerate(item["summary"]):
                yield from _part(
                    {**here, "summary_index": n},
                    part,
                    "reasoning_summary_text",
                    "reasoning_summary_part",
                )
            for n, part in enumerate(item.get("content", ())):
                yield from _part(
                    {**here, "content_index": n}, part, "reasoning_text", "content_part"
                )
        case "message":
            for n, part in enumerate(item["content"]):
                yield from _part({**here, "content_index": n}, part, part["type"], "content_part")
        case "web_search_call":
            for state in ("in_progress", "searching", "completed"):
                yield {"type": f"response.web_search_call.{state}", **here}
        case _:
            yield {"type": f"response.{kind}.in_progress", **here}
    yield {"type": "response.output_item.done", "item": item}


def _part(here: Event, part: Event, name: str, frame: str) -> Iterator[Event]:
    field = "refusal" if name == "refusal" else "text"
    yield {"type": f"response.{frame}.added", **here, "part": {**part, field: ""}}
    yield from _text(here, name, field, part[field], part.get("logprobs"))
    for n, annotation in enumerate(part.get("annotations", ())):
        yield {
            "type": "response.output_text.annotation.added",
            **here,
            "annotation_index": n,
            "annotation": annotation,
        }
    yield {"type": f"response.{frame}.done", **here, "part": part}


def _text(here: Event, name: str, field: str, text: str, logprobs: Any = None) -> Iterator[Event]:
    told = {"logprobs": logprobs or []} if name == "output_text" else {}
    if logprobs:
        for token in logprobs:
            yield {
                "type": f"response.{name}.delta",
                **here,
                "delta": token["token"],
                "logprobs": [token],
            }
    else:
        for piece in _pieces(text):
            yield {
                "type": f"response.{name}.delta",
                **here,
                "delta": piece,
                "obfuscation": "x",
                **told,
            }
    yield {"type": f"response.{name}.done", **here, field: text, **told}
