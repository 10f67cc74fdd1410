"""aioresponses for tests of what goes out by aiohttp's client."""

import inspect
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
from aioresponses import aioresponses, core


class _DoneWriter:
    output_size = 0


class _Response(aiohttp.ClientResponse):
    """aioresponses 0.7.9 makes a ClientResponse without an argument that aiohttp 3.14 demands.
    Delete this when it does not any more.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("stream_writer", _DoneWriter())
        super().__init__(*args, **kwargs)


@pytest.fixture
def web_answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[aioresponses]:
    """Answers to aiohttp's client without any socket: a URL that no answer was given for is
    refused.
    """
    if "stream_writer" in inspect.signature(aiohttp.ClientResponse.__init__).parameters:
        monkeypatch.setattr(core, "ClientResponse", _Response)
    with aioresponses() as answers:
        yield answers
