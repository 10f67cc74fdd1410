"""What one instance keeps of a conversation, the others find: sealed, and for its caller alone."""

import asyncio
import random
import sqlite3
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.admission.keys import digest_of
from gateway.api.auth import Access
from gateway.cluster import responses, service
from gateway.cluster.states import MOST_INFLATED, MOST_WAITING, MOST_WAITING_BYTES
from gateway.config.environment import environment_problems
from gateway.dispatch import shared_reasoning
from gateway.store.database import StoreUnusable
from tests.api.test_reasoning_back import (
    ARGUMENTS,
    SIGNATURE,
    SIGNED_BLOCK,
    TOOLS,
    USER,
    claude_calls,
    gemini_calls,
)
from tests.api.test_seen_elsewhere import claude_answer, gemini_document
from tests.cluster.gateways import (
    STATE_KEY,
    ask,
    cluster_of,
    delete,
    environ_of,
    gateways,
    get,
    until,
)
from tests.fakes import InTurn, fake_upstream, json_answer, openai_completion
from tests.postgres import run_sql
from tests.serving import Running

CANARY: Final = "canary-of-the-prompt"
CHAT: Final = "/v1/chat/completions"
TEXT: Final = claude_answer({"type": "text", "text": "Fine."}, reason="end_turn")
GEMINI_TEXT: Final = json_answer(gemini_document({"text": "Fine."}))


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine may be busy, and what is late is no fault."""
    monkeypatch.setattr(service, "PATIENCE", 5.0)
    monkeypatch.setattr(shared_reasoning, "PATIENCE", 5.0)
    monkeypatch.setattr(responses, "PATIENCE", 5.0)


async def written(running: Running) -> None:
    """All that waited is in the store."""
    states = cluster_of(running).states
    assert states is not None
    await asyncio.sleep(0.1)
    await until(lambda: len(states) == 0)
    await asyncio.sleep(0.1)


def turn(model: str, *more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [USER, *more], "tools": TOOLS}


def results(answer: Mapping[str, Any]) -> list[Any]:
    """What a plain client sends back: the call without its reasoning, and the result."""
    message = answer["choices"][0]["message"]
    (call,) = message["tool_calls"]
    spoken = {"role": "assistant", "content": message["content"], "tool_calls": [plain(call)]}
    return [spoken, {"role": "tool", "tool_call_id": call["id"], "content": "5 degrees"}]


def plain(call: Mapping[str, Any]) -> dict[str, Any]:
    return {name: call[name] for name in ("id", "type", "function")}


async def test_a_thought_signature_is_used_by_the_next_instance(environ: dict[str, str]) -> None:
    answers = InTurn(gemini_calls("json"), GEMINI_TEXT)
    async with (
        fake_upstream(gemini=answers) as fake,
        gateways(fake, environ, environ) as (first, second),
    ):
        asked = await ask(first, CHAT, turn("thinker2"))
        await written(first)
        answer = await ask(second, CHAT, turn("thinker2", *results(asked)))
        assert answer["status_code"] == 200
        (part,) = fake.received[-1].body["contents"][1]["parts"]
        assert part["thoughtSignature"] == SIGNATURE


async def test_a_signed_block_is_used_by_the_next_instance(environ: dict[str, str]) -> None:
    async with (
        fake_upstream(claude=InTurn(claude_calls("json"), TEXT)) as fake,
        gateways(fake, environ, environ) as (first, second),
    ):
        asked = await ask(first, CHAT, turn("thinker"))
        await written(first)
        answer = await ask(second, CHAT, turn("thinker", *results(asked)))
        assert answer["status_code"] == 200
        blocks = fake.received[-1].body["messages"][1]["content"]
        assert blocks[0] == SIGNED_BLOCK
        assert blocks[1]["input"] == ARGUMENTS


async def test_a_stored_response_is_continued_elsewhere_until_it_is_deleted(
    environ: dict[str, str],
) -> None:
    async with (
        fake_upstream(claude=TEXT) as fake,
        gateways(fake, environ, environ, environ) as (first, second, third),
    ):
        asked = await ask(first, "/v1/responses", {"model": "thinker", "input": CANARY})
        await written(first)
        body = {"model": "thinker", "input": "and now?", "previous_response_id": asked["id"]}
        answer = await ask(second, "/v1/responses", body)
        assert answer["status_code"] == 200
        said = str(fake.received[-1].body["messages"])
        assert CANARY in said
        assert "Fine." in said
        assert await delete(third, f"/v1/responses/{asked['id']}") == 200
        await asyncio.sleep(0.6)  # the others know
        for running in (first, second, third):
            refused = await ask(running, "/v1/responses", body)
            assert refused["error"]["code"] == "previous_response_not_found"


async def test_nothing_stands_in_clear_in_the_store(
    environ: dict[str, str], tmp_path: Path
) -> None:
    """Neither what was said and thought nor names of callers, calls, responses and targets."""
    answers = InTurn(claude_calls("json"), TEXT)
    async with (
        fake_upstream(claude=answers) as fake,
        gateways(fake, environ) as (first,),
    ):
        asked = await ask(first, CHAT, turn("thinker"))
        body = {"model": "both", "input": CANARY}
        response = await ask(first, "/v1/responses", body)
        await written(first)
        kept = await contents(environ, tmp_path)
    (call,) = asked["choices"][0]["message"]["tool_calls"]
    secrets = ("Oslo", "SIG", CANARY, "Fine.", call["id"], response["id"], "claude-sonnet")
    assert len(kept) > 500
    for secret in secrets:
        assert secret.encode() not in kept


async def contents(environ: Mapping[str, str], directory: Path) -> bytes:
    """All that the store holds of states and messages."""
    url = environ.get("LLM_ROUTER_STORE_URL")
    if url is None:
        names = [directory / f"shared.sqlite{end}" for end in ("", "-wal")]
        return b"".join([path.read_bytes() for path in names])
    states = await run_sql(url, "SELECT id, sealed FROM states")
    assert len(states) >= 3
    told = await run_sql(url, "SELECT body FROM told")
    return b"".join([bytes(part) for row in states for part in row]) + str(told).encode()


async def test_a_conversation_stays_where_another_instance_has_served_it(
    environ: dict[str, str],
) -> None:
    """At turn 1 OpenAI failed; at turn 2, at another instance, it would not."""
    failed = json_answer({"error": {"message": "no"}}, "500 Internal Server Error")
    answers = InTurn(failed, json_answer(openai_completion()))
    async with (
        fake_upstream(openai=answers, claude=TEXT) as fake,
        gateways(fake, environ, environ) as (first, second),
    ):
        await ask(first, CHAT, {"model": "both", "messages": [USER]})
        await written(first)
        said = {"role": "assistant", "content": "Fine."}
        later = {"model": "both", "messages": [USER, said, USER]}
        answer = await ask(second, CHAT, later)
        assert answer["choices"][0]["message"]["content"] == "Fine."
        assert fake.received[-1].path.startswith("/claude")
        reads = 'llm_router_store_states_total{kind="pin",outcome="found"} 1.0'
        assert reads in (await get(second, "/metrics")).decode()
        await ask(second, CHAT, later)
        assert reads in (await get(second, "/metrics")).decode()


async def test_where_any_instance_would_ask_the_same_nothing_is_kept(tmp_path: Path) -> None:
    answers = json_answer(openai_completion())
    async with (
        fake_upstream(openai=answers) as fake,
        gateways(fake, environ_of(tmp_path, None)) as (first,),
    ):
        for number in range(3):
            asked = {"role": "user", "content": f"question {number}"}
            await ask(first, CHAT, {"model": "both", "messages": [asked]})
        await written(first)
        assert 'kind="pin"' not in (await get(first, "/metrics")).decode()


async def continued(first: Running, second: Running, **headers: str) -> int:
    """The status of a response at one instance that goes on from one at another."""
    asked = await ask(first, "/v1/responses", {"model": "thinker", "input": CANARY}, **headers)
    await written(first)
    body = {"model": "thinker", "input": "more", "previous_response_id": asked["id"]}
    answer = await ask(second, "/v1/responses", body, **headers)
    return int(answer["status_code"])


NEW: Final = "another-state-key-that-is-long-enough-too"


@pytest.mark.parametrize(
    ("keys", "status"),
    [(STATE_KEY, 200), (f"{NEW},{STATE_KEY}", 200), (NEW, 400), (f" {STATE_KEY} ,{NEW}", 200)],
)
async def test_what_an_older_key_has_sealed_opens_as_long_as_it_is_there(
    tmp_path: Path, keys: str, status: int
) -> None:
    environs = environ_of(tmp_path, None), environ_of(tmp_path, None, keys)
    async with fake_upstream(claude=TEXT) as fake, gateways(fake, *environs) as (first, second):
        assert await continued(first, second) == status


async def test_without_a_key_nothing_is_shared(tmp_path: Path) -> None:
    environ = environ_of(tmp_path, None, None)
    async with (
        fake_upstream(claude=TEXT) as fake,
        gateways(fake, environ, environ) as (first, second),
    ):
        asked = await ask(first, "/v1/responses", {"model": "thinker", "input": CANARY})
        body = {"model": "thinker", "input": "more", "previous_response_id": asked["id"]}
        assert (await ask(second, "/v1/responses", body))["status_code"] == 400
        assert cluster_of(first).states is None


async def test_a_program_without_the_library_says_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "gateway.cluster.seal", raising=False)
    for name in [name for name in sys.modules if name.partition(".")[0] == "cryptography"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    async with fake_upstream() as fake:
        with pytest.raises(StoreUnusable, match=r"pip install 'llm-router\[seal\]'") as told:
            async with gateways(fake, environ_of(tmp_path, None)):
                pass
    assert told.value.setting == "LLM_ROUTER_STATE_KEY"


def test_a_secret_that_is_too_short_is_a_problem_and_is_not_repeated() -> None:
    (problem,) = environment_problems({"LLM_ROUTER_STATE_KEY": f"{STATE_KEY},canary"})
    assert problem.path == "LLM_ROUTER_STATE_KEY"
    assert problem.message == "each of its keys must have at least 32 characters"


async def test_another_caller_finds_nothing(environ: dict[str, str]) -> None:
    """By the id of a response, of an item, or of a call."""
    keys = ("key-of-ann-0123456789", "key-of-bob-0123456789")
    access = Access(frozenset(digest_of(key) for key in keys))
    ann, bob = ({"authorization": f"Bearer {key}"} for key in keys)
    answers = InTurn(TEXT, TEXT, claude_calls("json"), TEXT)
    async with (
        fake_upstream(claude=answers) as fake,
        gateways(fake, environ, environ, access=access) as (first, second),
    ):
        asked = await ask(first, "/v1/responses", {"model": "thinker", "input": CANARY}, **ann)
        await written(first)
        body = {"model": "thinker", "input": "more", "previous_response_id": asked["id"]}
        assert (await ask(second, "/v1/responses", body, **bob))["status_code"] == 400
        path = f"/v1/responses/{asked['id']}"
        assert await delete(second, path, **bob) == 404
        assert (await ask(second, "/v1/responses", body, **ann))["status_code"] == 200
        called = await ask(first, CHAT, turn("thinker"), **ann)
        await written(first)
        await ask(second, CHAT, turn("thinker", *results(called)), **bob)
        assert "SIG" not in str(fake.received[-1].body)


async def test_a_large_state_is_not_shared_and_counted(environ: dict[str, str]) -> None:
    noise = "".join(f"{random.getrandbits(32):08x}" for _ in range(100_000))
    async with fake_upstream() as fake, gateways(fake, environ) as (first,):
        states = cluster_of(first).states
        assert states is not None
        states.keep("reasoning", ("large",), noise, len(noise), 60)
        states.keep("reasoning", ("huge",), "", 100 * 1024 * 1024, 60)
        states.keep("reasoning", ("small",), noise[:1000], 1000, 60)
        await written(first)
        names = [("large",), ("huge",), ("small",)]
        assert await states.find("reasoning", names, 1.0) == {("small",): noise[:1000]}
        lost = 'llm_router_store_states_total{kind="reasoning",outcome="lost"} 2.0'
        assert lost in (await get(first, "/metrics")).decode()


async def test_a_state_that_was_put_in_the_place_of_another_does_not_open(tmp_path: Path) -> None:
    environ = environ_of(tmp_path, None)
    async with fake_upstream() as fake, gateways(fake, environ) as (first,):
        states = cluster_of(first).states
        assert states is not None
        states.keep("reasoning", ("ann", "call"), "of ann", 10, 60)
        states.keep("reasoning", ("bob", "call"), "of bob", 10, 60)
        await written(first)
        with sqlite3.connect(tmp_path / "shared.sqlite") as database:
            (one, _), (_, other) = database.execute("SELECT id, sealed FROM states").fetchall()
            database.execute("UPDATE states SET sealed = ? WHERE id = ?", (other, one))
        database.close()
        found = await states.find("reasoning", [("ann", "call"), ("bob", "call")], 1.0)
        assert len(found) == 1
        assert all(value == f"of {name[0]}" for name, value in found.items())


async def test_what_waits_is_bounded(tmp_path: Path) -> None:
    """The oldest go; what was kept again counts once."""
    environ = environ_of(tmp_path, None)
    async with fake_upstream() as fake, gateways(fake, environ) as (first,):
        states = cluster_of(first).states
        assert states is not None
        for number in range(2 * MOST_WAITING):
            states.keep("reasoning", (str(number),), number, 10, 60)
        assert len(states) == MOST_WAITING
        states.keep("reasoning", (str(2 * MOST_WAITING - 1),), "again", 10, 60)
        assert len(states) == MOST_WAITING
        for number in range(10):
            states.keep("response", (str(number),), "", MOST_INFLATED // 2, 60)
        assert len(states) == MOST_WAITING_BYTES // (MOST_INFLATED // 2)
