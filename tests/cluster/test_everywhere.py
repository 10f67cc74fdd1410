"""What an operator asks of one instance, and all of them do or are asked for: a reload, a decision
that another one made.
"""

from typing import Any

import aiohttp
import pytest

from gateway.api.auth import read_admin
from gateway.cluster import reloads
from gateway.cluster.decisions import MOST_WAITING, KeptDecisions
from gateway.routing.decision_log import DecisionLog
from gateway.store import decisions, shared
from tests.cluster.gateways import POLICY, cluster_of, gateways, until
from tests.fakes import fake_upstream, json_answer, openai_completion
from tests.serving import Running, serving

KEY = {"authorization": "Bearer operator"}
OPERATOR = read_admin({"LLM_ROUTER_ADMIN_KEY": "operator"})
KEPT = POLICY.replace("store: {}", "store: {decisions: {keep: 1h}}")
BROKEN = "version: 1\npersonas: {}\n"


async def reload(running: Running, query: str = "?everywhere=true") -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{running.url}/-/reload{query}", headers=KEY) as answer,
    ):
        return answer.status, await answer.json()


async def all_seen(*running: Running) -> None:
    """Each knows of all the others, and listens."""
    clusters = [cluster_of(each) for each in running]
    await until(lambda: all(each._created for each in clusters))
    for each in clusters:
        await each._beat()


def write(running: Running, policy: str) -> None:
    (running.files.directory / "persona_policy.yaml").write_text(policy, "utf-8")


async def test_one_request_reloads_all_instances_and_tells_what_each_did(
    environ: dict[str, str],
) -> None:
    async with (
        fake_upstream() as fake,
        gateways(fake, environ, environ, environ, admin=OPERATOR) as run,
    ):
        await all_seen(*run)
        for each in run[:2]:
            write(each, POLICY.replace("two targets", "the same two"))
        before = run[2].gateway.config.revision
        status, body = await reload(run[0])
        assert status == 200
        told = {each["instance"]: (each["result"], each["revision"]) for each in body["instances"]}
        now = run[0].gateway.config.revision
        assert now != before
        names = [cluster_of(each).name for each in run]
        assert told == {
            names[0]: ("changed", now), names[1]: ("changed", now), names[2]: ("unchanged", before)
        }  # fmt: skip
        assert body["instances"][0]["instance"] == names[0]
        assert (body["revision"], body["previous"]) == (now, before)
        assert run[1].gateway.config.revision == now


async def test_one_whose_files_cannot_be_used_is_told_with_its_problems(
    environ: dict[str, str],
) -> None:
    async with (
        fake_upstream() as fake,
        gateways(fake, environ, environ, admin=OPERATOR) as run,
    ):
        await all_seen(*run)
        write(run[1], BROKEN)
        before = run[1].gateway.config.revision
        status, body = await reload(run[0])
        assert status == 422
        assert body["error"]["code"] == "invalid_configuration"
        here, there = body["instances"]
        assert here["result"] == "unchanged"
        assert (there["result"], there["revision"]) == ("failed", before)
        assert there["problems"] == body["problems"] != []
        assert run[1].gateway.config.revision == before


async def test_one_that_does_not_answer_is_waited_for_as_long_as_is_said(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reloads, "PATIENCE", 0.3)
    async with (
        fake_upstream() as fake,
        gateways(fake, environ, environ, admin=OPERATOR) as run,
    ):
        await all_seen(*run)
        cluster_of(run[1])._reloads = None  # as one that does not know the question
        status, body = await reload(run[0])
        assert status == 200
        told = [(each["result"], each["revision"]) for each in body["instances"]]
        assert told == [("unchanged", run[0].gateway.config.revision), ("no_answer", None)]


async def test_a_store_that_is_away_reloads_nobody(environ: dict[str, str]) -> None:
    async with (
        fake_upstream() as fake,
        gateways(fake, environ, admin=OPERATOR) as (running,),
    ):
        await all_seen(running)
        write(running, POLICY.replace("two targets", "the same two"))
        before = running.gateway.config.revision
        cluster_of(running)._thread.leave_alone()
        status, body = await reload(running)
        assert (status, body["error"]["code"]) == (503, "limits_unavailable")
        assert running.gateway.config.revision == before


async def test_what_is_asked_wrongly_is_told() -> None:
    async with serving({}, admin=OPERATOR) as running:
        for query, said in (("?everywhere=yes", "true or false"), ("?everywhere=true", "a store")):
            status, body = await reload(running, query)
            assert (status, body["error"]["param"]) == (400, "everywhere")
            assert said in body["error"]["message"]
        assert (await reload(running, "?everywhere=false"))[0] == 200


NOT_UNDERSTOOD = [
    "", "{", "[]", '{"v":2,"reload":"a"}', '{"v":1,"reload":5}',
    f'{{"v":1,"reload":"{"x" * 999}"}}',
    '{"v":1,"reloaded":[]}', '{"v":1,"reloaded":{"id":"a","result":"hacked"}}',
    '{"v":1,"reloaded":{"id":"a","result":"failed","revision":"r","problems":[["f",1]]}}',
    '{"v":1,"reloaded":{"id":"b","result":"failed","revision":"r","problems":[]}}',
]  # fmt: skip


async def test_messages_that_are_not_understood_do_nothing(environ: dict[str, str]) -> None:
    async with fake_upstream() as fake, gateways(fake, environ) as (running,):
        heard = cluster_of(running)._reloads
        assert heard is not None
        heard._heard["a"] = {}
        for text in NOT_UNDERSTOOD:
            heard.hear("somebody", text)
        assert (heard._heard, heard._answering) == ({"a": {}}, None)


async def test_problems_that_are_many_and_long_are_told_as_far_as_they_fit(
    environ: dict[str, str],
) -> None:
    async with (
        fake_upstream() as fake,
        gateways(fake, environ, environ, admin=OPERATOR) as run,
    ):
        await all_seen(*run)
        wrong = "".join(f"  p{n}: {{description: {'x' * 900}, wrong: 1}}\n" for n in range(60))
        write(run[1], f"version: 1\npersonas:\n{wrong}")
        status, body = await reload(run[0])
        assert status == 422
        assert 3 < len(body["instances"][1]["problems"]) < 60


async def asked(running: Running) -> str:
    """The id of a decision that it made."""
    body = {"model": "both", "messages": [{"role": "user", "content": "a secret word"}]}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{running.url}/v1/chat/completions", json=body) as answer,
    ):
        assert answer.status == 200
        return answer.headers["x-llm-router-decision"]


async def decision(running: Running, name: str) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{running.url}/api/v1/decisions/{name}") as answer,
    ):
        return answer.status, await answer.json()


async def test_a_decision_is_found_at_another_instance_where_they_are_kept(
    environ: dict[str, str],
) -> None:
    async with (
        fake_upstream(openai=json_answer(openai_completion())) as fake,
        gateways(fake, environ, environ, policy=KEPT) as run,
    ):
        name = await asked(run[0])
        _, own = await decision(run[0], name)
        await cluster_of(run[0]).decisions.write()
        status, found = await decision(run[1], name)
        assert (status, found) == (200, own)
        assert found["served"] == "openai/gpt-4.1"
        assert "secret" not in str(found)
        status, missing = await decision(run[1], f"dec_{'0' * 20}")
        assert (status, missing["error"]["code"]) == (404, "decision_not_found")


async def test_a_decision_outlives_its_instance(environ: dict[str, str]) -> None:
    async with fake_upstream(openai=json_answer(openai_completion())) as fake:
        async with gateways(fake, environ, policy=KEPT) as (first,):
            await all_seen(first)
            name = await asked(first)
        async with gateways(fake, environ, policy=KEPT) as (second,):
            assert (await decision(second, name))[1]["id"] == name


async def test_where_they_are_not_kept_it_is_told_which_instance_made_it(
    environ: dict[str, str],
) -> None:
    async with (
        fake_upstream(openai=json_answer(openai_completion())) as fake,
        gateways(fake, environ, environ) as run,
    ):
        await all_seen(*run)
        name = await asked(run[0])
        assert (await decision(run[0], name))[0] == 200
        status, missing = await decision(run[1], name)
        assert status == 404
        first = cluster_of(run[0])
        said = missing["error"]["message"]
        assert f"Instance {first.name} (host {first.host}, pid " in said
        assert "last seen" not in said
        cluster_of(run[1])._thread.leave_alone()  # then by what it knew
        assert first.name in (await decision(run[1], name))[1]["error"]["message"]
        nobody = (await decision(run[1], f"dec_{'0' * 20}"))[1]["error"]["message"]
        assert nobody.endswith("among the last 1000.")


async def test_an_instance_that_is_gone_is_named_with_when_it_was_seen(
    environ: dict[str, str],
) -> None:
    async with (
        fake_upstream(openai=json_answer(openai_completion())) as fake,
        gateways(fake, environ, environ) as run,
    ):
        name, first = await asked(run[0]), cluster_of(run[0])
        gone = first._me._replace(seen=first._me.seen - 300)
        await cluster_of(run[1])._thread.call(shared.present, gone)
        first._me = gone
        _, missing = await decision(run[1], name)
        assert ", last seen 30" in missing["error"]["message"]


async def test_decisions_that_are_old_or_too_many_are_forgotten(environ: dict[str, str]) -> None:
    async with fake_upstream() as fake, gateways(fake, environ, policy=KEPT) as (running,):
        thread = cluster_of(running)._thread
        await until(lambda: cluster_of(running)._created)
        rows = [(f"dec_{n}", 1000 + n, "{}") for n in range(10)]
        await thread.call(decisions.keep, rows)
        await thread.call(decisions.keep, rows)  # again: its answer was lost
        await thread.call(decisions.forget_old, 1002)
        found = [await thread.call(decisions.find, name) for name, *_ in rows]
        assert found == [None] * 3 + ["{}"] * 7
        await thread.call(decisions.forget_old, 0, 4)
        found = [await thread.call(decisions.find, name) for name, *_ in rows]
        assert found == [None] * 6 + ["{}"] * 4


def test_of_too_many_that_wait_the_oldest_are_lost_and_counted() -> None:
    lost: list[bool] = []
    log = KeptDecisions("abcdef", lambda: lost.append(True))
    for _ in range(MOST_WAITING + 3):
        log.add(None, None, "")  # type: ignore[arg-type]
    assert (len(log.waiting), len(lost)) == (MOST_WAITING, 3)


def test_ids_are_as_long_whoever_made_them() -> None:
    made = [DecisionLog(maker).add(None, None, "").id for maker in ("", "abcdef")]  # type: ignore[arg-type]
    assert [len(each) for each in made] == [24, 24]
    assert made[1].startswith("dec_abcdef")
