"""What is refused as the embeddings APIs refuse it."""

from typing import Any

import openai as sdk
import pytest
from aiohttp import ClientSession
from google import genai
from openai import AsyncOpenAI

from gateway.simulator import Simulator
from tests.strict.embeddings import check_gemini
from tests.strict.refusal import Asked, Refused


@pytest.mark.parametrize(
    "body", [{"input": ""}, {"input": ["a", ""]}, {"input": ["a"] * 2049}, {"foo": 1}]
)
async def test_what_openai_refuses(openai: AsyncOpenAI, body: dict[str, Any]) -> None:
    asked = {"model": "text-embedding-3-small", "input": "a", **body}
    with pytest.raises(sdk.BadRequestError):
        await openai.post("/embeddings", cast_to=object, body=asked)


async def test_what_openai_takes(openai: AsyncOpenAI) -> None:
    answer = await openai.embeddings.create(model="m", input=["a", "b"], dimensions=3)
    assert [len(each.embedding) for each in answer.data] == [3, 3]


def request(**other: Any) -> dict[str, Any]:
    return {"model": "models/m", "content": {"parts": [{"text": "a"}]}, **other}


@pytest.mark.parametrize(
    "requests",
    [
        [],
        [request()] * 101,
        [request(model="models/other")],
        [request(foo=1)],
        [request(content={"parts": []})],
    ],
)
def test_what_google_refuses(requests: list[Any]) -> None:
    with pytest.raises(Refused):
        check_gemini({"requests": requests}, Asked({}, "m"))


async def test_what_google_takes(gemini: genai.Client) -> None:
    answer = await gemini.aio.models.embed_content(model="m", contents=["a", "b"])
    assert [len(each.values or ()) for each in answer.embeddings or ()] == [3072, 3072]


async def test_a_key_is_needed(sim: Simulator) -> None:
    url = f"{sim.base_urls['gemini']}/v1beta/models/m:batchEmbedContents"
    async with ClientSession() as http, http.post(url, json={"requests": [request()]}) as answer:
        assert answer.status == 403
