"""Encrypted reasoning of the Responses API goes back only with the key that it was made with."""

from typing import Any, Final

import pytest

from tests.api.test_responses import WHOLE, ask
from tests.fakes import Received, Step, fake_upstream, json_answer
from tests.serving import serving

ROW: Final = (
    "{context_window: 100000, max_output_tokens: 1000, cost_tier: low, capabilities: [streaming]}"
)
CAPABILITIES: Final = f"""
version: 1
providers:
  first:
    dialect: openai
    responses: native
    base_url: URL/first
    keys: [FIRST_KEY, SECOND_KEY]
    models: {{m: {ROW}}}
  other:
    dialect: openai
    responses: native
    base_url: URL/other
    key_variable: OTHER_KEY
    models: {{m: {ROW}}}
"""
POLICY: Final = """
version: 1
server: {drain_delay: 0}
personas:
  p: {targets: [first/m, other/m], on_failure: {retries: 0}}
"""
KEYS: Final = {"FIRST_KEY": "k1", "SECOND_KEY": "k2", "OTHER_KEY": "k3"}
REASONED: Final = {"type": "reasoning", "id": "rs_0a", "summary": [], "encrypted_content": "gA"}
SAID: Final = {"type": "message", "role": "assistant", "content": "Hm."}
USER: Final = {"type": "message", "role": "user", "content": "hi"}


@pytest.mark.parametrize(
    ("refused", "kept", "served_by"),
    [(0, True, "same"), (1, False, "k"), (2, False, "k3")],
)
async def test_it_is_left_out_for_another_key_and_another_provider(
    refused: int, kept: bool, served_by: str
) -> None:
    """`refused`: how many keys of the first provider are, once the first answer has come."""
    keys: list[str] = []

    def answer(received: Received) -> list[Step]:
        key = received.headers["authorization"].removeprefix("Bearer ")
        gone = [[], keys[:1], ["k1", "k2"]][refused]
        if keys and key in gone:
            return json_answer({"error": {"message": "no"}}, "401 Unauthorized")
        keys.append(key)
        return json_answer(WHOLE)

    first: Any = {"model": "p", "input": [USER], "prompt_cache_key": "c", "store": False}
    second = {**first, "input": [USER, REASONED, SAID, USER]}
    async with fake_upstream(first=answer, other=answer) as fake:
        capabilities = CAPABILITIES.replace("URL", fake.url)
        async with serving(KEYS, POLICY, capabilities=capabilities) as running:
            await ask(running, first)
            status, _ = await ask(running, second)
    assert status == 200
    assert (keys[1] == keys[0]) is (served_by == "same")
    assert keys[1].startswith(served_by) or served_by == "same"
    assert (REASONED in fake.received[-1].body["input"]) is kept
    assert SAID in fake.received[-1].body["input"]
