"""What instances share, as their callers see it: the same questions, asked of gateways in processes
of their own.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import aiohttp

from tests.api.test_reasoning_back import SIGNATURE, SIGNED_BLOCK, claude_calls, gemini_calls
from tests.cluster.gateways import POLICY, STATE_KEY
from tests.cluster.test_states import CANARY, CHAT, GEMINI_TEXT, TEXT, results, turn
from tests.fakes import FakeUpstream, Received, Step, json_answer
from tests.test_limits_process import configured

SHARED: Final = {"LLM_ROUTER_STATE_KEY": STATE_KEY}
PERSONAS: Final = POLICY.partition("personas:")[2]
LIMITED: Final = json_answer(
    {"error": {"message": "slow down"}}, "429 Too Many Requests", retry_after="30"
)
_TRIES: Final = 10
_AGAIN: Final = 1.1
_SPREAD: Final = 2.0
"""Seconds after which all know what one has learned."""


def environ_in(directory: Path) -> dict[str, str]:
    """Files in a directory, and the environment that names them."""
    environ = {**configured(directory, "store: {}"), **SHARED}
    policy = f"version: 1\nserver: {{drain_delay: 0}}\nstore: {{}}\npersonas:{PERSONAS}"
    (directory / "config" / "persona_policy.yaml").write_text(policy, "utf-8")
    return environ


def claude(received: Received) -> Sequence[Step]:
    """A thought and a call where there are tools and no result yet; else a text."""
    messages = received.body["messages"]
    return claude_calls("json") if received.body.get("tools") and len(messages) < 2 else TEXT


def gemini(received: Received) -> Sequence[Step]:
    return gemini_calls("json") if len(received.body["contents"]) < 2 else GEMINI_TEXT


ANSWERS: Final[dict[str, Any]] = {"openai": LIMITED, "claude": claude, "gemini": gemini}


class Seen(NamedTuple):
    """What came of it."""

    asked_of_the_limited: int
    """Requests to a target that asked one instance to wait for 30 seconds."""
    served: list[int]
    """Statuses of the requests that were made meanwhile."""
    signatures: list[bool]
    """Whether the next turn, at each instance, had Gemini's thought signature in it."""
    blocks: list[bool]
    """The same of Claude's signed thinking."""
    continued: list[bool]
    """Whether a stored response went on at each instance with what was said before."""


async def seen(fake: FakeUpstream, first: str, *others: str) -> Seen:
    """What begins at one URL goes on at the others."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:

        async def ask(url: str, path: str, body: Any) -> tuple[int, Any]:
            async with session.post(f"{url}{path}", json=body) as answer:
                return answer.status, await answer.json()

        body = {"model": "both", "messages": [{"role": "user", "content": "hi"}]}
        served = [(await ask(first, CHAT, body))[0]]
        _, by_gemini = await ask(first, CHAT, turn("thinker2"))
        _, by_claude = await ask(first, CHAT, turn("thinker"))
        _, response = await ask(first, "/v1/responses", {"model": "thinker", "input": CANARY})
        await asyncio.sleep(_SPREAD)
        served += [(await ask(url, CHAT, body))[0] for url in others]

        async def finds(url: str, path: str, body: Any, what: str) -> bool:
            """Whether the provider is sent it. On a busy machine the store may be late, which is no
            fault: then it is found when it is asked for again.
            """
            for _ in range(_TRIES):
                await ask(url, path, body)
                if what in str(fake.received[-1].body):
                    return True
                await asyncio.sleep(_AGAIN)
            return False

        signatures, blocks, continued = [], [], []
        more = {"model": "thinker", "input": "on", "previous_response_id": response["id"]}
        for url in others:
            again = turn("thinker2", *results(by_gemini))
            signatures.append(await finds(url, CHAT, again, SIGNATURE))
            again = turn("thinker", *results(by_claude))
            blocks.append(await finds(url, CHAT, again, str(SIGNED_BLOCK)))
            continued.append(await finds(url, "/v1/responses", more, CANARY))
    limited = len([one for one in fake.received if one.path.startswith("/openai")])
    return Seen(limited, served, signatures, blocks, continued)
