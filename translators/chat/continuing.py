"""A turn that its provider paused, to be taken up again by sending it back: the rounds become one answer."""

from typing import Any, Final

from translators.chat.request import ChatRequest
from translators.chat.usage import summed
from translators.jsontext import loads

MOST_ROUNDS: Final = 5
"""How often one turn is taken up again; then the answer is given as far as it came, and says that it was paused."""


def next_round(request: ChatRequest, completion: dict[str, Any]) -> ChatRequest | None:
    """The request that goes on where a paused answer stopped; None if it was not paused, or cannot be sent back whole."""
    choice = completion["choices"][0]
    message = choice.get("message") or {}
    if (choice.get("provider_specific") or {}).get("stop_reason") != "pause_turn" or not message.get("provider_content"):
        return None
    turn = {"role": "assistant", "content": message.get("content"), "provider_content": message["provider_content"]}
    return ChatRequest({**request.body, "messages": [*request.messages, turn]}, request.size)


def joined(earlier: dict[str, Any], later: dict[str, Any]) -> dict[str, Any]:
    """Two rounds as one answer: texts and blocks one behind the other, usage summed, everything else as the later one says."""
    first, second = earlier["choices"][0], later["choices"][0]
    before, after = first["message"], second["message"]
    message = dict(after)
    for name in ("content", "reasoning_content"):
        if before.get(name):
            message[name] = before[name] + (after.get(name) or "")
    offset = len(before.get("content") or "")
    annotations = [*before.get("annotations", ()), *(_moved(mark, offset) for mark in after.get("annotations", ()))]
    if annotations:
        message["annotations"] = annotations
    if blocks := [*before.get("thinking_blocks", ()), *after.get("thinking_blocks", ())]:
        message["thinking_blocks"] = blocks
    content = before["provider_content"]
    rest = after.get("provider_content") or {"blocks": _blocks(after)}
    message["provider_content"] = {**content, "blocks": [*content["blocks"], *rest["blocks"]]}
    answer = {**later, "id": earlier["id"], "choices": [{**second, "message": message}]}
    if usages := [round_["usage"] for round_ in (earlier, later) if round_.get("usage")]:
        answer["usage"] = summed(usages)
    return answer


def _moved(annotation: dict[str, Any], offset: int) -> dict[str, Any]:
    citation = annotation.get("url_citation")
    if citation is None:
        return annotation
    moved = {"start_index": citation["start_index"] + offset, "end_index": citation["end_index"] + offset}
    return {**annotation, "url_citation": {**citation, **moved}}


def _blocks(message: dict[str, Any]) -> list[dict[str, Any]]:
    """The blocks of a turn that is canonical: thinking, one text, tool calls."""
    text = message.get("content")
    calls = [
        {"type": "tool_use", "id": call["id"], "name": call["function"]["name"], "input": loads(call["function"]["arguments"])}
        for call in message.get("tool_calls") or ()
    ]
    return [*message.get("thinking_blocks", ()), *([{"type": "text", "text": text}] if text else []), *calls]
