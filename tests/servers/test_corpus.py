"""The corpus itself: every server has everything, or says why not, and its head names what it was
built from.
"""

from pathlib import Path
from typing import Final

import pytest

from tests.servers.corpus import ERRORS, SERVERS, Server

NAMES: Final = [
    "azure", "deepseek", "fireworks", "groq", "llamacpp", "mistral", "moonshot", "ollama",
    "openrouter", "sglang", "vllm", "xai", "zai",
]  # fmt: skip
ALWAYS: Final = [kind for kind in ERRORS if kind != "bad_output"]


def test_the_servers_are_these() -> None:
    assert [server.name for server in SERVERS] == NAMES


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)
def test_each_has_every_kind_of_error_or_says_why_not(server: Server) -> None:
    assert {*server.errors, *server.without} >= {*ALWAYS}
    assert not server.errors.keys() & server.without.keys()
    assert all(server.errors.values())
    assert all(server.without.values())
    assert set(server.without) <= {"moderation"}


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)
def test_each_names_what_it_was_built_from(server: Server) -> None:
    text = Path(__file__).with_name(f"{server.name}.yaml").read_text("utf-8")
    head = " ".join(
        line.removeprefix("#").strip() for line in text.partition("server:")[0].splitlines()
    )
    assert "Built from " in head


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)
def test_the_names_of_its_calls_are_its_own(server: Server) -> None:
    ids = [
        call["id"]
        for stream in server.streams.values()
        for call in stream.expected.get("calls", ())
    ]
    assert ids
    assert len(set(ids)) == len(ids)
