"""Lists of models in Google's shape, and countTokens."""

from typing import Any

import aiohttp
import pytest

from tests.api.documented import check_component
from tests.api.gemini_calls import HELLO, answers, ask
from tests.fakes import fake_upstream
from tests.serving import Running, serving
from translators.json_codec import dumps, loads

POLICY = """
version: 1
server: {drain_delay: 0}
personas:
  wide: {description: Thinks., targets: [claude/claude-sonnet-5, gemini/gemini-3.5-flash]}
  plain: {description: Talks., system_prompt: Answer in one short sentence only., targets: [openai/gpt-4.1]}
"""  # noqa: E501
GOOGLES = {"x-goog-api-key": "any"}


async def get(
    running: Running, path: str, headers: dict[str, str] | None = None
) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(running.url + path, headers=headers) as answer,
    ):
        return answer.status, loads(await answer.read())


async def test_personas_are_models() -> None:
    async with fake_upstream() as fake, serving(fake.environ(), POLICY) as running:
        _, listed = await get(running, "/v1beta/models")
        status, one = await get(running, "/v1beta/models/wide")
        _, missing = await get(running, "/v1beta/models/nobody")
        _, vertex = await get(running, "/v1beta1/publishers/google/models")
        records = [
            m.record
            for p in running.gateway.config.providers.values()
            for m in p.models.values()
            if m.id in MODELS
        ]
    assert [model["name"] for model in listed["models"]] == ["models/wide", "models/plain"]
    assert "nextPageToken" not in listed
    assert (status, one) == (200, listed["models"][0])
    assert one["inputTokenLimit"] == max(record.context_window for record in records)
    assert one["outputTokenLimit"] == max(record.max_output_tokens for record in records)
    assert (one["displayName"], one["description"], one["thinking"]) == ("wide", "Thinks.", True)
    assert one["supportedGenerationMethods"] == ["generateContent", "countTokens"]
    assert (missing["error"]["code"], missing["error"]["status"]) == (404, "NOT_FOUND")
    assert vertex == {
        "publisherModels": [
            {"name": f"publishers/google/models/{name}"} for name in ("wide", "plain")
        ]
    }


MODELS = ("claude-sonnet-5", "gemini-3.5-flash")


async def test_pages() -> None:
    async with fake_upstream() as fake, serving(fake.environ(), POLICY) as running:
        _, first = await get(running, "/v1beta/models?pageSize=1")
        _, second = await get(
            running, f"/v1beta/models?pageSize=1&pageToken={first['nextPageToken']}"
        )
        _, wrong = await get(running, "/v1beta/models?pageSize=x")
    assert [page["models"][0]["displayName"] for page in (first, second)] == ["wide", "plain"]
    assert "nextPageToken" not in second
    assert wrong["error"]["status"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    ("path", "headers", "key"),
    [
        ("/v1/models", {}, "data"),
        ("/v1/models", GOOGLES, "models"),
        ("/v1/models", {"x-goog-api-client": "google-genai-sdk/3"}, "models"),
        ("/v1/models?key=any", {}, "models"),
        ("/v1/models?pageSize=5", {}, "models"),
        ("/v1/models?client_version=", {}, "models"),
        ("/v1/models?limit=5&client_version=0.171.0", {}, "models"),
        ("/v1/models?client_version=1", {"anthropic-version": "2023-06-01"}, "has_more"),
        ("/models", {}, "models"),
        ("/v1/models/wide", {}, "owned_by"),
        ("/v1/models/wide", GOOGLES, "supportedGenerationMethods"),
    ],
)
async def test_a_path_of_two_apis_answers_each_in_its_shape(
    path: str, headers: dict[str, str], key: str
) -> None:
    async with fake_upstream() as fake, serving(fake.environ(), POLICY) as running:
        _, document = await get(running, path, headers)
    assert key in document


@pytest.mark.parametrize("path", ["/v1/models", "/models"])
async def test_codex_is_listed_nothing_that_would_replace_what_it_knows(path: str) -> None:
    async with fake_upstream() as fake, serving(fake.environ(), POLICY) as running:
        status, document = await get(running, f"{path}?client_version=0.171.0")
    assert (status, document) == (200, {"models": []})
    check_component("CodexCatalog", document)


async def test_what_google_keeps_and_the_gateway_does_not_is_named() -> None:
    async with fake_upstream() as fake, serving(fake.environ(), POLICY) as running:
        for path in (
            "/v1beta/cachedContents",
            "/v1/files",
            "/upload/v1beta/files",
            "/v1/operations/x",
        ):
            status, document = await get(running, path, GOOGLES)
            assert (status, document["error"]["status"]) == (501, "UNIMPLEMENTED")
        assert (await get(running, "/v1/files"))[0] == 404
        assert (await get(running, "/v1beta/nothing"))[1]["error"]["status"] == "NOT_FOUND"


@pytest.mark.parametrize(
    "body",
    [
        HELLO,
        {"generateContentRequest": {"model": "models/plain", **HELLO}},
        {"generate_content_request": {**HELLO, "generation_config": {"max_output_tokens": 5}}},
    ],
)
async def test_tokens_are_counted_and_nothing_is_generated(body: Any) -> None:
    async with fake_upstream(**answers(False)) as fake, serving(fake.environ(), POLICY) as running:
        reply = await ask(running, "plain", body, method="countTokens")
        longer = await ask(
            running, "plain", {**HELLO, "systemInstruction": "Be kind. " * 20}, method="countTokens"
        )
    total = reply.document["totalTokens"]
    assert total > 5
    assert reply.document["promptTokensDetails"] == [{"modality": "TEXT", "tokenCount": total}]
    assert longer.document["totalTokens"] > total + 20
    assert fake.received == []


async def test_tokens_of_nobody_and_of_nothing() -> None:
    async with fake_upstream() as fake, serving(fake.environ(), POLICY) as running:
        assert (await ask(running, "nobody", method="countTokens")).status == 404
        assert (await ask(running, "plain", {}, method="countTokens")).document["error"][
            "status"
        ] == "INVALID_ARGUMENT"


ALIASED = POLICY.replace("server:", 'direct_models: true\naliases: {"tool-*": wide}\nserver:', 1)


@pytest.mark.parametrize("name", ["tool-3-flash", "openai/gpt-4.1", "wide"])
@pytest.mark.parametrize(
    ("path", "headers", "field", "before"),
    [
        ("/v1/models", {}, "id", ""),
        ("/v1/models", {"anthropic-version": "2023-06-01"}, "id", ""),
        ("/v1beta/models", GOOGLES, "name", "models/"),
    ],
)
async def test_every_name_that_may_be_asked_is_a_model(
    name: str, path: str, headers: dict[str, str], field: str, before: str
) -> None:
    """Names of an alias, too, though they are not listed."""
    async with fake_upstream() as fake, serving(fake.environ(), ALIASED) as running:
        status, document = await get(running, f"{path}/{name}", headers)
        unknown, _ = await get(running, f"{path}/nobody", headers)
        _, listed = await get(running, path, headers)
    assert (status, document[field], unknown) == (200, f"{before}{name}", 404)
    assert "tool-3-flash" not in dumps(listed).decode()
