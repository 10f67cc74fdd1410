"""What one instance learns of a provider, the others know; what they only suspect makes them
careful.
"""

from gateway.health.news import CallPermit
from tests.api.test_seen_elsewhere import claude_answer
from tests.cluster.gateways import ask, cluster_of, gateways, get, until
from tests.fakes import Received, Step, fake_upstream, json_answer, openai_completion
from tests.serving import Running
from translators.errors import FailureKind
from translators.json_codec import loads

OPENAI = "openai/gpt-4.1"
BODY = {"model": "both", "messages": [{"role": "user", "content": "hi"}]}
LIMITED = json_answer(
    {"error": {"message": "slow down"}}, "429 Too Many Requests", retry_after="30"
)


def to_openai(received: list[Received]) -> int:
    return len([one for one in received if one.path.startswith("/openai")])


def text() -> list[Step]:
    return claude_answer({"type": "text", "text": "from claude"}, reason="end_turn")


def standing(running: Running) -> str | None:
    state = running.gateway.state
    provider = running.gateway.config.providers["openai"]
    return state.health.standing(provider, OPENAI, state.now()).reason


async def test_a_limit_with_a_time_holds_at_the_others(environ: dict[str, str]) -> None:
    async with (
        fake_upstream(openai=LIMITED, claude=text()) as fake,
        gateways(fake, environ, environ, environ) as (first, *others),
    ):
        assert (await ask(first, "/v1/chat/completions", BODY))["status_code"] == 200
        for other in others:
            await until(lambda other=other: standing(other) is not None, 2.0)
            assert (await ask(other, "/v1/chat/completions", BODY))["status_code"] == 200
        assert to_openai(fake.received) == 1
        assert standing(others[0]) in (
            f"no_usable_key: {seconds} s (rate_limit)" for seconds in (30, 29, 28)
        )


async def test_two_gateways_that_have_set_a_target_aside_are_proof(
    environ: dict[str, str],
) -> None:
    """One is a hint: the target is asked behind the other. A third then has proof."""
    async with (
        fake_upstream(openai=json_answer(openai_completion()), claude=text()) as fake,
        gateways(fake, environ, environ, environ) as (first, second, third),
    ):
        assert fail(first) == 10
        await until(lambda: third.gateway.state.health.hinted, 2.0)
        await until(lambda: second.gateway.state.health.hinted, 2.0)
        answer = await ask(third, "/api/v1/route", BODY)
        hinted = next(t for t in answer["targets"] if t["provider"] == "openai")
        assert hinted["verdict"] == "eligible"
        assert hinted["reasons"] == ["hinted: open at 1 of 3 instances"]
        assert (await ask(third, "/v1/chat/completions", BODY))["status_code"] == 200
        assert to_openai(fake.received) == 0
        assert standing(third) is None
        assert fail(second) == 2
        await until(lambda: standing(third) is not None, 2.0)
        succeed(first)
        succeed(second)
        await until(lambda: not third.gateway.state.health.hinted, 2.0)
        assert standing(third) is None


def leave_of(running: Running) -> CallPermit | None:
    state = running.gateway.state
    return state.health.admit("openai", OPENAI, "OPENAI_API_KEY", state.now())


def fail(running: Running) -> int:
    """Calls of OpenAI's fail until it is set aside; how many."""
    state, count = running.gateway.state, 0
    while (leave := leave_of(running)) is not None:
        state.health.failed(leave, FailureKind.SERVER_ERROR, None, state.now())
        count += 1
    return count


def succeed(running: Running) -> None:
    """Its probe succeeds."""
    state = running.gateway.state
    breaker = state.health.target_breaker(OPENAI)
    assert breaker is not None
    breaker.end_wait(state.now())
    leave = leave_of(running)
    assert leave is not None
    state.health.succeeded(leave, state.now())


async def test_what_is_told_is_counted(environ: dict[str, str]) -> None:
    async with (
        fake_upstream(openai=LIMITED, claude=text()) as fake,
        gateways(fake, environ, environ) as (first, second),
    ):
        await ask(first, "/v1/chat/completions", BODY)
        await until(lambda: standing(second) is not None, 2.0)
        told = 'llm_router_store_facts_total{kind="limited",outcome="told"} 1.0'
        adopted = 'llm_router_store_facts_total{kind="limited",outcome="adopted"} 1.0'
        assert told in (await get(first, "/metrics")).decode()
        assert adopted in (await get(second, "/metrics")).decode()
        document = loads(await get(second, "/api/v1/providers"))
        openai = next(p for p in document["providers"] if p["name"] == "openai")
        held = openai["keys"][0]["targets"][OPENAI]
        assert held["told_by"] == cluster_of(first).name
