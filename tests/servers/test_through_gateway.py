"""Each compatible server through a whole gateway, asked by its row of config/examples, on real
sockets, alone and with others behind it.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest

from tests.api.failing import MODES, Reply, World, said, until
from tests.fakes import Answer, InTurn, Step, fake_upstream
from tests.servers.corpus import (
    KEY,
    SERVERS,
    STREAMS,
    Error,
    Server,
    capabilities,
    environ,
    streamed,
    whole,
)
from tests.servers.told import added_up, message_of, part_of
from tests.serving import serving
from translators.json_codec import dumps, loads

HI: Final[list[dict[str, Any]]] = [{"role": "user", "content": "hi"}]
TOOLS: Final[list[dict[str, Any]]] = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    },
    {
        "type": "function",
        "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}},
    },
]
ASKED: Final[dict[str, dict[str, Any]]] = {
    "tool_call_stream": {"messages": HI, "tools": TOOLS},
    "reasoning_stream": {"messages": HI},
}
"""What is asked for each kind of stream."""
MOVES_ON: Final = [
    "rate_limit",
    "overloaded",
    "server_error",
    "context_overflow",
    "content_filter",
    "bad_output",
]
each_server: Final = pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)
each_stream: Final = pytest.mark.parametrize("kind", STREAMS)


def errors(kind: str) -> Any:
    """A test of every refusal of a kind that a server documents."""
    cases = [(server, error) for server in SERVERS for error in server.errors.get(kind, ())]
    ids = [f"{server.name}-{server.errors[kind].index(error)}" for server, error in cases]
    return pytest.mark.parametrize(("server", "error"), cases, ids=ids)


@asynccontextmanager
async def asking(
    targets: Sequence[str], answers: dict[str, Answer], **persona: Any
) -> AsyncIterator[World]:
    """A gateway whose persona `p` has these targets; `answers` are those of their providers."""
    async with fake_upstream(**answers) as fake:
        rows = capabilities(fake.url, list(targets))
        of = {"description": "d", "targets": list(targets), "on_failure": {"retries": 0}, **persona}
        # A breaker that opens at the first failure shows what counts as one.
        resilience = {"breaker": {"min_calls": 1, "failure_rate": 0.01}}
        policy = {
            "version": 1,
            "personas": {"p": of},
            "server": {"drain_delay": 0},
            "resilience": resilience,
        }
        async with serving(
            environ(rows), dumps(policy).decode(), capabilities=dumps(rows).decode()
        ) as running:
            yield World(running, fake)


async def one(
    server: Server,
    answer: Sequence[Step],
    *others: str,
    mode: str = "json",
    persona: dict[str, Any] | None = None,
    **body: Any,
) -> tuple[Reply, list[str]]:
    """What a caller gets where the server answers so and `others` stand by, and who was asked."""
    provider = server.target.partition("/")[0]
    answers: dict[str, Answer] = {
        provider: answer,
        **{other: said(f"from {other}", mode) for other in others},
    }
    async with asking(
        [server.target, *(f"{other}/m" for other in others)], answers, **(persona or {})
    ) as there:
        reply = await there.ask(mode, **{"messages": HI, **body})
        return reply, there.asked()


def error_of(reply: Reply) -> dict[str, Any]:
    document = reply.document["error"]
    assert set(document) == {"message", "type", "param", "code"}
    return document


def is_one_of(found: Any, expected: Any) -> bool:
    return found in expected if isinstance(expected, list) else found == expected


@each_server
async def test_the_server_is_sent_what_it_takes(server: Server) -> None:
    provider = server.target.partition("/")[0]
    async with asking([server.target], {provider: whole(server.answer.json)}) as there:
        reply = await there.ask(**server.request.asked)
        assert reply.status == 200, reply.text
        (received,) = there.fake.received
    assert received.path == f"/{provider}{server.path}"
    assert received.body == server.request.sent
    dropped = reply.headers.get("x-llm-router-dropped-params", "")
    assert [word for word in server.request.reported if word not in dropped] == []
    assert bool(dropped) == bool(server.request.reported), dropped


@each_server
async def test_the_server_is_opened_as_its_row_says(server: Server) -> None:
    provider = server.target.partition("/")[0]
    async with asking([server.target], {provider: whole(server.answer.json)}) as there:
        await there.ask()
        (received,) = there.fake.received
    sent = {name: value for name, value in received.headers.items() if KEY in value}
    expected = {"api-key": KEY} if provider == "azure" else {"authorization": f"Bearer {KEY}"}
    assert sent == ({} if provider in ("ollama", "sglang", "llamacpp") else expected)


@each_server
@pytest.mark.parametrize("others", [(), ("large",)], ids=["alone", "with another"])
async def test_a_whole_answer(server: Server, others: tuple[str, ...]) -> None:
    reply, asked = await one(server, whole(server.answer.json), *others, tools=TOOLS)
    assert (reply.status, asked) == (200, [server.target.partition("/")[0]])
    expected, choice = server.answer.expected, reply.document["choices"][0]
    assert part_of(message_of(choice["message"]), expected["message"]) == expected["message"]
    assert choice["finish_reason"] == expected["finish_reason"]
    assert part_of(reply.document["usage"], expected["usage"]) == expected["usage"]


@each_server
@each_stream
@pytest.mark.parametrize("others", [(), ("large",)], ids=["alone", "with another"])
async def test_a_stream(server: Server, kind: str, others: tuple[str, ...]) -> None:
    stream = server.streams[kind]
    provider = stream.target.partition("/")[0]
    answers: dict[str, Answer] = {
        provider: streamed(stream.data),
        **{other: said("no", "stream") for other in others},
    }
    async with asking([stream.target, *(f"{other}/m" for other in others)], answers) as there:
        reply = await there.ask("stream", **ASKED[kind], stream_options={"include_usage": True})
        assert [received.path for received in there.fake.received] == [f"/{provider}{stream.path}"]
    assert reply.status == 200, reply.text
    told = added_up(reply.text)
    expected = {"content": "", "reasoning": "", "calls": [], **stream.expected}
    assert (
        part_of({**told, "usage": part_of(told["usage"] or {}, expected["usage"])}, expected)
        == expected
    )


@each_server
@each_stream
async def test_a_stream_is_shown_without_usage_to_who_did_not_ask_for_it(
    server: Server, kind: str
) -> None:
    stream = server.streams[kind]
    async with asking(
        [stream.target], {stream.target.partition("/")[0]: streamed(stream.data)}
    ) as there:
        reply = await there.ask("stream", **ASKED[kind])
        await until(lambda: bool(there.ended()))
        usage = there.ended()[0].usage
    assert added_up(reply.text)["usage"] is None
    assert usage is not None
    assert (usage.prompt, usage.completion) == (
        stream.expected["usage"]["prompt_tokens"],
        stream.expected["usage"]["completion_tokens"],
    )


@each_server
async def test_the_native_route_tells_the_same(server: Server) -> None:
    stream = server.streams["tool_call_stream"]
    async with asking(
        [stream.target], {stream.target.partition("/")[0]: streamed(stream.data)}
    ) as there:
        reply = await there.native("stream", tools=TOOLS)
    events = [
        (name[7:], loads(data[6:]))
        for name, data in (
            event.split(b"\n")
            for event in reply.text.split(b"\n\n")
            if event.startswith(b"event: ")
        )
    ]
    assert [events[0][0], events[-1][0]] == [b"route", b"done"]
    assert "".join(
        data.get("reasoning", "") for name, data in events if name == b"delta"
    ) == stream.expected.get("reasoning", "")
    calls = [data for name, data in events if name == b"tool_call"]
    assert message_of({"tool_calls": calls})["tool_calls"] == stream.expected["calls"]
    assert events[-1][1]["finish_reason"] == "tool_calls"


@errors("overflow")
@pytest.mark.parametrize("mode", MODES)
async def test_a_prompt_that_is_too_long_is_told_as_that(
    server: Server, error: Error, mode: str
) -> None:
    reply, _ = await one(server, error.steps(), mode=mode)
    assert (reply.status, error_of(reply)["code"]) == (400, "context_length_exceeded")


@errors("overflow")
@pytest.mark.parametrize("mode", MODES)
async def test_a_prompt_that_is_too_long_goes_to_a_larger_window_only(
    server: Server, error: Error, mode: str
) -> None:
    provider = server.target.partition("/")[0]
    reply, asked = await one(server, error.steps(), "small", "large", mode=mode)
    assert (reply.status, reply.content, asked) == (200, "from large", [provider, "large"])


@errors("rate_limit")
@pytest.mark.parametrize("mode", MODES)
async def test_a_limit_is_told_as_that(server: Server, error: Error, mode: str) -> None:
    reply, _ = await one(server, error.steps(), mode=mode)
    expected = error.expected
    assert is_one_of(reply.status, expected["status"])
    assert is_one_of(error_of(reply)["code"], expected["code"])
    assert expected.get("says", "") in error_of(reply)["message"]
    assert KEY not in reply.text.decode()
    if "retry_after" in expected:
        assert reply.headers["retry-after"] == expected["retry_after"]


@errors("rate_limit")
@pytest.mark.parametrize("mode", MODES)
async def test_a_limit_makes_the_next_serve(server: Server, error: Error, mode: str) -> None:
    reply, asked = await one(server, error.steps(), "large", mode=mode)
    assert (reply.status, reply.content, asked) == (
        200,
        "from large",
        [server.target.partition("/")[0], "large"],
    )


@errors("moderation")
@pytest.mark.parametrize("mode", MODES)
async def test_a_flagged_prompt_is_the_callers(server: Server, error: Error, mode: str) -> None:
    """It is carried to nobody else, and neither the key nor the target is set aside for it."""
    provider = server.target.partition("/")[0]
    answers: dict[str, Answer] = {
        provider: InTurn(error.steps(), said("well", mode)),
        "large": said("from large", mode),
    }
    async with asking([server.target, "large/m"], answers) as there:
        flagged = await there.ask(mode)
        fine = await there.ask(mode)
        asked = there.asked()
    assert flagged.status in (400, 403)
    assert error_of(flagged)["code"] == "content_filter"
    assert (fine.status, fine.content, asked) == (200, "well", [provider, provider])


@errors("moderation")
@pytest.mark.parametrize("mode", MODES)
async def test_a_flagged_prompt_moves_on_where_the_persona_says_so(
    server: Server, error: Error, mode: str
) -> None:
    persona = {"on_failure": {"retries": 0, "move_on": MOVES_ON}}
    reply, asked = await one(server, error.steps(), "large", mode=mode, persona=persona)
    assert (reply.status, reply.content, asked) == (
        200,
        "from large",
        [server.target.partition("/")[0], "large"],
    )


@errors("bad_output")
@pytest.mark.parametrize("mode", MODES)
async def test_what_a_model_wrote_wrong_makes_the_next_serve(
    server: Server, error: Error, mode: str
) -> None:
    reply, asked = await one(server, error.steps(), "large", mode=mode)
    assert (reply.status, reply.content, asked[-1]) == (200, "from large", "large")
