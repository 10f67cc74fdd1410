"""What other gateways were seen to do wrong on the wire: each fault once, through a whole gateway,
from a provider on a real socket.
"""

import asyncio
from typing import Any

import aiohttp
import pytest

from tests.fakes import (
    FakeUpstream,
    Hang,
    Step,
    fake_upstream,
    json_answer,
    openai_chunk,
    openai_completion,
    sse,
)
from tests.serving import serving
from translators.json_codec import dumps, loads

HI: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}]}
PROVIDERS = ["openai", "claude", "gemini"]
SIGNATURE = "RWpRS01nRU1PZGJIQUFBQQ=="


def tool(name: str) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {
            "name": name,
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }


async def ask(
    fake: FakeUpstream, model: str, policy: str | None = None, **body: Any
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers (names in lower case) and body of one answer; `model` is a persona or
    provider/model.
    """
    async with (
        serving(fake.environ(), **({"policy": policy} if policy else {})) as running,
        aiohttp.ClientSession() as session,
    ):
        url = f"{running.url}/v1/chat/completions"
        async with session.post(url, json={"model": model, **HI, **body}) as answer:
            return (
                answer.status,
                {k.lower(): v for k, v in answer.headers.items()},
                await answer.read(),
            )


def choice(text: bytes) -> dict[str, Any]:
    return dict(loads(text)["choices"][0])


def chunks(text: bytes) -> list[dict[str, Any]]:
    return [loads(line[6:]) for line in text.split(b"\n\n") if line.startswith(b"data: {")]


def content(text: bytes) -> str:
    return "".join(
        one["delta"].get("content") or ""
        for chunk in chunks(text)
        for one in chunk.get("choices", ())
    )


def reasons(text: bytes) -> list[str]:
    return [
        one["finish_reason"]
        for chunk in chunks(text)
        for one in chunk.get("choices", ())
        if one["finish_reason"]
    ]


def claude_answer(*blocks: dict[str, Any], reason: str = "end_turn") -> list[Step]:
    usage = {
        "input_tokens": 10,
        "cache_creation_input_tokens": 5,
        "cache_read_input_tokens": 90,
        "output_tokens": 7,
    }
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-served",
        "stop_reason": reason,
        "usage": usage,
    }
    return json_answer({**message, "content": list(blocks)})


def claude_stream(
    *blocks: tuple[dict[str, Any], dict[str, Any]], reason: str | None = "end_turn"
) -> list[Step]:
    """A stream of blocks, each its start and its one delta; with `reason` None it ends inside the
    last block.
    """
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-served",
        "content": [],
    }
    events: list[dict[str, Any]] = [
        {
            "type": "message_start",
            "message": {**message, "usage": {"input_tokens": 10, "output_tokens": 1}},
        }
    ]
    for index, (start, delta) in enumerate(blocks):
        events += [
            {"type": "content_block_start", "index": index, "content_block": start},
            {"type": "content_block_delta", "index": index, "delta": delta},
            {"type": "content_block_stop", "index": index},
        ]
    if reason is None:
        return sse(*(b"data: " + dumps(event) + b"\n\n" for event in events[:-1]))
    events += [
        {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 7}},
        {"type": "message_stop"},
    ]
    return sse(*(b"data: " + dumps(event) + b"\n\n" for event in events))


def text_block(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    return {"type": "text", "text": ""}, {"type": "text_delta", "text": text}


def tool_block(arguments: str) -> tuple[dict[str, Any], dict[str, Any]]:
    start = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
    return start, {"type": "input_json_delta", "partial_json": arguments}


def gemini_document(*parts: dict[str, Any], reason: str | None = "STOP") -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    if reason:
        candidate["finishReason"] = reason
    # The total that Google tells leaves the tool's tokens out: it is not the sum of what OpenAI's
    # callers see.
    usage = {
        "promptTokenCount": 4,
        "candidatesTokenCount": 2,
        "thoughtsTokenCount": 3,
        "toolUsePromptTokenCount": 6,
        "totalTokenCount": 9,
    }
    return {
        "candidates": [candidate],
        "usageMetadata": usage,
        "modelVersion": "gemini-served",
        "responseId": "r1",
    }


def gemini_stream(*documents: dict[str, Any], between: bytes = b"") -> list[Step]:
    return sse(*(between + b"data: " + dumps(document) + b"\r\n\r\n" for document in documents))


def call(name: str = "f", **more: Any) -> dict[str, Any]:
    return {"functionCall": {"name": name, "args": {"city": "Oslo"}}, **more}


ANSWERS: dict[str, list[Step]] = {
    "openai": json_answer(openai_completion("hi")),
    "claude": claude_answer({"type": "text", "text": "hi"}),
    "gemini": json_answer(gemini_document({"text": "hi"})),
}
STREAMS: dict[str, list[Step]] = {
    "openai": sse(
        openai_chunk({"role": "assistant", "content": "hi"}),
        openai_chunk({}, "stop"),
        b"data:"
        b' {"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":null}],'  # noqa: E501
        b'"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n',
        b"data: [DONE]\n\n",
    ),
    "claude": claude_stream(text_block("hi")),
    "gemini": gemini_stream(gemini_document({"text": "hi"})),
}


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("stream", [False, True])
async def test_retry_after_reaches_the_caller(provider: str, stream: bool) -> None:
    error = {
        "error": {
            "type": "rate_limit_error",
            "code": 429,
            "status": "RESOURCE_EXHAUSTED",
            "message": "slow down",
        }
    }
    async with fake_upstream(
        **{provider: json_answer(error, "429 Too Many Requests", retry_after="17")}
    ) as fake:
        status, headers, _ = await ask(fake, f"on_{provider}", stream=stream)
    assert (status, headers["retry-after"]) == (429, "17")


async def test_retry_after_is_computed_from_googles_details() -> None:
    """Google sends no header: the wait stands in the body."""
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "14.2s"}]
    error = {
        "error": {
            "code": 429,
            "status": "RESOURCE_EXHAUSTED",
            "message": "slow down",
            "details": details,
        }
    }
    async with fake_upstream(gemini=json_answer(error, "429 Too Many Requests")) as fake:
        status, headers, _ = await ask(fake, "on_gemini")
    assert (status, headers["retry-after"]) == (429, "15")


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_every_answer_has_a_request_id(provider: str) -> None:
    """Answers, streams and errors."""
    async with fake_upstream(**{provider: ANSWERS[provider]}) as fake:
        _, whole, _ = await ask(fake, f"on_{provider}")
        fake.answers[f"/{provider}"] = STREAMS[provider]
        _, streamed, _ = await ask(fake, f"on_{provider}", stream=True)
        _, refused, _ = await ask(fake, "nobody")
    ids = {headers["x-request-id"] for headers in (whole, streamed, refused)}
    assert len(ids) == 3
    assert all(len(one) > 8 for one in ids)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_the_usage_chunk_has_no_choices(provider: str) -> None:
    """Even where the provider's own has some; and its total is the sum."""
    async with fake_upstream(**{provider: STREAMS[provider]}) as fake:
        _, _, text = await ask(
            fake, f"on_{provider}", stream=True, stream_options={"include_usage": True}
        )
    told = [chunk for chunk in chunks(text) if chunk.get("usage")]
    assert [chunk["choices"] for chunk in told] == [[]]
    assert told == chunks(text)[-1:]
    assert (
        told[0]["usage"]["total_tokens"]
        == told[0]["usage"]["prompt_tokens"] + told[0]["usage"]["completion_tokens"]
    )


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_total_tokens_are_the_sum(provider: str) -> None:
    async with fake_upstream(**{provider: ANSWERS[provider]}) as fake:
        _, _, text = await ask(fake, f"on_{provider}")
    usage = loads(text)["usage"]
    expected = {"openai": (3, 2), "claude": (105, 7), "gemini": (10, 5)}[provider]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (
        *expected,
        sum(expected),
    )


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_caller_who_leaves_ends_the_call_upstream(provider: str, stream: bool) -> None:
    async with (
        fake_upstream(**{provider: [Hang()]}) as fake,
        serving(fake.environ()) as running,
        aiohttp.ClientSession() as session,
    ):
        body = {"model": f"on_{provider}", **HI, "stream": stream}
        asked = asyncio.ensure_future(session.post(f"{running.url}/v1/chat/completions", json=body))
        await fake.arrived.wait()
        asked.cancel()
        await asyncio.wait_for(fake.left_early.wait(), 10)


async def test_an_openai_refusal_is_one() -> None:
    document = openai_completion()
    document["choices"][0]["message"] = {
        "role": "assistant",
        "content": None,
        "refusal": "I will not.",
    }
    pieces = [
        {"role": "assistant", "content": None, "refusal": ""},
        {"refusal": "I will"},
        {"refusal": " not."},
    ]
    async with fake_upstream(openai=json_answer(document)) as fake:
        _, _, whole = await ask(fake, "on_openai")
        fake.answers["/openai"] = sse(
            *map(openai_chunk, pieces), openai_chunk({}, "stop"), b"data: [DONE]\n\n"
        )
        _, _, streamed = await ask(fake, "on_openai", stream=True)
    message = choice(whole)["message"]
    assert (message["content"], message["refusal"]) == (None, "I will not.")
    assert (
        "".join(
            one["delta"].get("refusal") or ""
            for chunk in chunks(streamed)
            for one in chunk["choices"]
        )
        == "I will not."
    )


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c"])
@pytest.mark.parametrize("provider", PROVIDERS)
async def test_line_separators_of_unicode_are_text(provider: str, separator: str) -> None:
    """They stand raw inside the JSON of an event, and end no line of it (below U+0020 JSON has them
    escaped).
    """
    said = f"a{separator}b"
    streams = {
        "openai": sse(
            openai_chunk({"role": "assistant", "content": said}),
            openai_chunk({}, "stop"),
            b"data: [DONE]\n\n",
        ),
        "claude": claude_stream(text_block(said)),
        "gemini": gemini_stream(gemini_document({"text": said})),
    }
    async with fake_upstream(**{provider: streams[provider]}) as fake:
        _, _, text = await ask(fake, f"on_{provider}", stream=True)
    assert (content(text), reasons(text), text.endswith(b"data: [DONE]\n\n")) == (
        said,
        ["stop"],
        True,
    )


async def test_comments_in_a_gemini_stream_are_skipped() -> None:
    frames = [gemini_document({"text": "a"}, reason=None), gemini_document({"text": "b"})]
    async with fake_upstream(
        gemini=gemini_stream(*frames, between=b": ping\r\n\r\n: again\r\n")
    ) as fake:
        _, _, text = await ask(fake, "on_gemini", stream=True)
    assert (content(text), reasons(text)) == ("ab", ["stop"])


CUT: dict[str, tuple[str, list[Step]]] = {
    "openai text": ("openai", sse(openai_chunk({"role": "assistant", "content": "On"}))),
    "openai call": (
        "openai",
        sse(
            openai_chunk(
                {
                    "role": "assistant",
                    "tool_calls": [
                        {"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"c'}}
                    ],
                }
            )
        ),
    ),
    "openai done without a reason": (
        "openai",
        sse(openai_chunk({"role": "assistant", "content": "On"}), b"data: [DONE]\n\n"),
    ),
    "claude text": ("claude", claude_stream(text_block("On"), reason=None)),
    "claude call": ("claude", claude_stream(tool_block('{"c'), reason=None)),
    "gemini text": ("gemini", gemini_stream(gemini_document({"text": "On"}, reason=None))),
    "gemini call": ("gemini", gemini_stream(gemini_document(call(), reason=None))),
}


@pytest.mark.parametrize(("provider", "steps"), CUT.values(), ids=CUT.keys())
async def test_half_a_stream_is_never_shown_as_a_whole_one(
    provider: str, steps: list[Step]
) -> None:
    """What came is shown, then one error and nothing more: no reason, no [DONE]; half a call stays
    half.
    """
    async with fake_upstream(**{provider: steps}) as fake:
        status, _, text = await ask(fake, f"on_{provider}", stream=True, tools=[tool("f")])
    assert status == 200
    assert (reasons(text), b"[DONE]" in text) == ([], False)
    assert [list(chunk) for chunk in chunks(text)][-1] == ["error"]
    assert chunks(text)[-1]["error"]["code"] == "stream_truncated"
    assert b'{\\"c\\"' not in text


async def test_what_claude_runs_itself_is_no_call_of_the_callers() -> None:
    search = {
        "type": "server_tool_use",
        "id": "srvtoolu_1",
        "name": "web_search",
        "input": {"query": "x"},
    }
    code = {
        "type": "server_tool_use",
        "id": "srvtoolu_2",
        "name": "bash_code_execution",
        "input": {"command": "ls"},
    }
    found = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
    ran = {
        "type": "bash_code_execution_tool_result",
        "tool_use_id": "srvtoolu_2",
        "content": {"stdout": "a", "return_code": 0},
    }
    async with fake_upstream(
        claude=claude_answer(search, found, code, ran, {"type": "text", "text": "ok"})
    ) as fake:
        _, _, whole = await ask(fake, "on_claude", max_tokens=99)
        delta = {"type": "input_json_delta", "partial_json": '{"query":"x"}'}
        fake.answers["/claude"] = claude_stream(
            ({**search, "input": {}}, delta), (found, {"type": "odd"}), text_block("ok")
        )
        _, _, streamed = await ask(fake, "on_claude", stream=True)
    assert (choice(whole)["message"]["content"], choice(whole)["message"].get("tool_calls")) == (
        "ok",
        None,
    )
    assert (content(streamed), reasons(streamed), b"tool_calls" in streamed) == (
        "ok",
        ["stop"],
        False,
    )


async def test_what_gemini_runs_itself_is_no_call_of_the_callers() -> None:
    code = {"executableCode": {"language": "PYTHON", "code": "print(1)"}}
    search = {"toolCall": {"id": "t", "toolType": "GOOGLE_SEARCH", "args": {"q": "x"}}}
    document = gemini_document(
        code,
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
        search,
        {"text": "ok"},
    )
    async with fake_upstream(gemini=json_answer(document)) as fake:
        _, _, whole = await ask(fake, "on_gemini")
        fake.answers["/gemini"] = gemini_stream(document)
        _, _, streamed = await ask(fake, "on_gemini", stream=True)
    assert (choice(whole)["message"]["content"], choice(whole)["message"].get("tool_calls")) == (
        "ok",
        None,
    )
    assert choice(whole)["finish_reason"] == "stop"
    assert (content(streamed), reasons(streamed), b'"tool_calls"' in streamed) == (
        "ok",
        ["stop"],
        False,
    )


DIRECT = """
version: 1
direct_models: true
personas:
  switch: {description: d, targets: [claude/claude-opus-5-5, gemini/gemini-3.5-flash]}
"""


async def test_a_forced_tool_is_forced_or_the_caller_is_told() -> None:
    """Each provider is told; a model that refuses it leaves the request to the next target, or the
    answer's header says so.
    """
    body: dict[str, Any] = {
        "tools": [tool("f"), tool("g")],
        "tool_choice": "required",
        "max_tokens": 99,
    }
    named = {**body, "tool_choice": {"type": "function", "function": {"name": "g"}}}
    async with fake_upstream(**ANSWERS) as fake:
        for provider in PROVIDERS:
            await ask(fake, f"on_{provider}", **body)
            await ask(fake, f"on_{provider}", **named)
        assert [r.body.get("tool_choice") or r.body["toolConfig"]["functionCallingConfig"] for r in fake.received] == [  # noqa: E501
            "required", named["tool_choice"],
            {"type": "any"}, {"type": "tool", "name": "g"},
            {"mode": "ANY"}, {"mode": "ANY", "allowedFunctionNames": ["g"]},
        ]  # fmt: skip
        _, headers, _ = await ask(fake, "switch", DIRECT, **body)
        told = headers.get("x-llm-router-dropped-params", "")
        assert headers["x-llm-router-provider"] == "gemini" or "tool_choice" in told
        _, headers, _ = await ask(fake, "claude/claude-opus-5-5", DIRECT, **body)
    assert "tool_choice" in headers["x-llm-router-dropped-params"]


async def test_the_real_thought_signature_comes_back_from_a_client_that_knows_none() -> None:
    """It sends back what OpenAI's SDK keeps; Gemini and Claude get exactly what they signed."""
    document = gemini_document(call(thoughtSignature=SIGNATURE))
    thinking = {"type": "thinking", "thinking": "hm", "signature": "SIG"}
    use = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"city": "Oslo"}}
    async with (
        fake_upstream(
            gemini=json_answer(document), claude=claude_answer(thinking, use, reason="tool_use")
        ) as fake,
        serving(fake.environ()) as running,
        aiohttp.ClientSession() as session,
    ):
        for persona in ("on_gemini", "on_claude"):
            body: dict[str, Any] = {"model": persona, **HI, "tools": [tool("f")], "max_tokens": 99}
            async with session.post(f"{running.url}/v1/chat/completions", json=body) as answer:
                (made,) = choice(await answer.read())["message"]["tool_calls"]
            kept = {"id": made["id"], "type": "function", "function": made["function"]}
            turn = [{"role": "assistant", "content": None, "tool_calls": [kept]}]
            body["messages"] = [
                *HI["messages"],
                *turn,
                {"role": "tool", "tool_call_id": made["id"], "content": "3"},
            ]
            async with session.post(f"{running.url}/v1/chat/completions", json=body):
                pass
    assert fake.received[1].body["contents"][1]["parts"][0]["thoughtSignature"] == SIGNATURE
    assert fake.received[3].body["messages"][1]["content"] == [thinking, use]


@pytest.mark.parametrize("model", ["openai/gpt-6-luna", "openai/gpt-6-sol"])
async def test_stop_is_obeyed_where_the_model_has_none(model: str) -> None:
    """The text is cut by the gateway, whole and streamed, wherever the pieces end."""
    pieces = ["one E", "N", "D two"]
    streamed = sse(
        openai_chunk({"role": "assistant", "content": ""}),
        *(openai_chunk({"content": piece}) for piece in pieces),
    )
    async with fake_upstream(openai=json_answer(openai_completion("one END two"))) as fake:
        _, _, whole = await ask(fake, model, DIRECT, stop="END")
        fake.answers["/openai"] = [
            *streamed[:-1],
            openai_chunk({}, "stop"),
            b"data: [DONE]\n\n",
            streamed[-1],
        ]
        _, _, text = await ask(fake, model, DIRECT, stop=["END"], stream=True)
        assert all("stop" not in received.body for received in fake.received)
    assert (choice(whole)["message"]["content"], choice(whole)["finish_reason"]) == ("one ", "stop")
    assert (content(text), reasons(text)) == ("one ", ["stop"])


async def test_one_call_where_one_was_asked_for() -> None:
    """Gemini cannot be told: the first of its calls is the answer, and the header says how."""
    document = gemini_document(call(), call("g"))
    body: dict[str, Any] = {"tools": [tool("f"), tool("g")], "parallel_tool_calls": False}
    async with fake_upstream(gemini=json_answer(document)) as fake:
        _, headers, whole = await ask(fake, "on_gemini", **body)
        fake.answers["/gemini"] = gemini_stream(document)
        _, _, streamed = await ask(fake, "on_gemini", stream=True, **body)
    assert [c["function"]["name"] for c in choice(whole)["message"]["tool_calls"]] == ["f"]
    assert "parallel_tool_calls=emulated" in headers["x-llm-router-dropped-params"]
    calls = [
        c["function"]["name"]
        for chunk in chunks(streamed)
        for one in chunk["choices"]
        for c in one["delta"].get("tool_calls", ())
    ]
    assert calls == ["f"]


@pytest.mark.parametrize(
    ("model", "sent"), [("claude/claude-haiku-4-5", 1.0), ("claude/claude-sonnet-5", None)]
)
async def test_a_temperature_that_claude_has_not(model: str, sent: float | None) -> None:
    """OpenAI's goes to 2, Claude's to 1, the newest models' nowhere: the nearest is sent, and
    told."""
    async with fake_upstream(claude=ANSWERS["claude"]) as fake:
        status, headers, _ = await ask(fake, model, DIRECT, temperature=1.3, max_tokens=99)
    assert (status, fake.received[0].body.get("temperature")) == (200, sent)
    assert "temperature" in headers["x-llm-router-dropped-params"]


async def test_identical_parallel_calls_stay_two() -> None:
    use = {"type": "tool_use", "name": "f", "input": {"city": "Oslo"}}
    answers = {
        "openai": openai_completion(),
        "gemini": gemini_document(call(), call()),
    }
    function = {"name": "f", "arguments": '{"city":"Oslo"}'}
    twice = [{"id": one, "type": "function", "function": function} for one in ("a", "b")]
    answers["openai"]["choices"][0] = {
        "index": 0,
        "message": {"role": "assistant", "content": None, "tool_calls": twice},
    }
    steps = {name: json_answer(document) for name, document in answers.items()}
    steps["claude"] = claude_answer(
        {**use, "id": "toolu_1"}, {**use, "id": "toolu_2"}, reason="tool_use"
    )
    gemini_twice = gemini_stream(gemini_document(call(), reason=None), gemini_document(call()))
    async with fake_upstream(**steps) as fake:
        for provider in PROVIDERS:
            _, _, text = await ask(fake, f"on_{provider}", tools=[tool("f")], max_tokens=99)
            calls = choice(text)["message"]["tool_calls"]
            assert [c["function"] for c in calls] == [function, function]
            assert len({c["id"] for c in calls}) == 2
        fake.answers["/gemini"] = gemini_twice
        _, _, text = await ask(fake, "on_gemini", tools=[tool("f")], stream=True)
    made = [
        c
        for chunk in chunks(text)
        for one in chunk["choices"]
        for c in one["delta"].get("tool_calls", ())
    ]
    assert [c["index"] for c in made] == [0, 1]
    assert made[0]["id"] != made[1]["id"]


@pytest.mark.parametrize("reason", ["MODEL_ARMOR", "SAFETY"])
async def test_a_filtered_answer_says_so_and_keeps_its_text(reason: str) -> None:
    async with fake_upstream(
        gemini=json_answer(gemini_document({"text": "half"}, reason=reason))
    ) as fake:
        _, _, whole = await ask(fake, "on_gemini")
        fake.answers["/gemini"] = gemini_stream(
            gemini_document({"text": "ha"}, reason=None),
            gemini_document({"text": "lf"}, reason=reason),
        )
        _, _, streamed = await ask(fake, "on_gemini", stream=True)
    assert (choice(whole)["message"]["content"], choice(whole)["finish_reason"]) == (
        "half",
        "content_filter",
    )
    assert (content(streamed), reasons(streamed)) == ("half", ["content_filter"])


PLAIN_ROWS = """
version: 1
providers:
{rows}
"""
ROW = """
  {name}:
    dialect: {dialect}
    base_url: {url}/{name}{path}
    key_variable: null
    models:
      nobody-knows-me-9: {{context_window: 10000, max_output_tokens: 1000, capabilities: [vision], cost_tier: low}}
"""  # noqa: E501


async def test_a_model_that_nobody_knows_gets_image_and_instructions_in_their_places() -> None:
    """A row with the least that a row may say: nothing is decided by the model's name."""
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="  # noqa: E501
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{pixel}"}}
    messages = [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "before"},
                image,
                {"type": "text", "text": "after"},
            ],
        },
    ]
    policy = (
        "version: 1\ndirect_models: true\npersonas:\n  p: {description: d, targets:"
        " [openai/nobody-knows-me-9]}\n"
    )
    async with fake_upstream(**ANSWERS) as fake, aiohttp.ClientSession() as session:
        paths = {"openai": "/v1", "claude": "", "gemini": ""}
        rows = "".join(
            ROW.format(name=name, dialect=name, url=fake.url, path=paths[name])
            for name in PROVIDERS
        )
        async with serving({}, policy, capabilities=PLAIN_ROWS.format(rows=rows)) as running:
            for provider in PROVIDERS:
                body = {
                    "model": f"{provider}/nobody-knows-me-9",
                    "messages": messages,
                    "max_tokens": 99,
                }
                async with session.post(f"{running.url}/v1/chat/completions", json=body) as answer:
                    assert answer.status == 200, await answer.text()
                    assert "x-llm-router-dropped-params" not in answer.headers
    openai, claude, gemini = (received.body for received in fake.received)
    assert openai["messages"] == messages
    assert claude["system"] == [{"type": "text", "text": "Be brief."}]
    assert [block["type"] for block in claude["messages"][0]["content"]] == [
        "text",
        "image",
        "text",
    ]
    assert gemini["systemInstruction"]["parts"] == [{"text": "Be brief."}]
    assert [next(iter(part)) for part in gemini["contents"][0]["parts"]] == [
        "text",
        "inlineData",
        "text",
    ]
