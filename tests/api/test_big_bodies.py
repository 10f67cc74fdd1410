"""Big bodies are read, refused and sent on as small ones are: they only take another way, through a thread."""

from typing import Any

import aiohttp
import pytest

from tests.fakes import fake_upstream, json_answer, openai_completion
from tests.serving import serving
from translators.jsontext import dumps

LONG = "word " * 100_000
BIG: dict[str, Any] = {"model": "on_openai", "messages": [{"role": "user", "content": LONG}]}


async def post(path: str, data: bytes) -> tuple[int, Any, list[Any]]:
    async with (
        fake_upstream(openai=json_answer(openai_completion())) as fake,
        serving(fake.environ()) as running,
        aiohttp.ClientSession() as session,
        session.post(f"{running.url}{path}", data=data, headers={"content-type": "application/json"}) as answer,
    ):
        return answer.status, await answer.json(), [received.body for received in fake.received]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/v1/chat"])
async def test_a_big_request_is_served(path: str) -> None:
    data = dumps(BIG) if path.startswith("/v1") else dumps({"persona": "on_openai", "messages": BIG["messages"]})
    status, _, (sent,) = await post(path, data)
    assert (status, sent["messages"]) == (200, BIG["messages"])


async def test_the_plan_of_a_big_request() -> None:
    assert (await post("/api/v1/route", dumps(BIG)))[0] == 200


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (dumps(BIG)[:-1], 400, "invalid_json"),
        (dumps(BIG)[:-1] + b',"model" :"x"}', 400, "invalid_json"),
        (dumps({**BIG, "n": 0}), 400, "integer_below_min_value"),
        (dumps({**BIG, "model": "nobody"}), 404, "model_not_found"),
    ],
)
async def test_a_big_request_that_breaks_a_rule(data: bytes, status: int, code: str) -> None:
    got, document, sent = await post("/v1/chat/completions", data)
    assert (got, document["error"]["code"], sent) == (status, code, [])
