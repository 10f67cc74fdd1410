"""Health checks on real sockets: what a free endpoint says decides whether its provider is asked,
and nothing else is called for it.
"""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from gateway.api.auth import read_admin
from gateway.cli.main import main
from gateway.revisions.load import simulated_by
from gateway.upstream.health_probe import MAX_BYTES
from tests.fakes import (
    End,
    FakeUpstream,
    Hang,
    InTurn,
    Received,
    Reset,
    Step,
    fake_upstream,
    json_answer,
    openai_completion,
)
from tests.serving import Running, config_of, serving

POLICY: Final = """
version: 1
server: {watch: 0, drain_delay: 0}
personas:
  p: {targets: [main/one, other/one], on_failure: {retries: 0}}
  alone: {targets: [main/one]}
"""
MODELS: Final = """
    models:
      one: {context_window: 8000, max_output_tokens: 2000, capabilities: [streaming], cost_tier: low}"""  # noqa: E501
ENVIRON: Final = {"MAIN_KEY": "sk-canary-main", "LLM_ROUTER_ADMIN_KEY": "operator-key-0123456789"}
CHECKED: Final = "health_check: {path: /models, every: 0.1, timeout: 2}"
WELL: Final = json_answer({"data": []})
BROKEN: Final = json_answer({"error": "x"}, "503 Service Unavailable")


def capabilities(
    url: str, check: str = CHECKED, dialect: str = "openai", main: str | None = None
) -> str:
    """Two providers at a fake one; `main` has the check, and may be elsewhere."""
    return f"""
version: 1
providers:
  main:
    dialect: {dialect}
    base_url: {main or url + "/main"}
    key_variable: MAIN_KEY
    {check}{MODELS}
  other:
    dialect: openai
    base_url: {url}/other{MODELS}
"""


class Health:
    """The steps of the endpoint that is checked; a test changes them."""

    def __init__(self, steps: list[Step]) -> None:
        self.steps = steps

    def __call__(self, _: Received) -> list[Step]:
        return self.steps


def answers(health: Health) -> dict[str, Any]:
    return {
        "main/models": health,
        "main": json_answer(openai_completion("main")),
        "other": json_answer(openai_completion("other")),
    }


def asked(fake: FakeUpstream, path: str) -> list[Received]:
    return [received for received in fake.received if received.path.startswith(path)]


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def state(running: Running, provider: str = "main") -> str:
    found = running.gateway.state.health.checks.document(provider, running.gateway.state.now())[
        "state"
    ]
    assert isinstance(found, str)
    return found


async def chat(running: Running, persona: str = "p") -> tuple[int, dict[str, Any], Any]:
    body = {"model": persona, "messages": [{"role": "user", "content": "Hello"}]}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{running.url}/v1/chat/completions", json=body) as answer,
    ):
        return answer.status, await answer.json(), answer.headers


async def get(running: Running, path: str) -> str:
    async with aiohttp.ClientSession() as session, session.get(running.url + path) as answer:
        return await answer.text()


async def provider_document(running: Running) -> dict[str, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{running.url}/api/v1/providers") as answer,
    ):
        document = await answer.json()
    found: dict[str, Any] = document["providers"][0]
    return found


async def test_a_provider_that_is_down_is_not_asked_until_it_is_up_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    health = Health(WELL)
    async with (
        fake_upstream(**answers(health)) as fake,
        serving(ENVIRON, POLICY, capabilities=capabilities(fake.url)) as running,
    ):
        await until(lambda: state(running) == "up")
        _, body, _ = await chat(running)
        assert body["choices"][0]["message"]["content"] == "main"

        health.steps = BROKEN
        await until(lambda: state(running) == "down")
        before = len(asked(fake, "/main/chat"))
        _, body, headers = await chat(running)
        assert body["choices"][0]["message"]["content"] == "other"
        assert headers["x-llm-router-attempts"] == "1"
        assert len(asked(fake, "/main/chat")) == before
        shown = await provider_document(running)
        assert (shown["available"], shown["reason"]) == (False, "health check: server_error")
        assert (
            shown["health_check"]["state"],
            shown["health_check"]["outcome"],
            shown["health_check"]["status"],
        ) == (
            "down",
            "server_error",
            503,
        )
        assert shown["health_check"]["failures"] >= 2
        metrics = await get(running, "/metrics")
        assert 'llm_router_health_check_up{provider="main"} 0.0' in metrics
        assert 'llm_router_target_availability{model="one",provider="main"} 0.0' in metrics
        assert 'llm_router_health_check_up{provider="other"}' not in metrics, "it has no check"
        assert 'llm_router_persona_availability{persona="p"} 1.0' in metrics, "the other one serves"
        assert 'llm_router_persona_availability{persona="alone"} 0.0' in metrics

        health.steps = WELL
        await until(lambda: state(running) == "up")
        _, body, _ = await chat(running)
        assert body["choices"][0]["message"]["content"] == "main"
        assert (await provider_document(running))["available"] is True
        assert 'llm_router_health_check_up{provider="main"} 1.0' in await get(running, "/metrics")
    told = [
        record.getMessage() for record in caplog.records if "health check" in record.getMessage()
    ]
    assert told == [
        "the health check of main failed twice (server_error): it is set aside until one succeeds",
        "the health check of main succeeds again",
    ]
    assert "canary" not in caplog.text


async def test_who_has_no_other_target_is_told_why_and_until_when() -> None:
    """No call is made; the plan says why."""
    async with (
        fake_upstream(**answers(Health(BROKEN))) as fake,
        serving(ENVIRON, POLICY, capabilities=capabilities(fake.url)) as running,
    ):
        await until(lambda: state(running) == "down")
        status, body, headers = await chat(running, "alone")
        assert status == 503
        assert "main/one: unavailable: health check: server_error" in body["error"]["message"]
        assert headers["retry-after"] == "1"
        assert asked(fake, "/main/chat") == []


async def test_one_failure_sets_nothing_aside() -> None:
    health = {**answers(Health(WELL)), "main/models": InTurn(BROKEN, [Hang()])}
    check = CHECKED.replace("timeout: 2", "timeout: 3600")
    async with (
        fake_upstream(**health) as fake,
        serving(ENVIRON, POLICY, capabilities=capabilities(fake.url, check)) as running,
    ):
        await until(lambda: len(asked(fake, "/main/models")) == 2)
        assert state(running) == "failing"
        _, body, _ = await chat(running)
        assert body["choices"][0]["message"]["content"] == "main"


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        ("openai", {"authorization": "Bearer sk-canary-main"}),
        ("claude", {"x-api-key": "sk-canary-main", "anthropic-version": "2023-06-01"}),
        ("gemini", {"x-goog-api-key": "sk-canary-main"}),
    ],
)
async def test_it_is_asked_as_its_dialect_wants_to_be(
    dialect: str, expected: dict[str, str]
) -> None:
    check = "headers: {x-team: blue}\n    health_check: {path: '/v1/models?limit=1', every: 3600}"
    async with (
        fake_upstream(main=WELL) as fake,
        serving(ENVIRON, POLICY, capabilities=capabilities(fake.url, check, dialect)) as running,
    ):
        await until(lambda: state(running) == "up")
        (received,) = fake.received
    assert received.path == "/main/v1/models?limit=1"
    assert received.body is None
    assert received.headers == {
        **expected,
        "host": fake.url.removeprefix("http://"),
        "x-team": "blue",
        "user-agent": "llm-router",
        "accept": "*/*",
        "accept-encoding": "identity",
        "connection": "close",
    }


REDIRECT: Final[list[Step]] = [
    b"HTTP/1.1 302 Found\r\nLocation: /other/models\r\nContent-Length: 0\r\n\r\n"
]
HEAD: Final = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNK: Final = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"


@pytest.mark.parametrize(
    ("steps", "outcome", "status", "up"),
    [
        (WELL, "ok", 200, True),
        (REDIRECT, "ok", 302, True),
        (json_answer({}, "404 Not Found"), "ok", 404, True),
        (json_answer({}, "429 Too Many Requests"), "ok", 429, True),
        (json_answer({}, "401 Unauthorized"), "key_refused", 401, True),
        (json_answer({}, "403 Forbidden"), "key_refused", 403, True),
        ([HEAD, CHUNK * (MAX_BYTES // 0x4000 + 1), Hang()], "ok", 200, True),
        (json_answer({}, "500 Internal Server Error"), "server_error", 500, False),
        (json_answer({}, "529 Overloaded"), "server_error", 529, False),
        ([Reset()], "connect", None, False),
        ([End()], "connect", None, False),
        ([HEAD, b"5\r\nhe", End()], "connect", None, False),
        ([b"not HTTP at all\r\n\r\n", End()], "malformed", None, False),
        ([Hang()], "timeout", None, False),
        ([HEAD, b"5\r\nhe", Hang()], "timeout", None, False),
    ],
    ids=lambda value: None,
)
async def test_what_an_answer_means(
    steps: list[Step], outcome: str, status: int | None, up: bool
) -> None:
    check = (
        "health_check: {path: /models, every: 0.1, timeout:"
        f" {0.2 if outcome == 'timeout' else 20}}}"
    )
    async with (
        fake_upstream(**answers(Health(steps))) as fake,
        serving(ENVIRON, POLICY, capabilities=capabilities(fake.url, check)) as running,
    ):
        await until(lambda: state(running) == ("up" if up else "down"))
        shown = (await provider_document(running))["health_check"]
        _, body, _ = await chat(running)
        assert asked(fake, "/other/models") == [], "redirects are not followed"
    assert (shown["outcome"], shown["status"]) == (outcome, status)
    assert body["choices"][0]["message"]["content"] == ("main" if up else "other")


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "no-such-host.invalid"])
async def test_nobody_there(host: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        place = "http://" + host.format(port=closed.getsockname()[1])
        async with (
            fake_upstream(**answers(Health(WELL))) as fake,
            serving(ENVIRON, POLICY, capabilities=capabilities(fake.url, main=place)) as running,
        ):
            await until(lambda: state(running) == "down")
            assert (await provider_document(running))["reason"] == "health check: connect"
            _, body, _ = await chat(running)
    assert body["choices"][0]["message"]["content"] == "other"


async def test_a_refused_key_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    refused = json_answer({}, "401 Unauthorized")
    async with (
        fake_upstream(**answers(Health(refused))) as fake,
        serving(ENVIRON, POLICY, capabilities=capabilities(fake.url)),
    ):
        await until(lambda: len(asked(fake, "/main/models")) >= 3)
    assert caplog.text.count("the health check of main: its key is refused (401)") == 1
    assert "canary" not in caplog.text


async def reload(running: Running, text: str) -> None:
    (running.files.directory / "capabilities.yaml").write_text(text, "utf-8")
    assert (await running.gateway.reloader.reload("request")).changed


async def test_a_reload_takes_a_check_away() -> None:
    before = asyncio.all_tasks()
    async with (
        fake_upstream(**answers(Health(BROKEN))) as fake,
        serving(
            ENVIRON, POLICY, capabilities=capabilities(fake.url), admin=read_admin(ENVIRON)
        ) as running,
    ):
        await until(lambda: state(running) == "down")
        await reload(running, capabilities(fake.url, ""))
        shown = await provider_document(running)
        assert (shown["available"], shown["health_check"]) == (True, None)
        assert "llm_router_health_check_up{" not in await get(running, "/metrics")
        _, body, _ = await chat(running)
        assert body["choices"][0]["message"]["content"] == "main"
        await until(
            lambda: (
                not any("_repeat" in str(task.get_coro()) for task in asyncio.all_tasks() - before)
            )
        )


async def test_a_reload_brings_a_check_or_changes_it_or_leaves_it() -> None:
    """One that is as before goes on with what it knows; one that is different begins anew, at
    once."""
    health = Health(BROKEN)
    async with (
        fake_upstream(**{**answers(health), "main/v2/models": WELL}) as fake,
        serving(ENVIRON, POLICY, capabilities=capabilities(fake.url, "")) as running,
    ):
        assert state(running) == "unknown"
        await reload(running, capabilities(fake.url))
        await until(lambda: state(running) == "down")
        await reload(running, capabilities(fake.url) + "    region: eu\n")
        assert state(running) == "down"
        await reload(running, capabilities(fake.url, CHECKED.replace("0.1", "3600")))
        assert state(running) != "down"
        await reload(
            running, capabilities(fake.url, "health_check: {path: /v2/models, every: 3600}")
        )
        await until(lambda: state(running) == "up")
        assert len(asked(fake, "/main/v2/models")) == 1


async def test_stopping_leaves_no_task_and_no_connection() -> None:
    before = asyncio.all_tasks()
    async with fake_upstream(**answers(Health([Hang()]))) as fake:
        async with serving(
            ENVIRON,
            POLICY,
            capabilities=capabilities(fake.url, CHECKED.replace("timeout: 2", "timeout: 3600")),
        ):
            await until(lambda: asked(fake, "/main/models"))
        await until(lambda: fake.open == 0)
        await until(lambda: asyncio.all_tasks() == before)


async def test_a_provider_without_its_key_is_not_asked() -> None:
    both = capabilities("{url}").replace(
        "base_url: {url}/other", f"base_url: {{url}}/other\n    {CHECKED}"
    )
    async with (
        fake_upstream(main=WELL, other=WELL) as fake,
        serving({}, POLICY, capabilities=both.replace("{url}", fake.url)) as running,
    ):
        await until(lambda: len(asked(fake, "/other/models")) >= 3)
        assert asked(fake, "/main") == []
        assert (await provider_document(running))["reason"] == "MAIN_KEY is not set"


def test_the_simulator_is_not_checked() -> None:
    config = simulated_by(
        config_of(POLICY, ENVIRON, capabilities("http://127.0.0.1:1")),
        {"openai": "http://127.0.0.1:2"},
    )
    assert config.providers["main"].health_check is None


async def test_the_command_line_calls_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with fake_upstream(main=WELL, other=WELL) as fake:
        (tmp_path / "persona_policy.yaml").write_text(POLICY, "utf-8")
        (tmp_path / "capabilities.yaml").write_text(capabilities(fake.url), "utf-8")
        (tmp_path / "request.json").write_text(
            '{"model": "p", "messages": [{"role": "user", "content": "Hi"}]}', "utf-8"
        )
        monkeypatch.setenv("MAIN_KEY", "sk-canary-main")
        assert await asyncio.to_thread(main, ["check", "--config", str(tmp_path)]) == 0
        assert (
            await asyncio.to_thread(
                main, ["route", str(tmp_path / "request.json"), "--config", str(tmp_path)]
            )
            == 0
        )
        assert fake.received == []
