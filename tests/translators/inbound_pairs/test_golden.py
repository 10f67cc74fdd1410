"""Callers of Responses and Gemini at every kind of provider: requests, and streams whole, byte by
byte, in long reads of which one ends at each offset, and broken off.
"""

import json

import pytest

from tests.translators.claude.inbound.encoders import ENCODERS
from tests.translators.claude.inbound.stories import STORIES
from tests.translators.inbound_pairs.golden import (
    INBOUNDS,
    PAIRS,
    TOLD,
    Stream,
    file_of,
    request_result,
    stream_result,
)

EXPECTED = {
    (kind, *pair): json.loads(file_of(kind, *pair).read_text("utf-8"))
    for kind in ("requests", "streams")
    for pair in PAIRS
}


def test_each_pair_has_forty_requests_and_twenty_streams() -> None:
    for inbound, upstream in PAIRS:
        requests = EXPECTED["requests", inbound, upstream]
        assert requests.keys() == INBOUNDS[inbound].requests.keys()
        assert sum("body" in made for made in requests.values()) >= 40
        assert EXPECTED["streams", inbound, upstream].keys() == STORIES.keys()
    assert len(STORIES) >= 20


@pytest.mark.parametrize(("inbound", "upstream"), PAIRS)
def test_requests_become_what_is_written(inbound: str, upstream: str) -> None:
    expected = EXPECTED["requests", inbound, upstream]
    for name in INBOUNDS[inbound].requests:
        made = json.loads(json.dumps(request_result(inbound, upstream, name)))
        assert expected[name] == made, name


@pytest.mark.parametrize(("inbound", "upstream", "story"), TOLD)
def test_a_stream_becomes_what_is_written_however_it_comes(
    inbound: str, upstream: str, story: str
) -> None:
    expected = EXPECTED["streams", inbound, upstream][story]
    assert expected == json.loads(json.dumps(stream_result(inbound, upstream, story)))
    data = ENCODERS[upstream](STORIES[story][1])
    whole = Stream(inbound, upstream, story).run(data)
    assert whole == Stream(inbound, upstream, story).run(
        *[data[i : i + 1] for i in range(len(data))]
    )
    half = len(data) // 2
    for cut in range(1, half + 1):  # at `cut`, and at one in the other half
        pieces = data[:cut], data[cut : cut + half], data[cut + half :]
        assert whole == Stream(inbound, upstream, story).run(*filter(None, pieces)), cut


@pytest.mark.parametrize(("inbound", "upstream", "story"), TOLD)
def test_a_stream_that_breaks_off_never_looks_whole(
    inbound: str, upstream: str, story: str
) -> None:
    """A failure is told at its end, in the caller's words."""
    data = ENCODERS[upstream](STORIES[story][1])
    mark = b'"type":"response.failed"' if inbound == "responses" else b'"error":{"code":'
    for cut in range(0, len(data), 29):
        stream = Stream(inbound, upstream, story)
        shown = stream.run(data[:cut])
        assert (mark in shown) == (stream.upstream.failure is not None), cut
