"""Big bodies are read, refused and sent on as small ones are: they only take another way, through a
thread.
"""

import io
from typing import Any

import aiohttp
import pytest

from gateway.http.body import MAX_KEYS, MAX_VALUES
from tests.fakes import fake_upstream, json_answer, openai_completion
from tests.serving import serving
from tests.translators.gemini.request.test_schema_growth import tree
from translators.json_codec import dumps, loads
from translators.pieces import LONG

WORDS = "word " * 100_000
FROM_GEMINI = {
    "candidates": [
        {"content": {"role": "model", "parts": [{"text": "seen"}]}, "finishReason": "STOP"}
    ]
}
BIG: dict[str, Any] = {"model": "on_openai", "messages": [{"role": "user", "content": WORDS}]}


async def post(path: str, data: bytes) -> tuple[int, Any, list[Any]]:
    async with (
        fake_upstream(
            openai=json_answer(openai_completion()), gemini=json_answer(FROM_GEMINI)
        ) as fake,
        serving(fake.environ()) as running,
        aiohttp.ClientSession() as session,
        session.post(
            f"{running.url}{path}",
            data=io.BytesIO(data),
            headers={"content-type": "application/json"},
        ) as answer,
    ):
        return answer.status, await answer.json(), [received.body for received in fake.received]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/v1/chat"])
async def test_a_big_request_is_served(path: str) -> None:
    data = (
        dumps(BIG)
        if path.startswith("/v1")
        else dumps({"persona": "on_openai", "messages": BIG["messages"]})
    )
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
        (dumps({**BIG, "x": [[]] * MAX_VALUES}), 400, "too_many_values"),
        (dumps({**BIG, "x": [{"k": 0}] * MAX_KEYS}), 400, "too_many_values"),
        (dumps({**BIG, "model": "nobody"}), 404, "model_not_found"),
    ],
)
async def test_a_big_request_that_breaks_a_rule(data: bytes, status: int, code: str) -> None:
    got, document, sent = await post("/v1/chat/completions", data)
    assert (got, document["error"]["code"], sent) == (status, code, [])


@pytest.mark.parametrize(("levels", "status", "requests"), [(3, 200, 1), (8, 200, 1), (30, 400, 0)])
async def test_a_small_request_whose_references_stand_for_much(
    levels: int, status: int, requests: int
) -> None:
    """Read on the loop, built in the thread, refused: by how much they add."""
    tool = {"type": "function", "function": {"name": "look", "parameters": tree(levels)}}
    asked = {"model": "on_gemini", "messages": [{"role": "user", "content": "go"}], "tools": [tool]}
    got, document, sent = await post("/v1/chat/completions", dumps(asked))
    assert (got, len(sent)) == (status, requests)
    assert status == 200 or document["error"]["param"] == "tools[0].function.parameters"


@pytest.mark.parametrize("model", ["on_openai", "on_gemini"])
@pytest.mark.parametrize("letter", ["\\u7684", "x", "é", "\\ud83d\\ude00", "\\n"])
async def test_texts_of_megabytes_arrive_as_they_were(model: str, letter: str) -> None:
    """They are read and written in pieces."""
    text = letter * (LONG // len(letter.encode())) + "end"
    data = f'{{"model":"{model}","messages":[{{"role":"user","content":"{text}"}}]}}'.encode()
    status, _, (sent,) = await post("/v1/chat/completions", data)
    shown = (
        sent["messages"][0]["content"]
        if model == "on_openai"
        else sent["contents"][0]["parts"][0]["text"]
    )
    assert (status, shown) == (200, loads(f'"{text}"'.encode()))


@pytest.mark.parametrize(
    ("text", "status", "repaired"), [("\\ud83d", 200, "\ufffd"), ("\\x", 400, None)]
)
async def test_a_text_of_megabytes_that_is_not_valid(
    text: str, status: int, repaired: str | None
) -> None:
    data = f'{{"model":"on_openai","messages":[{{"role":"user","content":"{"x" * LONG}{text}{"x" * LONG}"}}]}}'.encode()  # noqa: E501
    got, document, sent = await post("/v1/chat/completions", data)
    assert got == status
    if repaired is None:
        assert (document["error"]["code"], sent) == ("invalid_json", [])
    else:
        assert sent[0]["messages"][0]["content"] == "x" * LONG + repaired + "x" * LONG
