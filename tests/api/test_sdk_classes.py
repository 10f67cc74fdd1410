"""Each official SDK raises its own class for what the gateway itself refuses, in every API."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import aiohttp
import anthropic
import openai
import pytest
from google import genai
from google.genai import errors as google

from gateway.api.auth import read
from tests.serving import ROOT, serving
from tests.strict import server as strict
from translators.json_codec import loads

POLICY: Final = """
version: 1
server: {max_body_bytes: 2000, drain_delay: 0}
personas:
  p: {description: d, targets: [openai/gpt-4.1], on_failure: {retries: 0}}
  blind: {description: d, targets: [small/blind], on_failure: {retries: 0}}
"""
CAPABILITIES: Final = (
    (ROOT / "config" / "capabilities.yaml").read_text("utf-8")
    + """
  small:
    dialect: openai
    base_url: https://api.openai.com/v1
    base_url_variable: OPENAI_BASE_URL
    key_variable: OPENAI_API_KEY
    models:
      blind:
        context_window: 10_000
        max_output_tokens: 1000
        capabilities: [streaming]
        cost_tier: low
"""
)
KEY: Final = "callers-key"
LONG: Final = "x" * 4000
PICTURE: Final = "iVBORw0KGgo="
BROKEN: Final = "Hello [[sim: words 30]] [[sim: stream-error]]"
Ask = Callable[[str, str, str, Any], Awaitable[Any]]
"""Asks at an URL, with a key, a model, for an answer to what is said."""


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with strict.running() as simulator:
        environ = {
            "OPENAI_BASE_URL": simulator.base_urls["openai"], "OPENAI_API_KEY": "sk",
            "LLM_ROUTER_API_KEYS": KEY,
        }  # fmt: skip
        access = read(environ)
        async with serving(environ, POLICY, capabilities=CAPABILITIES, access=access) as running:
            yield running.url


def _openai(url: str, key: str) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)


async def chat(url: str, key: str, model: str, said: Any) -> None:
    if said is PICTURE:
        part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{said}"}}
        said = [part]
    async with _openai(url, key) as client:
        stream: Any = await client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": said}], stream=said is BROKEN
        )
        if said is BROKEN:
            async for _ in stream:
                pass


async def responses(url: str, key: str, model: str, said: Any) -> None:
    if said is PICTURE:
        part = {"type": "input_image", "image_url": f"data:image/png;base64,{said}"}
        said = [{"role": "user", "content": [part]}]
    async with _openai(url, key) as client:
        await client.responses.create(model=model, input=said)


async def messages(url: str, key: str, model: str, said: Any) -> None:
    if said is PICTURE:
        source = {"type": "base64", "media_type": "image/png", "data": said}
        said = [{"type": "image", "source": source}]
    asked: Any = {
        "model": model, "max_tokens": 99, "messages": [{"role": "user", "content": said}],
    }  # fmt: skip
    async with anthropic.AsyncAnthropic(base_url=url, api_key=key, max_retries=0) as client:
        if said is BROKEN:
            async with client.messages.stream(**asked) as stream:
                await stream.get_final_message()
        else:
            await client.messages.create(**asked)


async def gemini(url: str, key: str, model: str, said: Any) -> None:
    client = genai.Client(api_key=key, http_options={"base_url": url})
    if said is PICTURE:
        said = {"inline_data": {"mime_type": "image/png", "data": said}}
    asked: Any = {"model": model, "contents": said}
    if said is BROKEN:
        stream = client.models.generate_content_stream(**asked)
        await asyncio.to_thread(list, stream)
    else:
        await asyncio.to_thread(client.models.generate_content, **asked)


Refusals = dict[str, tuple[type[Exception], int]]
REFUSALS: Final[dict[str, tuple[Ask, Refusals]]] = {
    "chat": (chat, {
        "key": (openai.AuthenticationError, 401), "model": (openai.NotFoundError, 404),
        "size": (openai.APIStatusError, 413), "plan": (openai.BadRequestError, 400),
        "broken": (openai.APIError, 0),
    }),
    "responses": (responses, {
        "key": (openai.AuthenticationError, 401), "model": (openai.NotFoundError, 404),
        "size": (openai.APIStatusError, 413), "plan": (openai.BadRequestError, 400),
    }),
    "messages": (messages, {
        "key": (anthropic.AuthenticationError, 401), "model": (anthropic.NotFoundError, 404),
        "size": (anthropic.RequestTooLargeError, 413), "plan": (anthropic.BadRequestError, 400),
        "broken": (anthropic.APIStatusError, 0),
    }),
    "gemini": (gemini, {
        "key": (google.ClientError, 401), "model": (google.ClientError, 404),
        "size": (google.ClientError, 413), "plan": (google.ClientError, 400),
        "broken": (google.APIError, 0),
    }),
}  # fmt: skip
ASKED: Final = {
    "key": ("nobodys", "p", "hi"), "model": (KEY, "nobody", "hi"), "size": (KEY, "p", LONG),
    "plan": (KEY, "blind", PICTURE), "broken": (KEY, "p", BROKEN),
}  # fmt: skip


@pytest.mark.parametrize(
    ("api", "why"), [(api, why) for api, (_, refusals) in REFUSALS.items() for why in refusals]
)
async def test_an_sdk_raises_its_own_class(url: str, api: str, why: str) -> None:
    ask, refusals = REFUSALS[api]
    expected, status = refusals[why]
    key, model, said = ASKED[why]
    with pytest.raises(expected) as raised:
        await asyncio.wait_for(ask(url, key, model, said), 30)
    if status:
        told: Any = raised.value
        assert status == (told.code if isinstance(told, google.APIError) else told.status_code)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/v1/messages", lambda body: body["error"]["type"]),
        ("/v1/responses/resp_1/cancel", lambda body: body["error"]["type"]),
        ("/v1beta/models/p:generateContent", lambda body: body["error"]["status"]),
    ],
)
async def test_a_wrong_method_is_told_in_the_words_of_the_api(
    url: str, path: str, told: Callable[[Any], str]
) -> None:
    headers = {"authorization": f"Bearer {KEY}", "anthropic-version": "2023-06-01"}
    async with (
        aiohttp.ClientSession() as session,
        session.put(f"{url}{path}", headers=headers, json={}) as answer,
    ):
        assert answer.status == 405
        assert told(loads(await answer.read()))


async def test_what_is_not_here_is_told_anthropics_clients_in_their_words(url: str) -> None:
    """Also under paths that no API of theirs is served at."""
    async with anthropic.AsyncAnthropic(base_url=url, api_key=KEY, max_retries=0) as client:
        with pytest.raises(anthropic.NotFoundError) as error:
            await client.beta.files.list()
        with pytest.raises(anthropic.APIStatusError) as wrong:
            await client.post("/v1/models", cast_to=object)
    for told, type in ((error.value, "not_found_error"), (wrong.value, "invalid_request_error")):
        body: Any = told.body
        assert (body["type"], body["error"]["type"]) == ("error", type)
        assert body["request_id"] == told.request_id
    assert wrong.value.status_code == 405


_SCHEMA: Final = {"type": "object", "properties": {}, "additionalProperties": False}
_SEARCH: Final = {"type": "web_search_20250305", "name": "web_search"}


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"text": {"format": {"type": "json_schema", "name": "n", "schema": _SCHEMA}}},
         "text.format"),
        ({"top_logprobs": 2}, "top_logprobs"),
    ],
)  # fmt: skip
async def test_responses_names_the_field_that_no_target_serves(
    url: str, more: Any, field: str
) -> None:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0) as client:
        with pytest.raises(openai.BadRequestError) as error:
            await client.responses.create(model="blind", input="hi", **more)
    assert (error.value.code, error.value.param) == ("no_eligible_target", field)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"output_config": {"format": {"type": "json_schema", "schema": _SCHEMA}}},
         "output_config.format"),
        ({"tools": [_SEARCH]}, "tools"),
    ],
)  # fmt: skip
async def test_messages_names_the_field_that_no_target_serves(
    url: str, more: Any, field: str
) -> None:
    asked: Any = {"model": "blind", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
    async with anthropic.AsyncAnthropic(base_url=url, api_key=KEY, max_retries=0) as client:
        with pytest.raises(anthropic.BadRequestError) as error:
            await client.messages.create(**asked, **more)
    body: Any = error.value.body
    assert body["error"]["message"].startswith(f"{field}: No target of 'blind'")
