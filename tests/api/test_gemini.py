"""The Gemini API on every provider: answers, streams, tools, errors, and the paths they are called
by.
"""

from typing import Any

import pytest

from gateway.api.auth import read
from tests.api.gemini_calls import (
    GOOGLES,
    HELLO,
    PERSONAS,
    SAID,
    STREAM,
    answers,
    ask,
    claude_answer,
    claude_stream,
)
from tests.fakes import fake_upstream, json_answer, openai_chunk, sse
from tests.serving import serving
from translators.json_codec import dumps

LOOK = {"name": "look", "parameters": {"type": "OBJECT", "properties": {"at": {"type": "STRING"}}}}
TOOLS = {"tools": [{"functionDeclarations": [LOOK]}]}


@pytest.mark.parametrize("persona", PERSONAS)
async def test_an_answer_of_every_provider(persona: str) -> None:
    async with fake_upstream(**answers(False)) as fake, serving(fake.environ()) as running:
        reply = await ask(running, persona)
    candidate = reply.document["candidates"][0]
    assert (reply.status, reply.text, candidate["finishReason"]) == (200, SAID, "STOP")
    assert reply.document["usageMetadata"]["totalTokenCount"] in (5, 12)
    assert reply.headers["x-llm-router-provider"] == persona.removeprefix("on_")


@pytest.mark.parametrize("persona", PERSONAS)
async def test_a_stream_of_every_provider(persona: str) -> None:
    async with fake_upstream(**answers(True)) as fake, serving(fake.environ()) as running:
        reply = await ask(running, persona, method=STREAM)
    frames = reply.frames
    assert (reply.status, reply.headers["content-type"], reply.text) == (
        200,
        "text/event-stream",
        SAID,
    )
    assert [f["candidates"][0].get("finishReason") for f in frames] == [None] * (
        len(frames) - 1
    ) + ["STOP"]
    assert all(f["candidates"][0]["content"]["parts"] for f in frames)


@pytest.mark.parametrize("persona", PERSONAS)
async def test_a_stream_as_an_array(persona: str) -> None:
    async with fake_upstream(**answers(True)) as fake, serving(fake.environ()) as running:
        reply = await ask(running, persona, method="streamGenerateContent")
    said = "".join(f["candidates"][0]["content"]["parts"][0]["text"] for f in reply.document)
    assert (reply.headers["content-type"], said) == ("application/json", SAID)


async def test_a_body_for_gemini_is_the_callers_own() -> None:
    body = {
        "contents": [{"parts": [{"text": "x", "tomorrow": 1.0}]}],
        "unheard_of": [1e3],
        "model": "models/on_gemini",
    }
    async with fake_upstream(**answers(False)) as fake, serving(fake.environ()) as running:
        await ask(running, "on_gemini", body)
    (received,) = fake.received
    assert received.path == "/gemini/v1beta/models/gemini-3.5-flash:generateContent"
    assert received.body == {name: value for name, value in body.items() if name != "model"}


async def test_a_stream_of_gemini_is_shown_byte_by_byte() -> None:
    async with fake_upstream(gemini=sse(*GOOGLES)) as fake, serving(fake.environ()) as running:
        reply = await ask(running, "on_gemini", method=STREAM)
    assert reply.body == b"".join(GOOGLES)


async def test_tools_go_round_with_claude() -> None:
    call = {"type": "tool_use", "id": "toolu_7", "name": "look", "input": {"at": "x"}}
    begun = {"type": "tool_use", "id": "toolu_7", "name": "look", "input": {}}
    deltas = [{"type": "input_json_delta", "partial_json": part} for part in ('{"at":', '"x"}')]
    streams = sse(*claude_stream((begun, deltas), stop="tool_use"))
    async with fake_upstream(claude=streams) as fake, serving(fake.environ()) as running:
        reply = await ask(running, "on_claude", {**HELLO, **TOOLS}, method=STREAM)
        (part,) = reply.frames[-1]["candidates"][0]["content"]["parts"]
        assert part == {"functionCall": {"id": "toolu_7", "name": "look", "args": {"at": "x"}}}
        fake.answers["/claude"] = json_answer(claude_answer({"type": "text", "text": "done"}))
        result = {"functionResponse": {"name": "look", "response": {"output": "seen"}}}
        contents = [*HELLO["contents"], {"role": "model", "parts": [part]}, {"parts": [result]}]
        assert (await ask(running, "on_claude", {"contents": contents, **TOOLS})).text == "done"
    messages = fake.received[-1].body["messages"]
    assert messages[1]["content"] == [call]
    assert messages[2]["content"][0]["tool_use_id"] == "toolu_7"


async def test_a_failure_before_content_is_an_answer_and_fails_over_from_a_relay() -> None:
    busy = json_answer(
        {"error": {"code": 503, "message": "Overloaded", "status": "UNAVAILABLE"}},
        "503 Unavailable",
    )
    policy = "version: 1\nserver: {drain_delay: 0}\npersonas:\n  p:\n    description: d\n"
    policy += (
        "    targets: [gemini/gemini-3.5-flash, claude/claude-sonnet-5]\n    on_failure: {retries:"
        " 0}\n"
    )
    async with (
        fake_upstream(**{**answers(True), "gemini": busy}) as fake,
        serving(fake.environ(), policy) as running,
    ):
        reply = await ask(running, "p", method=STREAM)
    assert (reply.text, reply.headers["x-llm-router-provider"]) == (SAID, "claude")


async def test_a_failure_in_the_middle_is_told_in_both_forms() -> None:
    begun = openai_chunk({"content": "Hel"})
    broken = b'data: {"error":{"message":"boom","type":"server_error","code":null}}\n\n'
    async with fake_upstream(openai=sse(begun, broken)) as fake, serving(fake.environ()) as running:
        reply = await ask(running, "on_openai", method=STREAM)
    first, told, bare = reply.body.split(b"\r\n\r\n")
    assert b'"text":"Hel"' in first
    assert told == b"data: " + bare
    assert bare.startswith(b'{"error":{"code":50')


async def test_a_stream_of_gemini_that_ends_early_is_a_failure() -> None:
    async with fake_upstream(gemini=sse(GOOGLES[0])) as fake, serving(fake.environ()) as running:
        reply = await ask(running, "on_gemini", method=STREAM)
    first, told, bare = reply.body.split(b"\r\n\r\n")
    assert first + b"\r\n\r\n" == GOOGLES[0]
    assert told == b"data: " + bare


async def test_what_google_refused_is_shown_as_it_said_it() -> None:
    said = {
        "error": {
            "code": 400,
            "message": "Invalid value at 'x'",
            "status": "INVALID_ARGUMENT",
            "extra": [1],
        }
    }
    async with (
        fake_upstream(gemini=json_answer(said, "400 Bad Request")) as fake,
        serving(fake.environ()) as running,
    ):
        reply = await ask(running, "on_gemini")
    assert (reply.status, reply.document) == (400, said)


def details(reply: Any) -> dict[str, Any]:
    return {
        detail["@type"].rpartition(".")[2]: detail for detail in reply.document["error"]["details"]
    }


async def test_errors_have_googles_shape() -> None:
    limited = json_answer({"error": {"message": "slow down"}}, "429 Too Many", Retry_After="7")
    async with fake_upstream(openai=limited) as fake, serving(fake.environ()) as running:
        unknown = await ask(running, "nobody")
        wrong = await ask(
            running, "on_openai", {"contents": [{"role": "user", "parts": [{"text": 5}]}]}
        )
        empty = await ask(running, "on_openai", {"contents": []})
        slow = await ask(running, "on_openai")
        method = await ask(running, "on_openai", method="predictLongRunning")
        bare = await ask(running, "on_openai", method="")
        files = await ask(running, "", at="/v1beta/files", method="", verb="GET")
    replies = (unknown, wrong, empty, slow, method, bare, files)
    stated = [
        (r.status, r.document["error"]["code"], r.document["error"]["status"]) for r in replies
    ]
    assert stated == [
        (404, 404, "NOT_FOUND"),
        (400, 400, "INVALID_ARGUMENT"),
        (400, 400, "INVALID_ARGUMENT"),
        (429, 429, "RESOURCE_EXHAUSTED"),
        (501, 501, "UNIMPLEMENTED"),
        (404, 404, "NOT_FOUND"),
        (501, 501, "UNIMPLEMENTED"),
    ]
    assert (
        details(wrong)["BadRequest"]["fieldViolations"][0]["field"] == "contents[0].parts[0].text"
    )
    assert (
        empty.document["error"]["message"]
        == "* GenerateContentRequest.contents: contents is not specified"
    )
    assert details(slow)["RetryInfo"]["retryDelay"] == "7s"
    assert slow.headers["retry-after"] == "7"
    assert details(unknown)["ErrorInfo"]["reason"] == "MODEL_NOT_FOUND"


@pytest.mark.parametrize(
    "at",
    [
        "/v1/models/",
        "/v1beta/models/",
        "/v1alpha/models/",
        "/v1beta1/models/",
        "/v1beta/models/models/",
        "/v1beta1/publishers/google/models/",
        "/v1/projects/p/locations/l/publishers/google/models/",
    ],
)
async def test_every_path_leads_to_the_persona(at: str) -> None:
    async with fake_upstream(**answers(False)) as fake, serving(fake.environ()) as running:
        assert (await ask(running, "on_openai", at=at)).text == SAID


async def test_models_with_slashes_and_publishers() -> None:
    async with fake_upstream(**answers(False)) as fake, serving(fake.environ()) as running:
        assert (await ask(running, "openai/gpt-4.1")).text == SAID
        assert (await ask(running, "gpt-4.1", at="/v1beta1/publishers/openai/models/")).text == SAID
        assert (await ask(running, "on_openai%3AgenerateContent", method="")).text == SAID


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"x-goog-api-key": "sesame"}, ""),
        ({}, "?key=sesame"),
        ({"authorization": "Bearer sesame"}, ""),
        ({"x-api-key": "sesame"}, ""),
    ],
)
async def test_a_key_opens_wherever_it_stands(headers: dict[str, str], query: str) -> None:
    access = read({"LLM_ROUTER_API_KEYS": "sesame"})
    async with (
        fake_upstream(**answers(False)) as fake,
        serving(fake.environ(), access=access) as running,
    ):
        assert (
            await ask(running, "on_openai", method=f"generateContent{query}", headers=headers)
        ).status == 200
        refused = await ask(running, "on_openai", headers={"x-goog-api-key": "wrong"})
    assert (refused.status, refused.document["error"]["status"]) == (401, "UNAUTHENTICATED")
    assert b"sesame" not in dumps([repr(told) for told in running.events])


async def test_what_only_gemini_can_serve_is_refused_elsewhere() -> None:
    body = {**HELLO, "tools": [{"urlContext": {}}]}
    async with fake_upstream(**answers(False)) as fake, serving(fake.environ()) as running:
        refused = await ask(running, "on_claude", body)
        served = await ask(running, "on_gemini", body)
        chosen = await ask(running, "all", body)
    assert (refused.status, served.status, chosen.headers["x-llm-router-provider"]) == (
        400,
        200,
        "gemini",
    )
    assert details(refused)["BadRequest"]["fieldViolations"][0]["field"] == "tools[0].urlContext"


async def test_a_stream_that_says_nothing_has_a_part() -> None:
    silent = sse(openai_chunk({}, "length"), b"data: [DONE]\n\n")
    async with fake_upstream(openai=silent) as fake, serving(fake.environ()) as running:
        reply = await ask(running, "on_openai", method=STREAM)
    assert reply.frames[-1]["candidates"][0]["content"]["parts"] == [{"text": ""}]


async def test_fixed_names_of_models_lead_to_personas() -> None:
    policy = 'version: 1\naliases: {"maker-*": p}\nserver: {drain_delay: 0}\n'
    policy += "personas:\n  p: {description: d, targets: [openai/gpt-4.1]}\n"
    async with fake_upstream(**answers(False)) as fake, serving(fake.environ(), policy) as running:
        assert (await ask(running, "maker-lite-3")).text == SAID
        assert (await ask(running, "other")).status == 404
