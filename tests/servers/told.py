"""What a caller was told: a stream held against what every stream must keep, and added up as
OpenAI's own SDK adds it up.
"""

from typing import Any, Final

from translators.chat.chunks import FINISH_REASONS
from translators.json_codec import loads

DONE: Final = b"data: [DONE]\n\n"


def events_of(text: bytes) -> list[dict[str, Any]]:
    """The chunks of a stream of ours; comments are left out, and nothing else is there but the end
    mark.
    """
    found = []
    for event in text.removesuffix(DONE).split(b"\n\n"):
        if event and not event.startswith(b":"):
            assert event.startswith(b"data: {"), event
            found.append(loads(event[6:]))
    return found


def added_up(text: bytes) -> dict[str, Any]:
    """The whole answer: id, model, content, reasoning, calls, finish_reason, usage. Fails where a
    stream keeps no promise.
    """
    assert text.endswith(DONE)
    events = events_of(text)
    assert {event.get("object") for event in events} == {"chat.completion.chunk"}
    ids, models = {event.get("id") for event in events}, {event.get("model") for event in events}
    assert len(ids) == len(models) == 1, "one id and one model throughout"
    told: dict[str, Any] = {
        "id": ids.pop(),
        "model": models.pop(),
        "content": "",
        "reasoning": "",
        "calls": [],
        "finish_reason": None,
        "usage": None,
    }
    for number, event in enumerate(events):
        if event.get("usage") is not None:
            assert event["choices"] == [], "usage has a chunk of its own"
            assert number == len(events) - 1, "and that is the last"
            told["usage"] = event["usage"]
        else:
            assert len(event["choices"]) == 1, "a chunk without a choice says nothing"
            _add(told, event["choices"][0], first=number == 0)
    for call in told["calls"]:
        call["arguments"] = loads(call["arguments"].encode())
    return told


def _add(told: dict[str, Any], choice: dict[str, Any], *, first: bool) -> None:
    delta, reason = choice["delta"], choice.get("finish_reason")
    assert choice["index"] == 0
    assert (delta.get("role") == "assistant") == first, "the role comes once, first"
    assert told["finish_reason"] is None, "nothing comes behind the finish"
    assert delta.get("content") is None or isinstance(delta["content"], str)
    told["content"] += delta.get("content") or ""
    told["reasoning"] += delta.get("reasoning_content") or ""
    for piece in delta.get("tool_calls") or ():
        _add_piece(told["calls"], piece)
    if reason is not None:
        assert reason in FINISH_REASONS
        told["finish_reason"] = reason


def _add_piece(calls: list[dict[str, Any]], piece: dict[str, Any]) -> None:
    function = piece.get("function") or {}
    if piece["index"] == len(calls):
        assert piece["id"], "a call begins with its id"
        assert (piece.get("type"), bool(function.get("name"))) == ("function", True), (
            "with its type, and with its name"
        )
        calls.append({"id": piece["id"], "name": function["name"], "arguments": ""})
    else:
        assert 0 <= piece["index"] < len(calls), "calls are numbered from 0, without gaps"
        assert not piece.get("id"), "id, type and name come once: clients add up what comes again"
        assert not piece.get("type")
        assert not function.get("name")
    calls[piece["index"]]["arguments"] += function.get("arguments") or ""


def message_of(message: dict[str, Any]) -> dict[str, Any]:
    """A whole message with its calls as they are compared: their arguments as values."""
    calls = message.get("tool_calls") or []
    assert all(call["type"] == "function" for call in calls)
    shown = [
        {
            "id": call["id"],
            "name": call["function"]["name"],
            "arguments": loads(call["function"]["arguments"].encode()),
        }
        for call in calls
    ]
    return {**message, "tool_calls": shown}


def part_of(whole: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    """What `whole` says of the things that are expected; null where it says nothing."""
    return {name: whole.get(name) for name in expected}
