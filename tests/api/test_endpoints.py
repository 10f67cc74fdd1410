"""Where a request goes and how it is opened, as its row says: Azure's deployments and versions,
keys in other headers. On real sockets.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest

from tests.api.failing import MODES, World, said, target, until
from tests.fakes import Answer, Received, fake_upstream, json_answer
from tests.serving import serving
from translators.json_codec import dumps

KEYS: Final = {"AZURE_KEY": "canary-azure-key", "OTHER_KEY": "canary-other-key"}
AZURE: Final[dict[str, Any]] = {"key_variable": "AZURE_KEY", "auth": {"header": "api-key"}}
DEPLOYMENTS: Final = "/openai/deployments/{model}?api-version=2024-10-21"
CREDENTIALS: Final = ("authorization", "api-key", "x-api-key", "x-goog-api-key")
REFUSED: Final = json_answer(
    {"error": {"code": "401", "message": "Access denied due to invalid subscription key."}},
    "401 Unauthorized",
)
CLAUDE: Final = json_answer({
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-served",
    "content": [{"type": "text", "text": "hi"}],
    "stop_reason": "end_turn", "usage": {"input_tokens": 3, "output_tokens": 2},
})  # fmt: skip
GEMINI: Final = json_answer(
    {
        "candidates": [
            {"content": {"role": "model", "parts": [{"text": "hi"}]}, "finishReason": "STOP"}
        ]
    }
)


@asynccontextmanager
async def provider(
    path: str,
    *,
    model: str = "m",
    facts: dict[str, Any] | None = None,
    answers: dict[str, Answer],
    **row: Any,
) -> AsyncIterator[World]:
    """A persona `p` whose only target is at a fake provider's URL with this path and query."""
    async with fake_upstream(**answers) as fake:
        made = target(fake.url + path, model=facts or {}, **row)
        made["models"] = {model: made["models"]["m"]}
        policy = {
            "version": 1,
            "personas": {
                "p": {"description": "d", "targets": [f"one/{model}"], "on_failure": {"retries": 0}}
            },
        }
        capabilities = dumps({"version": 1, "providers": {"one": made}}).decode()
        environ = {**KEYS, "MOVED_URL": fake.url + "/moved/{model}/x?of=b"}
        async with serving(
            environ,
            dumps({**policy, "server": {"drain_delay": 0}}).decode(),
            capabilities=capabilities,
        ) as running:
            yield World(running, fake)


async def asked(path: str, mode: str = "json", **more: Any) -> Received:
    """What a provider at this path and query gets."""
    async with provider(
        path, **{"answers": {path.split("/")[1].split("?")[0]: said("hi", mode)}, **more}
    ) as there:
        reply = await there.ask(mode)
        assert (reply.status, reply.content) == (200, "hi")
        (received,) = there.fake.received
        return received


def opened_by(received: Received) -> dict[str, str]:
    """The headers of a request that can carry a key."""
    return {name: received.headers[name] for name in CREDENTIALS if name in received.headers}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("path", "row", "expected"),
    [
        (DEPLOYMENTS, {}, "/openai/deployments/gpt-4.1/chat/completions?api-version=2024-10-21"),
        (
            "/openai/deployments/{model}",
            {"api_version": "2024-10-21"},
            "/openai/deployments/gpt-4.1/chat/completions?api-version=2024-10-21",
        ),
        ("/openai/v1/", {}, "/openai/v1/chat/completions"),
        ("/openai/v1/?api-version=preview", {}, "/openai/v1/chat/completions?api-version=preview"),
        (
            "/openai/v1?team=a",
            {"api_version": "preview"},
            "/openai/v1/chat/completions?team=a&api-version=preview",
        ),
    ],
    ids=["deployments", "api_version", "v1", "v1 with a query", "both"],
)
async def test_azure_is_a_row(path: str, row: dict[str, Any], expected: str, mode: str) -> None:
    """The key is all of its header; the paths stand before the query; the deployment is the model's
    id.
    """
    received = await asked(path, mode, model="gpt-4.1", **AZURE, **row)
    assert received.path == expected
    assert opened_by(received) == {"api-key": "canary-azure-key"}
    assert received.body["model"] == "gpt-4.1"


async def test_a_deployment_is_one_segment_of_the_path() -> None:
    received = await asked(DEPLOYMENTS, model="team/chat:8b", **AZURE)
    assert (
        received.path
        == "/openai/deployments/team%2Fchat:8b/chat/completions?api-version=2024-10-21"
    )


async def test_a_token_of_entra_is_a_bearer() -> None:
    received = await asked(DEPLOYMENTS, key_variable="AZURE_KEY", auth="bearer")
    assert opened_by(received) == {"authorization": "Bearer canary-azure-key"}


async def test_a_row_that_says_nothing_sends_a_bearer_and_no_query() -> None:
    received = await asked("/v1", key_variable="AZURE_KEY")
    assert (received.path, opened_by(received)) == (
        "/v1/chat/completions",
        {"authorization": "Bearer canary-azure-key"},
    )


async def test_a_provider_without_a_key_is_sent_none() -> None:
    assert opened_by(await asked("/v1?team=a")) == {}


async def test_models_that_answer_through_responses_are_asked_there_with_key_and_query() -> None:
    output = [
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "hi", "annotations": []}],
        }
    ]
    answer = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": "m",
        "output": output,
        "usage": None,
    }
    received = await asked(
        "/openai/v1?api-version=preview", facts={"responses": "always"},
        answers={"openai": json_answer(answer)}, **AZURE
    )  # fmt: skip
    assert (received.path, opened_by(received)) == (
        "/openai/v1/responses?api-version=preview",
        {"api-key": "canary-azure-key"},
    )


@pytest.mark.parametrize("mode", MODES)
async def test_every_key_of_a_provider_is_sent_in_its_header(mode: str) -> None:
    def either(received: Received) -> Any:
        return said("hi", mode) if received.headers["api-key"] == KEYS["OTHER_KEY"] else REFUSED

    async with provider(
        DEPLOYMENTS,
        answers={"openai": either},
        keys=["AZURE_KEY", "OTHER_KEY"],
        auth={"header": "api-key"},
    ) as there:
        replies = [await there.ask(mode) for _ in range(4)]
        assert {reply.status for reply in replies} == {200}
        tried = [opened_by(received) for received in there.fake.received]
    assert {name for headers in tried for name in headers} == {"api-key"}


async def test_a_refused_key_is_in_no_log_and_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    async with provider(DEPLOYMENTS, answers={"openai": REFUSED}, **AZURE) as there:
        reply = await there.ask()
    assert (reply.status, reply.code) == (502, "provider_auth_failed")
    assert "canary" not in f"{caplog.text}{reply.text!r}{reply.headers}"


async def test_the_environment_moves_it() -> None:
    received = await asked(
        "/gone/{model}", answers={"moved": said("hi")}, base_url_variable="MOVED_URL",
        api_version="1", **AZURE
    )  # fmt: skip
    assert (received.path, opened_by(received)) == (
        "/moved/m/x/chat/completions?of=b&api-version=1",
        {"api-key": "canary-azure-key"},
    )


@pytest.mark.parametrize(
    ("dialect", "answer", "own"),
    [("claude", CLAUDE, "x-api-key"), ("gemini", GEMINI, "x-goog-api-key")],
    ids=["claude", "gemini"],
)
async def test_other_dialects_can_be_opened_otherwise_too(
    dialect: str, answer: Answer, own: str
) -> None:
    row = {"dialect": dialect, "key_variable": "OTHER_KEY", "answers": {"gate": answer}}
    assert opened_by(await asked("/gate", **row)) == {own: "canary-other-key"}
    assert opened_by(await asked("/gate", auth="bearer", **row)) == {
        "authorization": "Bearer canary-other-key"
    }
    assert opened_by(await asked("/gate", auth={"header": "Api-Key"}, **row)) == {
        "api-key": "canary-other-key"
    }


async def test_claude_is_told_its_version_whatever_opens_it() -> None:
    received = await asked(
        "/anthropic",
        dialect="claude",
        key_variable="OTHER_KEY",
        auth="bearer",
        answers={"anthropic": CLAUDE},
    )
    assert (received.path, received.headers["anthropic-version"]) == (
        "/anthropic/v1/messages",
        "2023-06-01",
    )


@pytest.mark.parametrize(
    ("base", "path", "expected"),
    [
        ("/openai/v1", "/models", "/openai/v1/models"),
        ("/openai/v1?api-version=preview", "/models", "/openai/v1/models?api-version=preview"),
        (
            "/openai/v1?api-version=preview",
            "/models?top=1",
            "/openai/v1/models?top=1&api-version=preview",
        ),
        (DEPLOYMENTS, "/../../models", "/openai/models?api-version=2024-10-21"),
        (DEPLOYMENTS, "/x", "/openai/deployments/m/x?api-version=2024-10-21"),
    ],
)
async def test_a_health_check_goes_where_requests_go(base: str, path: str, expected: str) -> None:
    check = {"path": path, "every": 60, "timeout": 5}
    async with provider(
        base, answers={"openai": json_answer({"data": []})}, health_check=check, **AZURE
    ) as there:
        await until(lambda: bool(there.fake.received))
        (received,) = there.fake.received
    assert (received.path, opened_by(received)) == (expected, {"api-key": "canary-azure-key"})
