"""An answer whose beginning the caller wrote, at providers that do not go on with it."""

from typing import Any

import pytest

from tests.api.gemini_calls import answers, ask
from tests.api.test_messages_routes import post
from tests.fakes import fake_upstream
from tests.serving import serving

CONTINUE = {"role": "user", "content": "Continue."}


@pytest.mark.parametrize("api", ["messages", "gemini"])
async def test_openai_is_asked_to_go_on(api: str) -> None:
    body: Any = {
        "model": "on_openai",
        "max_tokens": 50,
        "messages": [
            {"role": "user", "content": "Name a tree."},
            {"role": "assistant", "content": "The"},
        ],
    }
    contents = [
        {"role": "user", "parts": [{"text": "Name a tree."}]},
        {"role": "model", "parts": [{"text": "The"}]},
    ]
    async with fake_upstream(**answers(False)) as fake, serving(fake.environ()) as running:
        if api == "messages":
            _, headers, _ = await post(running.url, body)
        else:
            headers = (await ask(running, "on_openai", {"contents": contents})).headers
    assert fake.received[0].body["messages"] == [*body["messages"], CONTINUE]
    assert headers["x-llm-router-dropped-params"] == "assistant_prefill=emulated"
