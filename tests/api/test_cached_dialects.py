"""Answers that are given again in every API, from every provider, with the official SDKs."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
import pytest
from anthropic import AsyncAnthropic
from google import genai
from google.genai import types
from openai import AsyncOpenAI

from tests.api.cached import Cached
from tests.api.messages_stack import PERSONAS
from tests.serving import Running, serving
from tests.strict import server as strict
from translators.json_codec import loads

POLICY: Final = """
version: 1
server: {drain_delay: 0, watch: 0}
personas:
  on_chat: {targets: [openai/gpt-4.1], cache: {}}
  on_responses: {targets: [openai/gpt-5.6], cache: {}}
  on_claude: {targets: [claude/claude-sonnet-5], cache: {}}
  on_gemini: {targets: [gemini/gemini-3.5-flash], cache: {}}
"""
SAID: Final = "Which \u2028 way?"
RELAYED: Final = frozenset({
    ("messages", "on_claude"), ("responses", "on_chat"), ("responses", "on_responses"),
    ("gemini", "on_gemini"),
})  # fmt: skip
"""Where the target is sent the caller's own body."""
_TIME: Final = re.compile(rb'"(created|completed)_at":\d+')


def timeless(body: bytes) -> bytes:
    """A stream of Responses says when it began itself."""
    return _TIME.sub(b"", body)


@asynccontextmanager
async def simulated() -> AsyncIterator[Cached]:
    async with strict.running() as sim:
        environ = {f"{name}_API_KEY": "k" for name in ("OPENAI", "ANTHROPIC", "GEMINI")}
        environ |= {f"{name}_BASE_URL": sim.base_urls[key] for key, name in (
            ("openai", "OPENAI"), ("claude", "ANTHROPIC"), ("gemini", "GEMINI"))}  # fmt: skip
        async with serving(environ, POLICY) as running, aiohttp.ClientSession() as session:
            yield Cached(running, Any, session)


def call(api: str, persona: str, stream: bool) -> tuple[str, dict[str, Any]]:
    """Path and body."""
    messages = [{"role": "user", "content": SAID}]
    if api == "messages":
        more = {"max_tokens": 200, "stream": stream}
        return "/v1/messages", {"model": persona, "messages": messages, **more}
    if api == "responses":
        body = {"model": persona, "input": SAID, "stream": stream, "store": False}
        return "/v1/responses", body
    if api == "gemini":
        method = "streamGenerateContent?alt=sse" if stream else "generateContent"
        contents = [{"role": "user", "parts": [{"text": SAID}]}]
        return f"/v1beta/models/{persona}:{method}", {"contents": contents}
    return "/v1/chat/completions", {"model": persona, "messages": messages, "stream": stream}


def events(body: bytes) -> list[Any]:
    lines = [line[6:] for line in body.split(b"\n") if line.startswith(b"data: ")]
    return [loads(line) for line in lines if line.strip() != b"[DONE]"]


def texts(value: Any) -> str:
    """Everything that is text in an answer of any API, in its order."""
    if isinstance(value, list):
        return "".join(map(texts, value))
    if not isinstance(value, dict):
        return ""
    own = value.get("text") or value.get("content") or value.get("delta")
    found = own if isinstance(own, str) else ""
    return found + "".join(texts(inner) for inner in value.values())


@pytest.mark.parametrize("persona", PERSONAS)
@pytest.mark.parametrize("api", ["chat", "messages", "responses", "gemini"])
async def test_both_forms_are_given_again(api: str, persona: str) -> None:
    async with simulated() as it:
        got = [await it.ask(*call(api, persona, stream)) for stream in (False, True, False, True)]
    whole, stream, whole_again, stream_again = got
    relays = (api, persona) in RELAYED
    assert [each.cache for each in got] == [
        "miss", "miss" if relays else "hit; age=0", "hit; age=0", "hit; age=0",
    ]  # fmt: skip
    assert {each.status for each in got} == {200}
    assert whole.headers["content-type"] == whole_again.headers["content-type"]
    assert stream.headers["content-type"] == stream_again.headers["content-type"]
    assert SAID in texts(loads(whole.body))
    assert texts(loads(whole.body)) == texts(loads(whole_again.body))
    assert texts(events(stream.body)) == texts(events(stream_again.body))
    assert (whole.body, timeless(stream.body)) == (whole_again.body, timeless(stream_again.body))


@pytest.mark.parametrize("persona", PERSONAS)
@pytest.mark.parametrize("api", ["chat", "messages", "responses", "gemini"])
async def test_a_recorded_stream_is_given_again_whole(api: str, persona: str) -> None:
    async with simulated() as it:
        stream, again, whole = [
            await it.ask(*call(api, persona, stream)) for stream in (True, True, False)
        ]
    relays = (api, persona) in RELAYED
    assert [each.cache for each in (stream, again, whole)] == [
        "miss", "hit; age=0", "miss" if relays else "hit; age=0",
    ]  # fmt: skip
    assert texts(events(stream.body)) == texts(events(again.body))
    assert SAID in texts(loads(whole.body))


def hits(running: Running) -> list[str | None]:
    return [getattr(event, "cache", None) for event in running.events if hasattr(event, "cache")]


@pytest.mark.parametrize("persona", PERSONAS)
async def test_the_openai_sdk_reads_both_apis(persona: str) -> None:
    chat: dict[str, Any] = {"model": persona, "messages": [{"role": "user", "content": SAID}]}
    asked: dict[str, Any] = {"model": persona, "input": SAID, "store": False}
    async with (
        simulated() as it,
        AsyncOpenAI(base_url=f"{it.running.url}/v1", api_key="k", max_retries=0) as client,
    ):
        whole = [await client.chat.completions.create(**chat) for _ in range(2)]
        streamed = []
        for _ in range(2):
            async with client.chat.completions.stream(**chat) as chunks:
                streamed.append(await chunks.get_final_completion())
        responses = [await client.responses.create(**asked) for _ in range(2)]
        told = []
        for _ in range(2):
            async with client.responses.stream(**asked) as response:
                told.append(await response.get_final_response())
    said = {completion.choices[0].message.content for completion in (*whole, *streamed)}
    assert len(said) == 1
    assert whole[0] == whole[1]
    assert streamed[0].choices == streamed[1].choices
    assert len({each.output_text for each in (*responses, *told)}) == 1
    assert hits(it.running)[1:4] == ["hit"] * 3
    assert [hits(it.running)[place] for place in (5, 7)] == ["hit", "hit"]


@pytest.mark.parametrize("persona", PERSONAS)
async def test_the_anthropic_sdk_reads_messages(persona: str) -> None:
    asked: dict[str, Any] = {
        "model": persona, "max_tokens": 200, "messages": [{"role": "user", "content": SAID}],
    }  # fmt: skip
    async with (
        simulated() as it,
        AsyncAnthropic(base_url=it.running.url, api_key="k", max_retries=0) as client,
    ):
        whole = [await client.messages.create(**asked) for _ in range(2)]
        streamed = []
        for _ in range(2):
            async with client.messages.stream(**asked) as stream:
                streamed.append(await stream.get_final_message())
    assert whole[0] == whole[1]
    assert streamed[0].content == streamed[1].content
    assert streamed[0].usage == streamed[1].usage
    assert [block.text for block in whole[0].content if block.type == "text"] == [
        block.text for block in streamed[0].content if block.type == "text"
    ]
    assert [hits(it.running)[place] for place in (1, 3)] == ["hit", "hit"]


@pytest.mark.parametrize("persona", PERSONAS)
async def test_googles_sdk_reads_contents(persona: str) -> None:
    def ask(url: str) -> list[str]:
        with genai.Client(api_key="k", http_options=types.HttpOptions(base_url=url)) as client:
            models = client.models
            asked: Any = {"model": persona, "contents": SAID}
            whole = [models.generate_content(**asked).text or "" for _ in range(2)]
            return whole + [
                "".join([chunk.text or "" for chunk in models.generate_content_stream(**asked)])
                for _ in range(2)
            ]

    async with simulated() as it:
        said = await asyncio.to_thread(ask, it.running.url)
    assert len(set(said)) == 1
    assert SAID in said[0]
    assert [hits(it.running)[place] for place in (1, 3)] == ["hit", "hit"]
