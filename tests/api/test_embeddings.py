"""POST /v1/embeddings through a whole gateway, at providers that do what each test says."""

import asyncio
import math
import struct
from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from io import BytesIO
from typing import Any

import aiohttp
import openai
import pytest
from aiohttp import web
from google import genai

from gateway.api import routes
from gateway.api.embeddings import gemini_embeddings
from gateway.api.request import Request
from gateway.simulator.embeddings import vector
from gateway.telemetry.events import RequestEnded
from gateway.telemetry.request_log import line
from tests.fakes import FakeUpstream, Hang, InTurn, Received, Step, fake_upstream, json_answer
from tests.serving import Running, serving
from tests.strict.server import running
from translators.gemini.inbound.embeddings import METHODS
from translators.json_codec import dumps, loads
from translators.openai import inbound as chat_completions

CAPABILITIES = """
version: 1
providers:
  first:
    dialect: openai
    base_url: FIRST
    keys: [FIRST_KEY, SECOND_KEY]
    models:
      small: {capabilities: [embeddings], cost_tier: low, prices: [{valid_from: 2026-11-01, input: 20}], embedding: SMALL}
      text_only: {capabilities: [embeddings], cost_tier: low, embedding: {dimensions: 2, base64: false}}
      cut: {capabilities: [embeddings], cost_tier: low, embedding: {dimensions: 3, shorten: cut}}
      chat: {context_window: 1000, max_output_tokens: 100, cost_tier: low, capabilities: [streaming]}
  second:
    dialect: openai
    base_url: SECOND
    models:
      small: {capabilities: [embeddings], cost_tier: low, embedding: SMALL}
  google:
    dialect: gemini
    base_url: GOOGLE
    key_variable: FIRST_KEY
    models:
      birds:
        capabilities: [embeddings]
        cost_tier: low
        embedding: {dimensions: 8, shorten: request, max_inputs: 3, max_input_tokens: 20, normalised: native_only}
""".replace(  # noqa: E501
    "SMALL",
    "{space: s, dimensions: 2, max_inputs: 4, max_request_tokens: 500, max_input_tokens: 100,"
    " tokens: cl100k_base}",
)
POLICY = """
version: 1
server: {drain_delay: 0}
personas:
  search: {targets: [first/small, second/small], on_failure: {retries: 0}}
  patient: {targets: [first/small], on_failure: {retries: 1, backoff: {initial: 0.01}}}
  texts: {targets: [first/text_only], on_failure: {retries: 0}}
  cut: {targets: [first/cut], defaults: {dimensions: 2}}
  birds: {targets: [google/birds], on_failure: {retries: 0}}
  chat: {targets: [first/chat]}
  required: {targets: [first/text_only], requires: [embeddings]}
"""


def made(received: Received) -> list[Step]:
    """One vector for each text, its first number the text's own; usage 10 for each."""
    inputs = received.body["input"]
    data = [
        {"object": "embedding", "index": i, "embedding": [number(each), 0.5]}
        for i, each in enumerate(inputs)
    ]
    usage = {"prompt_tokens": 10 * len(inputs), "total_tokens": 10 * len(inputs)}
    return json_answer({"object": "list", "data": data[::-1], "model": "served", "usage": usage})


def number(text: Any) -> float:
    return float(text[1:]) if isinstance(text, str) and text[1:].isdigit() else 0.25


def birds(received: Received) -> list[Step]:
    texts = [each["content"]["parts"][0]["text"] for each in received.body["requests"]]
    return json_answer(
        {
            "embeddings": [{"values": [3.0, 4.0]} for _ in texts],
            "usageMetadata": {"promptTokenCount": len(texts)},
        }
    )


@asynccontextmanager
async def gateway(**answers: Any) -> AsyncIterator[tuple[Running, FakeUpstream]]:
    async with fake_upstream(**{"first": made, "second": made, "google": birds, **answers}) as fake:
        capabilities = CAPABILITIES
        for name in ("FIRST", "SECOND", "GOOGLE"):
            capabilities = capabilities.replace(
                f"base_url: {name}", f"base_url: {fake.url}/{name.lower()}"
            )
        async with serving(
            {"FIRST_KEY": "k1", "SECOND_KEY": "k2"}, POLICY, capabilities=capabilities
        ) as run:
            yield run, fake


Asked = tuple[int, Any, dict[str, str]]


async def ask(run: Running, body: Any, path: str = "/v1/embeddings", **headers: str) -> Asked:
    sent, declared = BytesIO(dumps(body)), {"content-type": "application/json", **headers}
    async with (
        aiohttp.ClientSession() as session,
        session.post(run.url + path, data=sent, headers=declared) as answer,
    ):
        return (
            answer.status,
            loads(await answer.read()),
            {name.lower(): value for name, value in answer.headers.items()},
        )


def ended(run: Running) -> RequestEnded:
    return [event for event in run.events if isinstance(event, RequestEnded)][-1]


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.01)


def texts(count: int) -> list[str]:
    return [f"t{i}" for i in range(count)]


async def test_an_answer_is_openais_with_the_gateways_headers_and_accounts() -> None:
    async with gateway() as (run, fake):
        status, body, headers = await ask(run, {"model": "search", "input": "t7", "user": "u"})
        assert (status, body) == (200, {
            "object": "list",
            "data": [{"object": "embedding", "index": 0, "embedding": [7.0, 0.5]}],
            "model": "served",
            "usage": {"prompt_tokens": 10, "total_tokens": 10},
        })  # fmt: skip
        assert fake.received[0].body == {
            "model": "small",
            "input": ["t7"],
            "encoding_format": "float",
            "user": "u",
        }
        shown = [
            headers[f"x-llm-router-{name}"] for name in ("persona", "provider", "model", "attempts")
        ]
        assert shown == ["search", "first", "served", "1"]
        event = ended(run)
        decisions = f"{run.url}/api/v1/decisions"
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{decisions}/{headers['x-llm-router-decision']}") as got,
        ):
            decision = await got.json()
        assert (decision["served"], decision["prompt_tokens"], decision["completion_tokens"]) == (
            "first/small",
            10,
            0,
        )
        assert (
            event.api,
            event.outcome,
            event.usage and event.usage.completion,
            event.cost_nano_usd,
        ) == ("embeddings", "ok", 0, 200_000)
        async with aiohttp.ClientSession() as session, session.get(f"{run.url}/metrics") as got:
            assert 'persona="search"' in await got.text()


@pytest.mark.parametrize("persona", ["search", "texts"])
async def test_base64_is_answered_whatever_the_provider_gives(persona: str) -> None:
    async with gateway() as (run, fake):
        _, body, _ = await ask(
            run, {"model": persona, "input": ["t1", "t2"], "encoding_format": "base64"}
        )
        assert [struct.unpack("<2f", b64decode(item["embedding"])) for item in body["data"]] == [
            (1.0, 0.5),
            (2.0, 0.5),
        ]
        assert ("encoding_format" in fake.received[0].body) == (persona == "search")


async def test_float_is_answered_where_the_provider_gives_base64() -> None:
    packed = json_answer({"data": [{"embedding": "zczMPc3MTD4="}], "usage": {"prompt_tokens": 1}})
    async with gateway(first=packed) as (run, _):
        _, body, _ = await ask(run, {"model": "search", "input": "a", "encoding_format": "float"})
    assert body["data"][0]["embedding"] == [0.1, 0.2]


async def test_token_ids_are_relayed_where_the_target_takes_them_and_made_text_elsewhere() -> None:
    async with gateway() as (run, fake):
        for persona in ("search", "texts", "birds"):
            status, _, _ = await ask(run, {"model": persona, "input": [[15339, 1917], [16417]]})
            assert status == 200
    first, second, third = (received.body for received in fake.received)
    assert first["input"] == [[15339, 1917], [16417]]
    assert second["input"] == ["hello world", "yo"]
    assert [each["content"]["parts"] for each in third["requests"]] == [
        [{"text": "hello world"}],
        [{"text": "yo"}],
    ]


async def test_more_token_ids_are_taken_than_values_of_a_chat() -> None:
    async with gateway() as (run, fake):
        status, body, _ = await ask(run, {"model": "search", "input": [[1] * 99] * 4500})
    assert (status, len(body["data"])) == (200, 4500)
    assert sum(len(received.body["input"]) for received in fake.received) == 4500


async def test_an_id_that_is_no_token_is_named_by_the_callers_number() -> None:
    async with gateway() as (run, _):
        status, body, _ = await ask(run, {"model": "birds", "input": [*([[15339]] * 4), [100_257]]})
    assert (status, body["error"]["param"], body["error"]["code"]) == (
        400,
        "input[4]",
        "invalid_value",
    )
    assert body["error"]["message"] == "Invalid 'input[4]': 100257 is no token of cl100k_base."


async def test_many_inputs_are_split_and_put_together_in_the_callers_order() -> None:
    async with gateway() as (run, fake):
        _, body, headers = await ask(run, {"model": "search", "input": texts(10)})
    assert [(item["index"], item["embedding"][0]) for item in body["data"]] == [
        (i, float(i)) for i in range(10)
    ]
    assert sorted(len(received.body["input"]) for received in fake.received) == [2, 4, 4]
    assert (body["usage"]["prompt_tokens"], headers["x-llm-router-attempts"]) == (100, "3")
    event = ended(run)
    assert (event.usage and event.usage.prompt, event.cost_nano_usd) == (100, 2_000_000)


async def test_tokens_split_too() -> None:
    async with gateway() as (run, fake):
        status, _, _ = await ask(run, {"model": "search", "input": [[1] * 90] * 8})
    assert status == 200
    assert sorted(len(received.body["input"]) for received in fake.received) == [4, 4]


def at_most(
    count: int, refusal: dict[str, Any], status: str = "400 Bad Request"
) -> Callable[[Received], list[Step]]:
    def answer(received: Received) -> list[Step]:
        return (
            json_answer({"error": refusal}, status)
            if len(received.body["input"]) > count
            else made(received)
        )

    return answer


@pytest.mark.parametrize(
    ("status", "refusal"),
    [
        ("400 Bad Request", {"message": "Requested 9 tokens, max 3", "type": "max_tokens_per_request", "code": "max_tokens_per_request"}),  # noqa: E501
        ("400 Bad Request", {"message": "Invalid 'input': maximum request size is 300000 tokens.", "type": "invalid_request_error"}),  # noqa: E501
        ("413 Payload Too Large", {"message": "too large", "type": "invalid_request_error"}),
    ],
)  # fmt: skip
async def test_a_part_that_is_too_large_in_total_is_halved(
    status: str, refusal: dict[str, Any]
) -> None:
    async with gateway(first=at_most(1, refusal, status)) as (run, fake):
        got, body, headers = await ask(run, {"model": "search", "input": texts(4)})
    assert got == 200
    assert [item["embedding"][0] for item in body["data"]] == [0.0, 1.0, 2.0, 3.0]
    assert {received.path for received in fake.received} == {"/first/embeddings"}
    assert headers["x-llm-router-attempts"] == str(len(fake.received)) == "7"


async def test_one_input_that_is_too_large_is_the_callers_to_see() -> None:
    refusal = {
        "message": "This model's maximum context length is 5 tokens",
        "code": "context_length_exceeded",
    }
    async with gateway(first=at_most(0, refusal), second=at_most(0, refusal)) as (run, _):
        status, body, _ = await ask(run, {"model": "search", "input": "t1"})
    assert (status, body["error"]["code"]) == (400, "context_length_exceeded")


async def test_a_part_that_fails_goes_to_the_next_target_of_the_space() -> None:
    def first(received: Received) -> list[Step]:
        return (
            json_answer({"error": {"message": "down"}}, "500 Oh")
            if "t5" in received.body["input"]
            else made(received)
        )

    async with gateway(first=first) as (run, fake):
        status, body, headers = await ask(run, {"model": "search", "input": texts(10)})
    assert (status, [item["embedding"][0] for item in body["data"]]) == (
        200,
        [float(i) for i in range(10)],
    )
    assert [
        received.body["input"][0]
        for received in fake.received
        if received.path.startswith("/second")
    ] == ["t4"]
    assert headers["x-llm-router-attempts"] == "4"


@pytest.mark.parametrize(
    "answer",
    [
        {"data": []},
        {"data": [{"embedding": [1.0, 2.0]}] * 2},
        {"data": [{"embedding": [1.0, None]}]},
        {"data": "none"},
    ],
)
async def test_an_answer_that_cannot_be_read_is_a_failure(answer: Any) -> None:
    async with gateway(first=json_answer(answer)) as (run, _):
        status, body, headers = await ask(run, {"model": "search", "input": "t3"})
    assert (status, body["data"][0]["embedding"], headers["x-llm-router-provider"]) == (
        200,
        [3.0, 0.5],
        "second",
    )


async def test_a_refused_key_is_followed_by_the_other() -> None:
    def keyed(received: Received) -> list[Step]:
        used.append(received.headers["authorization"])
        return (
            made(received)
            if len(used) > 1
            else json_answer({"error": {"message": "no"}}, "401 Unauthorized")
        )

    used: list[str] = []
    async with gateway(first=keyed) as (run, _):
        status, _, _ = await ask(run, {"model": "search", "input": "t1"})
    assert (status, sorted(used)) == (200, ["Bearer k1", "Bearer k2"])


async def test_a_rate_limit_is_waited_for_and_told() -> None:
    limited = json_answer({"error": {"message": "slow down"}}, "429 Slow", Retry_After="40")
    async with gateway(first=limited, second=limited) as (run, _):
        status, body, headers = await ask(run, {"model": "search", "input": "t1"})
    assert (status, body["error"]["code"], headers["retry-after"]) == (
        429,
        "rate_limit_exceeded",
        "40",
    )


async def test_a_part_that_fails_once_is_asked_again() -> None:
    failed = json_answer({"error": {"message": "down"}}, "503 Oh")
    answers = InTurn(
        failed, json_answer({"data": [{"embedding": [1, 2]}], "usage": {"prompt_tokens": 1}})
    )
    async with gateway(first=answers) as (run, _):
        status, _, headers = await ask(run, {"model": "patient", "input": "t1"})
    assert (status, headers["x-llm-router-attempts"]) == (200, "2")


async def test_what_cannot_be_mended_ends_the_request_and_hangs_up_on_the_rest() -> None:
    def first(received: Received) -> list[Step]:
        return (
            json_answer({"error": {"message": "no"}}, "400 No")
            if "t0" in received.body["input"]
            else [Hang()]
        )

    async with gateway(first=first) as (run, fake):
        status, _, _ = await asyncio.wait_for(ask(run, {"model": "search", "input": texts(12)}), 5)
        assert status == 400
        await asyncio.wait_for(asyncio.gather(*(each.left.wait() for each in fake.received[1:])), 5)


async def test_a_caller_who_leaves_ends_all_parts() -> None:
    async with gateway(first=[Hang()]) as (run, fake):
        asked = asyncio.ensure_future(ask(run, {"model": "search", "input": texts(8)}))
        await until(lambda: len(fake.received) == 2)
        asked.cancel()
        await asyncio.wait_for(asyncio.gather(*(each.left.wait() for each in fake.received)), 5)
        await until(lambda: bool(run.events))
        assert ended(run).outcome == "client_gone"


async def test_at_most_four_parts_are_under_way_together() -> None:
    gate = asyncio.Event()

    def first(received: Received) -> list[Step]:
        return [gate, *made(received)]

    async with gateway(first=first) as (run, fake):
        asked = asyncio.ensure_future(ask(run, {"model": "search", "input": texts(24)}))
        await until(lambda: len(fake.received) == 4)
        await asyncio.sleep(0.05)
        assert len(fake.received) == 4
        gate.set()
        assert (await asked)[0] == 200


async def test_what_nobody_counted_is_estimated_and_said_to_be() -> None:
    async with gateway(first=json_answer({"data": [{"embedding": [1, 2]}]})) as (run, _):
        _, body, headers = await ask(run, {"model": "search", "input": "seven geese in a row"})
    event = ended(run)
    assert headers["x-llm-router-usage"] == "estimated"
    assert body["usage"]["prompt_tokens"] == body["usage"]["total_tokens"] == event.usage.prompt > 0  # type: ignore[union-attr]
    assert event.cost_nano_usd is None
    assert b'"estimated":true' in line(0.0, event)


async def test_shortened_vectors_have_length_one() -> None:
    async with gateway() as (run, fake):
        _, body, _ = await ask(run, {"model": "birds", "input": "a heron", "dimensions": 2})
    assert fake.received[0].body["requests"][0]["outputDimensionality"] == 2
    assert body["data"][0]["embedding"] == [0.6, 0.8]
    assert body["usage"] == {"prompt_tokens": 1, "total_tokens": 1}


async def test_a_persona_may_say_the_dimensions_and_the_gateway_cuts() -> None:
    async with gateway(
        first=json_answer({"data": [{"embedding": [3, 4, 12]}], "usage": {"prompt_tokens": 1}})
    ) as (run, fake):
        _, body, _ = await ask(run, {"model": "cut", "input": "t1"})
    assert "dimensions" not in fake.received[0].body
    assert body["data"][0]["embedding"] == [0.6, 0.8]


@pytest.mark.parametrize(
    ("body", "status", "param", "code", "said"),
    [
        ({"model": "search", "input": "a", "dimensions": 7}, 400, "dimensions", "unsupported_value", "have 2 dimensions, not 7."),  # noqa: E501
        ({"model": "chat", "input": "a"}, 400, "model", "no_eligible_target", "The persona 'chat' has no model that makes embeddings."),  # noqa: E501
        ({"model": "nobody", "input": "a"}, 404, "model", "model_not_found", "The model 'nobody' does not exist."),  # noqa: E501
        ({"model": "search", "input": ["t1", [5]]}, 400, "input[1]", "invalid_type", "Invalid type for 'input[1]'"),  # noqa: E501
        (
            {"model": "search", "input": ["t1", "goose " * 200]}, 400, "input[1]", "context_length_exceeded",  # noqa: E501
            "This model's maximum context length is 100 tokens, but input 1 has 202.",
        ),
        ({"model": "search", "input": [[5] * 101]}, 400, "input[0]", "context_length_exceeded", "but input 0 has 101."),  # noqa: E501
    ],
)  # fmt: skip
async def test_what_cannot_be_is_refused_before_anybody_is_asked(
    body: Any, status: int, param: str, code: str, said: str
) -> None:
    async with gateway() as (run, fake):
        got, answer, _ = await ask(run, body)
    error = answer["error"]
    assert (got, error["param"], error["code"], fake.received) == (status, param, code, [])
    assert said in error["message"]


@pytest.mark.parametrize("persona", ["search", "required"])
async def test_a_chat_with_a_persona_of_embeddings_is_refused(persona: str) -> None:
    async with gateway() as (run, fake):
        body = {"model": persona, "messages": [{"role": "user", "content": "hi"}]}
        status, answer, _ = await ask(run, body, "/v1/chat/completions")
    assert (status, answer["error"]["param"], answer["error"]["code"], fake.received) == (
        400,
        "model",
        "no_eligible_target",
        [],
    )


async def test_strict_mode_refuses_what_would_be_dropped() -> None:
    async with gateway() as (run, fake):
        body = {"model": "search", "input": "t1", "input_type": "query"}
        status, answer, _ = await ask(run, body, **{"x-llm-router-params": "strict"})
        assert (status, answer["error"]["param"], fake.received) == (400, "input_type", [])
        _, _, headers = await ask(run, body)
        assert headers["x-llm-router-dropped-params"] == "input_type"


async def test_legacy_completions_are_told_where_to_go() -> None:
    async with gateway() as (run, _):
        status, answer, _ = await ask(run, {"model": "search", "prompt": "hi"}, "/v1/completions")
    assert (status, answer["error"]["code"]) == (404, "not_found")
    assert "/v1/chat/completions" in answer["error"]["message"]


async def test_a_number_that_base64_cannot_say_is_the_providers_failure() -> None:
    async with gateway(first=json_answer(b'{"data":[{"embedding":[1e39,1]}]}')) as (run, _):
        _, body, headers = await ask(
            run, {"model": "search", "input": "t1", "encoding_format": "base64"}
        )
    assert (body["data"][0]["embedding"], headers["x-llm-router-provider"]) == (
        "AACAPwAAAD8=",
        "second",
    )


async def test_a_persona_that_requires_embeddings_makes_them() -> None:
    async with gateway() as (run, _):
        status, _, _ = await ask(run, {"model": "required", "input": "t1"})
    assert status == 200


async def test_an_answer_that_takes_too_much_memory_is_refused() -> None:
    large = json_answer(b'{"data":[{"embedding":[' + b"1," * 300_000 + b"2]}]}")
    async with gateway(first=large) as (run, _):
        run.gateway.bodies.held = run.gateway.config.server.max_bodies_bytes - 100_000
        status, body, _ = await ask(run, {"model": "search", "input": "t1"})
    assert (status, body["error"]["code"]) == (503, "too_many_bodies")


SHIPPED = """
version: 1
personas:
  openai: {targets: [openai/text-embedding-3-small]}
  gemini: {targets: [gemini/gemini-embedding-001]}
"""


@asynccontextmanager
async def simulated() -> AsyncIterator[openai.AsyncOpenAI]:
    """OpenAI's own client, at the simulator behind the gateway."""
    async with running() as simulator:
        bases = {
            f"{name.upper()}_BASE_URL": simulator.base_urls[name] for name in ("openai", "gemini")
        }
        async with (
            serving({"OPENAI_API_KEY": "k", "GEMINI_API_KEY": "k", **bases}, SHIPPED) as run,
            openai.AsyncOpenAI(base_url=f"{run.url}/v1", api_key="none", max_retries=0) as client,
        ):
            yield client


@pytest.mark.parametrize(("persona", "dimensions"), [("openai", 1536), ("gemini", 3072)])
async def test_openais_client_gets_the_same_vector_in_each_form(
    persona: str, dimensions: int
) -> None:
    async with simulated() as client:
        unasked = await client.embeddings.create(model=persona, input="a coot")
        floats = await client.embeddings.create(
            model=persona, input=["a coot"], encoding_format="float"
        )
        short = await client.embeddings.create(model=persona, input="a coot", dimensions=16)
    first, second = unasked.data[0].embedding, floats.data[0].embedding
    assert len(first) == dimensions
    assert struct.pack(f"<{dimensions}f", *first) == struct.pack(f"<{dimensions}f", *second)
    assert second == pytest.approx(vector("a coot", dimensions))
    assert math.fsum(value * value for value in short.data[0].embedding) == pytest.approx(
        1.0, abs=1e-6
    )


@pytest.mark.parametrize("count", [1, 100, 101])
async def test_openais_client_gets_many_from_gemini_in_order(count: int) -> None:
    async with simulated() as client:
        answer = await client.embeddings.create(model="gemini", input=texts(count), dimensions=4)
    assert [item.index for item in answer.data] == list(range(count))
    assert [item.embedding for item in answer.data] == [
        pytest.approx(vector(text, 4), abs=1e-6) for text in texts(count)
    ]


async def test_openais_client_raises_its_own_errors() -> None:
    async with simulated() as client:
        with pytest.raises(openai.BadRequestError):
            await client.embeddings.create(model="openai", input="")
        with pytest.raises(openai.NotFoundError):
            await client.embeddings.create(model="nobody", input="a")


@pytest.fixture
def googles_routes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Google's methods of the personas here, whatever routes there are."""
    for persona in ("search", "birds", "text_only"):
        for method in METHODS:
            found = routes.Found(
                "/v1beta/models", persona, partial(googles, persona, method), chat_completions
            )
            for version in ("v1", "v1beta"):
                monkeypatch.setitem(
                    routes.BY_PATH, ("POST", f"/{version}/models/{persona}:{method}"), found
                )


async def googles(persona: str, method: str, http: Request) -> web.StreamResponse:
    return await gemini_embeddings(http, persona, method)


def googles_client(run: Running) -> genai.Client:
    return genai.Client(api_key="none", http_options={"base_url": run.url})


@pytest.mark.usefixtures("googles_routes")
@pytest.mark.parametrize(
    ("persona", "values"), [("search", [[1.0, 0.5], [2.0, 0.5]]), ("birds", [[0.6, 0.8]] * 2)]
)
async def test_googles_client_gets_vectors_of_any_provider(
    persona: str, values: list[list[float]]
) -> None:
    async with gateway() as (run, _):
        config = {
            "task_type": "RETRIEVAL_QUERY",
            **({"output_dimensionality": 2} if persona == "birds" else {}),
        }
        client = googles_client(run)
        answer = await asyncio.to_thread(
            client.models.embed_content, model=persona, contents=["t1", "t2"], config=config
        )  # type: ignore[arg-type]
    assert [each.values for each in answer.embeddings or ()] == [
        pytest.approx(each) for each in values
    ]


@pytest.mark.usefixtures("googles_routes")
async def test_a_batch_for_gemini_is_relayed_and_split() -> None:
    requests = [
        {"content": {"role": "user", "parts": [{"text": f"t{i}"}]}, "title": "new", "own": i}
        for i in range(5)
    ]
    async with gateway() as (run, fake):
        status, body, headers = await ask(
            run, {"requests": requests}, "/v1beta/models/birds:batchEmbedContents"
        )
    assert (status, len(body["embeddings"]), headers["x-llm-router-attempts"]) == (200, 5, "2")
    assert body["usageMetadata"] == {"promptTokenCount": 5, "totalTokenCount": 5}
    sent = [each for received in fake.received for each in received.body["requests"]]
    assert sorted(sent, key=lambda each: each["own"]) == [
        {**each, "model": "models/birds"} for each in requests
    ]


@pytest.mark.usefixtures("googles_routes")
async def test_what_is_no_text_is_refused_where_no_target_speaks_gemini() -> None:
    document = {
        "content": {
            "parts": [{"text": "a"}, {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]
        }
    }
    async with gateway() as (run, fake):
        status, body, _ = await ask(run, document, "/v1beta/models/search:embedContent")
        assert (status, body["error"]["param"], fake.received) == (400, "content.parts[1]", [])
        status, body, _ = await ask(run, document, "/v1beta/models/birds:embedContent")
        assert (status, list(body)) == (200, ["embedding", "usageMetadata"])
