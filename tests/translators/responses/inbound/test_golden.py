"""Requests and answers against the golden files, at every read boundary."""

import json
from typing import Any, Final

import pytest

from tests.translators.responses.inbound.golden import (
    BROKE,
    FACTS,
    HERE,
    chunks_of,
    events_of,
    hub_of,
    shortened,
    told,
    writer_of,
)
from tests.translators.responses.inbound.request_cases import REFUSED, REQUESTS
from tests.translators.responses.inbound.stream_cases import STREAMS
from translators.chat.request import parse
from translators.dialect.inbound import Call
from translators.json_codec import dumps, loads
from translators.responses.inbound.dialect import read_request


def kept(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((HERE / name).read_text("utf-8"))
    return document


KEPT: Final = {name: kept(name) for name in ("requests.json", "refused.json", "streams.json")}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_becomes_what_it_is_to_be(name: str) -> None:
    assert KEPT["requests.json"][name] == hub_of(REQUESTS[name])


@pytest.mark.parametrize("name", REQUESTS)
def test_what_a_request_becomes_keeps_the_hubs_rules(name: str) -> None:
    read = read_request(loads(dumps(REQUESTS[name])), Call(size=1))
    assert read.request.body == parse(read.request.body).body


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_names_its_field(name: str) -> None:
    assert KEPT["refused.json"][name] == hub_of(REFUSED[name])


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_is_written_as_it_is_to_be(name: str) -> None:
    assert KEPT["streams.json"][name] == shortened(events_of(told(STREAMS[name])))


@pytest.mark.parametrize("name", STREAMS)
def test_reads_may_end_anywhere(name: str) -> None:
    case = STREAMS[name]
    chunks, whole = chunks_of(case), told(case)
    for cut in range(len(chunks) + 1):
        writer = writer_of(case)
        writer.begin(FACTS)
        text = b"".join([writer.write(some) for some in (chunks[:cut], chunks[cut:]) if some])
        text += b"".join(writer.fail(BROKE)) if case[2] is None else writer.end()
        assert events_of(whole) == events_of(text)


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_may_break_anywhere(name: str) -> None:
    """Whatever came, two events end it, and no call that was open is told as done."""
    case = STREAMS[name]
    chunks = chunks_of(case)
    for cut in range(len(chunks)):
        writer = writer_of(case)
        writer.begin(FACTS)
        text = writer.write(chunks[:cut]) + b"".join(writer.fail(BROKE))
        events = events_of(text)
        assert list(range(len(events))) == [event["sequence_number"] for event in events]
        assert [event["type"] for event in events[-2:]] == ["error", "response.failed"]
        done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
        assert done == events[-1]["response"]["output"]
        assert not [item for item in done if "call_id" in item]


@pytest.mark.parametrize("name", [name for name, case in STREAMS.items() if case[2] is not None])
def test_every_item_is_added_and_done_under_one_id(name: str) -> None:
    events = events_of(told(STREAMS[name]))
    added = [
        event["item"]["id"] for event in events if event["type"] == "response.output_item.added"
    ]
    done = {
        event["item"]["id"]: event["item"]
        for event in events
        if event["type"] == "response.output_item.done"
    }
    output = events[-1]["response"]["output"]
    assert added == [item["id"] for item in output]
    assert output == [done[item["id"]] for item in output]
    assert len({event["response"]["id"] for event in events if "response" in event}) == 1
    assert all(len(item["id"]) <= 64 for item in output)
