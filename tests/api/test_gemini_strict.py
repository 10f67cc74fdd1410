"""What Gemini takes and other providers refuse, at simulated providers that refuse it."""

from typing import Any

import aiohttp
import pytest

from tests.api.messages_stack import PERSONAS, messages_stack
from translators.json_codec import loads

JSON_ALONE: Any = {"responseMimeType": "application/json"}


@pytest.mark.parametrize("persona", PERSONAS)
@pytest.mark.parametrize("said", [None, "Answer in one word."])
async def test_json_without_a_schema_is_asked_of_every_provider(
    persona: str, said: str | None
) -> None:
    """OpenAI wants the word in the conversation."""
    body = {"contents": [{"role": "user", "parts": [{"text": "Name a tree."}]}]}
    asked: Any = {**body, "generationConfig": JSON_ALONE}
    if said is not None:
        asked["systemInstruction"] = {"parts": [{"text": said}]}
    async with (
        messages_stack() as stack,
        aiohttp.ClientSession() as session,
        session.post(
            f"{stack.running.url}/v1beta/models/{persona}:generateContent", json=asked
        ) as answer,
    ):
        document = loads(await answer.read())
    assert answer.status == 200, document
    assert document["candidates"][0]["finishReason"] == "STOP"
