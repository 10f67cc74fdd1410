"""Set-up of the whole test suite."""

import inspect
from typing import Any

import aiohttp
import aioresponses.core as core
from hypothesis import settings

settings.register_profile("suite", deadline=None)  # how long an example takes says how busy the machine is
settings.load_profile("suite")

# aioresponses 0.7.9 builds ClientResponse without an argument that aiohttp 3.14 demands.
if "stream_writer" in inspect.signature(aiohttp.ClientResponse.__init__).parameters:

    class _DoneWriter:
        output_size = 0

    class _Response(aiohttp.ClientResponse):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs.setdefault("stream_writer", _DoneWriter())
            super().__init__(*args, **kwargs)

    core.ClientResponse = _Response
