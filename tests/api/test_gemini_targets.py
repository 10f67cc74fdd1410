"""What a caller of Gemini's API has from targets that do not take all of it, and from those that
count by themselves."""

from typing import Any

import pytest

from tests.api.gemini_calls import HELLO, answers, ask
from tests.fakes import Hang, fake_upstream, json_answer, openai_completion
from tests.serving import POLICY, serving

COUNTED = {"totalTokens": 31, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 31}]}


async def test_openai_looks_for_four_stop_sequences_and_the_gateway_for_the_fifth() -> None:
    body = {**HELLO, "generationConfig": {"stopSequences": ["a", "b", "c", "d", "e"]}}
    said = json_answer(openai_completion("Kilo echo"))
    async with fake_upstream(openai=said) as fake, serving(fake.environ()) as running:
        reply = await ask(running, "on_openai", body)
    assert fake.received[0].body["stop"] == ["a", "b", "c", "d"]
    assert reply.text == "Kilo "
    assert reply.document["candidates"][0]["finishReason"] == "STOP"
    assert reply.headers["x-llm-router-dropped-params"] == "stop=emulated"


@pytest.mark.parametrize("nested", [False, True])
async def test_google_counts_what_it_would_be_sent_with_the_personas_words(nested: bool) -> None:
    policy = POLICY.replace("Gemini only,", "Gemini only, system_prompt: Be brief.,")
    whole = {"model": "models/on_gemini", **HELLO}
    body = {"generateContentRequest": whole} if nested else HELLO
    async with (
        fake_upstream(gemini=json_answer(COUNTED)) as fake,
        serving(fake.environ(), policy) as running,
    ):
        reply = await ask(running, "on_gemini", body, method="countTokens")
    assert (reply.status, reply.document) == (200, COUNTED)
    (received,) = fake.received
    assert received.path.endswith("/models/gemini-3.5-flash:countTokens")
    assert received.body["generateContentRequest"] == {
        "model": "models/gemini-3.5-flash",
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        **HELLO,
    }


async def test_the_gateway_counts_where_google_does_not_or_not_soon() -> None:
    for answer in (json_answer({"error": {"code": 500}}, status="500 Oops"), [Hang()]):
        async with fake_upstream(gemini=answer) as fake, serving(fake.environ()) as running:
            reply = await ask(running, "on_gemini", method="countTokens")
        assert reply.status == 200
        assert 1 <= reply.document["totalTokens"] < 31


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("cachedContent", {**HELLO, "cachedContent": "cachedContents/1"}),
        ("continuationToken", {**HELLO, "continuationToken": "t"}),
        (
            "contents[0].parts[0].fileData.fileUri",
            {"contents": [{"parts": [{"fileData": {"fileUri": "files/1"}}, {"text": "?"}]}]},
        ),
        (
            "contents[0].parts[0].fileData.fileUri",
            {"contents": [{"parts": [{"fileData": {"fileUri": "gs://b/o.mp4"}}, {"text": "?"}]}]},
        ),
    ],
)
async def test_what_google_stores_for_our_key_is_the_operators_to_open(
    field: str, body: dict[str, Any]
) -> None:
    policy = POLICY.replace("Gemini only,", "Gemini only, gemini_resources: true,")
    async with fake_upstream(gemini=answers(False)["gemini"]) as fake:
        async with serving(fake.environ()) as running:
            closed = await ask(running, "on_gemini", body)
            counted = await ask(running, "on_gemini", body, method="countTokens")
        async with serving(fake.environ(), policy) as running:
            opened = await ask(running, "on_gemini", body)
            elsewhere = await ask(running, "on_openai", body)
    assert (closed.status, counted.status, opened.status, elsewhere.status) == (400, 400, 200, 400)
    details = closed.document["error"]["details"]
    assert details[0]["fieldViolations"][0]["field"] == field
    (received,) = fake.received
    assert received.body == body
