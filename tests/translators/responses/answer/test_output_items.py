"""translators.responses.answer.output_items: an item of a streamed answer is known again at its
end, and no call is handed out twice.
"""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from tests.translators.responses import transcripts as t
from tests.translators.responses.answer.test_stream import added_up, envelope, feed
from translators.json_codec import dumps
from translators.responses import parse_response

ANSWER = (t.REASONING, t.TEXT, t.CALL, t.SECOND_CALL, t.CUSTOM)
CALLS = ["call_1", "call_2", "call_9"]

Change = Callable[[list[t.Event]], list[t.Event]]


def bare(item: t.Item, *names: str) -> t.Item:
    return {name: value for name, value in item.items() if name not in names}


def ending(*output: t.Item) -> Change:
    """The same stream, but another list of items at its end."""
    return lambda found: [
        *found[:-1],
        {"type": "response.completed", "response": t.response(*output)},
    ]


def renamed(found: list[t.Event]) -> list[t.Event]:
    """Another id for an item in each event that speaks of it, as some proxies have it."""
    numbers = count()

    def item(given: t.Item) -> t.Item:
        return {**given, "id": f"opaque_{next(numbers)}"}

    made = []
    for event in found:
        event = {**event, "item_id": f"opaque_{next(numbers)}"} if "item_id" in event else event
        event = {**event, "item": item(event["item"])} if "item" in event else event
        if "response" in event:
            event = {
                **event,
                "response": {
                    **event["response"],
                    "output": [item(one) for one in event["response"]["output"]],
                },
            }
        made.append(event)
    return made


def everywhere(**fields: Any) -> Change:
    return lambda found: [
        {**event, **{name: value for name, value in fields.items() if name in event}}
        for event in found
    ]


def one_id(found: list[t.Event]) -> list[t.Event]:
    """All items of a kind under one id: only the ids of calls tell them apart."""

    def item(given: t.Item) -> t.Item:
        return {**given, "id": "item_0"}

    return [
        {
            **event,
            **({"item": item(event["item"])} if "item" in event else {}),
            **({"item_id": "item_0"} if "item_id" in event else {}),
            **(
                {"response": t.response(*map(item, event["response"]["output"]))}
                if event["type"] == "response.completed"
                else {}
            ),
        }
        for event in found
    ]


CHANGES: dict[str, Change] = {
    "shorter": ending(t.REASONING, t.TEXT),
    "without the first call": ending(t.REASONING, t.TEXT, t.SECOND_CALL, t.CUSTOM),
    "empty": ending(),
    "in another order": ending(t.CUSTOM, t.SECOND_CALL, t.CALL, t.TEXT, t.REASONING),
    "without ids": ending(*[bare(item, "id") for item in ANSWER]),
    "without any ids": ending(*[bare(item, "id", "call_id") for item in ANSWER]),
    "calls without ids, in another order": ending(
        *[bare(item, "id", "call_id") for item in (t.CUSTOM, t.CALL, t.SECOND_CALL, t.TEXT)]
    ),
    "with one item twice": ending(*ANSWER, t.CALL),
    "ids of their own in every event": renamed,
    "one index for all": everywhere(output_index=0),
    "no index": lambda found: [bare(event, "output_index") for event in found],
    "indexes from one": lambda found: [
        {**e, "output_index": e["output_index"] + 1} if "output_index" in e else e for e in found
    ],
    "one id for all": one_id,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_item_is_shown_once(change: Change) -> None:
    stream, chunks = feed(t.wire(change(t.events(*ANSWER))))
    message = added_up(stream, chunks)["choices"][0]["message"]
    assert [call["id"] for call in message["tool_calls"]] == CALLS
    assert [(call.get("function") or call["custom"]) for call in message["tool_calls"]] == [
        {"name": "weather", "arguments": '{"city":"Oslo"}'},
        {"name": "weather", "arguments": '{"city":"Bonn"}'},
        {"name": "sql", "input": "select 1;\n"},
    ]
    assert message["content"] == "Hello there."
    assert message["reasoning_content"] == "**Plan**\n\nLook it up.\n\nThen tell."
    assert [block["type"] for block in message["provider_content"]["blocks"]].count(
        "reasoning"
    ) == 1
    assert (stream.finished, stream.failure) == (True, None)


@pytest.mark.parametrize(
    ("output", "order"),
    [
        ((t.REASONING, t.TEXT, t.CALL), ["reasoning", "message", "function_call"]),
        ((t.TEXT, t.CALL, t.REASONING), ["message", "function_call", "reasoning"]),
        ((t.REASONING, bare(t.TEXT, "id"), t.CALL), ["reasoning", "message", "function_call"]),
    ],
)
def test_items_that_stand_only_at_the_end_are_shown_too(
    output: tuple[t.Item, ...], order: list[str]
) -> None:
    """And all of them go back in the order that the list has."""
    stream, chunks = feed(t.wire(ending(*output)(t.events(t.TEXT))))
    message = added_up(stream, chunks)["choices"][0]["message"]
    assert ([call["id"] for call in message["tool_calls"]], message["content"]) == (
        ["call_1"],
        "Hello there.",
    )
    assert [block["type"] for block in message["provider_content"]["blocks"]] == order


def test_another_text_under_another_id_is_another_message() -> None:
    other = {
        **t.TEXT,
        "id": "msg_7",
        "content": [{"type": "output_text", "text": " And more.", "annotations": []}],
    }
    stream, chunks = feed(t.wire(ending(other)(t.events(t.TEXT))))
    assert added_up(stream, chunks)["choices"][0]["message"]["content"] == "Hello there. And more."


def test_two_calls_that_no_id_tells_apart() -> None:
    """As many calls as were streamed, each under an id of ours."""
    calls = [bare(item, "call_id") for item in (t.CALL, t.SECOND_CALL)]
    listed = [bare(item, "id", "call_id") for item in calls]
    stream, chunks = feed(t.wire(ending(*listed)(t.events(*calls))))
    message = added_up(stream, chunks)["choices"][0]["message"]
    assert [(call["id"], call["function"]["arguments"]) for call in message["tool_calls"]] == [
        ("call_u_0", '{"city":"Oslo"}'),
        ("call_u_1", '{"city":"Bonn"}'),
    ]


def test_pictures_are_shown_once() -> None:
    second = {**t.IMAGE, "id": "ig_2", "result": "BBBB"}
    stream, chunks = feed(t.wire(renamed(t.events(t.IMAGE, second))))
    images = added_up(stream, chunks)["choices"][0]["message"]["images"]
    assert [image["image_url"]["url"][-4:] for image in images] == ["AAAA", "BBBB"]


def test_a_whole_answer_that_lists_a_call_twice() -> None:
    message = parse_response(dumps(t.response(t.CALL, t.CALL, t.SECOND_CALL)), envelope())[
        "choices"
    ][0]["message"]
    assert [call["id"] for call in message["tool_calls"]] == ["call_1", "call_2"]


def test_two_calls_under_one_id_of_the_items_are_two() -> None:
    second = {**t.SECOND_CALL, "id": t.CALL["id"]}
    message = parse_response(dumps(t.response(t.CALL, second)), envelope())["choices"][0]["message"]
    assert [call["id"] for call in message["tool_calls"]] == ["call_1", "call_2"]
