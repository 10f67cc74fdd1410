"""Tools as other servers would have them: names that one refuses, more than it takes, calls that
only some server can run.
"""

from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.api.failing import BROKEN, MODES, Reply, said, world
from tests.api.test_ranges import OPENAIS
from tests.fakes import Received, Step, json_answer, openai_chunk, openai_completion, sse

NAMES: Final = ["mcp__archive__" + "s" * 67, "bad name!", "files.read", "größe"]
BUILTIN: Final = {"type": "builtin_function", "function": {"name": "$web_search"}}


def tools(*names: str) -> list[dict[str, Any]]:
    return [
        {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
        for name in names
    ]


def calling(mode: str, *, functions: bool = False) -> Callable[[Received], list[Step]]:
    """Calls the first tool by the name it was given."""

    def answer(received: Received) -> list[Step]:
        name = (
            received.body["functions"][0]["name"]
            if functions
            else received.body["tools"][0]["function"]["name"]
        )
        function = {"name": name, "arguments": "{}"}
        call = {"index": 0, "id": "c", "type": "function", "function": function}
        said: dict[str, Any] = {
            "role": "assistant",
            **({"function_call": function} if functions else {"tool_calls": [call]}),
        }
        reason = "function_call" if functions else "tool_calls"
        if mode == "stream":
            return sse(openai_chunk(said), openai_chunk({}, reason), b"data: [DONE]\n\n")
        message = {"content": None, **said}
        return json_answer(
            {
                **openai_completion(),
                "choices": [{"index": 0, "message": message, "finish_reason": reason}],
            }
        )

    return answer


def messages(reply: Reply, mode: str) -> list[dict[str, Any]]:
    if mode == "json":
        return [reply.document["choices"][0]["message"]]
    return [choice["delta"] for event in reply.events for choice in event["choices"]]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("row", [OPENAIS, {}], ids=["openai", "compatible"])
async def test_a_name_that_servers_refuse_comes_back_as_it_was(
    row: dict[str, Any], name: str, mode: str
) -> None:
    chosen = {"type": "function", "function": {"name": name}}
    async with world(targets={"one": row}, one=calling(mode)) as there:
        reply = await there.ask(mode, tools=tools(name, "other"), tool_choice=chosen)
        sent = there.fake.received[0].body
    called = [
        call["function"]["name"]
        for m in messages(reply, mode)
        for call in m.get("tool_calls") or ()
    ]
    assert (reply.status, called) == (200, [name])
    alias = sent["tools"][0]["function"]["name"]
    assert (len(alias) <= 64, alias.isascii(), sent["tool_choice"]["function"]["name"]) == (
        True,
        True,
        alias,
    )


@pytest.mark.parametrize("mode", MODES)
async def test_after_a_failure_too(mode: str) -> None:
    async with world(targets={"two": OPENAIS}, one=BROKEN, two=calling(mode)) as there:
        reply = await there.ask(mode, tools=tools(NAMES[0]))
        first, second = (received.body["tools"] for received in there.fake.received)
    assert [
        call["function"]["name"]
        for m in messages(reply, mode)
        for call in m.get("tool_calls") or ()
    ] == [NAMES[0]]
    assert first == second


@pytest.mark.parametrize("mode", MODES)
async def test_an_older_functions_name(mode: str) -> None:
    async with world(targets={"one": OPENAIS}, one=calling(mode, functions=True)) as there:
        reply = await there.ask(
            mode, functions=[{"name": "bad name!", "parameters": {"type": "object"}}]
        )
    assert [
        m["function_call"]["name"] for m in messages(reply, mode) if m.get("function_call")
    ] == ["bad name!"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("key", ["tools", "functions"])
async def test_more_tools_than_one_target_takes_go_to_the_next(key: str, mode: str) -> None:
    many = tools(*(f"t{i}" for i in range(150)))
    given = {key: many if key == "tools" else [tool["function"] for tool in many]}
    async with world(
        targets={"one": OPENAIS}, one=said("never", mode), two=said("hi", mode)
    ) as there:
        reply = await there.ask(mode, **given)
        assert (reply.content, there.asked(), len(there.fake.received[0].body[key])) == (
            "hi",
            ["two"],
            150,
        )


@pytest.mark.parametrize("native", [False, True])
async def test_more_tools_than_any_takes_are_a_400(native: bool) -> None:
    async with world(
        targets={"one": OPENAIS, "two": {"model": {"max_tools": 149}}},
        one=said("never"),
        two=said("never"),
    ) as there:
        reply = await (there.native if native else there.ask)(
            tools=tools(*(f"t{i}" for i in range(150)))
        )
        assert (reply.status, reply.document["error"]["param"], there.asked()) == (400, "tools", [])
        message = reply.document["error"]["message"]
    assert "one/m: too_many_tools: 150 > 128; two/m: too_many_tools: 150 > 149" in message


@pytest.mark.parametrize("mode", MODES)
async def test_a_servers_own_tool_goes_to_who_may_have_it(mode: str) -> None:
    call = {"id": "s1", **BUILTIN, "function": {"name": "$web_search", "arguments": "{}"}}
    history = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "s1", "name": "$web_search", "content": "{}"},
    ]
    async with world(
        targets={"one": OPENAIS}, one=said("never", mode), two=said("hi", mode)
    ) as there:
        reply = await there.ask(mode, tools=[BUILTIN], messages=history)
        assert (reply.content, there.asked()) == ("hi", ["two"])
        assert (there.fake.received[0].body["tools"], there.fake.received[0].body["messages"]) == (
            [BUILTIN],
            history,
        )


async def test_and_is_refused_where_there_is_nobody_else() -> None:
    async with world(targets={"one": OPENAIS}, one=said("never")) as there:
        reply = await there.ask(tools=[BUILTIN])
        assert (reply.status, reply.document["error"]["param"], reply.code) == (
            400,
            "tools[0].type",
            "unsupported_value",
        )
