"""Golden requests and streams: whole, byte by byte, in two pieces cut anywhere, and broken off
anywhere.
"""

import json

import pytest

from tests.translators.claude.inbound.encoders import ENCODERS
from tests.translators.claude.inbound.golden import (
    REQUEST_FILE,
    STREAM_FILE,
    Conversation,
    request_result,
)
from tests.translators.claude.inbound.requests import REQUESTS
from tests.translators.claude.inbound.stories import STORIES
from translators.json_codec import loads

EXPECTED_REQUESTS = json.loads(REQUEST_FILE.read_text("utf-8"))
EXPECTED_STREAMS = json.loads(STREAM_FILE.read_text("utf-8"))
TOLD = [(story, upstream) for story in STORIES for upstream in ENCODERS]


def test_the_files_hold_every_case() -> None:
    assert set(REQUESTS) == set(EXPECTED_REQUESTS)
    assert {f"{story} / {upstream}" for story, upstream in TOLD} == set(EXPECTED_STREAMS)


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_becomes_what_is_written(name: str) -> None:
    assert json.loads(json.dumps(request_result(name))) == EXPECTED_REQUESTS[name]


@pytest.mark.parametrize(
    "name", [name for name, made in EXPECTED_REQUESTS.items() if "hub" in made]
)
def test_the_same_request_gives_the_same_prefix_when_it_goes_on(name: str) -> None:
    """Append-only: a later turn does not change what an earlier one became."""
    given, headers = REQUESTS[name]
    if any(message.get("clear_at") for message in given["messages"]):
        return  # the caller asked for it to go
    before = EXPECTED_REQUESTS[name]["hub"]["messages"]
    later = {
        **given,
        "messages": [
            *given["messages"],
            {"role": "assistant", "content": "x"},
            {"role": "user", "content": "y"},
        ],
    }
    REQUESTS["later"] = (later, headers)
    try:
        after = json.loads(json.dumps(request_result("later")))["hub"]["messages"]
    finally:
        del REQUESTS["later"]
    assert before == after[: len(before)]


@pytest.mark.parametrize(("story", "upstream"), TOLD)
def test_a_stream_becomes_what_is_written_however_it_comes(story: str, upstream: str) -> None:
    data = ENCODERS[upstream](STORIES[story][1])
    expected = "\n".join(EXPECTED_STREAMS[f"{story} / {upstream}"])
    assert Conversation(story, upstream).run(data).decode().rstrip("\n") == expected.rstrip("\n")
    plain = "usage" if STORIES[story][0].get("stop_sequences") else None
    if plain is not None:
        return  # how much was counted when it is cut depends on what had come
    whole = Conversation(story, upstream).run(data)
    assert Conversation(story, upstream).run(*[data[i : i + 1] for i in range(len(data))]) == whole
    for cut in range(1, len(data)):
        assert Conversation(story, upstream).run(data[:cut], data[cut:]) == whole, cut


@pytest.mark.parametrize(("story", "upstream"), TOLD)
def test_a_stream_that_breaks_off_never_looks_whole(story: str, upstream: str) -> None:
    data = ENCODERS[upstream](STORIES[story][1])
    for cut in range(len(data)):
        conversation = Conversation(story, upstream)
        shown = conversation.run(data[:cut])
        whole = conversation.stream.failure is None or conversation.writer.over
        assert (b"event: message_stop" in shown) == whole, cut
        assert (b"event: error" in shown) != whole, cut
        hold_rules(shown)


@pytest.mark.parametrize(("story", "upstream"), TOLD)
def test_the_rules_of_the_protocol_hold(story: str, upstream: str) -> None:
    hold_rules(Conversation(story, upstream).run(ENCODERS[upstream](STORIES[story][1])))


def hold_rules(shown: bytes) -> None:
    """One start, one open block at a time, indexes without gaps, deltas of the open block's kind,
    usage in the end.
    """
    opened, index, kind = 0, -1, ""
    kinds = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "thinking"}
    kinds |= {"citations_delta": "text", "input_json_delta": "tool_use"}
    for event in filter(None, shown.split(b"\n\n")):
        name, _, data = event.partition(b"\ndata: ")
        document = loads(data)
        assert name == b"event: " + document["type"].encode()
        match document["type"]:
            case "message_start":
                opened += 1
            case "content_block_start":
                assert (kind, document["index"]) == ("", index + 1)
                index, kind = index + 1, document["content_block"]["type"]
            case "content_block_delta":
                assert (document["index"], kinds[document["delta"]["type"]]) == (index, kind)
            case "content_block_stop":
                assert document["index"] == index
                kind = ""
            case "message_delta":
                assert kind == ""
                assert document["usage"]["output_tokens"] >= 0
    assert opened <= 1
