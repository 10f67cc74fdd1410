"""POST /-/reload and what is shown of reloads: who may, what changes, and that no request is harmed
by it.
"""

import asyncio
import re
from collections.abc import Iterator
from typing import Any, Final

import aiohttp
import pytest

from gateway.api.auth import AccessError, Admin, read, read_admin
from gateway.telemetry.events import RequestEnded
from tests.config.samples import replaced
from tests.fakes import OPENAI_STREAM, End, Step, fake_upstream, json_answer, openai_completion, sse
from tests.serving import ROOT, Running, serving
from translators.json_codec import loads

ADMIN: Final = read_admin({"LLM_ROUTER_ADMIN_KEY": "admin-canary"})
KEY: Final = {"authorization": "Bearer admin-canary"}
UNWATCHED: Final = """
version: 1
server: {watch: 0, drain_delay: 0}
personas:
  on_openai: {targets: [openai/gpt-4.1]}
  on_claude: {targets: [claude/claude-sonnet-5]}
"""
MORE: Final = UNWATCHED + "  added: {targets: [claude/claude-sonnet-5]}\n"
ON_CLAUDE: Final = replaced(UNWATCHED, "openai/gpt-4.1", "claude/claude-opus-5")
BROKEN: Final = replaced(UNWATCHED, "[openai/gpt-4.1]", "[openai/gpt-4.l], secret-prompt-canary: x")

CLAUDE_ANSWER: Final = {
    "id": "m", "type": "message", "role": "assistant", "model": "claude-served",
    "content": [{"type": "text", "text": "from claude"}],
    "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 1,
     "output_tokens": 2},
}  # fmt: skip


def chat(model: str = "on_openai", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "hi"}], **more}


def write(running: Running, policy: str) -> None:
    (running.files.directory / "persona_policy.yaml").write_text(policy, "utf-8")


async def reload(
    running: Running, session: aiohttp.ClientSession, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, Any]]:
    async with session.post(
        f"{running.url}/-/reload", headers=KEY if headers is None else headers
    ) as answer:
        return answer.status, await answer.json()


async def get(
    running: Running, session: aiohttp.ClientSession, path: str
) -> tuple[int, dict[str, Any]]:
    async with session.get(f"{running.url}{path}") as answer:
        return answer.status, await answer.json()


async def metrics(running: Running, session: aiohttp.ClientSession) -> list[str]:
    async with session.get(f"{running.url}/metrics") as answer:
        return (await answer.text()).splitlines()


async def test_a_reload_changes_what_is_served_and_says_so() -> None:
    async with (
        fake_upstream() as fake,
        serving(fake.environ(), UNWATCHED, admin=ADMIN) as running,
        aiohttp.ClientSession() as session,
    ):
        old = running.gateway.config.revision
        assert (await get(running, session, "/v1/models/added"))[0] == 404
        write(running, MORE)
        status, body = await reload(running, session)
        new = running.gateway.config.revision
        assert (status, body) == (
            200,
            {"revision": new, "previous": old, "changed": True, "needs_restart": []},
        )
        assert new != old
        assert (await get(running, session, "/v1/models/added"))[0] == 200
        assert (await get(running, session, "/api/v1/personas"))[1]["revision"] == new
        _, ready = await get(running, session, "/health/ready")
        assert ready["config"]["revision"] == ready["revision"] == new
        last = ready["config"]["last_reload"]
        assert (last["ok"], last["trigger"], last["at"]) == (
            True,
            "request",
            ready["config"]["loaded_at"],
        )
        assert (await reload(running, session))[1] == {
            "revision": new,
            "previous": new,
            "changed": False,
            "needs_restart": [],
        }


async def test_readiness_before_any_reload() -> None:
    async with (
        fake_upstream() as fake,
        serving(fake.environ(), UNWATCHED) as running,
        aiohttp.ClientSession() as session,
    ):
        _, ready = await get(running, session, "/health/ready")
        assert ready["config"]["last_reload"] is None
        assert ready["config"]["loaded_at"].endswith("Z")


async def test_a_broken_file_is_told_and_the_last_good_revision_serves() -> None:
    async with (
        fake_upstream(openai=json_answer(openai_completion())) as fake,
        serving(fake.environ(), UNWATCHED, admin=ADMIN) as running,
        aiohttp.ClientSession() as session,
    ):
        good = running.gateway.config.revision
        write(running, BROKEN)
        status, body = await reload(running, session)
        assert status == 422
        assert set(body["error"]) == {"message", "type", "param", "code"}
        assert (body["error"]["code"], body["revision"]) == ("invalid_configuration", good)
        assert [(p["file"], p["line"], p["path"]) for p in body["problems"]] == [
            ("persona_policy.yaml", 5, "personas.on_openai.secret-prompt-canary"),
            ("persona_policy.yaml", 5, "personas.on_openai.targets[0]"),
        ]
        assert "persona_policy.yaml:5" in body["error"]["message"]
        (told,) = [event for event in running.events if isinstance(event, RequestEnded)]
        assert (told.status, told.error_code) == (422, "invalid_configuration")
        assert told.outcome != "ok"

        status, ready = await get(running, session, "/health/ready")
        assert (status, ready["revision"]) == (200, good)
        last = ready["config"]["last_reload"]
        assert (last["ok"], last["problem_count"]) == (False, 2)
        assert last["problems"] == [{"file": "persona_policy.yaml", "line": 5}] * 2
        assert "canary" not in str(ready), "everybody may read this: no word of the files"
        lines = await metrics(running, session)
        assert 'llm_router_config_reloads_total{result="failed"} 1.0' in lines
        assert "llm_router_config_last_reload_successful 0.0" in lines
        async with session.post(f"{running.url}/v1/chat/completions", json=chat()) as answer:
            assert answer.status == 200

        write(running, UNWATCHED)
        assert (await reload(running, session))[0] == 200
        assert "llm_router_config_last_reload_successful 1.0" in await metrics(running, session)
        assert (await get(running, session, "/health/ready"))[1]["config"]["last_reload"][
            "ok"
        ] is True


async def test_metrics_follow() -> None:
    """The new revision replaces the old one; new personas get labels of their own, and those that
    went keep theirs.
    """
    answers = json_answer(openai_completion())
    async with (
        fake_upstream(openai=answers) as fake,
        serving(fake.environ(), UNWATCHED, admin=ADMIN) as running,
        aiohttp.ClientSession() as session,
    ):
        await session.post(f"{running.url}/v1/chat/completions", json=chat())
        write(running, UNWATCHED.replace("on_openai", "renamed"))
        await reload(running, session)
        await session.post(f"{running.url}/v1/chat/completions", json=chat("renamed"))
        lines = await metrics(running, session)
        (info,) = [line for line in lines if line.startswith("llm_router_build_info{")]
        assert running.gateway.config.revision in info
        for persona in ("on_openai", "renamed"):
            assert (
                f'llm_router_requests_total{{model="gpt-4.1",outcome="ok",persona="{persona}",provider="openai"}} 1.0'  # noqa: E501
                in lines
            )
        assert 'llm_router_config_reloads_total{result="changed"} 1.0' in lines


async def test_a_stream_keeps_the_revision_it_began_with() -> None:
    """Its persona is gone, its target is another provider's: it ends as it began, and its record
    names its revision.
    """
    go_on = asyncio.Event()
    steps: list[Step] = [
        *sse(*OPENAI_STREAM[:2], end=False),
        go_on,
        b"".join(OPENAI_STREAM[2:]),
        End(),
    ]
    async with (
        fake_upstream(openai=steps) as fake,
        serving(fake.environ(), UNWATCHED, admin=ADMIN) as running,
        aiohttp.ClientSession() as session,
    ):
        old = running.gateway.config.revision
        async with session.post(
            f"{running.url}/v1/chat/completions", json=chat(stream=True)
        ) as answer:
            begun = await answer.content.readany()
            write(running, UNWATCHED.replace("on_openai", "renamed"))
            assert (await reload(running, session))[1]["changed"] is True
            go_on.set()
            text = begun + await answer.read()
        assert text.endswith(b"data: [DONE]\n\n")
        async with session.post(f"{running.url}/v1/chat/completions", json=chat()) as answer:
            assert answer.status == 404
    ended = [
        event for event in running.events if isinstance(event, RequestEnded) and event.api == "chat"
    ]
    assert [event.outcome for event in ended] == ["ok", "no_target"]
    assert ended[0].decision is not None
    assert loads(ended[0].decision())["revision"] == old


ONE_MODEL: Final = """
version: 1
providers:
  openai:
    dialect: openai
    base_url: https://api.openai.com/v1
    base_url_variable: OPENAI_BASE_URL
    key_variable: OPENAI_API_KEY
    models:
      one: {context_window: 8000, max_output_tokens: 2000, capabilities: [streaming], cost_tier: low}
"""  # noqa: E501
ON_ONE: Final = "version: 1\nserver: {watch: 0}\npersonas:\n  on_openai: {targets: [openai/one]}\n"


async def test_a_request_whose_body_is_still_arriving_keeps_its_revision() -> None:
    """It is decided, sent and counted under a revision that has gone, to a target that is in no
    file any more.
    """
    answers = json_answer(openai_completion())
    async with (
        fake_upstream(openai=answers) as fake,
        serving(fake.environ(), ON_ONE, capabilities=ONE_MODEL, admin=ADMIN) as running,
        aiohttp.ClientSession() as session,
    ):
        begun = asyncio.Event()

        async def body() -> Any:
            yield b'{"model":"on_openai",'
            await begun.wait()
            yield b'"messages":[{"role":"user","content":"hi"}]}'

        call = asyncio.ensure_future(
            session.post(
                f"{running.url}/v1/chat/completions",
                data=body(),
                headers={"content-type": "application/json"},
            )
        )
        async with asyncio.timeout(10):
            while running.gateway.running == 0:  # noqa: ASYNC110 - the handler tells nobody that it waits
                await asyncio.sleep(0.01)
        write(running, ON_ONE.replace("on_openai", "renamed").replace("/one", "/two"))
        (running.files.directory / "capabilities.yaml").write_text(
            ONE_MODEL.replace("one:", "two:"), "utf-8"
        )
        assert (await reload(running, session))[0] == 200
        begun.set()
        assert (await call).status == 200
        assert fake.received[0].body["model"] == "one"
        labels = 'model="one",outcome="ok",persona="on_openai",provider="openai"'
        lines = await metrics(running, session)
        assert f"llm_router_requests_total{{{labels}}} 1.0" in lines
        assert not [
            line
            for line in lines
            if line.startswith("llm_router_target_availability") and '"one"' in line
        ]


class InTurn(list[Step]):
    """Answers that a fake gives one after the other; the last one stays."""

    def __init__(self, *answers: list[Step]) -> None:
        super().__init__()
        self._answers = list(answers)

    def __iter__(self) -> Iterator[Step]:
        return iter(self._answers.pop(0) if len(self._answers) > 1 else self._answers[0])


async def test_what_a_provider_corrected_is_forgotten_with_the_revision_that_was_wrong() -> None:
    """The operator may have mended the row; then the files are right and what was learned is
    not."""
    message = (
        "max_tokens: 9000 > 500, which is the maximum allowed number of output tokens for"
        " claude-sonnet-5"
    )
    refusal = json_answer(
        {"type": "error", "error": {"type": "invalid_request_error", "message": message}},
        "400 Bad Request",
    )
    async with (
        fake_upstream(claude=InTurn(refusal, json_answer(CLAUDE_ANSWER))) as fake,
        serving(fake.environ(), UNWATCHED, admin=ADMIN) as running,
        aiohttp.ClientSession() as session,
    ):
        for policy in (UNWATCHED, UNWATCHED, UNWATCHED + "# mended\n"):
            write(running, policy)
            await reload(running, session)
            async with session.post(
                f"{running.url}/v1/chat/completions", json=chat("on_claude", max_tokens=9000)
            ) as answer:
                assert answer.status == 200
        assert [arrived.body["max_tokens"] for arrived in fake.received] == [9000, 500, 500, 9000]


async def test_no_request_fails_during_fifty_reloads() -> None:
    """Between two policies that send a persona to different providers: each answer comes whole,
    from one of them.
    """
    async with (
        fake_upstream(
            openai=json_answer(openai_completion()), claude=json_answer(CLAUDE_ANSWER)
        ) as fake,
        serving(fake.environ(), UNWATCHED, admin=ADMIN) as running,
        aiohttp.ClientSession() as session,
    ):
        done = asyncio.Event()
        served: list[tuple[int, str | None, str]] = []

        async def ask() -> None:
            while not done.is_set():
                async with session.post(
                    f"{running.url}/v1/chat/completions", json=chat()
                ) as answer:
                    text = (await answer.json())["choices"][0]["message"]["content"]
                    served.append(
                        (answer.status, answer.headers.get("x-llm-router-provider"), text)
                    )

        callers = [asyncio.ensure_future(ask()) for _ in range(8)]
        for i in range(50):
            write(running, (ON_CLAUDE, BROKEN, UNWATCHED)[i % 3])
            assert (await reload(running, session))[0] == (200, 422, 200)[i % 3]
        done.set()
        await asyncio.gather(*callers)
    assert set(served) == {(200, "openai", "from openai"), (200, "claude", "from claude")}
    assert len(running.events) > 50


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "invalid_api_key"),
        ({"authorization": "Bearer wrong"}, 401, "invalid_api_key"),
        ({"authorization": "Bearer caller-key"}, 401, "invalid_api_key"),
        ({"authorization": "Basic admin-canary"}, 401, "invalid_api_key"),
        ({"authorization": "Bearer admin-canary"}, 200, None),
        ({"x-api-key": "admin-canary"}, 200, None),
    ],
)
@pytest.mark.parametrize("callers", ["", "caller-key"])
async def test_only_the_admin_key_reloads(
    headers: dict[str, str], status: int, code: str | None, callers: str
) -> None:
    access = read({"LLM_ROUTER_API_KEYS": callers})
    async with (
        fake_upstream() as fake,
        serving(fake.environ(), UNWATCHED, access=access, admin=ADMIN) as running,
        aiohttp.ClientSession() as session,
    ):
        got, body = await reload(running, session, headers)
        assert (got, body.get("error", {}).get("code")) == (status, code)
        assert "canary" not in str(body)
        assert (running.gateway.reloader.last is None) == (status != 200)


async def test_the_admin_key_opens_nothing_else() -> None:
    access = read({"LLM_ROUTER_API_KEYS": "caller-key"})
    async with (
        fake_upstream() as fake,
        serving(fake.environ(), UNWATCHED, access=access, admin=ADMIN) as running,
        aiohttp.ClientSession() as session,
        session.get(f"{running.url}/v1/models", headers=KEY) as answer,
    ):
        assert answer.status == 401


async def test_without_an_admin_key_nobody_reloads() -> None:
    async with (
        fake_upstream() as fake,
        serving(fake.environ(), UNWATCHED, admin=Admin()) as running,
        aiohttp.ClientSession() as session,
    ):
        status, body = await reload(running, session)
        assert (status, body["error"]["code"]) == (403, "admin_disabled")
        assert "LLM_ROUTER_ADMIN_KEY" in body["error"]["message"]
        assert running.gateway.reloader.last is None


def test_a_caller_cannot_have_the_admin_key() -> None:
    with pytest.raises(AccessError, match="LLM_ROUTER_ADMIN_KEY") as caught:
        read_admin({"LLM_ROUTER_API_KEYS": "a, canary", "LLM_ROUTER_ADMIN_KEY": "canary"})
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("value", [" ", ",", "/nowhere/keys"])
def test_an_admin_key_that_is_none_is_an_error(value: str) -> None:
    with pytest.raises(AccessError, match="LLM_ROUTER_ADMIN_KEY"):
        read_admin({"LLM_ROUTER_ADMIN_KEY": value})


def test_handlers_read_the_revision_that_their_request_began_with() -> None:
    """Only a request that begins asks what holds now; a handler that did could serve one request by
    two revisions.
    """
    for path in (ROOT / "gateway" / "api").glob("*.py"):
        found = re.search(
            r"gateway\.(?:reloader\.)?config\b(?!(?:\.\w+)? import)", path.read_text("utf-8")
        )
        assert (found is not None) == (path.name == "request.py"), path.name
